"""Opening the lake and the ledger to read them: nothing is made, changed or brought forward.

Where nothing has been written yet, an empty store in memory stands in.
"""

from datetime import datetime
from pathlib import Path

import duckdb
import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.storage import lake_schema, ledger_schema
from settlement_platform.storage.errors import judged
from settlement_platform.storage.lake import Lake
from settlement_platform.storage.lake_attachment import attach_lake
from settlement_platform.storage.ledger import Ledger
from settlement_platform.storage.ledger_opening import unknown_kind
from settlement_platform.storage.locks import NoOthers
from settlement_platform.storage.postgres import postgres_engine
from settlement_platform.storage.soundness import sqlite_file
from settlement_platform.storage.sqlite_reading import sqlite_reader

_NO_LAKE = "creating a new DuckLake is explicitly disabled"
_FORWARD = "The next command that changes something brings it forward: settlement materialize, of any date, does."


def read_lake(
    connection: duckdb.DuckDBPyConnection,
    *,
    catalog_url: str,
    data_url: str,
    tables: lake_schema.TableColumns,
    now: datetime,
    as_of: datetime | None = None,
    was_there: bool = False,
) -> Lake:
    """Attach the lake under the name `lake`, to read it, now or as it was at a moment.

    Raises:
        PermanentFailure: it is older or newer than this program, or cannot be opened.
        TransientFailure: the catalog cannot be reached, or is missing although the lake `was_there`.
    """
    lake = lake_there(connection, catalog_url=catalog_url, data_url=data_url, as_of=as_of)
    if lake is None:
        if was_there:
            raise lost_lake(catalog_url)
        return _empty_lake(connection, data_url, tables, now=now, as_of=as_of)
    if as_of:
        return lake
    with lake.cursor() as cursor:
        version = lake_schema.version_of(cursor)
    _refuse_older("lake", version, len(lake_schema.MIGRATIONS))
    return lake


def lake_there(
    connection: duckdb.DuckDBPyConnection,
    *,
    catalog_url: str,
    data_url: str,
    as_of: datetime | None = None,
    read_only: bool = True,
) -> Lake | None:
    """The lake of a catalog that is there, attached whatever its version; None where there is none, and none is made.

    Raises:
        PermanentFailure: it cannot be opened.
        TransientFailure: the catalog cannot be reached.
    """
    catalog = sqlite_file(catalog_url)
    if catalog and not catalog.exists():
        return None
    try:
        return attach_lake(
            connection, catalog_url=catalog_url, data_url=data_url, as_of=as_of, read_only=read_only, make=False
        )
    except PermanentFailure as failure:
        if _NO_LAKE not in failure.message:
            raise
        return None


def lost_lake(catalog_url: str) -> TransientFailure:
    """What to say of a lake that is missing; an empty one in its place would pass for all that was ever published."""
    catalog = sa.make_url(catalog_url).render_as_string(hide_password=True)
    message = f"The lake's catalog {catalog} is missing, and publications are on record in the ledger."
    remedy = (
        "Mount it or put it back. To publish everything anew from what was delivered, begin in another SETTLEMENT_HOME."
    )
    return TransientFailure(message, remedy=remedy, dependency="lake")


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
    engine = _engine(url)
    version = _version(url, engine) if engine else 0
    if engine is None or version == 0:
        return _empty_ledger(now)
    _refuse_older("ledger", version, len(ledger_schema.MIGRATIONS))
    return Ledger(engine)


def ledger_is_current(url: str) -> bool | None:
    """Whether the ledger at an SQLAlchemy URL has this program's schema version; None where there is none yet.

    Raises:
        PermanentFailure: a newer program wrote it, or it cannot be read.
        TransientFailure: the database cannot be reached.
    """
    engine = _engine(url)
    if engine is None:
        return None
    try:
        version = _version(url, engine)
    finally:
        engine.dispose()
    return version == len(ledger_schema.MIGRATIONS) if version else None


def _engine(url: str) -> sa.Engine | None:
    """An engine for what only reads; None where nothing is there to be read."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return postgres_engine(parsed, pool_pre_ping=True)
    if parsed.get_backend_name() != "sqlite":
        raise unknown_kind(parsed)
    path = Path(parsed.database or "")
    return sqlite_reader(path) if path.exists() else None


def _version(url: str, engine: sa.Engine) -> int:
    shown = sa.make_url(url).render_as_string(hide_password=True)
    with judged(f"Opening the ledger {shown}"), engine.connect() as connection:
        return ledger_schema.version_of(connection)


def _empty_ledger(now: datetime) -> Ledger:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False})
    with judged("Preparing an empty ledger in memory"), engine.begin() as connection:
        ledger_schema.migrate(connection, now=now)
    return Ledger(engine)


def _refuse_older(store: str, version: int, known: int) -> None:
    if version < known:
        message = f"The {store} has schema version {version}, and this program reads version {known}."
        raise PermanentFailure(message, remedy=_FORWARD)
