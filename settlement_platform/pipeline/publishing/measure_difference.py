"""Measuring the difference between a new content and the current publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from settlement_platform.control.facts import CurrentPublication
from settlement_platform.control.policies import Restating
from settlement_platform.control.publishing.restatement import Difference, NetEffect
from settlement_platform.storage.engines.duckdb_engine import quote_identifier, quote_literal
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import published_rows


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A way to compare two generations of a table: by `key`, over `columns`, with the sums that `policy` names."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    policy: Restating | None


def measure_difference(
    cursor: duckdb.DuckDBPyConnection,
    compared: Comparison,
    business_date: date,
    paths: Sequence[str],
    current: CurrentPublication,
) -> Difference:
    """Compare Parquet files with the published rows of a date, as the cursor sees them.

    Raises:
        TransientFailure: a store did not answer.
    """
    old = published_rows(compared.table, business_date)
    files = ", ".join(quote_literal(path) for path in paths)
    new = f"SELECT * FROM read_parquet([{files}])" if paths else f"{old} AND false"
    with translate_errors(f"Comparing {compared.table} {business_date} with what is published", dependency="lake"):
        added, removed, changed = _count(cursor, compared, old, new)
        effects = _effects(cursor, compared.policy, old, new) if compared.policy else ()
    return Difference(
        previous_generation=current.generation,
        rows_before=current.rows,
        rows_added=added,
        rows_removed=removed,
        rows_changed=changed,
        effects=effects,
    )


def _count(cursor: duckdb.DuckDBPyConnection, compared: Comparison, old: str, new: str) -> tuple[int, int, int]:
    key = [quote_identifier(k) for k in compared.key]
    same = " AND ".join(f"o.{k} IS NOT DISTINCT FROM n.{k}" for k in key)
    differs = " OR ".join(f"o.{c} IS DISTINCT FROM n.{c}" for c in map(quote_identifier, compared.columns))
    row = cursor.execute(
        f"SELECT count(*) FILTER (WHERE o.here IS NULL), count(*) FILTER (WHERE n.here IS NULL), "
        f"count(*) FILTER (WHERE o.here AND n.here AND ({differs})) "
        f"FROM (SELECT *, true AS here FROM ({old})) o FULL JOIN (SELECT *, true AS here FROM ({new})) n ON {same}"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate returns a row
    return row


def _effects(cursor: duckdb.DuckDBPyConnection, by: Restating, old: str, new: str) -> tuple[NetEffect, ...]:
    merchant, currency, measure = (
        quote_identifier(by.merchant),
        quote_identifier(by.currency),
        quote_identifier(by.measure),
    )
    rows = cursor.execute(
        f"SELECT {merchant}, {currency}, sum(before)::HUGEINT, sum(after)::HUGEINT FROM ("
        f"SELECT {merchant}, {currency}, {measure} AS before, 0 AS after FROM ({old}) UNION ALL "
        f"SELECT {merchant}, {currency}, 0, {measure} FROM ({new})) "
        "GROUP BY ALL HAVING sum(before) IS DISTINCT FROM sum(after) ORDER BY ALL"
    ).fetchall()
    return tuple(
        NetEffect(merchant=str(m), currency=str(c), before=int(before or 0), after=int(after or 0))
        for m, c, before, after in rows
    )
