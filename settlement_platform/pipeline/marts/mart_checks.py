"""Checks of a mart: its rules, and its sums against those of its input."""

from datetime import date

import duckdb

from settlement_platform.control.facts import Check
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.staging.findings import counted_check, describe_violations
from settlement_platform.storage.engines.duckdb_engine import parquet_relation, quote_identifier
from settlement_platform.storage.lake.lake import published_rows


def mart_checks(mart: Mart) -> dict[str, str]:
    """Return every check that a verdict on the mart has, with what it demands."""
    checks = {
        "unique_key": f"No {', '.join(mart.key)} occurs twice on the date.",
        "no_nulls": "No column that must have a value lacks one.",
        "reconciles_with_input": f"{', '.join(mart.reconciles)} add up to exactly what the input holds.",
    }
    return checks | {rule.name: f"In every row {rule.description}." for rule in mart.contract.rules}


def judge_mart(
    cursor: duckdb.DuckDBPyConnection, mart: Mart, business_date: date, path: str
) -> tuple[int, tuple[Check, ...]]:
    """Count the rows that break a rule, and compare the sums with those of the input."""
    key = ", ".join(quote_identifier(k) for k in mart.key)
    required = [f"{quote_identifier(c.name)} IS NULL" for c in mart.contract.columns if not c.nullable]
    conditions = {"no_nulls": " OR ".join(required)}
    conditions |= {rule.name: rule.violates for rule in mart.contract.rules}
    broken = [f"count(*) FILTER (WHERE {condition})" for condition in conditions.values()]
    sums = [f"coalesce(sum({quote_identifier(column)}), 0)" for column in mart.reconciles]
    row = cursor.execute(
        f"SELECT count(*), count(*) - count(DISTINCT ({key})), {', '.join([*sums, *broken])} "
        f"FROM {parquet_relation([path])}"
    ).fetchone()
    expected = cursor.execute(
        f"SELECT {', '.join(f'coalesce(sum({e}), 0)' for e in mart.reconciles.values())} "
        f"FROM ({published_rows(mart.inputs[0], business_date)})"
    ).fetchone()
    assert row is not None and expected is not None  # noqa: S101, PT018 - aggregates return a row
    rows, repeated, *rest = row
    measured, counts = rest[: len(sums)], dict(zip(conditions, rest[len(sums) :], strict=True))
    counts["unique_key"] = repeated
    checks = [
        counted_check(name, counts[name], describe_violations(counts[name], text) if counts[name] else text)
        for name, text in mart_checks(mart).items()
        if name in counts
    ]
    return int(rows), (*checks, _reconciled(mart, measured, expected))


def _reconciled(mart: Mart, measured: list[int], expected: tuple[int, ...]) -> Check:
    off = [
        f"{column}: the mart has {m:,}, the input {e:,}"
        for column, m, e in zip(mart.reconciles, measured, expected, strict=True)
        if m != e
    ]
    return counted_check("reconciles_with_input", len(off), "; ".join(off) or "every sum equals the input's")
