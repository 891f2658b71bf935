"""Measuring the difference between a new content and the current publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from settlement_platform.control.facts import CurrentPublication
from settlement_platform.control.landing.control_files import Amount
from settlement_platform.control.policies import Restating
from settlement_platform.control.publishing.restatement import Difference, NetEffect
from settlement_platform.storage.engines.duckdb_engine import parquet_relation, quote_identifier
from settlement_platform.storage.engines.exact_sums import SAFE_DIGITS, exact_amount, exact_sum
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import published_rows


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A way to compare two generations of a table: by `key`, over `columns`, with the sums that `policy` names.

    `measure_digits` are the digits of a decimal measure, in all and after the point; zeros for a whole number.
    """

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    policy: Restating | None
    measure_digits: tuple[int, int] = (0, 0)


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
    new = f"SELECT * FROM {parquet_relation(paths)}" if paths else f"{old} AND false"
    with translate_errors(f"Comparing {compared.table} {business_date} with what is published", dependency="lake"):
        added, removed, changed = _count(cursor, compared, old, new)
        effects = _effects(cursor, compared, compared.policy, old, new) if compared.policy else ()
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


def _effects(
    cursor: duckdb.DuckDBPyConnection, compared: Comparison, by: Restating, old: str, new: str
) -> tuple[NetEffect, ...]:
    merchant, currency, measure = map(quote_identifier, (by.merchant, by.currency, by.measure))
    digits, scale = compared.measure_digits
    if digits and not _needs_wide_sums(cursor, measure, old, new):
        digits = 0
    # An absent side adds nothing, so that neither side's sum needs a zero of another type.
    before, after = (exact_sum(side, {side: (digits, scale)}) for side in ("before", "after"))
    rows = cursor.execute(
        f"SELECT {merchant}, {currency}, {before}, {after} FROM ("
        f"SELECT {merchant}, {currency}, {measure} AS before, NULL AS after FROM ({old}) UNION ALL "
        f"SELECT {merchant}, {currency}, NULL, {measure} FROM ({new})) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    sums = [(str(m), str(c), _amount(b, scale), _amount(a, scale)) for m, c, b, a in rows]
    return tuple(NetEffect(merchant=m, currency=c, before=b, after=a) for m, c, b, a in sums if a != b)


def _needs_wide_sums(cursor: duckdb.DuckDBPyConnection, measure: str, old: str, new: str) -> bool:
    """Return whether a value is so large that a sum of 38 digits could overflow; sums without a bound are slow."""
    row = cursor.execute(
        f"SELECT max(abs({measure})) FROM (SELECT {measure} FROM ({old}) UNION ALL SELECT {measure} FROM ({new}))"
    ).fetchone()
    return bool(row and row[0] is not None and row[0] >= 10**SAFE_DIGITS)


def _amount(total: object, scale: int) -> Amount:
    amount = exact_amount(total)
    return amount if scale or amount != int(amount) else int(amount)
