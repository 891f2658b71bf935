"""Backfills rise from where they were put, and what a pause holds neither rises nor keeps others from it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from settlement_platform.control.queue.service_classes import AGEING, CRITICALITIES, PRIORITIES, ServiceClass
from settlement_platform.orchestration import tags
from settlement_platform.orchestration.queue import backfill_control
from settlement_platform.orchestration.sensors import queue_ageing
from settlement_platform.orchestration.sensors.queue_ageing import age_queue
from settlement_platform_tests.orchestration.backfill_daemon import ANA, BackfillDaemon, a_daemon, launched
from settlement_platform_tests.orchestration.dagster_home import DagsterHome, day
from settlement_platform_tests.orchestration.queued_runs import add_runs, stamped

BACKFILL = ServiceClass.BACKFILL
BASE = PRIORITIES[BACKFILL]
HOUR = timedelta(hours=1)


@pytest.fixture
def daemon(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[BackfillDaemon]:
    """The daemon of the home."""
    with a_daemon(home, monkeypatch) as found:
        yield found


def priorities(home: DagsterHome, backfill_id: str) -> set[int]:
    """Of the queued runs of a backfill."""
    found = home.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill_id}))
    return {int(run.tags[tags.PRIORITY_TAG]) for run in found}


def unlike(dataset: str) -> dict[str, str]:
    """A backfill's run of something that is not critical."""
    return stamped(BACKFILL, dataset=dataset, owner=dataset)


@pytest.mark.parametrize("base", [0, 5, 25])
def test_a_backfill_stays_where_it_was_launched_and_rises_from_there(
    home: DagsterHome, daemon: BackfillDaemon, base: int
) -> None:
    backfill_id = launched(home, [day(0)], marts={}, priority=base)
    daemon.tick()
    now = datetime.now(UTC)

    age_queue(home.instance, now)
    at_once = priorities(home, backfill_id)
    age_queue(home.instance, now + HOUR * 1.5)

    assert at_once == {base}
    assert priorities(home, backfill_id) == {base + AGEING.rise}


def test_a_backfill_stays_where_it_was_moved_and_rises_from_there(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """By all that it has waited, also before it was moved."""
    lower, higher = launched(home, [day(0)], marts={}), launched(home, [day(2)], marts={})
    daemon.tick()
    now = datetime.now(UTC)

    backfill_control.prioritize(home.instance, lower, 5)
    backfill_control.prioritize(home.instance, higher, 20)
    age_queue(home.instance, now)
    at_once = [priorities(home, each) for each in (lower, higher)]
    age_queue(home.instance, now + HOUR * 1.5)

    assert at_once == [{5}, {20}]
    assert [priorities(home, each) for each in (lower, higher)] == [{10}, {25}]


def test_a_critical_dataset_keeps_what_it_begins_higher_by(home: DagsterHome) -> None:
    """An old date of it that is caught up begins above others of its class."""
    base = BASE + CRITICALITIES["critical"]
    (run_id,) = add_runs(home.instance, [stamped(BACKFILL) | {tags.PRIORITY_TAG: str(base)}])

    risen = age_queue(home.instance, datetime.now(UTC) + HOUR * 1.5)

    assert [(each.run_id, each.priority) for each in risen] == [(run_id, base + AGEING.rise)]


def test_what_is_paused_does_not_rise_and_after_the_pause_begins_to_wait_anew(
    home: DagsterHome, daemon: BackfillDaemon
) -> None:
    """Days of a pause put it ahead of nothing; hours after it count as those of any other."""
    backfill_id = launched(home, [day(0)], marts={}, priority=7)
    daemon.tick()
    now = datetime.now(UTC)
    resumed = now + 24 * HOUR

    backfill_control.pause(home.instance, backfill_id, ANA)
    held = age_queue(home.instance, resumed)
    backfill_control.resume(home.instance, backfill_id, resumed)
    at_once = age_queue(home.instance, resumed)
    begun = priorities(home, backfill_id)
    age_queue(home.instance, resumed + HOUR * 1.5)

    assert (held, at_once, begun) == ([], [], {7})
    assert priorities(home, backfill_id) == {7 + AGEING.rise}


def test_a_run_that_is_paused_ahead_of_its_turn_lets_another_overtake(
    home: DagsterHome, daemon: BackfillDaemon
) -> None:
    """Resumed, it is behind that one, and behind what is fresh."""
    backfill_id = launched(home, [day(0)], marts={})
    daemon.tick()
    now = datetime.now(UTC)
    (other,) = add_runs(home.instance, [unlike("another")])
    resumed = now + 2 * AGEING.longest_wait

    age_queue(home.instance, now + AGEING.longest_wait)
    ahead = priorities(home, backfill_id)
    backfill_control.pause(home.instance, backfill_id, ANA)
    overtaking = {a.run_id: a.priority for a in age_queue(home.instance, resumed)}
    backfill_control.resume(home.instance, backfill_id, resumed)
    age_queue(home.instance, resumed)

    assert ahead == {AGEING.overtaking}
    assert overtaking == {other: AGEING.overtaking}
    assert priorities(home, backfill_id) == {BASE}


@pytest.mark.parametrize("held", [{tags.PAUSED_TAG: tags.PAUSED}, {tags.WAITS_SINCE_TAG: "2100-01-01T00:00:00+00:00"}])
def test_a_pause_of_many_runs_hides_none_that_have_waited(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch, held: dict[str, str]
) -> None:
    """Neither while it lasts nor after it, when they stand before the others and have waited for less."""
    monkeypatch.setattr(queue_ageing, "MAX_OF_A_CLASS", 3)
    add_runs(home.instance, [unlike(f"paused_{n}") | held for n in range(7)])
    waiting = add_runs(home.instance, [unlike("another"), unlike("third")])

    risen = age_queue(home.instance, datetime.now(UTC) + AGEING.longest_wait)

    assert [each.run_id for each in risen] == waiting
    assert risen[0].priority == AGEING.overtaking
