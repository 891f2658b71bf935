"""The tables of the ledger, one per kind of fact, and how an older ledger becomes a current one."""

import dataclasses
import types
import typing
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from settlement_platform.control.alerts.episodes import AlertDelivery, AlertEvent
from settlement_platform.control.facts import Arrival, Attempt, OperatorAction, Staging, Verdict, Write
from settlement_platform.control.failures import PermanentFailure

FACTS: dict[type, str] = {
    Arrival: "arrivals",
    Staging: "stagings",
    Write: "writes",
    Verdict: "verdicts",
    Attempt: "attempts",
    OperatorAction: "operator_actions",
    AlertEvent: "alert_events",
    AlertDelivery: "alert_deliveries",
}


_INDEXED = {"input_hash", "content_hash", "episode"}


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time; kept without its offset where the database has no type for it."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse naive times; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"{value} has no offset; every time in the ledger is aware"
            raise ValueError(message)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give UTC back."""
        del dialect
        return value if value is None else value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


METADATA = sa.MetaData()


VERSIONS = sa.Table(
    "schema_versions",
    METADATA,
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("applied_at", UtcDateTime, nullable=False),
)


def _column(name: str, hint: Any) -> sa.Column[Any]:  # noqa: ANN401 - a type hint
    optional = isinstance(hint, types.UnionType)
    kind = next(a for a in typing.get_args(hint) if a is not type(None)) if optional else hint
    known: dict[Any, Any] = {
        str: sa.Text(),
        bool: sa.Boolean(),
        int: sa.BigInteger(),
        date: sa.Date(),
        datetime: UtcDateTime(),
    }
    is_name = isinstance(kind, type) and issubclass(kind, StrEnum)
    return sa.Column(name, known.get(str if is_name else kind, sa.JSON()), nullable=optional, index=name in _INDEXED)


def _table(fact: type, name: str) -> sa.Table:
    hints = typing.get_type_hints(fact)
    columns = [_column(field.name, hints[field.name]) for field in dataclasses.fields(fact)]
    identity = sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
    return sa.Table(name, METADATA, identity, *columns, sa.Index(f"{name}_by_date", "dataset", "business_date"))


TABLES: dict[type, sa.Table] = {fact: _table(fact, name) for fact, name in FACTS.items()}


_ATTEMPTS = TABLES[Attempt].c


ATTEMPT_INDEXES = (
    sa.Index("attempts_by_outcome", _ATTEMPTS.dataset, _ATTEMPTS.outcome, _ATTEMPTS.step, _ATTEMPTS.id),
    sa.Index("attempts_in_order", _ATTEMPTS.dataset, _ATTEMPTS.id),
    sa.Index("attempts_by_time", _ATTEMPTS.recorded_at),
)
"""For what breakers ask at every tick of every sensor: what was tried since the last success, and lately."""


_WRITES = TABLES[Write].c


WRITE_INDEX = sa.Index("writes_by_time", _WRITES.dataset, _WRITES.service_class, _WRITES.recorded_at)
"""For the throttle, which asks for the last minute of a table and class."""


def _create_missing(connection: sa.Connection) -> None:
    """Make what is declared and missing: tables, with triggers that keep them append-only, and columns.

    A column that older facts lack has the default of its fact.
    """
    present = sa.inspect(connection)
    known = {name: {c["name"] for c in present.get_columns(name)} for name in present.get_table_names()}
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(_POSTGRES_REFUSAL))
    METADATA.create_all(connection)
    _forbid_changes(connection, [name for name in FACTS.values() if name not in known])
    for fact, table in TABLES.items():
        defaults = {f.name: f.default for f in dataclasses.fields(fact)}
        for column in table.columns:
            if column.name not in known.get(table.name, {column.name}):
                kind = column.type.compile(connection.dialect)
                default = sa.literal(defaults[column.name]).compile(
                    dialect=connection.dialect, compile_kwargs={"literal_binds": True}
                )
                connection.execute(
                    sa.text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind} NOT NULL DEFAULT {default}")
                )


def _index_attempts(connection: sa.Connection) -> None:
    for index in ATTEMPT_INDEXES:
        index.create(connection, checkfirst=True)


def _forbid_changes(connection: sa.Connection, names: list[str]) -> None:
    for name in names:
        if connection.dialect.name == "postgresql":
            changes = "UPDATE OR DELETE OR TRUNCATE"
            body = f"BEFORE {changes} ON {name} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            connection.execute(sa.text(f"CREATE TRIGGER {name}_append_only {body}"))
            continue
        for change in ("UPDATE", "DELETE"):
            body = f"BEFORE {change} ON {name} BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            connection.execute(sa.text(f"CREATE TRIGGER {name}_no_{change.lower()} {body}"))


_POSTGRES_REFUSAL = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$
"""


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (
    _create_missing,
    _create_missing,
    _index_attempts,
    _create_missing,
)
"""Step n brings a ledger to version n + 1; steps are only ever added.

Version 2 knows retries and alerts, version 4 writes.
"""


def version_of(connection: sa.Connection) -> int:
    """The schema version of the ledger behind `connection`, 0 where there is none yet.

    Raises:
        PermanentFailure: a newer program wrote it.
    """
    if not sa.inspect(connection).has_table(VERSIONS.name):
        return 0
    version = connection.execute(sa.select(sa.func.coalesce(sa.func.max(VERSIONS.c.version), 0))).scalar_one()
    if version > len(MIGRATIONS):
        message = f"The ledger has schema version {version}; this program knows versions up to {len(MIGRATIONS)}."
        raise PermanentFailure(message, remedy="Upgrade the program; it does not touch a newer ledger.")
    return int(version)


def migrate(connection: sa.Connection, *, now: datetime) -> int:
    """Bring the ledger behind `connection` forward, in its transaction; returns the version that it has then.

    Raises:
        PermanentFailure: a newer program wrote it.
    """
    VERSIONS.create(connection, checkfirst=True)
    version = version_of(connection)
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        step(connection)
        connection.execute(VERSIONS.insert().values(version=number, applied_at=now))
    return len(MIGRATIONS)
