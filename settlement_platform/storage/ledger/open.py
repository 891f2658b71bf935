"""Opening the ledger, for writing or read-only."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from settlement_platform.storage.engines.database_urls import unsupported_database
from settlement_platform.storage.engines.postgres import postgres_engine
from settlement_platform.storage.engines.sqlite_readonly import readonly_sqlite_engine
from settlement_platform.storage.errors import translator_for
from settlement_platform.storage.ledger import schema as ledger_schema
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform.storage.ledger.schema import migrate
from settlement_platform.storage.schema_versions import refuse_older
from settlement_platform.storage.store_failures import note_place

translate_errors = translator_for("ledger")
E = TypeVar("E")


def open_ledger(url: str, *, now: datetime) -> Ledger:
    """Open the ledger at an SQLAlchemy URL, and create or migrate it.

    Raises:
        PermanentFailure: the database is not supported, or a newer program wrote the ledger.
        TransientFailure: the database cannot be reached.
    """
    parsed = sa.make_url(url)
    engine = _engine(parsed, sqlite=_sqlite_writer)
    with (
        translate_errors(f"Opening the ledger {parsed.render_as_string(hide_password=True)}"),
        engine.begin() as connection,
    ):
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(72619)"))
        migrate(connection, now=now)
    return Ledger(engine)


def _engine(url: sa.URL, *, sqlite: Callable[[sa.URL], E]) -> sa.Engine | E:
    if url.get_backend_name() == "sqlite":
        note_place("ledger", Path(url.database or ""))
        return sqlite(url)
    if url.get_backend_name() == "postgresql":
        return postgres_engine(url, pool_pre_ping=True)
    raise unsupported_database(url, store="ledger", setting="SETTLEMENT_LEDGER_URL")


def _sqlite_writer(url: sa.URL) -> sa.Engine:
    """Return an engine in WAL mode, whose writing transactions lock at once, so that no lock has to be upgraded."""
    with translate_errors(f"Creating the folder of {url.database}"):
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30, "isolation_level": None})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 30000"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        only_reads = connection.get_execution_options().get("only_reads")
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    return engine


def read_ledger(url: str, *, now: datetime) -> Ledger:
    """Open the ledger at an SQLAlchemy URL read-only; an empty one in memory stands in for one not created yet.

    Raises:
        PermanentFailure: its schema version is not that of this program.
        TransientFailure: the database cannot be reached.
    """
    engine = _reader(url)
    version = _version(url, engine) if engine else 0
    if engine is None or version == 0:
        return _empty_ledger(now)
    refuse_older("ledger", version, len(ledger_schema.MIGRATIONS))
    return Ledger(engine)


def ledger_is_current(url: str) -> bool | None:
    """Return whether the ledger at an SQLAlchemy URL has this program's schema version; None if there is none.

    Raises:
        PermanentFailure: a newer program wrote it, or it cannot be read.
        TransientFailure: the database cannot be reached.
    """
    engine = _reader(url)
    if engine is None:
        return None
    try:
        version = _version(url, engine)
    finally:
        engine.dispose()
    return version == len(ledger_schema.MIGRATIONS) if version else None


def _reader(url: str) -> sa.Engine | None:
    """Return an engine for reading; None if the SQLite file does not exist."""
    return _engine(sa.make_url(url), sqlite=_sqlite_reader)


def _sqlite_reader(url: sa.URL) -> sa.Engine | None:
    path = Path(url.database or "")
    return readonly_sqlite_engine(path) if path.exists() else None


def _version(url: str, engine: sa.Engine) -> int:
    shown = sa.make_url(url).render_as_string(hide_password=True)
    with translate_errors(f"Opening the ledger {shown}"), engine.connect() as connection:
        return ledger_schema.version_of(connection)


def _empty_ledger(now: datetime) -> Ledger:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False})
    with translate_errors("Preparing an empty ledger in memory"), engine.begin() as connection:
        ledger_schema.migrate(connection, now=now)
    return Ledger(engine)
