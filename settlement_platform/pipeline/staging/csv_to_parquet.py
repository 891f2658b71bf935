"""Conversion of delivered CSV text to typed Parquet, in one streaming pass of DuckDB."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import duckdb

from settlement_platform.datasets.contract import Contract
from settlement_platform.pipeline.staging.casts import (
    cast_common,
    cast_strict,
    holds_card_number_sql,
    needs_strict_cast,
)
from settlement_platform.pipeline.staging.csv_header import Header
from settlement_platform.pipeline.staging.csv_structure import MAX_RECORD_CHARACTERS, MAX_SAMPLES
from settlement_platform.pipeline.staging.derived_columns import (
    BUSINESS_DATE,
    Expression,
    FailedColumn,
    find_failed_columns,
    find_rows_without_date,
    null_of,
    strict_expressions,
    used_columns,
)
from settlement_platform.storage.engines.duckdb_engine import PARQUET_OPTIONS, quote_identifier, quote_literal
from settlement_platform.storage.errors import VALUE_ERRORS


@dataclass(frozen=True, kw_only=True)
class ConvertedText:
    """The result of the pass: rows written, nulls per column, and the least and greatest value per column.

    `ranges` has only the columns for which DuckDB reports statistics. `failed` are the derived columns that cannot be
    computed on some rows; they are null on all.
    """

    rows: int = 0
    nulls: dict[str, int] = field(default_factory=dict)
    ranges: dict[str, tuple[str, str]] = field(default_factory=dict)
    failed: tuple[FailedColumn, ...] = ()


class UnparsableText(Exception):
    """DuckDB's CSV reader could not split the text into records; the error does not quote the text."""


@dataclass(frozen=True, kw_only=True)
class TextSource:
    """A readable CSV file with its header, its source and its business date."""

    path: Path
    header: Header
    source: str
    business_date: date


def convert_to_parquet(
    cursor: duckdb.DuckDBPyConnection, text: TextSource, contract: Contract, target: Path
) -> ConvertedText:
    """Write the declared and derived columns to `target`, typed, with source and record number.

    An error of a derived column is a fault of the data: the column is written as null, and its rows are found.

    Raises:
        UnparsableText: the text mixes line ends, or has malformed records.
    """
    expressions = strict_expressions(cursor, contract)
    try:
        converted = _convert(cursor, text, contract, target, expressions)
    except (UnparsableText, *VALUE_ERRORS):
        if not contract.derived:
            raise
    else:
        return _with_missing_dates(cursor, contract, converted, target)
    nulls = {d.name: Expression(narrow=null_of(d), full=null_of(d)) for d in contract.derived}
    rows = _convert(cursor, text, contract, target, nulls).rows
    failed = find_failed_columns(cursor, contract, expressions, target, rows)
    computed = {name: Expression(narrow=e.full, full=e.full) for name, e in expressions.items()}
    computed |= {column.name: nulls[column.name] for column in failed}
    converted = replace(_convert(cursor, text, contract, target, computed), failed=failed)
    return _with_missing_dates(cursor, contract, converted, target)


def _with_missing_dates(
    cursor: duckdb.DuckDBPyConnection, contract: Contract, converted: ConvertedText, target: Path
) -> ConvertedText:
    """Add the derived business date as failed where it is null, unless a failed column made it so."""
    failed = {column.name for column in converted.failed}
    date_column = next((d for d in contract.derived if d.name == BUSINESS_DATE), None)
    if date_column is None or not converted.nulls[BUSINESS_DATE]:
        return converted
    if failed & {BUSINESS_DATE, *used_columns(contract, date_column)}:
        return converted
    missing = find_rows_without_date(cursor, contract, target)
    return replace(converted, failed=(*converted.failed, *missing))


def _convert(
    cursor: duckdb.DuckDBPyConnection,
    text: TextSource,
    contract: Contract,
    target: Path,
    expressions: Mapping[str, Expression],
) -> ConvertedText:
    """Run a cheap query for common values, and the full one if that left nulls that it may have caused."""
    columns = [cast_common(c, text.business_date) for c in contract.columns]
    derived = [expressions[d.name] for d in contract.derived]
    converted = _copy(cursor, text, contract, target, columns, [e.narrow for e in derived])
    uncertain = [c.name for c in contract.columns if needs_strict_cast(c)]
    uncertain += [d.name for d in contract.derived if expressions[d.name].narrow != expressions[d.name].full]
    if any(converted.nulls[name] for name in uncertain):
        columns = [cast_strict(c) for c in contract.columns]
        return _copy(cursor, text, contract, target, columns, [e.full for e in derived])
    return converted


