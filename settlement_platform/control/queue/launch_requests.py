"""Launch decisions: is a run to be requested for a business date, given what arrived and what became of it?"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from settlement_platform.control.facts import CurrentPublication, State, Verdict
from settlement_platform.control.landing.deliveries import DateDeliveries
from settlement_platform.control.policies import ProvisionalCut, Timeliness
from settlement_platform.control.publishing.gate import check_reasons
from settlement_platform.control.publishing.operator_overrides import (
    NO_OVERRIDES,
    OperatorOverrides,
    action_parameters,
    why_withdrawn,
)
from settlement_platform.control.reasons.publishing import ALREADY_PUBLISHED
from settlement_platform.control.reasons.queue import (
    ALL_FILES_ARRIVED,
    DATE_PAUSED,
    DELIVERY_CHANGED,
    EARLIER_FILES_REAPPEARED,
    RECORDED_LATER,
)
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.timeliness import NO_FILE_EXPECTED
from settlement_platform.control.timeliness.calendars import Calendar
from settlement_platform.control.timeliness.provisional import why_provisional
from settlement_platform.control.timeliness.recompute_window import RECOMPUTE_WINDOW, why_outside_window


class LaunchAction(StrEnum):
    """The action for a scanned date."""

    NOTHING = "nothing"
    WAIT = "wait"
    REQUEST = "request"


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The expectations of a dataset for every business date; `required` names the sources that a date needs."""

    dataset: str
    timeliness: Timeliness
    calendar: Calendar
    required: tuple[str, ...]
    provisional: ProvisionalCut | None = None
    recompute_window: timedelta = RECOMPUTE_WINDOW


@dataclass(frozen=True, kw_only=True)
class ScannedDate:
    """One business date as the scan of the landing zone found it, beside its record.

    `content_hash` is None while nothing is delivered; `anything` says whether any file lies there. `superseded`
    describes recorded deliveries that are newer than the files there now. `reappearance` is set where the same content
    was the newest before another replaced it: the number, from 1, of the arrival that made it the newest again.
    `skipped` is the reason of a skip with no delivery after it.
    """

    business_date: date
    inputs: DateDeliveries
    content_hash: str | None
    anything: bool
    superseded: tuple[str, ...] = ()
    reappearance: int | None = None
    current: CurrentPublication | None = None
    verdict: Verdict | None = None
    overrides: OperatorOverrides = NO_OVERRIDES
    skipped: Reason | None = None

    @property
    def restates(self) -> bool:
        """Return whether a complete date is published already."""
        return self.current is not None and self.current.state is not State.PROVISIONAL


@dataclass(frozen=True, kw_only=True)
class LaunchDecision:
    """The launch decision for one business date, and why.

    `run_key` identifies the requested delivery and is never used for two: content that returns after another replaced
    it gets a new key. `restates` is set when the run would replace a complete date. `needs_backfill` is set when the
    change came after the recompute window.
    """

    business_date: date
    action: LaunchAction
    reasons: tuple[str, ...] = ()
    run_key: str = ""
    restates: bool = False
    needs_backfill: bool = False


def decide_launch(seen: ScannedDate, expectation: Expectation, now: datetime) -> LaunchDecision:
    """Request a run exactly when it would change what readers see, as far as that is known beforehand."""
    content = seen.content_hash
    if content is None:
        return _ask_without_files(seen, expectation, now)
    if settled := _settled(seen, content):
        return LaunchDecision(business_date=seen.business_date, action=LaunchAction.NOTHING, reasons=settled)
    if seen.superseded:
        cut = seen.current is None or seen.current.state is State.PROVISIONAL
        todo = LaunchAction.WAIT if cut else LaunchAction.NOTHING
        return LaunchDecision(business_date=seen.business_date, action=todo, reasons=seen.superseded)
    if held := _held(seen, expectation, now):
        return held
    if seen.inputs.waiting:
        return _ask_for_a_cut(seen, expectation, content, now)
    return LaunchDecision(
        business_date=seen.business_date,
        action=LaunchAction.REQUEST,
        reasons=(_why_complete(seen),),
        run_key=_run_key(seen, expectation, content),
        restates=seen.restates,
    )


