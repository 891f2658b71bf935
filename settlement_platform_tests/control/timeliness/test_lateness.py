"""How late a date's files are: by whose moments, at which stage, and who has to know."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.policies import RecurringLateness, Timeliness
from settlement_platform.control.reasons.reason import reason_codes
from settlement_platform.control.timeliness.lateness import Lateness, LatenessStage, judge_lateness
from settlement_platform_tests.builders import codes

SUNDAY = date(2026, 11, 22)
SATURDAY = date(2026, 11, 21)
SOURCES = ("visa", "mastercard", "amex")
ON_MONDAYS = RecurringLateness(weekday=0, by=timedelta(hours=2), sources=("amex",))


def timeliness(**changes: Any) -> Timeliness:  # noqa: ANN401 - any field
    usual = {"expected_by": time(3, 45), "sensor_timeout": time(4, 45), "target": time(6, 0), "deadline": time(6, 0)}
    return Timeliness(**{**usual, **changes})


def at(clock: str, business_date: date = SATURDAY) -> datetime:
    return datetime.combine(business_date + timedelta(days=1), time.fromisoformat(clock), UTC)


def judge(clock: str, *missing: str, business_date: date = SATURDAY, closed: str = "", **changes: Any) -> Lateness:  # noqa: ANN401 - any field
    return judge_lateness(
        timeliness=timeliness(**changes),
        closed=closed,
        business_date=business_date,
        missing_sources=missing,
        now=at(clock, business_date),
    )


@pytest.mark.parametrize(
    ("clock", "stage", "since"),
    [
        ("03:00", LatenessStage.ON_TIME, None),
        ("03:45", LatenessStage.ON_TIME, None),
        ("03:45:01", LatenessStage.LATE, "03:45"),
        ("04:45", LatenessStage.LATE, "03:45"),
        ("04:45:01", LatenessStage.ESCALATED, "04:45"),
        ("06:00", LatenessStage.ESCALATED, "04:45"),
        ("06:00:01", LatenessStage.OVERDUE, "06:00"),
        ("23:59", LatenessStage.OVERDUE, "06:00"),
    ],
)
def test_waiting_goes_from_stage_to_stage_and_a_moment_belongs_to_the_one_before(
    clock: str, stage: LatenessStage, since: str | None
) -> None:
    found = judge(clock, "amex")

    assert (found.stage, found.since) == (stage, since and at(since))
    assert found.due == at("03:45")
    assert (found.is_late, found.is_escalated) == (
        stage is not LatenessStage.ON_TIME,
        stage in {LatenessStage.ESCALATED, LatenessStage.OVERDUE},
    )


def test_nothing_is_late_when_nothing_is_missing_or_the_calendar_expects_no_file() -> None:
    complete = judge("23:00")
    closed = judge("23:00", "amex", closed="TARGET: 2026-11-21 is a Saturday")

    assert (complete.stage, complete.reasons) == (LatenessStage.ON_TIME, ())
    assert closed.stage is LatenessStage.ON_TIME
    assert codes(closed.reasons) == ["no_file_expected"]
    assert (closed.is_late, closed.is_escalated) == (False, False)


def test_the_reasons_say_by_when_how_late_and_what_is_known() -> None:
    found = judge("06:10", "amex", "visa", business_date=SUNDAY, known_lateness=(ON_MONDAYS,))

    known = {"code": "recurring_lateness", "parameters": {"weekday": "Monday", "late_by": 7200.0, "note": ""}}
    amex = {"source": "amex", "expected_by": "2026-11-23T05:45:00Z", "late_by": 1500.0, "usual_lateness": known}
    visa = {"source": "visa", "expected_by": "2026-11-23T03:45:00Z", "late_by": 8700.0, "usual_lateness": None}
    assert reason_codes(found.reasons) == [
        {"code": "source_late", "parameters": amex},
        {"code": "source_late", "parameters": visa},
        {"code": "deadline_passed", "parameters": {"deadline": "2026-11-23T06:00:00Z"}},
    ]


@pytest.mark.parametrize(
    ("clock", "missing", "stage", "is_late", "is_escalated"),
    [
        ("05:30", ["amex"], LatenessStage.ON_TIME, False, False),
        ("05:46", ["amex"], LatenessStage.LATE, True, False),
        ("05:30", ["amex", "visa"], LatenessStage.ESCALATED, True, True),
        ("06:30", ["amex"], LatenessStage.OVERDUE, True, False),
        ("06:46", ["amex"], LatenessStage.OVERDUE, True, True),
    ],
    ids=["within what is known", "beyond it", "another source", "past the deadline", "past its own escalation"],
)
def test_known_lateness_moves_the_moments_of_its_own_source_only(
    clock: str, missing: list[str], stage: LatenessStage, is_late: bool, is_escalated: bool
) -> None:
    """On Mondays amex comes by 05:45; the deadline stays, as readers were promised the date."""
    found = judge(clock, *missing, business_date=SUNDAY, known_lateness=(ON_MONDAYS,))

    assert (found.stage, found.is_late, found.is_escalated) == (stage, is_late, is_escalated)


def test_a_date_whose_files_are_known_to_come_after_the_deadline_is_overdue_and_calls_nobody() -> None:
    known = RecurringLateness(weekday=0, by=timedelta(hours=4), note="batch window")
    found = judge("07:00", "amex", business_date=SUNDAY, known_lateness=(known,))

    assert (found.stage, found.is_late, found.is_escalated) == (LatenessStage.OVERDUE, False, False)
    assert found.reasons[0].code == "source_due"
    assert found.reasons[0].parameters["expected_by"] == "2026-11-23T07:45:00Z"
    assert found.reasons[0].parameters["usual_lateness"]["parameters"]["note"] == "batch window"


def test_known_lateness_of_a_weekday_says_nothing_of_the_others() -> None:
    found = judge("05:30", "amex", known_lateness=(ON_MONDAYS,))

    assert found.stage is LatenessStage.ESCALATED
    assert found.reasons[0].parameters["usual_lateness"] is None


def test_without_a_sensor_timeout_the_deadline_escalates() -> None:
    before, after = (judge(c, "amex", sensor_timeout=None) for c in ("05:59", "06:01"))

    assert (before.stage, before.is_escalated) == (LatenessStage.LATE, False)
    assert (after.stage, after.is_escalated) == (LatenessStage.OVERDUE, True)


@given(
    minutes=st.integers(0, 3 * 24 * 60),
    more=st.integers(0, 24 * 60),
    missing=st.lists(st.sampled_from(SOURCES), min_size=1, unique=True),
    known=st.lists(
        st.builds(
            RecurringLateness,
            weekday=st.integers(0, 6),
            by=st.integers(0, 600).map(lambda m: timedelta(minutes=m)),
            sources=st.lists(st.sampled_from(SOURCES)).map(tuple),
        ),
        max_size=3,
    ),
)
def test_waiting_never_goes_back_and_another_missing_source_never_helps(
    minutes: int, more: int, missing: list[str], known: list[RecurringLateness]
) -> None:
    now = at("00:00", SUNDAY) + timedelta(minutes=minutes)

    def judged(when: datetime, names: list[str]) -> Lateness:
        promise = timeliness(known_lateness=tuple(known))
        return judge_lateness(timeliness=promise, closed=None, business_date=SUNDAY, missing_sources=names, now=when)

    here, later, fewer = judged(now, missing), judged(now + timedelta(minutes=more), missing), judged(now, missing[:1])
    order = list(LatenessStage)

    assert order.index(here.stage) <= order.index(later.stage)
    assert order.index(fewer.stage) <= order.index(here.stage)
    assert here.is_late >= here.is_escalated
    assert (here.since is None) == (here.stage is LatenessStage.ON_TIME)
    assert here.since is None or here.since < now
    assert len(here.reasons) == len(missing) + (here.stage is LatenessStage.OVERDUE)
