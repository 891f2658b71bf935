"""The recompute window: which corrections a regular run processes, and which wait for a backfill."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from settlement_platform.control.policies import date_spans
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.timeliness import CLOSED_FOR_CORRECTIONS

MAX_RANGES = 3
"""The most ranges of dates that get a command each."""


def why_outside_window(dataset: str, business_date: date, *, window: timedelta, now: datetime) -> Reason | None:
    """Return why a change of published data needs a backfill; None while regular runs take it up."""
    closed = closes_at(business_date, window)
    if now < closed:
        return None
    command = backfill_command(dataset, business_date, business_date)
    return CLOSED_FOR_CORRECTIONS(business_date=business_date, closed_at=closed, command=command)


def backfill_command(dataset: str, first: date, last: date) -> str:
    """Return the command that processes a range of changes outside the window."""
    return f"settlement backfill {dataset} --from {first} --to {last}"


def backfill_commands(dataset: str, dates: Sequence[date]) -> tuple[str, ...]:
    """Return the commands that process the changes of these dates: one per range while they are few, else one for all.

    Dates that already hold the delivered content cost a backfill very little.
    """
    ranges = date_spans(dates)
    if len(ranges) > MAX_RANGES:
        ranges = [(ranges[0][0], ranges[-1][1])]
    return tuple(backfill_command(dataset, first, last) for first, last in ranges)


RECOMPUTE_WINDOW = timedelta(hours=48)
"""The time after its end in which a business date is open: readers still wait for it and its corrections."""


def closes_at(business_date: date, window: timedelta) -> datetime:
    """Return the moment, in UTC, from which a business date is closed."""
    return datetime.combine(business_date, time(), UTC) + timedelta(days=1) + window
