"""Opening the ledger: where it is kept, and how an older one becomes a current one."""

from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.errors import judging
from settlement_platform.storage.ledger import Ledger
from settlement_platform.storage.ledger_schema import migrate
from settlement_platform.storage.postgres import postgres_engine

judged = judging("ledger")


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
        raise unknown_kind(parsed)
    with (
        judged(f"Opening the ledger {parsed.render_as_string(hide_password=True)}"),
        engine.begin() as connection,
    ):
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(72619)"))
        migrate(connection, now=now)
    return Ledger(engine)


def unknown_kind(url: sa.URL) -> PermanentFailure:
    """What is wrong with the URL of a database of another kind."""
    message = f"The ledger cannot be kept in {url.get_backend_name()}."
    return PermanentFailure(message, remedy="Set SETTLEMENT_LEDGER_URL to sqlite:///… or postgresql://….")


def _sqlite(url: sa.URL) -> sa.Engine:
    """SQLite in WAL mode, writing transactions taking the lock at once so that none has to be upgraded."""
    with judged(f"Creating the folder of {url.database}"):
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
