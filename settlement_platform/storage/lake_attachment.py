"""Attaching the lake: where its catalog is, and the locks beside it."""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import duckdb
import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.engine import literal
from settlement_platform.storage.errors import judging
from settlement_platform.storage.lake import LOCK_TIMEOUT_SECONDS, Lake
from settlement_platform.storage.locks import FileLocks, Locks, PostgresLocks
from settlement_platform.storage.postgres import CATALOG_SECRET, create_catalog_secret, postgres_engine
from settlement_platform.storage.sqlite_reading import readable_sqlite

judged = judging("lake")


def attach_lake(
    connection: duckdb.DuckDBPyConnection,
    *,
    catalog_url: str,
    data_url: str,
    as_of: datetime | None = None,
    read_only: bool = False,
    make: bool = True,
) -> Lake:
    """Attach the lake under the name `lake`.

    `as_of` attaches it as it was at that moment, which implies read-only. Without `make` it has to be there already.

    Raises:
        PermanentFailure: the catalog is of a kind that several processes cannot share, or cannot be opened.
        TransientFailure: the catalog cannot be reached.
    """
    url = sa.make_url(catalog_url)
    only_reads = bool(as_of or read_only)
    source, locks = _catalog(url, read_only=only_reads)
    options = [] if only_reads else [f"DATA_PATH {literal(data_url.rstrip('/') + '/')}"]
    if url.get_backend_name() == "sqlite":
        options += ["META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 30000"]
    if url.get_backend_name() == "postgresql":
        options.append(f"META_SECRET {literal(CATALOG_SECRET)}")
    if as_of:
        options.append(f"SNAPSHOT_TIME {literal(as_of.isoformat())}")
    if only_reads:
        options.append("READ_ONLY")
    elif not make:
        options.append("CREATE_IF_NOT_EXISTS false")
    with ExitStack() as turn:
        if not only_reads:
            # The first to attach makes the catalog; two at once would collide in it.
            turn.enter_context(locks.hold("attach", timeout_seconds=LOCK_TIMEOUT_SECONDS))
        tried = f"Attaching the lake {url.render_as_string(hide_password=True)}"
        with judged(tried):
            if url.get_backend_name() == "postgresql":
                create_catalog_secret(connection, url, read_only=only_reads)
            connection.execute(f"ATTACH {literal(source)} AS lake ({', '.join(options)})")
    return Lake(connection, data_url=data_url, locks=locks)


def _catalog(url: sa.URL, *, read_only: bool) -> tuple[str, Locks]:
    """DuckLake's name for the catalog, and the locks that live beside it."""
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        locks = FileLocks(path.parent / "locks")
        if read_only:
            return f"ducklake:sqlite:{readable_sqlite(path)}", locks
        with judged(f"Creating the folder of {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
        return f"ducklake:sqlite:{path}", locks
    if url.get_backend_name() == "postgresql":
        return "ducklake:postgres:", PostgresLocks(postgres_engine(url, poolclass=sa.NullPool), dependency="lake")
    message = f"A lake catalog in {url.get_backend_name()} cannot be shared by several processes."
    raise PermanentFailure(message, remedy="Set SETTLEMENT_CATALOG_URL to sqlite:///… or postgresql://….")


def extensions_for(catalog_url: str, *, s3: bool) -> tuple[str, ...]:
    """The DuckDB extensions that a lake with this catalog needs."""
    catalog = "sqlite_scanner" if catalog_url.startswith("sqlite") else "postgres_scanner"
    return ("ducklake", catalog, "httpfs") if s3 else ("ducklake", catalog)
