"""The schema of the ledger: one append-only table per kind of fact, and the migrations from older versions."""

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
from settlement_platform.storage.schema_versions import pending_migrations, refuse_newer
from settlement_platform.storage.serialization import require_aware

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
    """A column type for aware UTC times; SQLite, which has no such type, stores them without an offset."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the time in UTC, as the database stores it.

        Raises:
            ValueError: the time has no offset.
        """
        if value is None:
            return None
        utc = require_aware(value).astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the stored time as aware UTC."""
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
"""For the queries of circuit breakers at every sensor tick: attempts since the last success, and recent ones."""

_WRITES = TABLES[Write].c

WRITE_INDEX = sa.Index("writes_by_time", _WRITES.dataset, _WRITES.service_class, _WRITES.recorded_at)
"""For the write throttle, which queries the last minute of a table and service class."""


def _create_missing(connection: sa.Connection) -> None:
    """Create missing tables, with triggers that keep them append-only, and missing columns.

    A new column gets the default of its fact in older rows, or null where it may be null.
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
                rule = "" if column.nullable else _not_null(connection, defaults[column.name])
                kind = column.type.compile(connection.dialect)
                connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}{rule}"))


def _not_null(connection: sa.Connection, default: object) -> str:
    literal = sa.literal(default).compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    return f" NOT NULL DEFAULT {literal}"


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
    _create_missing,
)
"""Migration n leads from version n to n + 1; new ones are only appended.

Version 2 added retries and alerts, version 4 writes, version 5 the codes of alerts.
"""


def version_of(connection: sa.Connection) -> int:
    """Return the schema version of the ledger behind `connection`; 0 if there is none yet.

    Raises:
        PermanentFailure: a newer program wrote it.
    """
    if not sa.inspect(connection).has_table(VERSIONS.name):
        return 0
    version = connection.execute(sa.select(sa.func.coalesce(sa.func.max(VERSIONS.c.version), 0))).scalar_one()
    refuse_newer("ledger", version, len(MIGRATIONS))
    return int(version)


def migrate(connection: sa.Connection, *, now: datetime) -> int:
    """Migrate the ledger behind `connection`, in its transaction; return its new version.

    Raises:
        PermanentFailure: a newer program wrote it.
    """
    VERSIONS.create(connection, checkfirst=True)
    version = version_of(connection)
    for number, migration in pending_migrations(MIGRATIONS, version):
        migration(connection)
        connection.execute(VERSIONS.insert().values(version=number, applied_at=now))
    return len(MIGRATIONS)
