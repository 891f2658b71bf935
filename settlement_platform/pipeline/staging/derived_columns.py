"""Derived columns: their expressions made strict, and the rows on which one cannot be computed.

Such rows are found by halving a range that fails. DuckDB's TRY does not do: it lets some errors pass, and loses its
protection where a part is used twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import sqlglot

from settlement_platform.control.card_numbers import redact
from settlement_platform.datasets.contract import Contract, DerivedColumn
from settlement_platform.pipeline.staging.csv_structure import MAX_SAMPLES
from settlement_platform.pipeline.staging.local_times import NO_SUCH_TIME, REPEATED_TIME, with_strict_local_times
from settlement_platform.storage.engines.duckdb_engine import parquet_relation, quote_identifier
from settlement_platform.storage.errors import VALUE_ERRORS

BUSINESS_DATE = "business_date"

_KNOWN_PROBLEMS = {
    NO_SUCH_TIME: NO_SUCH_TIME,
    REPEATED_TIME: REPEATED_TIME,
    "Unknown TimeZone": "an unknown time zone",
}
"""Per text of an error, the problem in words that quote no value."""


@dataclass(frozen=True, kw_only=True)
class FailingRows:
    """The first few rows on which an expression fails: each record number with the problem. `more` may follow."""

    rows: tuple[tuple[int, str], ...] = ()
    more: bool = False

    @property
    def count(self) -> str:
        """Return how many rows fail, as far as it is known."""
        return f"at least {len(self.rows):,}" if self.more else f"{len(self.rows):,}"


@dataclass(frozen=True, kw_only=True)
class Expression:
    """The SQL of a derived column: `narrow` for the first pass, `full` for the second."""

    narrow: str
    full: str


@dataclass(frozen=True, kw_only=True)
class FailedColumn:
    """A derived column that cannot be computed on some rows, and the delivered values there, redacted."""

    name: str
    inputs: tuple[str, ...]
    failing: FailingRows
    values: Mapping[int, str]


def strict_expressions(cursor: duckdb.DuckDBPyConnection, contract: Contract) -> dict[str, Expression]:
    """Return the expressions of a contract's derived columns, which refuse doubtful local times."""
    types = {c.name: c.sql_type for c in contract.columns}

    def strict(column: DerivedColumn, sql: str) -> str:
        return with_strict_local_times(cursor, sql, types, column.repeated_time)

    return {
        d.name: Expression(narrow=strict(d, d.narrow_sql or d.sql), full=strict(d, d.sql)) for d in contract.derived
    }


def find_failed_columns(
    cursor: duckdb.DuckDBPyConnection,
    contract: Contract,
    expressions: Mapping[str, Expression],
    delivered: Path,
    rows: int,
) -> tuple[FailedColumn, ...]:
    """Return the derived columns that fail on a row of a Parquet file with the delivered columns.

    An earlier derived column is computed where a later one uses it, and null if it fails itself.
    """
    relation = parquet_relation([str(delivered)])
    names = ", ".join(map(quote_identifier, (*(c.name for c in contract.columns), "source_row_number")))
    found = []
    listed = names
    for column in contract.derived:
        sql, alias = expressions[column.name].full, quote_identifier(column.name)
        # In an inner query, because a column of the file would hide an earlier derived one of its name.
        searched = f"(SELECT {listed}, {sql} AS {alias} FROM (SELECT {names} FROM {relation}))"
        failing = find_failing_rows(cursor, alias, searched, rows)
        if failing.rows:
            found.append(_failed(cursor, contract, column, failing, relation))
        listed += f", {null_of(column) if failing.rows else sql} AS {alias}"
    return tuple(found)


def null_of(column: DerivedColumn) -> str:
    """Return the SQL of a derived column that is null on all rows."""
    return f"NULL::{column.sql_type}"


def find_rows_without_date(
    cursor: duckdb.DuckDBPyConnection, contract: Contract, staged: Path
) -> tuple[FailedColumn, ...]:
    """Return the derived business date as failed if it is null on a row of a staged Parquet file."""
    relation = parquet_relation([str(staged)])
    rows = cursor.execute(
        f"SELECT source_row_number FROM {relation} WHERE {BUSINESS_DATE} IS NULL ORDER BY 1 LIMIT {MAX_SAMPLES + 1}"
    ).fetchall()
    column = next(d for d in contract.derived if d.name == BUSINESS_DATE)
    records = tuple((int(record), "it is empty") for (record,) in rows[:MAX_SAMPLES])
    failing = FailingRows(rows=records, more=len(rows) > MAX_SAMPLES)
    return (_failed(cursor, contract, column, failing, relation),)


def _failed(
    cursor: duckdb.DuckDBPyConnection, contract: Contract, column: DerivedColumn, failing: FailingRows, relation: str
) -> FailedColumn:
    inputs = _inputs(contract, column)
    listed = ", ".join(str(record) for record, _ in failing.rows)
    texts = ", ".join(["source_row_number", *(f"{quote_identifier(name)}::VARCHAR" for name in inputs)])
    rows = cursor.execute(f"SELECT {texts} FROM {relation} WHERE source_row_number IN ({listed})").fetchall()
    values = {
        int(record): ", ".join(f"{name} {redact(text)!r}" for name, text in zip(inputs, delivered, strict=True))
        for record, *delivered in rows
    }
    return FailedColumn(name=column.name, inputs=inputs, failing=failing, values=values)


def _inputs(contract: Contract, column: DerivedColumn) -> tuple[str, ...]:
    """Return the delivered columns that a derived one is computed from."""
    used = used_columns(contract, column)
    return tuple(c.name for c in contract.columns if c.name in used)


def used_columns(contract: Contract, column: DerivedColumn) -> set[str]:
    """Return the columns that a derived one is computed from, with those that earlier derived ones bring."""
    earlier = contract.derived[: contract.derived.index(column)]
    used = columns_of(column.sql)
    return used.union(*(used_columns(contract, d) for d in earlier if d.name in used))


def columns_of(sql: str) -> set[str]:
    """Return the columns that an expression names."""
    return {c.name for c in sqlglot.parse_one(sql, dialect="duckdb").find_all(sqlglot.exp.Column)}


def find_failing_rows(cursor: duckdb.DuckDBPyConnection, expression: str, relation: str, rows: int) -> FailingRows:
    """Return the first few of the rows 1 to `rows` of a relation on which the expression fails."""
    found: list[tuple[int, str]] = []
    pending = [(1, rows)] if rows else []
    while pending and len(found) < MAX_SAMPLES:
        first, last = pending.pop()
        problem = _problem(cursor, expression, relation, first, last)
        if problem and first == last:
            found.append((first, problem))
        elif problem:
            middle = (first + last) // 2
            pending += [(middle + 1, last), (first, middle)]
    return FailingRows(rows=tuple(found), more=bool(pending))


def _problem(cursor: duckdb.DuckDBPyConnection, expression: str, relation: str, first: int, last: int) -> str:
    """Return why the expression fails on some row of a range; empty if it fails on none."""
    within = f"source_row_number BETWEEN {first} AND {last}"
    try:
        # A hash needs the value of every row; a count could be answered without it.
        cursor.execute(f"SELECT bit_xor(hash({expression})) FROM {relation} WHERE {within}").fetchall()
    except VALUE_ERRORS as error:
        return next((words for text, words in _KNOWN_PROBLEMS.items() if text in str(error)), "it cannot be computed")
    return ""
