"""Retry backoff: when a mart's date may be requested again after runs that did not publish it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.reliability import NEXT_TRY_DUE, RUN_IN_PROGRESS


@dataclass(frozen=True, kw_only=True)
class PreviousRun:
    """A run that was requested to build exactly this content; `ended_at` is None until it has ended."""

    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class RetryBackoff:
    """The wait after a run that did not publish: `first`, then twice as long each time, up to `longest`."""

    first: timedelta = timedelta(minutes=5)
    longest: timedelta = timedelta(hours=4)

    def delay_after(self, runs: int) -> timedelta:
        """Return the wait after this many runs, at least one."""
        # Bounded, because the number of doublings is not.
        return min(self.longest, self.first * 2.0 ** min(runs - 1, 32))


@dataclass(frozen=True, kw_only=True)
class NextTry:
    """The number of the next try of a content, from 1, and why it is not made now (None when it is)."""

    number: int
    not_yet: Reason | None = None


def next_try(runs: Sequence[PreviousRun], *, running: bool, backoff: RetryBackoff, now: datetime) -> NextTry:
    """Return the next try of a content that these runs did not publish; `running` is set while any run builds it."""
    number = len(runs) + 1
    ends = [a.ended_at for a in runs if a.ended_at]
    if running or len(ends) < len(runs):
        return NextTry(number=number, not_yet=RUN_IN_PROGRESS())
    if not ends:
        return NextTry(number=number)
    due = max(ends) + backoff.delay_after(len(ends))
    if now >= due:
        return NextTry(number=number)
    return NextTry(number=number, not_yet=NEXT_TRY_DUE(tries=len(ends), due_at=due))
