"""Opening the ledger, to write it or to read it only."""

from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from settlement_platform.storage.engines.database_urls import unsupported_database
from settlement_platform.storage.engines.postgres import postgres_engine
from settlement_platform.storage.engines.sqlite_readonly import readonly_sqlite_engine
from settlement_platform.storage.errors import translator_for
from settlement_platform.storage.ledger import schema as ledger_schema
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform.storage.ledger.schema import migrate
from settlement_platform.storage.schema_versions import refuse_older

translate_errors = translator_for("ledger")


def open_ledger(url: str, *, now: datetime) -> Ledger:
    """Open the ledger at an SQLAlchemy URL, creating or migrating it.

    Raises:
        PermanentFailure: the URL is of another kind of database, or a newer program wrote the ledger.
        TransientFailure: the database cannot be reached.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = _sqlite(parsed)
    elif parsed.get_backend_name() == "postgresql":
        engine = postgres_engine(parsed, pool_pre_ping=True)
    else:
        raise unsupported_database(parsed)
    with (
        translate_errors(f"Opening the ledger {parsed.render_as_string(hide_password=True)}"),
        engine.begin() as connection,
    ):
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(72619)"))
        migrate(connection, now=now)
    return Ledger(engine)


def _sqlite(url: sa.URL) -> sa.Engine:
    """SQLite in WAL mode, writing transactions taking the lock at once so that none has to be upgraded."""
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
    """Open the ledger at an SQLAlchemy URL, to read it.

    Raises:
        PermanentFailure: it is older or newer than this program.
        TransientFailure: the database cannot be reached.
    """
    engine = _engine(url)
    version = _version(url, engine) if engine else 0
    if engine is None or version == 0:
        return _empty_ledger(now)
    refuse_older("ledger", version, len(ledger_schema.MIGRATIONS))
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
        raise unsupported_database(parsed)
    path = Path(parsed.database or "")
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
