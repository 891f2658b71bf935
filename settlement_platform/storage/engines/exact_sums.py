"""Sums in SQL that are exact, however many digits they have."""

from collections.abc import Mapping
from decimal import Decimal

from settlement_platform.storage.engines.duckdb_engine import quote_identifier

SAFE_DIGITS = 28
"""A sum of decimals has 38 digits: ten more than these, enough for ten billion rows."""


def exact_sum(column: str, decimals: Mapping[str, tuple[int, int]]) -> str:
    """Return SQL for the sum of a column; `decimals` gives the digits of decimal columns, in all and after the point.

    Wide decimals are added up as integers without a bound, at several times the cost, and returned as text.
    """
    name = quote_identifier(column)
    digits, scale = decimals.get(column, (0, 0))
    if digits <= SAFE_DIGITS:
        return f"sum({name})"
    return f"sum(replace({name}::VARCHAR, '.', '')::BIGNUM)::VARCHAR || 'E-{scale}'"


def exact_amount(value: object) -> int | Decimal:
    """Return the value of such a sum as a number; 0 for a sum over nothing."""
    if isinstance(value, str):
        return Decimal(f"{Decimal(value):f}")
    return value if isinstance(value, int | Decimal) else Decimal(str(value or 0))
