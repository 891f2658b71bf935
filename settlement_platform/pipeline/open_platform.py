"""Opening all stores of an installation, with the version of the code that uses them."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path

import duckdb

import settlement_platform
from settlement_platform.catalog import Catalog
from settlement_platform.control.reasons.declarations import PUBLISHED_OTHERWISE
from settlement_platform.control.roles import Members
from settlement_platform.pipeline.platform import LedgerStores, Platform
from settlement_platform.storage.engines.duckdb_engine import EngineLimits, S3Credentials, prepare_engine
from settlement_platform.storage.lake.lake import Lake
from settlement_platform.storage.lake.open import (
    attach_existing_lake,
    attach_lake,
    extensions_for,
    missing_lake_failure,
    read_lake,
)
from settlement_platform.storage.landing.zone import LandingZone
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform.storage.ledger.open import open_ledger, read_ledger
from settlement_platform.storage.locks import FileLocks, Locks, PostgresLocks, SingleProcessLocks
from settlement_platform.storage.staging.area import StagingArea
from settlement_platform.storage.workspaces import process_workspace


@dataclass(frozen=True, kw_only=True)
class Stores:
    """The addresses of the stores, as the core takes them from the settings."""

    home: Path
    landing_url: str
    staging_url: str
    lake_url: str
    catalog_url: str
    ledger_url: str
    catalog: Catalog
    first_date: date
    s3: S3Credentials | None = None
    members: Members = field(default_factory=dict)


def open_platform(stores: Stores, connection: duckdb.DuckDBPyConnection, *, clock: Callable[[], datetime]) -> Platform:
    """Open every store; create what is missing, and migrate what is older.

    Raises:
        PermanentFailure: a newer program wrote a store, or its address is of no known kind.
        TransientFailure: a store cannot be reached, or the lake is missing although dates were published.
    """
    workspace = process_workspace(stores.home / "tmp")
    prepare_engine(
        connection,
        extensions=extensions_for(stores.catalog_url, s3=stores.s3 is not None),
        limits=EngineLimits(threads=1, spill_folder=str(workspace / "spill")),
        s3=stores.s3,
    )
    ledger = open_ledger(stores.ledger_url, now=clock())
    lake = _lake(stores, connection, ledger)
    catalog = _fitting_catalog(stores.catalog, lake)
    lake.ensure_schema(catalog.published_columns, now=clock())
    return Platform(
        landing=_landing(stores, workspace, ledger, make=True),
        staging=StagingArea(stores.staging_url, workspace=workspace, s3=stores.s3),
        lake=lake,
        ledger=ledger,
        locks=_locks(ledger),
        clock=clock,
        catalog=catalog,
        first_date=stores.first_date,
        code_version=code_version(),
        workspace=workspace,
        s3=stores.s3,
        members=stores.members,
    )


def open_ledger_alone(stores: Stores, *, clock: Callable[[], datetime]) -> LedgerStores:
    """Open the ledger and its locks alone.

    Raises:
        PermanentFailure: a newer program wrote the ledger, or its address is of no known kind.
        TransientFailure: the ledger cannot be reached.
    """
    ledger = open_ledger(stores.ledger_url, now=clock())
    return LedgerStores(ledger=ledger, locks=_locks(ledger), clock=clock, catalog=stores.catalog)


def open_to_read(stores: Stores, connection: duckdb.DuckDBPyConnection, *, clock: Callable[[], datetime]) -> Platform:
    """Open every store to read only: nothing is made, and a store that does not exist yet is empty.

    Raises:
        PermanentFailure: a newer or an older program wrote a store, or its address is of no known kind.
        TransientFailure: a store cannot be reached.
    """
    workspace = scratch_folder()
    prepare_engine(
        connection,
        extensions=extensions_for(stores.catalog_url, s3=stores.s3 is not None),
        limits=EngineLimits(threads=1, spill_folder=str(workspace)),
        s3=stores.s3,
    )
    ledger = read_ledger(stores.ledger_url, now=clock())
    lake = read_lake(
        connection,
        catalog_url=stores.catalog_url,
        data_url=stores.lake_url,
        tables=stores.catalog.published_columns,
        now=clock(),
        was_there=ledger.has_publications(),
    )
    catalog = _fitting_catalog(stores.catalog, lake)
    return Platform(
        landing=_landing(stores, workspace, ledger, make=False),
        staging=StagingArea(stores.staging_url, workspace=workspace, s3=stores.s3),
        lake=lake,
        ledger=ledger,
        locks=SingleProcessLocks(),
        clock=clock,
        catalog=catalog,
        first_date=stores.first_date,
        code_version=code_version(),
        workspace=workspace,
        s3=stores.s3,
        members=stores.members,
    )


def _lake(stores: Stores, connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> Lake:
    """Return the lake, which is created only while no publication is on record."""
    if not ledger.has_publications():
        return attach_lake(connection, catalog_url=stores.catalog_url, data_url=stores.lake_url)
    found = attach_existing_lake(connection, catalog_url=stores.catalog_url, data_url=stores.lake_url, read_only=False)
    if found is None:
        raise missing_lake_failure(stores.catalog_url)
    return found


def _fitting_catalog(catalog: Catalog, lake: Lake) -> Catalog:
    """Return the catalog without the tables whose columns are published with other types, which nothing may write."""
    unfit = lake.unfit_tables(catalog.published_columns)
    return catalog.without({name: PUBLISHED_OTHERWISE(error=str(failure)) for name, failure in unfit.items()})


def _landing(stores: Stores, workspace: Path, ledger: Ledger, *, make: bool) -> LandingZone:
    """Return the landing zone; a missing folder is an outage if anything was ever delivered, else it is still empty."""
    was_there = ledger.has_arrivals()
    return LandingZone(stores.landing_url, workspace=workspace, s3=stores.s3, make=make, was_there=was_there)


def scratch_folder() -> Path:
    """Return the folder to which readers may spill; the engine makes it when it does, and removes it."""
    return Path(tempfile.gettempdir()) / f"settlement-{os.getpid()}"


def _locks(ledger: Ledger) -> Locks:
    """Return the locks where the ledger is, so that one attempt per date holds over every home that shares it."""
    if ledger.engine.dialect.name == "postgresql":
        return PostgresLocks(ledger.engine, dependency="ledger")
    return FileLocks(Path(ledger.engine.url.database or "").parent / "locks")


@cache
def code_version() -> str:
    """Return the version of the package with a digest of its sources, for example `0.1.0+3fa9c21b07de`."""
    root = Path(settlement_platform.__file__).parent
    found = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in {".py", ".sql"}):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{settlement_platform.__version__}+{found.hexdigest()[:12]}"
