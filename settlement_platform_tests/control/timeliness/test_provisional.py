"""A provisional cut is due at the deadline and not before; where no file comes, the calendar says why."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from settlement_platform.control.landing.deliveries import DateDeliveries
from settlement_platform.control.policies import ProvisionalCut, RecurringLateness, Timeliness
from settlement_platform.control.timeliness.calendars import MONDAY_TO_FRIDAY, Calendar
from settlement_platform.control.timeliness.provisional import why_no_file_expected, why_provisional
from settlement_platform_tests.builders import DAY, a_delivery, day

CUT = ProvisionalCut(minimum_sources=2)
TIMELINESS = Timeliness(expected_by=time(3, 45), target=time(6), deadline=time(6, 30))
DEADLINE = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
BEFORE = DEADLINE - timedelta(microseconds=1)
WEEKDAYS = Calendar(name="weekdays", weekdays=MONDAY_TO_FRIDAY)
SATURDAY = day(1)
REQUIRED = ("visa", "mastercard", "amex")
TWO = REQUIRED[:2]


def inputs(*sources: str) -> DateDeliveries:
    return DateDeliveries(business_date=DAY, deliveries=tuple(a_delivery(s) for s in sources), waiting=())


@pytest.mark.parametrize(
    ("cut", "present", "now", "due"),
    [
        pytest.param(CUT, TWO, DEADLINE, True, id="enough at the deadline"),
        pytest.param(CUT, REQUIRED, DEADLINE + timedelta(days=9), True, id="enough, long after it"),
        pytest.param(CUT, TWO, BEFORE, False, id="enough before it"),
        pytest.param(CUT, ("visa",), DEADLINE, False, id="too few"),
        pytest.param(CUT, ("visa", "extra"), DEADLINE, False, id="too few that are required"),
        pytest.param(None, REQUIRED, DEADLINE, False, id="none declared"),
        pytest.param(ProvisionalCut(), (), DEADLINE, False, id="nothing there"),
        pytest.param(ProvisionalCut(minimum_sources=0), ("extra",), DEADLINE, False, id="none of the required"),
    ],
)
def test_a_cut_is_due_at_the_deadline_with_enough_required_sources(
    cut: ProvisionalCut | None, present: tuple[str, ...], now: datetime, due: bool
) -> None:
    assert bool(why_provisional(cut, TIMELINESS, inputs(*present), required=REQUIRED, now=now)) == due


def test_a_due_cut_says_which_deadline_has_passed_and_with_how_many_sources() -> None:
    reason = why_provisional(CUT, TIMELINESS, inputs(*TWO), required=REQUIRED, now=DEADLINE)

    assert reason.code == "provisional_cut_due"
    assert reason.parameters == {"deadline": "2026-11-21T06:30:00Z", "present": 2, "required": 3}


def test_known_lateness_does_not_put_off_the_cut() -> None:
    """It moves warnings, never what readers were promised."""
    late = replace(TIMELINESS, known_lateness=(RecurringLateness(weekday=5, by=timedelta(hours=8)),))

    assert why_provisional(CUT, late, inputs(*TWO), required=REQUIRED, now=DEADLINE)


def test_a_closed_day_is_known_to_be_empty_only_when_a_file_would_be_there() -> None:
    """A file may still come on it until then; 2026-11-21 is a Saturday."""
    expected = datetime(2026, 11, 22, 3, 45, tzinfo=UTC)

    assert why_no_file_expected(WEEKDAYS, TIMELINESS, SATURDAY, now=expected - timedelta(seconds=1)) is None
    assert why_no_file_expected(WEEKDAYS, TIMELINESS, SATURDAY, now=expected).code == "closed_on_weekday"


def test_on_an_open_day_a_file_is_expected_however_late_it_is() -> None:
    assert why_no_file_expected(WEEKDAYS, TIMELINESS, DAY, now=DEADLINE + timedelta(days=99)) is None


@pytest.mark.parametrize("minutes", [0, 60])
def test_known_lateness_puts_off_when_a_closed_day_counts_as_empty(minutes: int) -> None:
    late = replace(TIMELINESS, known_lateness=(RecurringLateness(weekday=6, by=timedelta(hours=1)),))
    now = datetime(2026, 11, 22, 3, 45, tzinfo=UTC) + timedelta(minutes=minutes)

    assert bool(why_no_file_expected(WEEKDAYS, late, SATURDAY, now=now)) == (minutes == 60)
