"""On which business dates files are expected, and why not on the others."""

from datetime import date

import pytest

from settlement_platform.control.timeliness.calendars import Calendar
from settlement_platform.datasets.calendars import EVERY_DAY, FEDERAL_RESERVE, TARGET, WEEKDAYS
from settlement_platform_tests.builders import day


def test_weekdays_expect_no_file_at_weekends() -> None:
    """2026-11-20 is a Friday."""
    assert [WEEKDAYS.expects(day(n)) for n in range(4)] == [True, False, False, True]
    closed = WEEKDAYS.closed(day(1))
    assert closed.code == "closed_on_weekday"
    assert closed.parameters == {"calendar": "weekdays", "business_date": "2026-11-21", "weekday": "Saturday"}


@pytest.mark.parametrize(
    ("calendar", "business_date", "holiday"),
    [
        (TARGET, date(2026, 5, 1), "Labour Day"),
        (TARGET, date(2026, 4, 6), "Easter Monday"),
        (TARGET, date(2026, 11, 26), ""),
        (FEDERAL_RESERVE, date(2026, 11, 26), "Thanksgiving"),
        (FEDERAL_RESERVE, date(2026, 5, 1), ""),
        (EVERY_DAY, date(2026, 12, 25), ""),
    ],
)
def test_each_calendar_knows_its_own_holidays(calendar: Calendar, business_date: date, holiday: str) -> None:
    """Labour Day closes TARGET and not the Federal Reserve, Thanksgiving the other way round."""
    closed = calendar.closed(business_date)

    assert bool(closed) == bool(holiday)
    assert not closed or (closed.code == "closed_on_holiday" and holiday in closed.parameters["holiday"])
    assert calendar.expects(business_date) == (not holiday)
