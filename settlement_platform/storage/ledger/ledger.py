"""The append-only ledger of facts, on SQLite or PostgreSQL."""

import dataclasses
from collections.abc import Collection, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa

from settlement_platform.control.alerts.episodes import AlertDelivery, AlertEvent
from settlement_platform.control.facts import (
    Arrival,
    Attempt,
    AttemptOutcome,
    AttemptStep,
    OperatorAction,
    OperatorActionType,
    Staging,
    Verdict,
    Write,
)
from settlement_platform.control.landing.delivery_hash import StagedInput
from settlement_platform.storage.errors import translator_for
from settlement_platform.storage.ledger.schema import TABLES
from settlement_platform.storage.serialization import CONVERTER

translate_errors = translator_for("ledger")
Fact = Arrival | Staging | Write | Verdict | Attempt | OperatorAction | AlertEvent | AlertDelivery
F = TypeVar("F", Arrival, Staging, Write, Verdict, Attempt, OperatorAction, AlertEvent, AlertDelivery)

_VALUES_PER_QUERY = 500
"""Some builds of SQLite accept at most 999 values."""

_UNCONVERTED: frozenset[type] = frozenset({Arrival, Write})
"""Facts without values to convert; every scan reads hundreds or thousands of them."""

_PUBLISHED = (
    TABLES[Attempt].c.step == AttemptStep.PUBLISH,
    TABLES[Attempt].c.outcome == AttemptOutcome.SUCCEEDED,
)


