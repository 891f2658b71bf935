"""Contracts: pandera schemas compiled to typed columns, value rules as SQL for one pass, and a fingerprint.

pandera's ibis checks are the only source of the rules. Their expressions over an empty table are compiled together,
because pandera's own validation would query the rows once per rule.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.backends.ibis.builtin_checks  # noqa: F401 - registers the built-in checks for ibis tables
import pandera.ibis as pa
import sqlglot

from settlement_platform.control.landing.content_hash import canonical_sha256

_ENUM_LOOKUP_FROM = 16

_DECIMAL_TYPE = re.compile(r"DECIMAL\(\s*([0-9]+)\s*(?:,\s*([0-9]+)\s*)?\)")

CONTRACT_VERSION = 3
"""Increased whenever staging or validation would come to another verdict on the same bytes."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A delivered column: `kind` says how its text is read, `sql_type` how its values are stored.

    `not_card_numbers` says why long numbers in a column of text are no card numbers; without it a text that holds one
    is refused. The names of this class and its fields are part of every fingerprint: renaming one would change all.
    `extra_zeros` accepts a decimal with more decimals than declared if these are zeros; `bare_point` accepts `.11` and
    `5.`.
    """

    name: str
    kind: str
    sql_type: str
    nullable: bool
    not_card_numbers: str = ""
    # Fields from here on enter a fingerprint only where they are set, so that older contracts keep theirs.
    extra_zeros: bool = field(default=False, repr=False)
    bare_point: bool = field(default=False, repr=False)

    @property
    def refuses_card_numbers(self) -> bool:
        """Return whether a card number anywhere in a value is withheld and closes the gate."""
        return self.kind == "text" and not self.not_card_numbers


@dataclass(frozen=True, kw_only=True)
class DerivedColumn:
    """A published column computed from delivered ones by `sql`, which sees them typed.

    `narrow_sql` is optional and runs first. It gives the same value as a smaller decimal, which the lake accepts as
    `sql_type`, or null if the value does not fit. `repeated_time` says which moment is meant by a local time that
    exists twice: `earlier` or `later`. Without it, such a time is a finding.
    """

    name: str
    sql_type: str
    sql: str
    narrow_sql: str = ""
    repeated_time: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse an unknown word.

        Raises:
            ValueError: `repeated_time` is neither empty nor `earlier` nor `later`.
        """
        if self.repeated_time not in {"", "earlier", "later"}:
            message = (
                f"repeated_time of {self.name} is {self.repeated_time!r}. Use 'earlier' or 'later', or leave it out."
            )
            raise ValueError(message)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A value rule: `violates` is an SQL condition that is true for a row that violates it."""

    name: str
    column: str | None
    violates: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A compiled schema: columns, rules as SQL, and a fingerprint that changes with anything that changes a verdict."""

    columns: tuple[Column, ...]
    derived: tuple[DerivedColumn, ...]
    rules: tuple[Rule, ...]
    fingerprint: str

    @property
    def published_columns(self) -> tuple[tuple[str, str], ...]:
        """The name and SQL type of every published column, in order."""
        delivered = [(c.name, c.sql_type) for c in self.columns]
        derived = [(d.name, d.sql_type) for d in self.derived]
        return (*delivered, *derived, ("source", "VARCHAR"), ("source_row_number", "BIGINT"))

    @property
    def decimal_columns(self) -> dict[str, tuple[int, int]]:
        """The digits of each published decimal column: in all, and after the point."""
        sizes = {name: _DECIMAL_TYPE.fullmatch(kind.upper()) for name, kind in self.published_columns}
        return {name: (int(size[1]), int(size[2] or 0)) for name, size in sizes.items() if size}


def compile_contract(
    schema: type[pa.DataFrameModel], *, derived: Sequence[DerivedColumn] = (), policy: object = None
) -> Contract:
    """Compile a pandera model; `policy` is a JSON value that enters the fingerprint.

    Raises:
        TypeError: a column has a type that cannot be read from text.
        ValueError: the model declares `unique`, which no rule enforces, or two checks with one name.
    """
    frame = schema.to_schema()
    _refuse_unique(frame)
    columns = tuple(_column(name, column) for name, column in frame.columns.items())
    rules = tuple(_rules(frame, columns))
    identity = [CONTRACT_VERSION, policy, columns, tuple(derived), rules, *_newer_marks([*columns, *derived])]
    return Contract(columns=columns, derived=tuple(derived), rules=rules, fingerprint=canonical_sha256(identity))


def _newer_marks(parts: Sequence[Column | DerivedColumn]) -> list[tuple[str, str, object]]:
    """Return the set fields that older contracts did not have, each with its column."""
    return [
        (part.name, f.name, getattr(part, f.name))
        for part in parts
        for f in fields(part)
        if not f.repr and getattr(part, f.name)
    ]


def _column(name: str, column: Any) -> Column:  # noqa: ANN401 - pandera's column has no public type
    kind, sql_type = _kind(name, column.dtype.type)
    marks = column.metadata or {}
    return Column(
        name=name,
        kind=kind,
        sql_type=sql_type,
        nullable=bool(column.nullable),
        not_card_numbers=str(marks.get("not_card_numbers", "")),
        extra_zeros=bool(marks.get("extra_zeros")),
        bare_point=bool(marks.get("bare_point")),
    )


