"""Full disks and damaged databases are named with their place and remedy, and are never called safe to try again."""

import errno
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure, SettlementError, TransientFailure
from settlement_platform.pipeline.open_platform import open_to_read
from settlement_platform.storage.engines.duckdb_engine import connect_engine, prepare_engine
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.open import attach_lake, extensions_for
from settlement_platform.storage.store_failures import note_place
from settlement_platform_tests.deliveries import deliver_date
from settlement_platform_tests.pipeline.installation import FIRST_DATE, Installation, open_home, stores_in

EMPTY, TINY, ROOMY = "size=64k", "size=400k", "size=64m"


def sqlite_error(text: str) -> sa.exc.OperationalError:
    """SQLAlchemy's form of an error of SQLite."""
    return sa.exc.OperationalError("INSERT …", {}, sqlite3.OperationalError(text))


def failure_from(error: Exception, *, store: str = "") -> SettlementError:
    """The failure that an error becomes."""
    with pytest.raises(SettlementError) as raised, translate_errors("Writing", dependency=store):
        raise error
    return raised.value


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A disk of its own, whose size a test changes: as root on Linux only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", ROOMY, "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("only root can mount a disk")

    def resize(size: str) -> Path:
        subprocess.run(["mount", "-o", f"remount,{size}", folder], check=True)
        return folder

    yield resize
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/srv/staging/x.parquet"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "/srv/staging/x.parquet"),
        duckdb.IOException('IO Error: Could not write file "/srv/x.parquet": No space left on device'),
    ],
)
def test_a_full_disk_is_named_with_its_folder_and_free_space(error: Exception) -> None:
    found = failure_from(error)

    assert isinstance(found, PermanentFailure)
    assert found.remedy.startswith("The disk of /srv is full (")
    assert "MB free): free space there; a retry fails until then." in found.remedy


def test_a_full_disk_that_the_error_does_not_place_is_placed_by_its_store(tmp_path: Path) -> None:
    note_place("ledger", tmp_path / "ledger.sqlite")

    found = failure_from(sqlite_error("database or disk is full"), store="ledger")

    assert isinstance(found, PermanentFailure)
    assert found.remedy.startswith(f"The disk of {tmp_path} is full")


def test_an_input_error_of_sqlite_on_a_full_disk_is_a_full_disk(disk: Callable[[str], Path]) -> None:
    """It reports so where there is no room for its shared memory; with room, it may pass."""
    note_place("ledger", disk(ROOMY) / "ledger.sqlite")

    with_room = failure_from(sqlite_error("disk I/O error"), store="ledger")
    disk(EMPTY)
    without = failure_from(sqlite_error("disk I/O error"), store="ledger")

    assert isinstance(with_room, TransientFailure)
    assert isinstance(without, PermanentFailure)
    assert "is full (" in without.remedy


@pytest.mark.parametrize("text", ["database disk image is malformed", "file is not a database"])
def test_a_damaged_database_is_named_with_its_file(tmp_path: Path, text: str) -> None:
    note_place("lake", tmp_path / "catalog.sqlite")

    found = failure_from(duckdb.Error(f"Failed to query most recent snapshot for DuckLake: {text}"), store="lake")

    assert isinstance(found, PermanentFailure)
    assert found.remedy.startswith(f"{tmp_path / 'catalog.sqlite'} is damaged, or no database: restore a copy of it.")


def test_the_stack_trace_of_an_internal_error_is_neither_shown_nor_read() -> None:
    """It names functions such as those of a connection, which would make it transient."""
    found = failure_from(duckdb.InternalException("INTERNAL Error: no\n\nStack Trace:\n\n duckdb::Connection::Query"))

    assert isinstance(found, PermanentFailure)
    assert found.message == "Writing failed: INTERNAL Error: no"


def test_a_home_half_made_on_a_full_disk_reads_as_empty_and_opens_when_there_is_room(
    disk: Callable[[str], Path],
) -> None:
    home = disk(ROOMY) / "home"
    deliver_date(home / "landing", FIRST_DATE)
    stores = stores_in(home)

    disk(TINY)
    with pytest.raises(PermanentFailure) as full:
        open_home(home)
    read = open_to_read(stores, connect_engine(), clock=lambda: datetime.now(UTC))
    left = read.lake.current_publications("card_settlements")
    disk(ROOMY)
    published = Installation(home=home, platform=open_home(home)).run(FIRST_DATE)

    assert full.value.remedy.startswith(f"The disk of {home}")
    assert left == {}
    assert published.publication is not None


def test_zeroed_pages_of_the_catalog_are_damage_to_whoever_reads(tmp_path: Path) -> None:
    deliver_date(tmp_path / "landing", FIRST_DATE)
    installation = Installation(home=tmp_path, platform=open_home(tmp_path))
    installation.run(FIRST_DATE)
    catalog = tmp_path / "lake" / "catalog.sqlite"
    with sqlite3.connect(catalog) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(catalog.read_bytes())
    content[2 * 4096 : 12 * 4096] = bytes(10 * 4096)

    catalog.with_name("copy.sqlite").write_bytes(content)
    damaged = replace(stores_in(tmp_path), catalog_url=f"sqlite:///{catalog.with_name('copy.sqlite')}")

    with pytest.raises(PermanentFailure) as raised:
        open_to_read(damaged, connect_engine(), clock=lambda: datetime.now(UTC))
    assert "copy.sqlite is damaged" in raised.value.remedy


@pytest.mark.parametrize("content", [b"", None], ids=["an empty file", "no schema of ours"])
def test_a_catalog_whose_making_was_cut_short_reads_as_no_lake(tmp_path: Path, content: bytes | None) -> None:
    """Killed, or without room: the next writer makes it whole."""
    catalog = tmp_path / "lake" / "catalog.sqlite"
    catalog.parent.mkdir(parents=True)
    if content is None:
        with connect_engine() as engine:
            _make_without_schema(engine, catalog)
    else:
        catalog.write_bytes(content)

    read = open_to_read(stores_in(tmp_path), connect_engine(), clock=lambda: datetime.now(UTC))
    left = read.lake.current_publications("card_settlements")

    assert left == {}
    assert open_home(tmp_path).lake.current_publications("card_settlements") == {}


def _make_without_schema(engine: duckdb.DuckDBPyConnection, catalog: Path) -> None:
    url = f"sqlite:///{catalog}"
    prepare_engine(engine, extensions=extensions_for(url, s3=False))
    attach_lake(engine, catalog_url=url, data_url=str(catalog.parent))
