"""Nothing outside a landing folder is listed or read: no symbolic link below it is followed."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import obstore
import pytest

from settlement_platform.control.failures import SettlementError, TransientFailure
from settlement_platform.control.landing.deliveries import LandedFile, SourcePattern
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.landing import zone as landing
from settlement_platform.storage.landing.folder import open_file
from settlement_platform.storage.landing.listing import landed_file
from settlement_platform.storage.landing.zone import LandingZone
from settlement_platform_tests.builders import DAY

VISA = SourcePattern(source="visa", stem="{business_date}/{source}/cards")
STEM = VISA.stem_for(DAY)
SECRET = b"transaction_id\nroot:x:0:0\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the landing zone with a file like a delivery."""
    folder = tmp_path / "outside"
    (folder / "visa").mkdir(parents=True)
    (folder / "visa" / "cards.csv").write_bytes(SECRET)
    return folder


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    return LandingZone(str(tmp_path / "landing"), workspace=tmp_path / "tmp")


def link_file(root: Path, outside: Path) -> str:
    (root / str(DAY) / "visa").mkdir(parents=True)
    (root / f"{STEM}.csv").symlink_to(outside / "visa" / "cards.csv")
    return f"{STEM}.csv"


def link_source(root: Path, outside: Path) -> str:
    (root / str(DAY)).mkdir(parents=True)
    (root / str(DAY) / "visa").symlink_to(outside / "visa")
    return f"{DAY}/visa"


def link_date(root: Path, outside: Path) -> str:
    (root / str(DAY)).symlink_to(outside)
    return str(DAY)


def link_within(root: Path, outside: Path) -> str:
    """Also a link that stays inside the landing zone is none of its files."""
    del outside
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "cards.csv").write_bytes(SECRET)
    (root / str(DAY)).mkdir(parents=True)
    (root / str(DAY) / "visa").symlink_to("../elsewhere")
    return f"{DAY}/visa"


LINKS = [link_file, link_source, link_date, link_within]


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.__name__)
def test_a_link_is_listed_as_a_link_and_nothing_behind_it_is(
    zone: LandingZone, outside: Path, link: Callable[[Path, Path], str]
) -> None:
    """Whichever way it is listed."""
    key = link(Path(zone.url), outside)

    ways = [
        zone.list_date(DAY),
        zone.list_dates([VISA], DAY, DAY).files_under(STEM),
        zone.list_each([VISA], [DAY]).files_under(STEM),
    ]

    assert [[(f.key, f.is_link) for f in found] for found in ways] == [[(key, True)]] * 3
    assert zone.linked_names(DAY, DAY) == (key,)
    assert zone.list_dates([VISA], DAY, DAY).fingerprint([STEM]) != 0


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.__name__)
@pytest.mark.parametrize("read", [LandingZone.receive, LandingZone.receive_control])
def test_a_link_that_took_the_place_of_a_listed_file_is_not_read(
    zone: LandingZone,
    outside: Path,
    link: Callable[[Path, Path], str],
    read: Callable[[LandingZone, LandedFile], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A listing is old as soon as it is made: what counts is the file that is opened."""
    monkeypatch.setattr(landing, "STABLE_SECONDS", -1.0)
    link(Path(zone.url), outside)
    listed = LandedFile(key=f"{STEM}.csv", bytes=len(SECRET), modified_at=zone.list_date(DAY)[0].modified_at)

    with pytest.raises(TransientFailure, match="symbolic link"):
        read(zone, listed)


def test_another_error_of_the_file_system_is_raised_as_it_is(tmp_path: Path) -> None:
    """It says nothing about links, and counts against the landing zone."""
    with pytest.raises(OSError, match="too long") as caught:
        open_file(tmp_path, "x" * 300)

    assert caught.value.errno == errno.ENAMETOOLONG


def test_a_file_that_is_being_read_stays_the_one_that_was_opened(
    zone: LandingZone, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is exchanged for a link after it was hashed, and every reader still has its bytes."""
    monkeypatch.setattr(landing, "STABLE_SECONDS", -1.0)
    folder = Path(zone.url) / str(DAY) / "visa"
    folder.mkdir(parents=True)
    (folder / "cards.csv").write_bytes(b"transaction_id\n1\n")
    received = zone.receive(zone.list_date(DAY)[0])

    folder.rename(folder.with_name("moved"))
    folder.symlink_to(outside / "visa")

    assert received.path.read_bytes() == b"transaction_id\n1\n"
    received.close()


def test_a_pipe_in_the_place_of_a_file_blocks_nobody(zone: LandingZone) -> None:
    folder = Path(zone.url) / str(DAY) / "visa"
    folder.mkdir(parents=True)
    (folder / "cards.csv").write_bytes(SECRET)
    (listed,) = zone.list_date(DAY)
    (folder / "cards.csv").unlink()
    os.mkfifo(folder / "cards.csv")

    with pytest.raises(SettlementError, match="not a file"):
        zone.receive(listed)


def test_a_circle_of_links_ends(zone: LandingZone) -> None:
    folder = Path(zone.url) / str(DAY)
    folder.mkdir(parents=True)
    (folder / "visa").symlink_to(folder)

    assert [f.key for f in zone.list_date(DAY)] == [f"{DAY}/visa"]


def test_the_landing_zone_itself_may_be_a_link(zone: LandingZone, tmp_path: Path) -> None:
    """An operator put it there, not a provider."""
    (Path(zone.url) / str(DAY)).mkdir(parents=True)
    (Path(zone.url) / str(DAY) / "note.txt").write_bytes(SECRET)
    (tmp_path / "link").symlink_to(zone.url)
    linked = LandingZone(str(tmp_path / "link"), workspace=tmp_path / "tmp")

    (found,) = linked.list_date(DAY)

    assert not found.is_link
    assert linked.receive_control(found).text == SECRET


@pytest.mark.parametrize("name", ["cards.csv", "cards 2.csv", "ä%20.csv"])
def test_a_file_has_the_tag_and_the_time_that_object_storage_gives_it(zone: LandingZone, name: str) -> None:
    """Deliveries that were recorded by them stay known."""
    store, key = open_store(zone.url, None), f"{DAY}/visa/{name}"
    path = Path(zone.url, key)
    path.parent.mkdir(parents=True)
    path.write_bytes(SECRET)
    os.utime(path, ns=(1_700_000_000_123_456_789, 1_700_000_000_987_654_321))

    (found,) = zone.list_date(DAY)

    (described,) = [entry for batch in obstore.list(store) for entry in batch]
    assert found == landed_file(described)
