"""A staged file is written once, under a path of its own, and reaches the lake whole."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import obstore
import pytest

from settlement_platform.control.failures import SettlementError
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.staging.area import StagingArea
from settlement_platform.storage.staging.durable_files import make_folder
from settlement_platform_tests.builders import DAY
from settlement_platform_tests.servers import S3Server

CONTENT = b"PAR1 and what follows"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Staging:
    """A staging area, and a look behind it."""

    area: StagingArea
    url: str
    store: object
    workspace: Path = Path("/nowhere")

    def stage(self, content: bytes = CONTENT) -> str:
        """Write and settle a draft; where it lies."""
        draft, final = self.area.draft("card_settlements", DAY, "visa")
        draft.write_bytes(content)
        self.area.finalize(draft, final)
        return final

    def names(self) -> list[str]:
        """Everything that lies in the area."""
        return sorted(entry["path"] for batch in self.store.list() for entry in batch)  # type: ignore[attr-defined]

    def name_of(self, location: str) -> str:
        """The name of a staged file within the area."""
        return location.removeprefix(f"{self.url}/")


@pytest.fixture(params=["folder", "s3"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> Staging:
    """An empty staging area."""
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        url, access = server.new_prefix(), server.access
    else:
        url, access = str(tmp_path / "staging"), None
    area = StagingArea(url, workspace=tmp_path / "tmp", s3=access)
    return Staging(area=area, url=url, store=open_store(url, access), workspace=tmp_path / "tmp")


@pytest.fixture
def local(tmp_path: Path) -> Staging:
    """An empty staging folder."""
    url = str(tmp_path / "staging")
    return Staging(area=StagingArea(url, workspace=tmp_path / "tmp"), url=url, store=open_store(url, None))


def test_no_two_drafts_share_a_path(staging: Staging) -> None:
    """The lake takes a file over, so that its path is never used again."""
    drafts = [staging.area.draft("card_settlements", DAY, "visa") for _ in range(50)]

    assert len({path for path, _ in drafts}) == 50
    assert len({final for _, final in drafts}) == 50
    assert all(final.startswith(f"{staging.url}/card_settlements/{DAY}/visa-") for _, final in drafts)


def test_a_draft_is_not_at_its_final_location(staging: Staging) -> None:
    """Who looks there sees a whole file or none."""
    draft, final = staging.area.draft("card_settlements", DAY, "visa")
    draft.write_bytes(CONTENT)

    assert staging.name_of(final) not in staging.names()


def test_settling_gives_the_hash_and_the_size(staging: Staging) -> None:
    """They are recorded beside the path, and the draft is gone."""
    draft, final = staging.area.draft("card_settlements", DAY, "visa")
    draft.write_bytes(CONTENT)

    found = staging.area.finalize(draft, final)

    assert found == (SHA256, len(CONTENT))
    assert not draft.exists()
    assert staging.names() == [staging.name_of(final)]


def test_settling_a_draft_that_was_never_written_fails(staging: Staging) -> None:
    """Nothing appears at its location."""
    draft, final = staging.area.draft("card_settlements", DAY, "visa")

    with pytest.raises(SettlementError, match="Staging "):
        staging.area.finalize(draft, final)

    assert staging.names() == []


def test_a_staged_file_is_intact(staging: Staging) -> None:
    """Byte for byte what was settled."""
    assert staging.area.is_intact(staging.stage(), SHA256)


def test_another_content_at_the_location_is_not_intact(staging: Staging) -> None:
    """Even of the same length."""
    location = staging.stage(CONTENT[::-1])

    assert not staging.area.is_intact(location, SHA256)


def test_a_missing_file_is_not_intact(staging: Staging) -> None:
    """It is staged again, which is no error."""
    _, final = staging.area.draft("card_settlements", DAY, "visa")

    assert not staging.area.is_intact(final, SHA256)


def test_what_has_no_file_is_intact(staging: Staging) -> None:
    """A delivery that could not be read is known not to be readable."""
    assert staging.area.is_intact("", "")


def test_a_discarded_file_is_gone(staging: Staging) -> None:
    """And may be discarded again."""
    location = staging.stage()

    for _ in range(2):
        staging.area.remove(location)

    staging.area.remove("")
    assert staging.names() == []


def test_a_file_in_a_folder_is_moved_into_the_lake(local: Staging, tmp_path: Path) -> None:
    """It lies beside the others of its date, and no longer in staging."""
    location = local.stage()
    inode = Path(location).stat().st_ino

    moved = local.area.move_to_lake(
        location, lake_url=str(tmp_path / "lake"), table="card_settlements", business_date=DAY
    )

    assert Path(moved).parent == tmp_path / "lake" / "published" / "card_settlements" / f"business_date={DAY}"
    assert Path(moved).read_bytes() == CONTENT
    assert Path(moved).stat().st_ino == inode
    assert local.names() == []


@pytest.mark.parametrize("lake", ["folder", "s3"])
@pytest.mark.parametrize("staged", ["folder", "s3"])
def test_a_file_reaches_the_lake_from_any_kind_of_place(s3: S3Server, tmp_path: Path, staged: str, lake: str) -> None:
    """Folder or bucket, it lies below the lake's own address, whole, and no longer in staging."""
    urls = {"folder": str(tmp_path / "lake"), "s3": s3.new_prefix()}
    url = s3.new_prefix() if staged == "s3" else str(tmp_path / "staging")
    area = StagingArea(url, workspace=tmp_path / "tmp", s3=s3.access)
    staging = Staging(area=area, url=url, store=open_store(url, s3.access))
    location = staging.stage()

    moved = area.move_to_lake(location, lake_url=urls[lake], table="card_settlements", business_date=DAY)

    folder = f"published/card_settlements/business_date={DAY}"
    assert moved.startswith(f"{urls[lake]}/{folder}/visa-")
    found = obstore.get(open_store(urls[lake], s3.access), moved.removeprefix(f"{urls[lake]}/")).bytes()
    assert bytes(found) == CONTENT
    assert staging.names() == []
    assert not area.is_intact(location, SHA256)
    assert not Path("s3:").exists()


