"""Is a provisional cut due, and does the calendar say that no file comes?"""

from datetime import date, datetime

from settlement_platform.control.calendars import Calendar
from settlement_platform.control.policies import ProvisionalCut, Timeliness


def cut_due(
    provisional: ProvisionalCut | None, timeliness: Timeliness, business_date: date, *, present: int, now: datetime
) -> str:
    """Why what is there of a business date is published as provisional; empty while it is not."""
    deadline = timeliness.deadline_moment(business_date)
    if provisional is None or now < deadline or present < provisional.minimum_sources:
        return ""
    return f"provisional cut: the deadline was {deadline:%Y-%m-%d %H:%M} UTC"


def nothing_expected(calendar: Calendar, timeliness: Timeliness, business_date: date, *, now: datetime) -> str:
    """Why a business date is complete without files; empty while one may still be expected."""
    return calendar.closed(business_date) if now >= timeliness.expected_moment(business_date) else ""
