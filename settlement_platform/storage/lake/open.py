"""Opening the lake, for publishing or read-only."""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import duckdb
import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.storage.engines.database_urls import sqlite_file, unsupported_database
from settlement_platform.storage.engines.duckdb_engine import quote_literal
from settlement_platform.storage.engines.postgres import CATALOG_SECRET, create_catalog_secret, postgres_engine
from settlement_platform.storage.engines.sqlite_readonly import readable_sqlite, readonly_sqlite_engine
from settlement_platform.storage.errors import translator_for
from settlement_platform.storage.lake import schema as lake_schema
from settlement_platform.storage.lake.lake import LOCK_TIMEOUT_SECONDS, Lake
from settlement_platform.storage.locks import FileLocks, Locks, PostgresLocks, SingleProcessLocks
from settlement_platform.storage.schema_versions import refuse_older
from settlement_platform.storage.store_failures import note_place

translate_errors = translator_for("lake")


def attach_lake(
    connection: duckdb.DuckDBPyConnection,
    *,
    catalog_url: str,
    data_url: str,
    as_of: datetime | None = None,
    read_only: bool = False,
    create: bool = True,
) -> Lake:
    """Attach the lake under the name `lake`.

    `as_of` attaches it as it was at that moment, read-only. Without `create` the lake has to exist.

    Raises:
        PermanentFailure: several processes cannot share this kind of catalog, it cannot be opened, or its files are in
            another place.
        TransientFailure: the catalog cannot be reached.
    """
    url = sa.make_url(catalog_url)
    reading = bool(as_of or read_only)
    source, locks = _catalog(url, read_only=reading)
    own = _lies_beside_its_files(url, data_url)
    options = [] if reading and not own else [f"DATA_PATH {quote_literal(data_url.rstrip('/') + '/')}"]
    if own:
        # The catalog names files relative to this folder: a copied home has its own.
        options.append("OVERRIDE_DATA_PATH true")
    if url.get_backend_name() == "sqlite":
        options += ["META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 30000"]
    if url.get_backend_name() == "postgresql":
        options.append(f"META_SECRET {quote_literal(CATALOG_SECRET)}")
    if as_of:
        options.append(f"SNAPSHOT_TIME {quote_literal(as_of.isoformat())}")
    if reading:
        options.append("READ_ONLY")
    elif not create:
        options.append("CREATE_IF_NOT_EXISTS false")
    with ExitStack() as stack:
        if not reading:
            # The first process to attach creates the catalog; two at once would collide.
            stack.enter_context(locks.hold("attach", timeout_seconds=LOCK_TIMEOUT_SECONDS))
        with translate_errors(f"Attaching the lake {url.render_as_string(hide_password=True)}"):
            if url.get_backend_name() == "postgresql":
                create_catalog_secret(connection, url, read_only=reading)
            connection.execute(f"ATTACH {quote_literal(source)} AS lake ({', '.join(options)})")
            _require_own_files(connection, data_url, own=own, reading=reading)
    return Lake(connection, data_url=data_url, locks=locks)


def _lies_beside_its_files(url: sa.URL, data_url: str) -> bool:
    """Return whether the catalog is a file in the folder of the lake's files, so that both are copied together."""
    if url.get_backend_name() != "sqlite" or data_url.startswith("s3://"):
        return False
    return Path(url.database or "").resolve().is_relative_to(Path(data_url).resolve())


_METADATA = "__ducklake_metadata_lake.ducklake_metadata"
_NAMED_IN_FULL = (
    "SELECT path FROM __ducklake_metadata_lake.ducklake_data_file WHERE path_is_relative = 0 UNION ALL "
    "SELECT path FROM __ducklake_metadata_lake.ducklake_delete_file WHERE path_is_relative = 0 LIMIT 1"
)


def _require_own_files(connection: duckdb.DuckDBPyConnection, data_url: str, *, own: bool, reading: bool) -> None:
    """Check that the attached catalog's files are those of this installation, not those of the home it was copied from.

    A catalog that lies beside its files is theirs (`own`) wherever both were copied or moved to; a writer records the
    new place, for clients that attach it without this program.

    Raises:
        PermanentFailure: the catalog keeps its files elsewhere, or names one by its full path.
    """
    row = connection.execute(f"SELECT value FROM {_METADATA} WHERE key = 'data_path'").fetchone()
    recorded = str(row[0]).rstrip("/") if row else data_url
    if recorded == data_url.rstrip("/") or _is_same_folder(recorded, data_url):
        return
    elsewhere = connection.execute(_NAMED_IN_FULL).fetchone() if own else (recorded,)
    if elsewhere:
        message = f"The lake's catalog keeps its files in {recorded}, not in {data_url}."
        raise PermanentFailure(message, remedy=f"Move the files back, or set SETTLEMENT_LAKE_URL to {recorded}.")
    if not reading:
        connection.execute(f"UPDATE {_METADATA} SET value = ? WHERE key = 'data_path'", [f"{data_url.rstrip('/')}/"])


