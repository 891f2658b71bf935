"""The work of a run decides its class, and its priority rises only by waiting."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from settlement_platform.control.queue.service_classes import (
    AGEING,
    PRIORITIES,
    QueuedRun,
    ServiceClass,
    SubmittedRun,
    age_priorities,
    aged_priority,
    classify,
)
from settlement_platform_tests.builders import NOW

FRESH, CORRECTION, BACKFILL, MAINTENANCE = ServiceClass
TODAY = NOW.date()
YESTERDAY, OLD = TODAY - timedelta(days=1), TODAY - timedelta(days=30)
HOUR = timedelta(hours=1)
CASES = [
    ("schedule daily", YESTERDAY, YESTERDAY, {}, FRESH),
    ("sensor arrivals", TODAY, TODAY, {}, FRESH),
    ("hand", YESTERDAY, YESTERDAY, {}, FRESH),
    ("schedule daily", OLD, OLD, {}, BACKFILL),
    ("sensor arrivals", OLD, OLD, {}, BACKFILL),
    ("hand", OLD, OLD, {}, BACKFILL),
    ("hand", YESTERDAY, TODAY, {}, BACKFILL),
    ("hand", None, None, {}, BACKFILL),
    ("sensor arrivals", YESTERDAY, YESTERDAY, {"restates": True}, FRESH),
    ("sensor arrivals", OLD, OLD, {"restates": True}, CORRECTION),
    ("hand", YESTERDAY, YESTERDAY, {"backfill": "abc"}, BACKFILL),
    ("sensor arrivals", YESTERDAY, YESTERDAY, {"backfill": "abc", "restates": True}, BACKFILL),
    ("a re-execution", YESTERDAY, YESTERDAY, {"repeats": FRESH}, FRESH),
    ("a re-execution", OLD, OLD, {"repeats": FRESH}, BACKFILL),
    ("a re-execution", YESTERDAY, YESTERDAY, {"repeats": BACKFILL}, BACKFILL),
    ("a re-execution", OLD, OLD, {"repeats": CORRECTION}, CORRECTION),
    ("a re-execution", None, None, {"repeats": MAINTENANCE}, MAINTENANCE),
    ("hand", None, None, {"action": "approve"}, FRESH),
    ("schedule nightly", YESTERDAY, YESTERDAY, {"maintenance": True}, MAINTENANCE),
]


@pytest.mark.parametrize(("launched_by", "first", "last", "known", "expected"), CASES)
def test_a_run_is_classed_by_what_it_is(
    launched_by: str, first: date | None, last: date | None, known: dict, expected: ServiceClass
) -> None:
    classed = classify(SubmittedRun(launched_by=launched_by, first=first, last=last, **known), now=NOW)

    assert classed.service_class is expected
    assert classed.reasons[0]
    assert classed.reasons[-1].code == "launched_by"
    assert classed.reasons[-1].parameters == {"launched_by": launched_by}


@pytest.mark.parametrize("restates", [False, True])
def test_a_date_is_open_for_the_window_after_its_end(restates: bool) -> None:
    """The moment at which it closes belongs to it no more."""
    launch = SubmittedRun(launched_by="hand", first=date(2026, 3, 1), last=date(2026, 3, 1), restates=restates)
    closes = datetime(2026, 3, 3, tzinfo=NOW.tzinfo)

    found = [
        classify(launch, now=now, window=timedelta(hours=24)).service_class
        for now in (closes - timedelta(seconds=1), closes)
    ]

    assert found == [FRESH, CORRECTION if restates else BACKFILL]


def test_a_waiting_backfill_rises_ahead_of_corrections_and_never_ahead_of_what_is_fresh() -> None:
    """A correction that has just come waits for a backfill that has waited for hours."""
    risen = [aged_priority(BACKFILL, PRIORITIES[BACKFILL], n * HOUR) for n in range(48)]
    classes = (CORRECTION, BACKFILL, MAINTENANCE)

    assert risen == sorted(risen)
    assert risen[0] == PRIORITIES[BACKFILL] < PRIORITIES[CORRECTION] < max(risen) == AGEING.ceiling
    assert {aged_priority(FRESH, 42, n * HOUR) for n in range(48)} == {42}
    assert max(aged_priority(c, PRIORITIES[c], 1000 * HOUR) for c in classes) < PRIORITIES[FRESH]


@pytest.mark.parametrize("base", [0, 5, 10, 20, 39])
def test_a_run_rises_from_where_it_was_put(base: int) -> None:
    """By the same step wherever that is, from the first hour on, and never below it."""
    risen = [aged_priority(BACKFILL, base, n * HOUR) for n in range(10)]

    assert risen == [min(AGEING.ceiling, base + n * AGEING.rise) for n in range(10)]


def test_a_run_that_was_moved_back_stays_there_until_it_has_waited() -> None:
    """The class begins higher, and that counts for nothing."""
    moved = [a_queued("moved", BACKFILL, hours=0.5, base=5)]
    hours_later = [a_queued("moved", BACKFILL, hours=2, base=5)]

    at_once = age_priorities(moved, overtaken=False, now=NOW)
    later = age_priorities(hours_later, overtaken=False, now=NOW)

    assert at_once == []
    (change,) = later
    assert (change.priority, change.reason.code) == (15, "priority_aged")
    assert change.reason.parameters == {"base": 5, "waited": 7200.0}


def a_queued(name: str, service_class: ServiceClass, *, hours: float, base: int) -> QueuedRun:
    """A run that has waited for hours and has not risen yet."""
    return QueuedRun(run_id=name, service_class=service_class, since=NOW - hours * HOUR, base=base, priority=base)


def queued(*runs: tuple[str, ServiceClass, float]) -> list[QueuedRun]:
    """Runs by name, class and hours of waiting, with the priority of that class."""
    return [a_queued(name, c, hours=hours, base=PRIORITIES[c]) for name, c, hours in runs]


def test_after_its_patience_one_run_goes_ahead_of_everything() -> None:
    """The one that has waited longest; the next only when that one has ended."""
    waiting = queued(("younger", BACKFILL, 7), ("oldest", MAINTENANCE, 8), ("fresh", FRESH, 9))

    first = {a.run_id: a.priority for a in age_priorities(waiting, overtaken=False, now=NOW)}
    again = {a.run_id: a.priority for a in age_priorities(waiting, overtaken=True, now=NOW)}

    assert first["oldest"] == AGEING.overtaking > PRIORITIES[FRESH]
    assert first["younger"] < PRIORITIES[FRESH]
    assert max(again.values()) < PRIORITIES[FRESH]
    assert "fresh" not in {**first, **again}


def test_a_priority_is_written_only_when_it_rises() -> None:
    """A second round at once changes nothing, and what has overtaken is left alone."""
    waiting = queued(("a", BACKFILL, 2.5), ("b", BACKFILL, 0.5))

    risen = age_priorities(waiting, overtaken=False, now=NOW)
    after = [replace(waiting[0], priority=risen[0].priority), waiting[1]]
    ahead = [replace(waiting[0], since=NOW - 9 * HOUR, priority=AGEING.overtaking)]

    assert [(a.run_id, a.priority) for a in risen] == [("a", PRIORITIES[BACKFILL] + 2 * AGEING.rise)]
    assert risen[0].reason.parameters["waited"] == 9000.0
    assert age_priorities(after, overtaken=False, now=NOW) == []
    assert age_priorities(ahead, overtaken=True, now=NOW) == []
