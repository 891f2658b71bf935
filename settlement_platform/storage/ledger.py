"""The append-only ledger of facts, on SQLite or PostgreSQL."""

import dataclasses
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from cattrs.preconf.json import make_converter

from settlement_platform.control.alert_facts import AlertDelivery, AlertEvent
from settlement_platform.control.facts import (
    Arrival,
    Attempt,
    OperatorAction,
    Staging,
    Verdict,
)
from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.errors import judged
from settlement_platform.storage.ledger_schema import TABLES, migrate

Fact = Arrival | Staging | Verdict | Attempt | OperatorAction | AlertEvent | AlertDelivery
F = TypeVar("F", Arrival, Staging, Verdict, Attempt, OperatorAction, AlertEvent, AlertDelivery)

CONVERTER = make_converter()
CONVERTER.register_structure_hook(date, lambda v, _: v if isinstance(v, date) else date.fromisoformat(v))
CONVERTER.register_structure_hook(datetime, lambda v, _: v if isinstance(v, datetime) else datetime.fromisoformat(v))


class Ledger:
    """Appends and reads facts; nothing in it is ever changed or removed."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> sa.Engine:
        """The database behind it, for locks that live in the same place."""
        return self._engine

    def append(self, *facts: Fact) -> None:
        """Append facts in one transaction: all of them, or none."""
        with judged("Appending to the ledger"), self._engine.begin() as connection:
            for fact in facts:
                connection.execute(TABLES[type(fact)].insert().values(**_row(fact)))

    def arrivals(self, dataset: str, first: date, last: date) -> list[Arrival]:
        """Recorded arrivals of a range of business dates, oldest first."""
        return self._between(Arrival, dataset, first, last)

    def attempts(self, dataset: str, first: date, last: date) -> list[Attempt]:
        """Recorded steps of attempts on a range of business dates, oldest first."""
        return self._between(Attempt, dataset, first, last)

    def verdicts(self, dataset: str, first: date, last: date) -> dict[str, Verdict]:
        """The latest verdict per content hash, over a range of business dates, oldest content first."""
        return {v.content_hash: v for v in self.verdict_history(dataset, first, last)}

    def verdict_history(self, dataset: str, first: date, last: date) -> list[Verdict]:
        """Every verdict on a range of business dates, oldest first."""
        return self._between(Verdict, dataset, first, last)

    def actions(self, dataset: str) -> list[OperatorAction]:
        """What operators did to a dataset, oldest first."""
        table = TABLES[OperatorAction]
        return self._read(OperatorAction, sa.select(table).where(table.c.dataset == dataset))

    def verdict(self, content_hash: str) -> Verdict | None:
        """The latest verdict on a content."""
        table = TABLES[Verdict]
        found = self._read(Verdict, sa.select(table).where(table.c.content_hash == content_hash))
        return found[-1] if found else None

    def key_ranges(self, dataset: str, first: date, last: date) -> dict[str, tuple[tuple[str, str], ...]]:
        """The least and greatest key of each source of each content that was judged, over a range of business dates."""
        table = TABLES[Verdict]
        query = sa.select(table.c.content_hash, table.c.key_ranges).where(
            table.c.dataset == dataset, table.c.business_date.between(first, last)
        )
        with judged("Reading the ledger"), self._reading() as connection:
            return {content: tuple((low, high) for low, high in found) for content, found in connection.execute(query)}

    def latest_verdict(self, dataset: str) -> Verdict | None:
        """The last validation of any date of a dataset."""
        table = TABLES[Verdict]
        query = sa.select(table).where(table.c.dataset == dataset).order_by(table.c.id.desc()).limit(1)
        with judged("Reading the ledger"), self._reading() as connection:
            row = connection.execute(query).mappings().first()
        return _fact(Verdict, row) if row else None

    def staging(self, input_hash: str) -> Staging | None:
        """The latest staging of an input."""
        table = TABLES[Staging]
        found = self._read(Staging, sa.select(table).where(table.c.input_hash == input_hash))
        return found[-1] if found else None

    def select(self, fact: type[F], query: sa.Select[Any]) -> list[F]:
        """The facts that a query over their table finds, oldest first."""
        return self._read(fact, query)

    def _reading(self) -> sa.Connection:
        return self._engine.connect().execution_options(only_reads=True)

    def _between(self, fact: type[F], dataset: str, first: date, last: date) -> list[F]:
        table = TABLES[fact]
        within = table.c.business_date.between(first, last)
        return self._read(fact, sa.select(table).where(table.c.dataset == dataset, within))

    def _read(self, fact: type[F], query: sa.Select[Any]) -> list[F]:
        with judged("Reading the ledger"), self._reading() as connection:
            rows = connection.execute(query.order_by(TABLES[fact].c.id)).mappings().all()
        return [_fact(fact, row) for row in rows]


def _row(fact: Fact) -> dict[str, Any]:
    plain = (str, int, date, datetime, type(None))
    return {
        f.name: value if isinstance(value := getattr(fact, f.name), plain) else CONVERTER.unstructure(value)
        for f in dataclasses.fields(fact)
    }


def _fact(fact: type[F], row: sa.RowMapping) -> F:
    return CONVERTER.structure({k: v for k, v in row.items() if k != "id"}, fact)


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
        engine = sa.create_engine(parsed.set(drivername="postgresql+psycopg2"), pool_pre_ping=True)
    else:
        message = f"The ledger cannot be kept in {parsed.get_backend_name()}."
        raise PermanentFailure(message, remedy="Set SETTLEMENT_LEDGER_URL to sqlite:///… or postgresql://….")
    with (
        judged(f"Opening the ledger {parsed.render_as_string(hide_password=True)}"),
        engine.begin() as connection,
    ):
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(72619)"))
        migrate(connection, now=now)
    return Ledger(engine)


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