def _is_same_folder(one: str, other: str) -> bool:
    return Path(one).is_dir() and Path(other).is_dir() and Path(one).samefile(other)


def _catalog(url: sa.URL, *, read_only: bool) -> tuple[str, Locks]:
    """Return DuckLake's name for the catalog, and the locks beside it."""
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        note_place("lake", path)
        locks = FileLocks(path.parent / "locks")
        if read_only:
            return f"ducklake:sqlite:{readable_sqlite(path)}", locks
        with translate_errors(f"Creating the folder of {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
        return f"ducklake:sqlite:{path}", locks
    if url.get_backend_name() == "postgresql":
        return "ducklake:postgres:", PostgresLocks(postgres_engine(url, poolclass=sa.NullPool), dependency="lake")
    raise unsupported_database(url, store="lake's catalog", setting="SETTLEMENT_CATALOG_URL")


def extensions_for(catalog_url: str, *, s3: bool) -> tuple[str, ...]:
    """Return the DuckDB extensions that a lake with this catalog needs."""
    catalog = "sqlite_scanner" if catalog_url.startswith("sqlite") else "postgres_scanner"
    return ("ducklake", catalog, "httpfs") if s3 else ("ducklake", catalog)


_NO_LAKE = "creating a new DuckLake is explicitly disabled"


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
    """Attach the lake read-only under the name `lake`, as it is now or as it was at a moment.

    An empty lake in memory stands in for one that does not exist yet.

    Raises:
        PermanentFailure: its schema version is not that of this program, or it cannot be opened.
        TransientFailure: the catalog cannot be reached, or is missing although the lake `was_there` before.
    """
    lake = attach_existing_lake(connection, catalog_url=catalog_url, data_url=data_url, as_of=as_of)
    if lake is None:
        if was_there:
            raise missing_lake_failure(catalog_url)
        return _empty_lake(connection, data_url, tables, now=now, as_of=as_of)
    if as_of:
        return lake
    with translate_errors("Reading the lake's version"), lake.cursor() as cursor:
        version = lake_schema.version_of(cursor)
    if version == 0 and not was_there:
        # Whoever began to make it ended before its first commit; the next writer goes on from there.
        connection.execute("DETACH lake")
        return _empty_lake(connection, data_url, tables, now=now, as_of=as_of)
    refuse_older("lake", version, len(lake_schema.MIGRATIONS))
    return lake


def attach_existing_lake(
    connection: duckdb.DuckDBPyConnection,
    *,
    catalog_url: str,
    data_url: str,
    as_of: datetime | None = None,
    read_only: bool = True,
) -> Lake | None:
    """Attach a lake that exists, with any schema version, without creating one; return None if there is none.

    Raises:
        PermanentFailure: it cannot be opened.
        TransientFailure: the catalog cannot be reached.
    """
    catalog = sqlite_file(catalog_url)
    if catalog and not _is_made(catalog):
        return None
    try:
        return attach_lake(
            connection, catalog_url=catalog_url, data_url=data_url, as_of=as_of, read_only=read_only, create=False
        )
    except PermanentFailure as failure:
        if _NO_LAKE not in failure.message:
            raise
        return None


def _is_made(catalog: Path) -> bool:
    """Return whether a SQLite catalog holds a lake; a file without one is left where making it was cut short.

    Raises:
        PermanentFailure: the file is damaged, or no database.
        TransientFailure: it did not answer.
    """
    note_place("lake", catalog)
    if not catalog.exists():
        return False
    query = "SELECT count(*) FROM sqlite_master WHERE name = 'ducklake_metadata'"
    with (
        translate_errors(f"Opening the lake's catalog {catalog}"),
        readonly_sqlite_engine(catalog).connect() as connection,
    ):
        return bool(connection.exec_driver_sql(query).scalar())


def missing_lake_failure(catalog_url: str) -> TransientFailure:
    """Return the failure for a missing lake; an empty one in its place would hide everything published."""
    catalog = sa.make_url(catalog_url).render_as_string(hide_password=True)
    message = f"The lake's catalog {catalog} is missing, although the ledger records publications."
    remedy = "Mount or restore it. To publish everything again from the deliveries, start with another SETTLEMENT_HOME."
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
    with translate_errors("Preparing an empty lake in memory"):
        connection.execute("ATTACH 'ducklake::memory:' AS lake (DATA_PATH '/nowhere/')")
    lake = Lake(connection, data_url=data_url, locks=SingleProcessLocks())
    lake.ensure_schema(tables, now=now)
    return lake
