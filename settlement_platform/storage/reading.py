"""Opening the lake and the ledger to read them: nothing is made, changed or brought forward.

Where nothing has been written yet, an empty store in memory stands in.
"""

from datetime import datetime
from pathlib import Path

import duckdb
import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage import lake_schema, ledger_schema
from settlement_platform.storage.errors import judged
from settlement_platform.storage.lake import Lake
from settlement_platform.storage.lake_attachment import attach_lake
from settlement_platform.storage.ledger import Ledger
from settlement_platform.storage.locks import NoOthers
from settlement_platform.storage.postgres import postgres_engine
from settlement_platform.storage.soundness import sqlite_file
from settlement_platform.storage.sqlite_reading import open_sqlite

_NO_LAKE = "creating a new DuckLake is explicitly disabled"
_FORWARD = "Bring it forward: settlement doctor opens every store for writing."


def read_lake(
    connection: duckdb.DuckDBPyConnection,
    *,
    catalog_url: str,
    data_url: str,
    tables: lake_schema.TableColumns,
    now: datetime,
    as_of: datetime | None = None,
) -> Lake:
    """Attach the lake under the name `lake`, to read it, now or as it was at a moment.

    Raises:
        PermanentFailure: it is older or newer than this program, or cannot be opened.
        TransientFailure: the catalog cannot be reached.
    """
    catalog = sqlite_file(catalog_url)
    if catalog and not catalog.exists():
        return _empty_lake(connection, data_url, tables, now=now, as_of=as_of)
    try:
        lake = attach_lake(connection, catalog_url=catalog_url, data_url=data_url, as_of=as_of, read_only=True)
    except PermanentFailure as failure:
        if _NO_LAKE not in failure.message:
            raise
        return _empty_lake(connection, data_url, tables, now=now, as_of=as_of)
    if as_of:
        return lake
    with lake.cursor() as cursor:
        version = lake_schema.version_of(cursor)
    _refuse_older("lake", version, len(lake_schema.MIGRATIONS))
    return lake


def _empty_lake(
    connection: duckdb.DuckDBPyConnection,
    data_url: str,
    tables: lake_schema.TableColumns,
    *,
    now: datetime,
    as_of: datetime | None,
) -> Lake:
    if as_of:
        raise PermanentFailure(f"No snapshot found at {as_of}: nothing has been published yet.")
    with judged("Preparing an empty lake in memory"):
        connection.execute("ATTACH 'ducklake::memory:' AS lake (DATA_PATH '/nowhere/')")
    lake = Lake(connection, data_url=data_url, locks=NoOthers())
    lake.ensure(tables, now=now)
    return lake


def read_ledger(url: str, *, now: datetime) -> Ledger:
    """Open the ledger at an SQLAlchemy URL, to read it.

    Raises:
        PermanentFailure: it is older or newer than this program.
        TransientFailure: the database cannot be reached.
    """
    parsed = sa.make_url(url)
    path = Path(parsed.database or "")
    if parsed.get_backend_name() == "postgresql":
        engine = postgres_engine(parsed, pool_pre_ping=True)
    elif path.exists():
        engine = sa.create_engine("sqlite://", creator=lambda: open_sqlite(path), poolclass=sa.NullPool)
    else:
        return _empty_ledger(now)
    with judged(f"Opening the ledger {parsed.render_as_string(hide_password=True)}"), engine.connect() as connection:
        version = ledger_schema.version_of(connection)
    if version == 0:
        return _empty_ledger(now)
    _refuse_older("ledger", version, len(ledger_schema.MIGRATIONS))
    return Ledger(engine)


def _empty_ledger(now: datetime) -> Ledger:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False})
    with judged("Preparing an empty ledger in memory"), engine.begin() as connection:
        ledger_schema.migrate(connection, now=now)
    return Ledger(engine)


def _refuse_older(store: str, version: int, known: int) -> None:
    if version < known:
        message = f"The {store} has schema version {version}, and this program reads version {known}."
        raise PermanentFailure(message, remedy=_FORWARD)