class Ledger:
    """The append-only ledger: facts are appended and read, never changed or removed."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> sa.Engine:
        """The database behind it, for locks kept in the same place."""
        return self._engine

    def append(self, *facts: Fact) -> None:
        """Append facts in one transaction: all of them, or none.

        Raises:
            TransientFailure: the database did not answer.
            PermanentFailure: the database refused to write.
        """
        with translate_errors("Appending to the ledger"), self._engine.begin() as connection:
            for fact in facts:
                connection.execute(TABLES[type(fact)].insert().values(**_row(fact)))

    def arrivals(self, dataset: str, first: date, last: date) -> list[Arrival]:
        """Return the arrivals of a range of business dates, oldest first."""
        return self._between(Arrival, dataset, first, last)

    def arrival_counts(self, dataset: str, first: date, last: date) -> dict[date, int]:
        """Return the number of arrivals per business date in a range, for dates with any."""
        table = TABLES[Arrival]
        query = (
            sa.select(table.c.business_date, sa.func.count())
            .where(table.c.dataset == dataset, table.c.business_date.between(first, last))
            .group_by(table.c.business_date)
        )
        with translate_errors("Reading the ledger"), self._read_connection() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def has_arrivals(self) -> bool:
        """Return whether any arrival was ever recorded."""
        with translate_errors("Reading the ledger"), self._read_connection() as connection:
            return connection.execute(sa.select(TABLES[Arrival].c.id).limit(1)).first() is not None

    def has_publications(self) -> bool:
        """Return whether any attempt ever published."""
        query = sa.select(TABLES[Attempt].c.id).where(*_PUBLISHED).limit(1)
        with translate_errors("Reading the ledger"), self._read_connection() as connection:
            return connection.execute(query).first() is not None

    def attempts(self, dataset: str, first: date, last: date) -> list[Attempt]:
        """Return the recorded steps of attempts on a range of business dates, oldest first."""
        return self._between(Attempt, dataset, first, last)

    def attempts_since_publishing(self, datasets: Collection[str]) -> list[Attempt]:
        """Return the steps recorded for these datasets after their last attempt that published, oldest first."""
        table = TABLES[Attempt]
        published = [
            sa.select(table.c.id).where(table.c.dataset == dataset, *_PUBLISHED).order_by(table.c.id.desc()).limit(1)
            for dataset in datasets
        ]
        with translate_errors("Reading the ledger"), self._read_connection() as connection:
            last = max((connection.execute(query).scalar() or 0 for query in published), default=0)
        return self._read(Attempt, sa.select(table).where(table.c.dataset.in_(datasets), table.c.id > last))

    def attempts_after(self, moment: datetime) -> list[Attempt]:
        """Return the steps of any dataset recorded after a moment, oldest first."""
        table = TABLES[Attempt]
        later = table.c.recorded_at > moment
        # To read in order, SQLite would scan the whole table; this way it scans the recent part.
        first = sa.select(sa.func.min(table.c.id)).where(later).scalar_subquery()
        return self._read(Attempt, sa.select(table).where(table.c.id >= first, later))

    def stagings(self, dataset: str, first: date, last: date) -> list[Staging]:
        """Return the stagings of a range of business dates, oldest first."""
        return self._between(Staging, dataset, first, last)

    def staged_inputs(self, dataset: str, first: date, last: date) -> list[StagedInput]:
        """Return what identifies the deliveries that were staged in a range of business dates, oldest first."""
        table = TABLES[Staging]
        names = [f.name for f in dataclasses.fields(StagedInput) if f.name != "refusal"]
        unread = sa.case((table.c.path == "", sa.cast(table.c.observations, sa.Text))).label("refusal")
        query = (
            sa.select(*(table.c[name] for name in names), unread)
            .where(table.c.dataset == dataset, table.c.business_date.between(first, last))
            .order_by(table.c.id)
        )
        with translate_errors("Reading the ledger"), self._read_connection() as connection:
            rows = connection.execute(query).mappings().all()
        return [StagedInput(**{**row, "refusal": row["refusal"] or ""}) for row in rows]

    def writes(self, *, after: datetime, table: str | None = None, service_class: str | None = None) -> list[Write]:
        """Return the writes after a moment, of one table and service class if given, oldest first."""
        columns = TABLES[Write].c
        query = sa.select(TABLES[Write]).where(columns.recorded_at > after)
        for column, value in ((columns.dataset, table), (columns.service_class, service_class)):
            query = query if value is None else query.where(column == value)
        return self._read(Write, query)

    def verdicts(self, dataset: str, first: date, last: date) -> dict[str, Verdict]:
        """Return the latest verdict per content hash, over a range of business dates, oldest content first."""
        return {v.content_hash: v for v in self.verdict_history(dataset, first, last)}

    def verdict_history(self, dataset: str, first: date, last: date) -> list[Verdict]:
        """Return every verdict on a range of business dates, oldest first."""
        return self._between(Verdict, dataset, first, last)

    def actions(self, dataset: str) -> list[OperatorAction]:
        """Return the operator actions on a dataset, oldest first."""
        table = TABLES[OperatorAction]
        return self._read(OperatorAction, sa.select(table).where(table.c.dataset == dataset))

    def actions_named(self, action: OperatorActionType) -> list[OperatorAction]:
        """Return the operator actions of one type on any dataset, oldest first."""
        table = TABLES[OperatorAction]
        return self._read(OperatorAction, sa.select(table).where(table.c.action == action))

    def verdict(self, content_hash: str) -> Verdict | None:
        """Return the latest verdict on a content; None if it was never validated."""
        table = TABLES[Verdict]
        found = self._read(Verdict, sa.select(table).where(table.c.content_hash == content_hash))
        return found[-1] if found else None

    def latest_verdicts(self, contents: Sequence[str]) -> dict[str, Verdict]:
        """Return the latest verdict per content hash, for those of these contents that have one."""
        table, found = TABLES[Verdict], {}
        for start in range(0, len(contents), _VALUES_PER_QUERY):
            among = table.c.content_hash.in_(contents[start : start + _VALUES_PER_QUERY])
            found.update({v.content_hash: v for v in self._read(Verdict, sa.select(table).where(among))})
        return found

    def key_ranges(self, dataset: str, first: date, last: date) -> dict[str, tuple[tuple[str, str], ...]]:
        """Return the least and greatest key per source of each validated content, over a range of business dates."""
        table = TABLES[Verdict]
        query = sa.select(table.c.content_hash, table.c.key_ranges).where(
            table.c.dataset == dataset, table.c.business_date.between(first, last)
        )
        with translate_errors("Reading the ledger"), self._read_connection() as connection:
            return {content: tuple((low, high) for low, high in found) for content, found in connection.execute(query)}

    def latest_verdict(self, dataset: str) -> Verdict | None:
        """Return the last verdict on any date of a dataset; None if there is none."""
        table = TABLES[Verdict]
        query = sa.select(table).where(table.c.dataset == dataset).order_by(table.c.id.desc()).limit(1)
        with translate_errors("Reading the ledger"), self._read_connection() as connection:
            row = connection.execute(query).mappings().first()
        return _fact(Verdict, row) if row else None

    def staging(self, input_hash: str) -> Staging | None:
        """Return the latest staging of an input; None if it was never staged."""
        table = TABLES[Staging]
        found = self._read(Staging, sa.select(table).where(table.c.input_hash == input_hash))
        return found[-1] if found else None

    def select(self, fact: type[F], query: sa.Select[Any]) -> list[F]:
        """Return the facts that a query over their table finds, oldest first."""
        return self._read(fact, query)

    def _read_connection(self) -> sa.Connection:
        return self._engine.connect().execution_options(only_reads=True)

    def _between(self, fact: type[F], dataset: str, first: date, last: date) -> list[F]:
        table = TABLES[fact]
        within = table.c.business_date.between(first, last)
        return self._read(fact, sa.select(table).where(table.c.dataset == dataset, within))

    def _read(self, fact: type[F], query: sa.Select[Any]) -> list[F]:
        with translate_errors("Reading the ledger"), self._read_connection() as connection:
            rows = connection.execute(query.order_by(TABLES[fact].c.id)).mappings().all()
        return [_fact(fact, row) for row in rows]


def _row(fact: Fact) -> dict[str, Any]:
    return {f.name: _stored(getattr(fact, f.name)) for f in dataclasses.fields(fact)}


def _stored(value: object) -> Any:  # noqa: ANN401 - a value of any column
    plain = isinstance(value, (str, int, date, datetime, type(None))) and not isinstance(value, StrEnum)
    return value if plain else CONVERTER.unstructure(value)


def _fact(fact: type[F], row: sa.RowMapping) -> F:
    values = {k: v for k, v in row.items() if k != "id"}
    return fact(**values) if fact in _UNCONVERTED else CONVERTER.structure(values, fact)
