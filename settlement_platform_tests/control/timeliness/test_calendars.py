"""On which business dates files are expected, and why not on the others."""

from datetime import date

import pytest

from settlement_platform.control.timeliness.calendars import Calendar
from settlement_platform.datasets.calendars import EVERY_DAY, FEDERAL_RESERVE, TARGET, WEEKDAYS
from settlement_platform_tests.builders import day


def test_weekdays_expect_no_file_at_weekends() -> None:
    """2026-11-20 is a Friday."""
    assert [WEEKDAYS.expects(day(n)) for n in range(4)] == [True, False, False, True]
    assert WEEKDAYS.closed(day(1)) == "weekdays: 2026-11-21 is a Saturday"


@pytest.mark.parametrize(
    ("calendar", "business_date", "why"),
    [
        (TARGET, date(2026, 5, 1), "TARGET: 2026-05-01 is Labour Day"),
        (TARGET, date(2026, 4, 6), "Easter Monday"),
        (TARGET, date(2026, 11, 26), ""),
        (FEDERAL_RESERVE, date(2026, 11, 26), "US Federal Reserve: 2026-11-26 is Thanksgiving"),
        (FEDERAL_RESERVE, date(2026, 5, 1), ""),
        (EVERY_DAY, date(2026, 12, 25), ""),
    ],
)
def test_each_calendar_knows_its_own_holidays(calendar: Calendar, business_date: date, why: str) -> None:
    """Labour Day closes TARGET and not the Federal Reserve, Thanksgiving the other way round."""
    closed = calendar.closed(business_date)

    assert bool(closed) == bool(why)
    assert why in closed
    assert calendar.expects(business_date) == (not why)
