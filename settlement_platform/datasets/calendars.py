"""The business calendars that a dataset may declare; apart because other projects import them too."""

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from settlement_platform.control.timeliness.calendars import MONDAY_TO_FRIDAY, Calendar

if TYPE_CHECKING:
    from holidays import HolidayBase


@cache
def _financial_holidays(code: str) -> "HolidayBase":
    import holidays  # noqa: PLC0415 - a tenth of a second, needed only by calendars with holidays

    return holidays.financial_holidays(code)


def _holidays_of(code: str) -> Callable[[date], str]:
    def holiday(business_date: date) -> str:
        return _financial_holidays(code).get(business_date) or ""

    return holiday


EVERY_DAY = Calendar()
"""Every day of the year."""

WEEKDAYS = Calendar(name="weekdays", weekdays=MONDAY_TO_FRIDAY)
"""Monday to Friday, without holidays."""

TARGET = Calendar(name="TARGET", weekdays=MONDAY_TO_FRIDAY, holiday=_holidays_of("XECB"))
"""The settlement days of the Eurosystem's TARGET services."""

FEDERAL_RESERVE = Calendar(name="US Federal Reserve", weekdays=MONDAY_TO_FRIDAY, holiday=_holidays_of("XFED"))
"""The days on which the Federal Reserve Banks settle."""