def _kind(name: str, dtype: dt.DataType) -> tuple[str, str]:
    """Return the kind of a column, which says how its text is read, and its SQL type."""
    if dtype.is_string():
        return "text", "VARCHAR"
    if dtype.is_int64():
        return "integer", "BIGINT"
    if isinstance(dtype, dt.Timestamp) and dtype.timezone == "UTC":
        return "timestamp", "TIMESTAMPTZ"
    if dtype.is_date():
        return "date", "DATE"
    if isinstance(dtype, dt.Decimal):
        return "decimal", f"DECIMAL({dtype.precision}, {dtype.scale})"
    if dtype.is_float64():
        return "float", "DOUBLE"
    message = (
        f"Column {name} has the type {dtype}, which cannot be read from text. "
        "Use str, int, datetime.date, dt.Timestamp(timezone='UTC') or dt.Decimal(p, s)."
    )
    raise TypeError(message)


def _rules(frame: Any, columns: Sequence[Column]) -> list[Rule]:  # noqa: ANN401 - pandera's container
    """Return the rules of the schema, first per column, then over whole rows."""
    types = {name: column.dtype.type for name, column in frame.columns.items()}
    table = ibis.table({**types, "source": "string"}, name="staged")
    found: list[tuple[Any, str | None]] = [
        (check, column.name) for column in columns for check in frame.columns[column.name].checks
    ]
    found += [(check, None) for check in frame.checks]
    rules = [_rule(check, column, table) for check, column in found]
    duplicated = [name for name, times in Counter(rule.name for rule in rules).items() if times > 1]
    if duplicated:
        message = f"Two checks are both named {duplicated[0]}. Give one of them another name."
        raise ValueError(message)
    return rules


def _refuse_unique(frame: Any) -> None:  # noqa: ANN401 - as above
    """Refuse `unique`: pandera's ibis backend ignores it on a column, and only checks are compiled."""
    unique = [name for name, column in frame.columns.items() if column.unique] + list(frame.unique or ())
    if unique:
        message = f"unique on {', '.join(unique)} is not enforced. Declare these columns as the key of the dataset."
        raise ValueError(message)


def _rule(check: Any, column: str | None, table: ir.Table) -> Rule:  # noqa: ANN401 - pandera's check
    name = f"{column}_{check.name}" if column else check.name
    expression = _expression(check._check_fn, check._check_kwargs, table, column)  # noqa: SLF001 - no public way
    return Rule(
        name=name,
        column=column,
        violates=_condition(~expression, table),
        description=_describe(check, column),
    )


def _describe(check: Any, column: str | None) -> str:  # noqa: ANN401 - pandera's check
    if check.description:
        return str(check.description)
    if check.name == "isin":
        allowed = [str(value) for value in check.statistics["allowed_values"]]
        shown = ", ".join(allowed[:8]) + (f" and {len(allowed) - 8} more" if len(allowed) > 8 else "")  # noqa: PLR2004
        return f"{column} must be one of {shown}"
    return f"{column} must satisfy {check.error or check.name}"


def _expression(
    function: Callable[..., Any], arguments: dict[str, Any], table: ir.Table, column: str | None
) -> ir.BooleanValue:
    """Return the boolean expression of a check over `table`; built-in checks wrap it in a projection of one column."""
    result = function(pa.IbisData(table, column), **arguments)
    if isinstance(result, ir.Table):
        (value,) = result.op().values.values()
        result = value.to_expr()
    return result


def _condition(expression: ir.BooleanValue, table: ir.Table) -> str:
    """Return the expression as DuckDB SQL over unqualified column names."""
    query = sqlglot.parse_one(ibis.to_sql(table.select(violates=expression), dialect="duckdb"), dialect="duckdb")
    for column in query.find_all(sqlglot.exp.Column):
        column.set("table", None)
    for membership in query.find_all(sqlglot.exp.In):  # pandera stores allowed values as a set, without a stable order
        membership.set("expressions", sorted(membership.expressions, key=str))
    return str(query.transform(_as_enum_lookup).expressions[0].this.sql(dialect="duckdb"))


def _as_enum_lookup(node: Any) -> Any:  # noqa: ANN401 - sqlglot's node
    """Rewrite membership in a long list of texts as a cast to an enum: a lookup, not a comparison with each."""
    if not isinstance(node, sqlglot.exp.In) or len(node.expressions) < _ENUM_LOOKUP_FROM:
        return node
    if not all(isinstance(value, sqlglot.exp.Literal) and value.is_string for value in node.expressions):
        return node
    column, values = node.this.sql(dialect="duckdb"), ", ".join(v.sql(dialect="duckdb") for v in node.expressions)
    lookup = f"CASE WHEN {column} IS NOT NULL THEN TRY_CAST({column} AS ENUM({values})) IS NOT NULL END"
    return sqlglot.parse_one(lookup, dialect="duckdb")