def _copy(
    cursor: duckdb.DuckDBPyConnection,
    text: TextSource,
    contract: Contract,
    target: Path,
    columns: Sequence[str],
    derived: Sequence[str],
) -> ConvertedText:
    typed_columns = [f"{sql} AS {quote_identifier(c.name)}" for c, sql in zip(contract.columns, columns, strict=True)]
    computed = [f"{sql} AS {quote_identifier(d.name)}" for d, sql in zip(contract.derived, derived, strict=True)]
    names = [quote_identifier(c.name) for c in contract.columns]
    # An ENUM of one value is written without reading every row; readers get text.
    source = f"{quote_literal(text.source)}::ENUM({quote_literal(text.source)}) AS source"
    query = (
        f"SELECT {', '.join([*names, *computed])}, {source}, source_row_number "
        # A window without order numbers the records in the order of the file.
        f"FROM (SELECT {', '.join(typed_columns)}, row_number() OVER () AS source_row_number FROM {_reader(text)})"
    )
    try:
        row = cursor.execute(
            f"COPY ({query}) TO {quote_literal(str(target))} ({PARQUET_OPTIONS}, RETURN_STATS)"
        ).fetchone()
    except duckdb.InvalidInputException:
        # Without its cause: DuckDB quotes the line, which may contain a card number.
        raise UnparsableText from None
    assert row is not None  # noqa: S101 - COPY with RETURN_STATS always returns a row
    statistics = {name: row[4].get(quote_identifier(name), {}) for name, _ in contract.published_columns}
    return ConvertedText(
        rows=int(row[1]),
        nulls={name: int(found.get("null_count", 0)) for name, found in statistics.items()},
        ranges={name: (found["min"], found["max"]) for name, found in statistics.items() if "min" in found},
    )


def _reader(text: TextSource) -> str:
    columns = ", ".join(f"{quote_literal(f'c{i}')}: 'VARCHAR'" for i in range(len(text.header.names)))
    # Undeclared columns get other names: theirs may differ from a declared name by case alone.
    added = set(text.header.undeclared)
    names = ", ".join(quote_identifier(f"undeclared {i}" if n in added else n) for i, n in enumerate(text.header.names))
    options = (
        "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
        "allow_quoted_nulls = true, strict_mode = true, "
        # A folder such as `currency=EUR` in the path would replace the column of that name.
        "hive_partitioning = false, "
        # Rewriting a record adds two quotes to each field.
        f"max_line_size = {MAX_RECORD_CHARACTERS + 100_000}, columns = {{{columns}}}"
    )
    return f"read_csv({quote_literal(_escape_globs(text.path))}, {options}) AS delivered({names})"


def _escape_globs(path: Path) -> str:
    """Return a path with `* ? [` escaped, which DuckDB would expand as a pattern."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))


@dataclass(frozen=True, kw_only=True)
class UnreadableValue:
    """A delivered value that became null: its column, its record (from 1, header excluded) and its text.

    `card_number` says that it is a card number; otherwise it cannot be read as declared.
    """

    column: str
    record: int
    text: str | None
    card_number: bool


def unreadable_values(
    cursor: duckdb.DuckDBPyConnection, text: TextSource, contract: Contract, names: list[str]
) -> dict[str, tuple[int, list[UnreadableValue]]]:
    """Return, per named column, how many non-empty values became null, and the first few of them."""
    found: dict[str, tuple[int, list[UnreadableValue]]] = {}
    for column in (c for c in contract.columns if c.name in names):
        name = quote_identifier(column.name)
        rows = cursor.execute(
            f"SELECT record, {name}, count(*) OVER (), "
            f"{holds_card_number_sql(name) if column.refuses_card_numbers else 'false'} "
            f"FROM (SELECT {name}, row_number() OVER () AS record FROM {_reader(text)}) "
            f"WHERE {name} IS NOT NULL AND ({cast_strict(column)}) IS NULL ORDER BY record LIMIT {MAX_SAMPLES}"
        ).fetchall()
        samples = [UnreadableValue(column=column.name, record=r, text=t, card_number=c) for r, t, _, c in rows]
        found[column.name] = (int(rows[0][2]) if rows else 0, samples)
    return found
