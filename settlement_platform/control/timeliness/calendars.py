"""Calendars: the business dates on which a file is expected."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.timeliness import CLOSED_ON_HOLIDAY, CLOSED_ON_WEEKDAY

EVERY_WEEKDAY = frozenset(range(7))
MONDAY_TO_FRIDAY = frozenset(range(5))
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _no_holiday(business_date: date) -> str:
    del business_date
    return ""


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Business dates on which a file is expected: by default every calendar day, as card networks settle.

    `weekdays` count from Monday, 0. `holiday` gives the name of the holiday on a date, empty when it is none.
    """

    name: str = "every day"
    weekdays: frozenset[int] = EVERY_WEEKDAY
    holiday: Callable[[date], str] = _no_holiday

    def closed(self, business_date: date) -> Reason | None:
        """Return why no file is expected for a business date; None when one is."""
        if business_date.weekday() not in self.weekdays:
            weekday = WEEKDAY_NAMES[business_date.weekday()]
            return CLOSED_ON_WEEKDAY(calendar=self.name, business_date=business_date, weekday=weekday)
        holiday = self.holiday(business_date)
        if not holiday:
            return None
        return CLOSED_ON_HOLIDAY(calendar=self.name, business_date=business_date, holiday=holiday)

    def expects(self, business_date: date) -> bool:
        """Return whether files are expected for a business date."""
        return not self.closed(business_date)