def test_a_file_is_moved_between_buckets(s3: S3Server, tmp_path: Path) -> None:
    """A server copies within a bucket only."""
    obstore.put(open_store("s3://other", s3.access), "lake/.made", b"")
    area = StagingArea(s3.new_prefix(), workspace=tmp_path / "tmp", s3=s3.access)
    draft, final = area.draft("card_settlements", DAY, "visa")
    draft.write_bytes(CONTENT)
    area.finalize(draft, final)

    moved = area.move_to_lake(final, lake_url="s3://other/lake", table="card_settlements", business_date=DAY)

    assert moved.startswith("s3://other/lake/published/")
    assert bytes(obstore.get(open_store("s3://other", s3.access), moved.removeprefix("s3://other/")).bytes()) == CONTENT
    assert not area.is_intact(final, SHA256)


def test_a_copy_in_a_bucket_never_has_the_path_of_an_earlier_one(s3: S3Server, tmp_path: Path) -> None:
    """Copies of an interrupted try stay as they are, even when their file is handed over again."""
    lake = s3.new_prefix()
    area = StagingArea(str(tmp_path / "staging"), workspace=tmp_path / "tmp", s3=s3.access)
    draft, final = area.draft("card_settlements", DAY, "visa")
    moved = []

    for _ in range(2):
        draft.write_bytes(CONTENT)
        area.finalize(draft, final)
        moved.append(area.move_to_lake(final, lake_url=lake, table="card_settlements", business_date=DAY))

    assert len(set(moved)) == 2


def test_a_draft_that_is_not_settled_is_gone_after_its_block(staging: Staging) -> None:
    """A build that fails leaves nothing behind."""

    def fail() -> None:
        with staging.area.draft("card_settlements", DAY, "visa") as (draft, _):
            draft.write_bytes(CONTENT)
            raise ValueError("defect")

    with pytest.raises(ValueError, match="defect"):
        fail()

    assert staging.names() == []
    assert list(staging.workspace.rglob("*.parquet")) == []


def test_a_draft_that_is_settled_outlives_its_block(staging: Staging) -> None:
    """It lies at its location then."""
    with staging.area.draft("card_settlements", DAY, "visa") as (draft, final):
        draft.write_bytes(CONTENT)
        staging.area.finalize(draft, final)

    assert staging.area.is_intact(final, SHA256)


def test_every_new_folder_is_made_durable_in_the_one_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a loss of power could take a committed date's folder, and its files with it."""
    synced: list[Path] = []
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: (synced.append(Path(f"/proc/self/fd/{descriptor}").resolve()), real(descriptor))
    )

    make_folder(tmp_path / "lake" / "published" / "cards")

    assert synced == [tmp_path / "lake" / "published", tmp_path / "lake", tmp_path]


@pytest.fixture
def other_file_system(tmp_path: Path) -> Path:
    """A folder that no file of `tmp_path` can be renamed into."""
    memory = Path("/dev/shm")  # noqa: S108 - the point is that it is another file system
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second file system to write to")
    folder = memory / f"settlement-tests-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def test_a_file_is_moved_across_file_systems(local: Staging, other_file_system: Path) -> None:
    """It is copied whole under a hidden name first, and then removed from staging."""
    location = local.stage()

    moved = local.area.move_to_lake(
        location, lake_url=str(other_file_system), table="card_settlements", business_date=DAY
    )

    assert Path(moved).read_bytes() == CONTENT
    assert [path.name for path in Path(moved).parent.iterdir()] == [Path(moved).name]
    assert local.names() == []


def test_handing_over_a_missing_file_fails(local: Staging, tmp_path: Path) -> None:
    """The failure names it."""
    _, final = local.area.draft("card_settlements", DAY, "visa")

    with pytest.raises(SettlementError, match=Path(final).name):
        local.area.move_to_lake(final, lake_url=str(tmp_path / "lake"), table="card_settlements", business_date=DAY)
