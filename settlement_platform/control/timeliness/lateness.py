"""Lateness: how late the files of a business date are, and whether to warn or to page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from settlement_platform.control.policies import RecurringLateness, Timeliness
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.timeliness import (
    DEADLINE_PASSED,
    NO_FILE_EXPECTED,
    RECURRING_LATENESS,
    SOURCE_DUE,
    SOURCE_LATE,
)
from settlement_platform.control.timeliness.calendars import WEEKDAY_NAMES


class LatenessStage(StrEnum):
    """The stages of lateness, in their order."""

    ON_TIME = "on_time"
    LATE = "late"
    ESCALATED = "escalated"
    OVERDUE = "overdue"


_ORDER = tuple(LatenessStage)


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """The lateness of a business date: that of its worst source.

    `since` is when the stage began (None while on time), `due` when the worst source was expected. `is_late` is true if
    a source is later than usual, `is_escalated` if waiting for one needs attention. Both can be false of an overdue
    date: its files are known to come after the deadline.
    """

    stage: LatenessStage
    since: datetime | None
    due: datetime
    reasons: tuple[str, ...]
    is_late: bool = False
    is_escalated: bool = False


@dataclass(frozen=True, kw_only=True)
class _Source:
    name: str
    stage: LatenessStage
    since: datetime | None
    expected: datetime
    escalation: datetime
    known: RecurringLateness | None


def judge_lateness(
    *, timeliness: Timeliness, closed: str | None, business_date: date, missing_sources: Sequence[str], now: datetime
) -> Lateness:
    """Judge each missing source by its own declared times; the worst counts.

    `closed` is why the calendar expects no file on the date, None when it expects one. At exactly a declared time, the
    earlier stage still holds.
    """
    if closed or not missing_sources:
        reasons = (NO_FILE_EXPECTED(closed=closed),) if closed else ()
        due = timeliness.expected_moment(business_date)
        return Lateness(stage=LatenessStage.ON_TIME, since=None, due=due, reasons=reasons)
    sources = [_judge(timeliness, business_date, name, now) for name in missing_sources]
    worst = max(sources, key=lambda s: (_ORDER.index(s.stage), now - s.expected))
    began = [s.since for s in sources if s.stage is worst.stage and s.since]
    return Lateness(
        stage=worst.stage,
        since=min(began, default=None),
        due=worst.expected,
        reasons=(*(_reason(s, now) for s in sources), *_deadline(timeliness, business_date, worst.stage)),
        is_late=any(now > s.expected for s in sources),
        is_escalated=any(now > s.escalation for s in sources),
    )


def _judge(timeliness: Timeliness, business_date: date, name: str, now: datetime) -> _Source:
    moments = {
        LatenessStage.LATE: timeliness.expected_moment(business_date, name),
        LatenessStage.ESCALATED: timeliness.escalation_moment(business_date, name),
        LatenessStage.OVERDUE: timeliness.deadline_moment(business_date),
    }
    reached = [stage for stage, moment in moments.items() if now > moment]
    stage = reached[-1] if reached else LatenessStage.ON_TIME
    return _Source(
        name=name,
        stage=stage,
        since=moments.get(stage),
        expected=moments[LatenessStage.LATE],
        escalation=moments[LatenessStage.ESCALATED],
        known=timeliness.allowance(business_date, name),
    )


def _reason(source: _Source, now: datetime) -> Reason:
    late = now - source.expected
    known = describe_recurring_lateness(source.known) if source.known else None
    if late <= timedelta(0):
        return SOURCE_DUE(source=source.name, expected_by=source.expected, usual_lateness=known)
    return SOURCE_LATE(source=source.name, expected_by=source.expected, late_by=late, usual_lateness=known)


def _deadline(timeliness: Timeliness, business_date: date, stage: LatenessStage) -> tuple[Reason, ...]:
    if stage is not LatenessStage.OVERDUE:
        return ()
    return (DEADLINE_PASSED(deadline=timeliness.deadline_moment(business_date)),)


def describe_recurring_lateness(known: RecurringLateness) -> Reason:
    """Return recurring lateness as one phrase: `every Monday by 2 h`."""
    return RECURRING_LATENESS(weekday=WEEKDAY_NAMES[known.weekday], late_by=known.by, note=known.note)
