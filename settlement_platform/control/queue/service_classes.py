"""Service classes: which one a run belongs to, and where that puts it in the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from settlement_platform.control.reasons import queue as why
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.timeliness.recompute_window import RECOMPUTE_WINDOW, closes_at


class ServiceClass(StrEnum):
    """The service classes of runs, the most urgent first."""

    FRESH = "fresh"
    CORRECTION = "correction"
    BACKFILL = "backfill"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, kw_only=True)
class SubmittedRun:
    """The facts about a run when it is submitted.

    `first` and `last` are the business dates that it covers, None when it names none; `launched_by` says who requested
    it. `backfill` is the id of its backfill, `action` the operator action that it executes, `repeats` the class of the
    run that it executes again. `restates` is set when a delivery, or a mart's input, changed a published date.
    """

    launched_by: str
    first: date | None = None
    last: date | None = None
    backfill: str = ""
    action: str = ""
    repeats: ServiceClass | None = None
    restates: bool = False
    maintenance: bool = False


@dataclass(frozen=True, kw_only=True)
class Classification:
    """A service class, and why."""

    service_class: ServiceClass
    reasons: tuple[str, ...]


def classify(launch: SubmittedRun, *, now: datetime, window: timedelta = RECOMPUTE_WINDOW) -> Classification:
    """Classify a run by its work; who launched it never makes it more urgent."""
    service_class, reason = _decide(launch, now, window)
    return Classification(
        service_class=service_class, reasons=(reason, why.LAUNCHED_BY(launched_by=launch.launched_by))
    )


def _decide(launch: SubmittedRun, now: datetime, window: timedelta) -> tuple[ServiceClass, Reason]:
    if launch.maintenance:
        return ServiceClass.MAINTENANCE, why.MAINTAINS_STORES()
    if launch.action:
        return ServiceClass.FRESH, why.OPERATOR_WAITS(action=launch.action)
    if launch.backfill:
        return ServiceClass.BACKFILL, why.PART_OF_BACKFILL(backfill=launch.backfill)
    if launch.repeats and launch.repeats is not ServiceClass.FRESH:
        return launch.repeats, why.REPEATS_RUN(service_class=launch.repeats)
    return _by_dates(launch, now, window)


def _by_dates(launch: SubmittedRun, now: datetime, window: timedelta) -> tuple[ServiceClass, Reason]:
    if launch.first is None or launch.last is None:
        return ServiceClass.BACKFILL, why.NAMES_NO_DATE()
    if launch.first != launch.last:
        return ServiceClass.BACKFILL, why.COVERS_MANY_DATES(first=launch.first, last=launch.last)
    day = launch.last
    closes = closes_at(day, window)
    if now < closes:
        template = why.RESTATES_OPEN_DATE if launch.restates else why.DATE_OPEN
        return ServiceClass.FRESH, template(business_date=day, closes_at=closes)
    if launch.restates:
        return ServiceClass.CORRECTION, why.RESTATES_CLOSED_DATE(business_date=day, closes_at=closes)
    return ServiceClass.BACKFILL, why.DATE_CLOSED(business_date=day, closes_at=closes)


PRIORITIES = {
    ServiceClass.FRESH: 40,
    ServiceClass.CORRECTION: 30,
    ServiceClass.BACKFILL: 10,
    ServiceClass.MAINTENANCE: 0,
}
"""The base priority of each class; the higher runs first, and among equals the older."""

CRITICALITIES = {"critical": 2}
"""The priority that a dataset or mart of this criticality adds within its class."""


@dataclass(frozen=True, kw_only=True)
class AgeingPolicy:
    """The policy of priority ageing: a waiting run rises by `rise` per `step`, and stays below fresh runs.

    After `longest_wait`, the run that has waited longest overtakes everything, one at a time.
    """

    step: timedelta = timedelta(hours=1)
    rise: int = 5
    longest_wait: timedelta = timedelta(hours=6)

    @property
    def ceiling(self) -> int:
        """Return the highest priority that waiting alone can give."""
        return PRIORITIES[ServiceClass.FRESH] - 1

    @property
    def overtaking(self) -> int:
        """Return the priority of the one run that overtakes fresh runs."""
        return PRIORITIES[ServiceClass.FRESH] + 10


AGEING = AgeingPolicy()


def aged_priority(service_class: ServiceClass, base: int, waited: timedelta, ageing: AgeingPolicy = AGEING) -> int:
    """Return the priority of a run that started at `base` and has waited this long; fresh runs do not rise."""
    if service_class is ServiceClass.FRESH:
        return base
    return max(base, min(ageing.ceiling, base + ageing.rise * max(0, waited // ageing.step)))


@dataclass(frozen=True, kw_only=True)
class QueuedRun:
    """A queued run that may start, with its present priority.

    `since` is when it began to wait, or when a pause ended; `base` is the priority at launch, or the one an operator
    set.
    """

    run_id: str
    service_class: ServiceClass
    since: datetime
    base: int
    priority: int


@dataclass(frozen=True, kw_only=True)
class PriorityChange:
    """A new priority for a run, and why."""

    run_id: str
    priority: int
    reason: Reason


def age_priorities(
    queued: Sequence[QueuedRun], *, overtaken: bool, now: datetime, ageing: AgeingPolicy = AGEING
) -> list[PriorityChange]:
    """Return the priorities that change by waiting alone; `overtaken` is set while one run overtakes already.

    Only one run overtakes at a time, and never in a reserved slot. So a fresh run waits for at most one run that has
    waited longer than `longest_wait`, and every run starts in the end, however many fresh ones there are. `queued`
    leaves out paused runs: they do not rise and delay no others.
    """
    waiting = [q for q in queued if q.service_class is not ServiceClass.FRESH and q.priority < ageing.overtaking]
    longest = min(waiting, key=lambda q: q.since, default=None)
    found = []
    for each in waiting:
        waited = now - each.since
        priority, template = aged_priority(each.service_class, each.base, waited, ageing), why.PRIORITY_AGED
        if each is longest and not overtaken and waited >= ageing.longest_wait:
            priority, template = ageing.overtaking, why.WAITED_LONGEST
        if priority > each.priority:
            reason = template(base=each.base, waited=waited)
            found.append(PriorityChange(run_id=each.run_id, priority=priority, reason=reason))
    return found