def _held(seen: ScannedDate, expectation: Expectation, now: datetime) -> LaunchDecision | None:
    """Return the decision to wait, for the end of a pause or for a backfill; None where nothing holds the date."""
    day = seen.business_date
    if paused := _paused(seen):
        return LaunchDecision(business_date=day, action=LaunchAction.WAIT, reasons=(paused,))
    if seen.inputs.waiting or not seen.restates:
        return None
    late = why_outside_window(expectation.dataset, day, window=expectation.recompute_window, now=now)
    if late is None:
        return None
    reasons = (_why_complete(seen), late)
    return LaunchDecision(business_date=day, action=LaunchAction.WAIT, reasons=reasons, needs_backfill=True)


def _run_key(seen: ScannedDate, expectation: Expectation, content: str) -> str:
    """Return the run key: dataset, date and content.

    For returning content it also has the arrival that brought it back, or the skip before it.
    """
    key = f"{expectation.dataset}:{seen.business_date}:{content}"
    if seen.reappearance is not None:
        key = f"{key}:arrival {seen.reappearance}"
    if seen.current and seen.current.state is State.SKIPPED:
        # An earlier run found the date skipped, and left it skipped.
        key = f"{key}:after generation {seen.current.generation}"
    return key


def _paused(seen: ScannedDate) -> Reason | None:
    """Return why this date alone is paused; a pause of the whole dataset is checked before anything is launched."""
    pause = seen.overrides.paused
    return DATE_PAUSED(**action_parameters(pause)) if pause and pause.business_date else None


def _settled(seen: ScannedDate, content: str) -> tuple[str, ...]:
    """Return why a run of exactly this content would change nothing; empty when it may."""
    current, verdict = seen.current, seen.verdict
    if current and current.content_hash == content:
        return (ALREADY_PUBLISHED(generation=current.generation),)
    if content in seen.overrides.withdrawn:
        return (why_withdrawn(seen.overrides.withdrawn[content]),)
    if verdict and verdict.content_hash == content and not verdict.passed and content not in seen.overrides.released:
        return check_reasons(verdict.failures)
    return (seen.skipped,) if seen.skipped else ()


def _why_complete(seen: ScannedDate) -> Reason:
    if seen.current is None:
        return ALL_FILES_ARRIVED()
    template = EARLIER_FILES_REAPPEARED if seen.reappearance else DELIVERY_CHANGED
    return template(generation=seen.current.generation, state=seen.current.state)


def _ask_without_files(seen: ScannedDate, expectation: Expectation, now: datetime) -> LaunchDecision:
    """Decide on a date without files: where the calendar expects none, it is due once a file would have arrived."""
    closed = expectation.calendar.closed(seen.business_date)
    due = expectation.timeliness.expected_moment(seen.business_date)
    if seen.current or seen.superseded or not (closed or seen.anything):
        return LaunchDecision(business_date=seen.business_date, action=LaunchAction.NOTHING, reasons=seen.superseded)
    if seen.anything:
        return LaunchDecision(business_date=seen.business_date, action=LaunchAction.WAIT, reasons=seen.inputs.waiting)
    if now <= due:
        reason = RECORDED_LATER(closed=closed, due=due)
        return LaunchDecision(business_date=seen.business_date, action=LaunchAction.NOTHING, reasons=(reason,))
    if paused := _paused(seen):
        return LaunchDecision(business_date=seen.business_date, action=LaunchAction.WAIT, reasons=(paused,))
    return LaunchDecision(
        business_date=seen.business_date,
        action=LaunchAction.REQUEST,
        reasons=(NO_FILE_EXPECTED(closed=closed),),
        run_key=f"{expectation.dataset}:{seen.business_date}:not_expected",
    )


def _ask_for_a_cut(seen: ScannedDate, expectation: Expectation, content: str, now: datetime) -> LaunchDecision:
    """Decide on an incomplete date: from the deadline on, enough sources make a provisional publication."""
    waiting = seen.inputs.waiting
    due = why_provisional(
        expectation.provisional, expectation.timeliness, seen.inputs, required=expectation.required, now=now
    )
    if seen.restates or not due:
        return LaunchDecision(business_date=seen.business_date, action=LaunchAction.WAIT, reasons=waiting)
    return LaunchDecision(
        business_date=seen.business_date,
        action=LaunchAction.REQUEST,
        reasons=(due, *waiting),
        run_key=f"{_run_key(seen, expectation, content)}:provisional",
    )
