"""Currencies are judged as of the business date."""

from datetime import date

import duckdb
import pytest

from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.currencies import SPANS, was_active

CASES = [
    ("EUR", date(2026, 1, 1), True),
    ("JPY", date(2026, 1, 1), True),
    ("BGN", date(2025, 12, 30), True),
    ("BGN", date(2026, 5, 9), False),
    ("HRK", date(2022, 12, 31), True),
    ("HRK", date(2026, 1, 1), False),
    ("XCG", date(2025, 3, 30), False),
    ("XCG", date(2025, 3, 31), True),
    ("ANG", date(2025, 6, 30), True),
    ("ANG", date(2026, 1, 1), False),
    ("TRY", date(2026, 1, 1), True),
    ("EURO", date(2026, 1, 1), False),
    ("eur", date(2026, 1, 1), False),
]


@pytest.mark.parametrize(("code", "day", "active"), CASES)
def test_a_code_is_active_between_its_dates(code: str, day: date, active: bool) -> None:
    assert was_active(code, day) == active


def test_the_rule_of_rows_agrees_with_the_dates() -> None:
    """For every code on a day of several years, in one query."""
    (rule,) = [r for r in CARD_SETTLEMENTS.contract.rules if r.name == "currency_isin"]
    pairs = [(code, date(year, 3, 1)) for code in [*SPANS, "QQQ"] for year in (2001, 2014, 2024, 2026)]
    with duckdb.connect(":memory:") as engine:
        engine.execute("CREATE TABLE staged (currency VARCHAR, business_date DATE)")
        engine.executemany("INSERT INTO staged VALUES (?, ?)", pairs)

        found = engine.execute(f"SELECT currency, business_date, {rule.violates} FROM staged").fetchall()

    assert [(code, day) for code, day, violated in found if violated == was_active(code, day)] == []
