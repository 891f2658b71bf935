"""The recompute window: which corrections a regular run takes up by itself, and which wait for a backfill."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from settlement_platform.control.policies import date_spans
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.timeliness import CLOSED_FOR_CORRECTIONS

MAX_RANGES = 3
"""Ranges of dates for each of which an operator is given a command."""


def why_outside_window(dataset: str, business_date: date, *, window: timedelta, now: datetime) -> Reason | None:
    """Return why a change of published data needs a backfill; None while regular runs take it up."""
    closed = closes_at(business_date, window)
    if now < closed:
        return None
    command = backfill_command(dataset, business_date, business_date)
    return CLOSED_FOR_CORRECTIONS(business_date=business_date, closed_at=closed, command=command)


def backfill_command(dataset: str, first: date, last: date) -> str:
    """The command that takes up what waits for a backfill."""
    return f"settlement backfill {dataset} --from {first} --to {last}"


def backfill_commands(dataset: str, dates: Sequence[date]) -> tuple[str, ...]:
    """The commands that take up the changes of these dates: one for each range while they are few, else one for all.

    What already holds what is delivered costs a backfill a look.
    """
    ranges = date_spans(dates)
    if len(ranges) > MAX_RANGES:
        ranges = [(ranges[0][0], ranges[-1][1])]
    return tuple(backfill_command(dataset, first, last) for first, last in ranges)


RECOMPUTE_WINDOW = timedelta(hours=48)
"""How long after its end a business date is open: readers still wait for it, and for corrections of it."""


def closes_at(business_date: date, window: timedelta) -> datetime:
    """The moment, in UTC, from which nobody waits for a business date any more, nor for corrections of it."""
    return datetime.combine(business_date, time(), UTC) + timedelta(days=1) + window
