"""The watermark and freshness: how far a dataset is complete without a gap, and how late that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from settlement_platform.control.facts import State
from settlement_platform.control.policies import Timeliness
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.timeliness import (
    FIRST_DATE_DUE,
    FIRST_DATE_OVERDUE,
    MART_OUTDATED,
    NEXT_DATE_DUE,
    NEXT_DATE_OVERDUE,
    NOTHING_DUE_YET,
)

WATERMARK_PASSES = frozenset({State.FINAL, State.RESTATED, State.ROLLED_BACK, State.SKIPPED, State.NOT_EXPECTED})
"""The published states that the watermark passes."""


def fold_watermark(first_date: date, states: Mapping[date, State]) -> date | None:
    """Return the latest date from `first_date` on through which there is no gap; None while the first is missing."""
    watermark = None
    day = first_date
    while states.get(day) in WATERMARK_PASSES:
        watermark = day
        day += timedelta(days=1)
    return watermark


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """The freshness of a dataset or mart: its watermark, None while the first date is missing, against its target.

    `lag` is 0 when it is on time and None before the first target. `due` is the first business date that the watermark
    has not reached, `due_at` the target of that date. `outdated` lists the dates of a mart that were built before an
    input got its present generation.
    """

    watermark: date | None
    lag: timedelta | None
    due: date
    due_at: datetime
    reasons: tuple[str, ...]
    outdated: tuple[date, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Return whether the promise to readers is kept: the target is met, and no date is outdated."""
        return self.on_time and not self.outdated

    @property
    def on_time(self) -> bool:
        """Return whether the watermark meets its target."""
        return not self.lag


_MAX_SHOWN = 5


def judge_freshness(
    *,
    first_date: date,
    watermark: date | None,
    timeliness: Timeliness,
    now: datetime,
    outdated: Sequence[date] = (),
) -> Freshness:
    """Measure freshness on published data: `now` minus the moment the watermark should have advanced."""
    due = first_date if watermark is None else max(first_date, watermark + timedelta(days=1))
    due_at = timeliness.target_moment(due)
    first_promise = timeliness.target_moment(first_date)
    lag: timedelta | None = max(now - due_at, timedelta(0))
    if now < first_promise:
        lag, reason = None, NOTHING_DUE_YET(due_at=first_promise)
    elif lag:
        reason = (NEXT_DATE_OVERDUE if watermark else FIRST_DATE_OVERDUE)(watermark=watermark, due=due, due_at=due_at)
    else:
        reason = (NEXT_DATE_DUE if watermark else FIRST_DATE_DUE)(watermark=watermark, due=due, due_at=due_at)
    return Freshness(
        watermark=watermark,
        lag=lag,
        due=due,
        due_at=due_at,
        reasons=(reason, *_why_outdated(outdated)),
        outdated=tuple(outdated),
    )


def _why_outdated(outdated: Sequence[date]) -> tuple[Reason, ...]:
    if not outdated:
        return ()
    shown, more = outdated[:_MAX_SHOWN], max(len(outdated) - _MAX_SHOWN, 0)
    return (MART_OUTDATED(dates=len(outdated), shown=shown, more=more),)
