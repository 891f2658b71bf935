"""Provisional publications: whether one is due at the deadline, and whether the calendar expects no file."""

from collections.abc import Collection
from datetime import date, datetime

from settlement_platform.control.landing.deliveries import DateDeliveries
from settlement_platform.control.policies import ProvisionalCut, Timeliness
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.timeliness import PROVISIONAL_CUT_DUE
from settlement_platform.control.timeliness.calendars import Calendar


def why_provisional(
    provisional: ProvisionalCut | None,
    timeliness: Timeliness,
    inputs: DateDeliveries,
    *,
    required: Collection[str],
    now: datetime,
) -> Reason | None:
    """Return why the files that are there are published as provisional; None while they are not.

    Only required sources count: an optional one alone makes no provisional publication.
    """
    deadline = timeliness.deadline_moment(inputs.business_date)
    present = len({d.source for d in inputs.deliveries} & set(required))
    if provisional is None or now < deadline or present < max(1, provisional.minimum_sources):
        return None
    return PROVISIONAL_CUT_DUE(deadline=deadline, present=present, required=len(required))


def provisional_reason(cut: str, requested: str) -> str:
    """Return the recorded reason of a provisional publication: why it was due, then why it was requested.

    A request that was made because it was due said so already, if perhaps with fewer sources.
    """
    due, _, _ = cut.partition(", with ")
    same = requested == cut or (requested.startswith(f"{due}, with ") and requested.endswith(" required sources"))
    return cut if same else f"{cut}; {requested}"


def why_no_file_expected(
    calendar: Calendar, timeliness: Timeliness, business_date: date, *, now: datetime
) -> Reason | None:
    """Return why a business date is complete without files; None while one may still be expected."""
    return calendar.closed(business_date) if now >= timeliness.expected_moment(business_date) else None
