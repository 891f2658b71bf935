"""Measures of staged rows: counts, sums, broken rules and a preview, in one pass over the columns needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import duckdb

from settlement_platform.control.card_numbers import redact
from settlement_platform.control.facts import Sample, Staging
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.staging.csv_structure import MAX_SAMPLES
from settlement_platform.storage.engines.duckdb_engine import quote_identifier, quote_literal
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import Lake

MAX_CURRENCIES = 10_000
"""Of one source; far more than there are, and few enough to hold."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What the pass measured: rows, totals per source and currency, and rows that break each rule.

    `crowded` gives the sources that have more than `MOST_CURRENCIES`, with how many; their totals are left out.
    """

    rows: int = 0
    totals: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    violations: dict[str, int] = field(default_factory=dict)
    too_many_currencies: dict[str, int] = field(default_factory=dict)


def staged_relation(stagings: Sequence[Staging]) -> str:
    """The staged files of a date as one SQL relation."""
    paths = ", ".join(quote_literal(s.path) for s in stagings)
    return f"read_parquet([{paths}])"


def violations(dataset: Dataset, business_date: date) -> dict[str, str]:
    """Per rule, the SQL condition that an offending row fulfils."""
    rules = {rule.name: rule.violates for rule in dataset.contract.rules}
    if any(c.name == "business_date" for c in dataset.contract.columns):
        rules["business_date_is_partition"] = f"business_date <> DATE '{business_date}'"
    return rules


def measure(lake: Lake, dataset: Dataset, business_date: date, stagings: Sequence[Staging]) -> Measures:
    """Measure all staged files of a date."""
    rules = violations(dataset, business_date)
    if not stagings or not sum(s.rows for s in stagings):
        return Measures(violations=dict.fromkeys(rules, 0))
    with translate_errors("Measuring staged rows", dependency="staging"), lake.cursor() as cursor:
        most = MAX_CURRENCIES * len(stagings)
        groups = cursor.execute(f"{_query(dataset, rules, stagings)} LIMIT {most + 1}").fetchall()
        if len(groups) <= most:
            return _fold(dataset, list(rules), groups)
        crowded = _crowded(cursor, dataset, stagings)
        groups = []
        if usual := [s for s in stagings if s.source not in crowded]:
            groups += cursor.execute(_query(dataset, rules, usual)).fetchall()
        others = [s for s in stagings if s.source in crowded]
        groups += cursor.execute(_query(dataset, rules, others, summed=False)).fetchall()
    return replace(_fold(dataset, list(rules), groups), too_many_currencies=crowded)


def _query(dataset: Dataset, rules: Mapping[str, str], stagings: Sequence[Staging], *, summed: bool = True) -> str:
    """Rows, totals and broken rules per source and currency; per source alone where nothing is to be summed."""
    by = quote_identifier(dataset.totals_by) if dataset.control_totals and summed else "''" if summed else "NULL"
    sums = [f"sum({quote_identifier(column)})" for column in dataset.control_totals]
    # All rows of a group share the value that it is grouped by, so a rule on that is asked once a group.
    grouped = {rule.name for rule in dataset.contract.rules if rule.column == dataset.totals_by}
    broken = [
        f"CASE WHEN {condition} THEN count(*) ELSE 0 END"
        if name in grouped and dataset.control_totals and summed
        else f"count(*) FILTER (WHERE {condition})"
        for name, condition in rules.items()
    ]
    columns = ", ".join(["source", by, "count(*)", *sums, *broken])
    return f"SELECT {columns} FROM {staged_relation(stagings)} GROUP BY 1, 2"


def _crowded(cursor: duckdb.DuckDBPyConnection, dataset: Dataset, stagings: Sequence[Staging]) -> dict[str, int]:
    """The sources with more currencies than are summed, and how many they have."""
    distinct = f"SELECT DISTINCT source, {quote_identifier(dataset.totals_by)} FROM {staged_relation(stagings)}"
    found = cursor.execute(
        f"SELECT source, count(*) FROM ({distinct}) GROUP BY 1 HAVING count(*) > {MAX_CURRENCIES}"
    ).fetchall()
    return {str(source): int(count) for source, count in found}


def _fold(dataset: Dataset, rules: Sequence[str], groups: Sequence[Sequence[object]]) -> Measures:
    """Add up what was measured per source and currency."""
    totals: dict[str, dict[str, dict[str, int]]] = {}
    broken = dict.fromkeys(rules, 0)
    for source, by, _, *numbers in groups:
        sums = numbers[: len(dataset.control_totals)]
        if by is not None:
            totals.setdefault(str(source), {})[str(by)] = {
                name: int(value or 0)  # type: ignore[call-overload]
                for name, value in zip(dataset.control_totals, sums, strict=True)
            }
        for name, count in zip(rules, numbers[len(sums) :], strict=True):
            broken[name] += int(count)  # type: ignore[call-overload]
    return Measures(
        rows=sum(int(g[2]) for g in groups),  # type: ignore[call-overload]
        totals=totals,
        violations=broken,
    )


def violating_rows(
    lake: Lake,
    dataset: Dataset,
    business_date: date,
    stagings: Sequence[Staging],
    rule: str,
    column: str | None,
) -> tuple[Sample, ...]:
    """The first few rows that break a rule, with the value of its column."""
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
    """A staged row as a place in the delivered file."""
    # Rows of an older generation are all looked for under it, whichever source delivered them.
    staging = next((s for s in stagings if s.source == source), stagings[0])
    line = record + 1 if staging.one_line_records else None
    return Sample(key=staging.key, line=line, record=record, column=column, value=redact(value))


def describe_place(sample: Sample) -> str:
    """Where in the delivered files a sample stands, as exactly as is known."""
    if sample.line:
        return f"{sample.key} line {sample.line}"
    return f"{sample.key} record {sample.record}" if sample.record else sample.key


PREVIEW_ROWS = 5


def preview_rows(lake: Lake, stagings: Sequence[Staging]) -> str:
    """The first rows of the first source with any, as a Markdown table; `no rows` when there are none."""
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
