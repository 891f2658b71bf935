"""A home that was copied or moved uses its own files, and never those of the home it came from."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.landing.scan import ScanResult, scan_landing_zone
from settlement_platform.pipeline.open_platform import open_to_read
from settlement_platform.pipeline.operators import actions
from settlement_platform.storage.engines.duckdb_engine import connect_engine
from settlement_platform_tests.builders import codes
from settlement_platform_tests.pipeline.installation import (
    NAME,
    REQUEST,
    Installation,
    plain_reader,
    rows_on,
    stores_in,
)
from settlement_platform_tests.pipeline.operating import (
    ANA,
    a_refused_visa,
    a_staffed_installation,
    a_visa,
    run,
    view_of,
)
from settlement_platform_tests.pipeline.published_rows import expected_rows


@pytest.fixture
def published(own_staffed: Installation) -> tuple[date, Installation]:
    """A home with a published date and a refused correction of it."""
    day = own_staffed.fresh_date()
    own_staffed.deliver(day)
    run(own_staffed.platform, day)
    a_refused_visa(day).write(own_staffed.landing)
    run(own_staffed.platform, day)
    return day, own_staffed


def files(home: Path) -> dict[str, bytes]:
    """Return every file of a home with its bytes, except locks and what a database writes for itself."""
    found = (p for p in home.rglob("*") if p.is_file() and p.suffix in {".parquet", ".csv", ".json"})
    return {str(p.relative_to(home)): p.read_bytes() for p in found}


def copy(home: Path) -> Path:
    """Copy a home as `cp -a` does."""
    target = home.with_name("copy")
    shutil.copytree(home, target, symlinks=True)
    return target


def test_a_copied_home_reads_its_own_files(published: tuple[date, Installation]) -> None:
    """They are read although the first home is gone."""
    day, original = published
    rows = original.rows(day)
    other = copy(original.home)
    shutil.rmtree(original.home)

    with connect_engine() as engine:
        reader = open_to_read(stores_in(other), engine, clock=lambda: datetime.now(UTC))
        found = rows_on(reader.lake.cursor(), day)

    assert found == rows


def test_a_copied_home_writes_only_to_itself(published: tuple[date, Installation]) -> None:
    """It takes its own staged file into its own lake, and plain clients are led to its own files from then on."""
    day, original = published
    before, rows = files(original.home), original.rows(day)
    other = a_staffed_installation(copy(original.home))

    released = actions.release(other.platform, CARD_SETTLEMENTS, day, ("rows_as_declared",), ANA)
    visa = a_visa(day, 7)
    visa.write(other.landing)
    corrected = run(other.platform, day)

    assert (released.decision.action, corrected.decision.action) == (Action.PUBLISH, Action.PUBLISH)
    assert files(original.home) == before
    assert original.rows(day) == rows
    with plain_reader(other.home) as client:
        listed = client.execute(f"SELECT data_file FROM ducklake_list_files('lake', '{NAME}', schema => 'published')")
        assert all(file.startswith(f"{other.home}/") for (file,) in listed.fetchall())
        assert rows_on(client, day) == other.rows(day)


def test_a_catalog_apart_from_its_files_is_refused_where_the_files_are_others(
    published: tuple[date, Installation], tmp_path: Path
) -> None:
    """Two lakes would share it."""
    _, original = published
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    stores = replace(stores_in(original.home), lake_url=str(elsewhere))
    with connect_engine() as engine, pytest.raises(PermanentFailure, match="keeps its files in"):
        open_to_read(stores, engine, clock=lambda: datetime.now(UTC))


def test_a_home_under_another_name_is_the_same_home(published: tuple[date, Installation], tmp_path: Path) -> None:
    """A link or another mount of it changes nothing of what is on record."""
    day, original = published
    (tmp_path / "link").symlink_to(original.home)
    linked = a_staffed_installation(tmp_path / "link")
    before = original.rows(day)

    a_visa(day, 7).write(linked.landing)
    concluded = run(linked.platform, day)

    assert concluded.decision.action is Action.PUBLISH
    assert original.rows(day) == linked.rows(day) != before
    with plain_reader(original.home) as client:
        assert rows_on(client, day) == linked.rows(day)


def test_expected_rows_survive_a_move(own_staffed: Installation) -> None:
    """A home that was renamed goes on as if nothing had happened."""
    day = own_staffed.fresh_date()
    delivered = own_staffed.deliver(day)
    run(own_staffed.platform, day)
    own_staffed.home.rename(own_staffed.home.with_name("moved"))

    moved = a_staffed_installation(own_staffed.home.with_name("moved"))

    assert moved.rows(day) == expected_rows(delivered)


def scan(installation: Installation) -> ScanResult:
    """Scan as the sensor does."""
    return scan_landing_zone(installation.platform, (CARD_SETTLEMENTS,), REQUEST, time_left=lambda: 1.0)[NAME]


def test_nothing_of_a_copied_home_has_changed(published: tuple[date, Installation]) -> None:
    """Only the time stamps have: readers say so, and the scan reads the files again and finds nothing to do."""
    day, original = published
    before = view_of(original, day)
    other = a_staffed_installation(copy(original.home))

    presumed, scanned, looked = view_of(other, day), scan(other), view_of(other, day)

    assert codes(presumed.state.reasons) == [*codes(before.state.reasons), "files_to_check"]
    assert presumed.state.pending == looked.state.pending == before.state.pending
    assert looked.state == before.state
    assert scanned.requests == ()
    assert list(scanned.arrived) == [day]
    assert scan(other).arrived == {}


def test_a_date_stays_skipped_in_a_copied_home(own_staffed: Installation) -> None:
    """A copy of the files with their times does not end a skip; a delivery does."""
    day = own_staffed.fresh_date()
    a_visa(day).write(own_staffed.landing)
    run(own_staffed.platform, day)
    actions.skip(own_staffed.platform, CARD_SETTLEMENTS, day, ANA)
    other = a_staffed_installation(copy(own_staffed.home))

    unchanged, skipped = scan(other), view_of(other, day)
    other.deliver(day)
    delivered = scan(other)

    assert [codes(decision.reasons) for decision in unchanged.decisions] == [["date_skipped"]]
    assert (unchanged.needing_backfill, skipped.state.pending) == ((), None)
    assert delivered.needing_backfill == (day,)


def test_a_correction_of_the_same_size_is_never_called_unchanged(own_installation: Installation) -> None:
    """Its time differs: it is pending until the next scan reads it."""
    day = own_installation.fresh_date()
    delivered = own_installation.deliver(day)[0]
    run(own_installation.platform, day)
    rows = [dict(row) for row in delivered.rows]
    rows[0]["merchant_id"] = rows[0]["merchant_id"][::-1]
    replace(delivered, rows=rows).write(own_installation.landing)

    presumed, scanned, looked = view_of(own_installation, day), scan(own_installation), view_of(own_installation, day)

    assert presumed.state.pending is not None
    assert "files_to_check" not in codes(presumed.state.reasons)
    assert [decision.business_date for decision in scanned.decisions] == [day]
    assert looked.state.pending is not None
