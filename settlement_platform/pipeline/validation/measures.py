"""Measures of staged rows in one pass over the columns needed: counts, sums, violations and a preview."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import duckdb

from settlement_platform.control.card_numbers import redact
from settlement_platform.control.facts import Sample, Staging
from settlement_platform.control.landing.control_files import Amount
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.staging.csv_structure import MAX_SAMPLES
from settlement_platform.pipeline.staging.derived_columns import FailingRows, columns_of, find_failing_rows
from settlement_platform.storage.engines.duckdb_engine import parquet_relation, quote_identifier
from settlement_platform.storage.engines.exact_sums import exact_amount, exact_sum
from settlement_platform.storage.errors import VALUE_ERRORS, translate_errors
from settlement_platform.storage.lake.lake import Lake

MAX_CURRENCIES = 10_000
"""Per source; far more than exist, and few enough to keep in memory."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The measures of a date: rows, totals per source, currency and column, and violating rows per rule.

    `too_many_currencies` counts the currencies of each source with more than `MAX_CURRENCIES`; it has no totals.
    `failing` gives, per rule that cannot be computed, the rows on which it fails, by source.
    """

    rows: int = 0
    totals: dict[str, dict[str, dict[str, Amount]]] = field(default_factory=dict)
    violations: dict[str, int] = field(default_factory=dict)
    too_many_currencies: dict[str, int] = field(default_factory=dict)
    failing: Mapping[str, Mapping[str, FailingRows]] = field(default_factory=dict)


def staged_relation(stagings: Sequence[Staging]) -> str:
    """Return the staged files of a date as one SQL relation."""
    return parquet_relation([s.path for s in stagings])


def violations(dataset: Dataset, business_date: date) -> dict[str, str]:
    """Return, per rule, the SQL condition that is true for a violating row."""
    rules = {rule.name: rule.violates for rule in dataset.contract.rules}
    # Rows of other dates are a finding of their own.
    by_date = {name: rules[name].replace('"business_date"', f"DATE '{business_date}'") for name in _of_groups(dataset)}
    rules |= by_date
    nullable = {c.name: c.nullable for c in dataset.contract.columns}
    if any(name == "business_date" for name, _ in dataset.contract.published_columns):
        # An empty date is a finding of its own, unless the declaration allows it.
        differs = "IS DISTINCT FROM" if nullable.get("business_date") else "<>"
        rules["business_date_is_partition"] = f"business_date {differs} DATE '{business_date}'"
    return rules


def _of_groups(dataset: Dataset) -> set[str]:
    """Return the rules that can be evaluated per group: they read the grouping column and the business date alone."""
    readable = {dataset.totals_by, "business_date"}
    on_groups = [rule for rule in dataset.contract.rules if rule.column == dataset.totals_by]
    return {rule.name for rule in on_groups if columns_of(rule.violates) <= readable}


def measure(lake: Lake, dataset: Dataset, business_date: date, stagings: Sequence[Staging]) -> Measures:
    """Measure all staged files of a date.

    Raises:
        TransientFailure: a staged file could not be read.
    """
    rules = violations(dataset, business_date)
    if not stagings or not sum(s.rows for s in stagings):
        return Measures(violations=dict.fromkeys(rules, 0))
    with translate_errors("Measuring staged rows", dependency="staging"), lake.cursor() as cursor:
        try:
            return _measure(cursor, dataset, rules, stagings)
        except VALUE_ERRORS:
            failing = _failing_rules(cursor, rules, stagings)
        computed = {name: "false" if name in failing else condition for name, condition in rules.items()}
        return replace(_measure(cursor, dataset, computed, stagings), failing=failing)


def _measure(
    cursor: duckdb.DuckDBPyConnection, dataset: Dataset, rules: Mapping[str, str], stagings: Sequence[Staging]
) -> Measures:
    most = MAX_CURRENCIES * len(stagings)
    groups = cursor.execute(f"{_query(dataset, rules, stagings)} LIMIT {most + 1}").fetchall()
    if len(groups) <= most:
        return _fold(dataset, list(rules), groups)
    crowded = _count_currencies(cursor, dataset, stagings)
    groups = []
    if usual := [s for s in stagings if s.source not in crowded]:
        groups += cursor.execute(_query(dataset, rules, usual)).fetchall()
    others = [s for s in stagings if s.source in crowded]
    groups += cursor.execute(_query(dataset, rules, others, summed=False)).fetchall()
    return replace(_fold(dataset, list(rules), groups), too_many_currencies=crowded)


def _failing_rules(
    cursor: duckdb.DuckDBPyConnection, rules: Mapping[str, str], stagings: Sequence[Staging]
) -> dict[str, dict[str, FailingRows]]:
    """Return the rules that cannot be computed on a row, with these rows per source."""
    found: dict[str, dict[str, FailingRows]] = {}
    for name, condition in rules.items():
        rows = {s.source: find_failing_rows(cursor, condition, staged_relation([s]), s.rows) for s in stagings}
        if any(failing.rows for failing in rows.values()):
            found[name] = rows
    return found


def _query(dataset: Dataset, rules: Mapping[str, str], stagings: Sequence[Staging], *, summed: bool = True) -> str:
    """Return SQL for rows, totals and violations per source and currency; per source alone if nothing is summed."""
    by = quote_identifier(dataset.totals_by) if dataset.control_totals and summed else "''" if summed else "NULL"
    decimals = dataset.contract.decimal_columns
    sums = [exact_sum(column, decimals) for column in dataset.control_totals]
    # All rows of a group share the grouping value, so a rule on that is evaluated once per group.
    grouped = _of_groups(dataset)
    violating = [
        f"CASE WHEN {condition} THEN count(*) ELSE 0 END"
        if name in grouped and dataset.control_totals and summed
        else f"count(*) FILTER (WHERE {condition})"
        for name, condition in rules.items()
    ]
    columns = ", ".join(["source", by, "count(*)", *sums, *violating])
    return f"SELECT {columns} FROM {staged_relation(stagings)} GROUP BY 1, 2"


def _count_currencies(
    cursor: duckdb.DuckDBPyConnection, dataset: Dataset, stagings: Sequence[Staging]
) -> dict[str, int]:
    """Return how many currencies each source has that exceeds `MAX_CURRENCIES`."""
    distinct = f"SELECT DISTINCT source, {quote_identifier(dataset.totals_by)} FROM {staged_relation(stagings)}"
    found = cursor.execute(
        f"SELECT source, count(*) FROM ({distinct}) GROUP BY 1 HAVING count(*) > {MAX_CURRENCIES}"
    ).fetchall()
    return {str(source): int(count) for source, count in found}


def _fold(dataset: Dataset, rules: Sequence[str], groups: Sequence[Sequence[object]]) -> Measures:
    """Add up the measures per source and currency."""
    totals: dict[str, dict[str, dict[str, Amount]]] = {}
    violating = dict.fromkeys(rules, 0)
    for source, by, _, *numbers in groups:
        sums = numbers[: len(dataset.control_totals)]
        if by is not None:
            totals.setdefault(str(source), {})[str(by)] = {
                name: exact_amount(value) for name, value in zip(dataset.control_totals, sums, strict=True)
            }
        for name, count in zip(rules, numbers[len(sums) :], strict=True):
            violating[name] += int(count)  # type: ignore[call-overload]
    return Measures(
        rows=sum(int(g[2]) for g in groups),  # type: ignore[call-overload]
        totals=totals,
        violations=violating,
    )


def violating_rows(
    lake: Lake,
    dataset: Dataset,
    business_date: date,
    stagings: Sequence[Staging],
    rule: str,
    column: str | None,
) -> tuple[Sample, ...]:
    """Return the first few rows that violate a rule, with the value of its column, redacted."""
    condition = violations(dataset, business_date)[rule]
    value = f"{quote_identifier(column)}::VARCHAR" if column else "NULL"
    query = (
        f"SELECT source, source_row_number, {value} FROM {staged_relation(stagings)} WHERE {condition} "
        f"ORDER BY source, source_row_number LIMIT {MAX_SAMPLES}"
    )
    with translate_errors("Reading staged rows", dependency="staging"), lake.cursor() as cursor:
        rows = cursor.execute(query).fetchall()
    return tuple(sample_of(stagings, source, record, column, value) for source, record, value in rows)


def sample_of(stagings: Sequence[Staging], source: str, record: int, column: str | None, value: str | None) -> Sample:
    """Return the place of a staged row in its delivered file, with a value, redacted."""
    # The rows of an older generation are all in one file, whichever source delivered them.
    staging = next((s for s in stagings if s.source == source), stagings[0])
    line = record + 1 if staging.one_line_records else None
    return Sample(key=staging.key, line=line, record=record, column=column, value=redact(value))


def describe_place(sample: Sample) -> str:
    """Return the place of a sample, as exactly as is known, such as "2026-11-20/visa/cards.csv line 3"."""
    if sample.line:
        return f"{sample.key} line {sample.line}"
    return f"{sample.key} record {sample.record}" if sample.record else sample.key


PREVIEW_ROWS = 5


def preview_rows(lake: Lake, stagings: Sequence[Staging]) -> str:
    """Return the first rows of the first source that has any as a Markdown table, redacted; "no rows" without any."""
    with_rows = [s for s in stagings if s.rows and s.path][:1]
    if not with_rows:
        return "no rows"
    with translate_errors("Reading staged rows", dependency="staging"), lake.cursor() as cursor:
        result = cursor.execute(f"FROM {staged_relation(with_rows)} LIMIT {PREVIEW_ROWS}")
        names = [column[0] for column in result.description or ()]
        rows = result.fetchall()
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return (redact(str(value)) or "").replace("|", "\\|").replace("\n", " ")
