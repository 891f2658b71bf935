"""Backfills on the instance: in chunks, each date on its own, held and moved while they run."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from settlement_platform.control.failures import ActionRefused, PermanentFailure
from settlement_platform.control.queue.backfill_progress import DateProgress
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.events.reporting import on_outcome
from settlement_platform.orchestration.keys import published_key
from settlement_platform.orchestration.queue import backfill_control
from settlement_platform.orchestration.queue.backfill_launch import HEARTBEAT_TIMEOUT, daemon_is_running
from settlement_platform.orchestration.queue.backfill_records import (
    find_backfill,
    latest_backfills,
    record_of,
    runs_of,
    slots_taken,
    unfinished_backfills,
)
from settlement_platform.orchestration.sensors.alerts import running_backfills
from settlement_platform.orchestration.tags import NOT_PAUSED, PAUSED, PAUSED_TAG
from settlement_platform.pipeline.backfills.plan import backfill_progress
from settlement_platform_tests.builders import refused_as
from settlement_platform_tests.orchestration.backfill_daemon import ANA, BackfillDaemon, a_daemon, launched, ranges
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import tick
from settlement_platform_tests.shown_reasons import shows

MART_NAMES = [m.name for m in MARTS]
RECORDS = (
    "SELECT business_date, generation, published_at, run_id FROM lake.published.publications "
    f"WHERE dataset = '{NAME}' ORDER BY ALL"
)
STATES = "SELECT business_date, actor, reason FROM lake.published.publications WHERE dataset = '{}' ORDER BY ALL"


@pytest.fixture
def daemon(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[BackfillDaemon]:
    """The daemon of the home."""
    with a_daemon(home, monkeypatch) as found:
        yield found


def words(home: DagsterHome, backfill_id: str) -> dict[str, list[DateProgress]]:
    """The progress of every date of a backfill."""
    found = find_backfill(home.instance, backfill_id)
    platform = home.without_dagster().platform
    work = backfill_progress(platform, found.targets, runs_of(home.instance, backfill_id), datetime.now(UTC))
    return {w.name: list(w.progress.values()) for w in work}


def test_a_backfill_takes_many_dates_a_run_and_each_date_on_its_own(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """One run for five dates, one of them refused; then the marts of the four others, in runs of their own."""
    for n in (0, 1, 3, 4):
        home.deliver(day(n))
    home.deliver_corrupt(day(2))

    backfill_id = launched(home, [day(n) for n in range(5)])
    status = daemon.finish(backfill_id)

    good = {day(n).isoformat() for n in (0, 1, 3, 4)}
    found = words(home, backfill_id)
    made = ranges(home, backfill_id)
    assert status == "COMPLETED_FAILED"
    assert made[0] == (NAME, str(day(0)), str(day(4)))
    assert sorted(made[1:]) == [
        (",".join(sorted(MART_NAMES)), str(day(0)), str(day(1))),
        (",".join(sorted(MART_NAMES)), str(day(3)), str(day(4))),
    ]
    assert [home.materialized(key) for key in (PUBLISHED, *map(published_key, MART_NAMES))] == [good] * 3
    assert found[NAME] == [
        DateProgress.DONE,
        DateProgress.DONE,
        DateProgress.REFUSED,
        DateProgress.DONE,
        DateProgress.DONE,
    ]
    assert {tuple(found[name]) for name in MART_NAMES} == {
        (DateProgress.DONE, DateProgress.DONE, DateProgress.BLOCKED, DateProgress.DONE, DateProgress.DONE)
    }
    assert {row[1:] for row in home.query(STATES.format(NAME))} == {("ana", "a new rule")}


def test_a_backfill_without_a_title_is_called_by_what_it_makes(home: DagsterHome) -> None:
    """The web UI gives none."""
    backfill_id = launched(home, [day(0), day(4)], marts={})
    home.instance.update_backfill(record_of(home.instance, backfill_id)._replace(title=None))

    found = find_backfill(home.instance, backfill_id)

    assert found.title == f"{NAME} {day(0)} to {day(4)}"


def test_dates_of_a_mart_alone_need_no_date_of_its_dataset(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """As after a kill between both: the dataset is published, and only the mart is behind."""
    for n in range(3):
        home.deliver(day(n))
    home.run(day(0), day(1))

    backfill_id = launched(home, [day(2)], marts={name: [day(n) for n in range(3)] for name in MART_NAMES})
    status = daemon.finish(backfill_id)

    assert status == "COMPLETED_SUCCESS"
    assert {tuple(words(home, backfill_id)[name]) for name in MART_NAMES} == {(DateProgress.DONE,) * 3}
    assert (NAME, str(day(2)), str(day(2))) in ranges(home, backfill_id)


def test_a_chunk_that_dies_half_way_is_completed_without_redoing_what_is_published(
    home: DagsterHome, daemon: BackfillDaemon
) -> None:
    """Its unfinished dates count as failed; another backfill of its dates publishes the rest, and only that."""
    days = [day(n) for n in range(4)]
    for each in days:
        home.deliver(each)
    first = launched(home, days, marts={})
    daemon.tick()
    with dying_after(2):
        daemon.start()
    daemon.tick()
    died, published = words(home, first)[NAME], home.query(RECORDS)

    second = launched(home, days, marts={})
    status = daemon.finish(second)

    assert died == [DateProgress.DONE, DateProgress.DONE, DateProgress.FAILED, DateProgress.FAILED]
    assert daemon.status(first).value == "COMPLETED_FAILED"
    assert [row[0] for row in published] == days[:2]
    assert status == "COMPLETED_SUCCESS"
    assert home.query(RECORDS)[:2] == published
    assert [row[1] for row in home.query(RECORDS)] == [1] * 4
    assert words(home, second)[NAME] == [DateProgress.DONE] * 4


def test_a_run_that_dagster_runs_again_leaves_its_dates_to_that(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """Its process was lost: the daemon starts another one, and nothing has failed yet."""
    backfill_id = launched(home, [day(0)], marts={})
    daemon.tick()
    (run,) = daemon.startable()

    home.instance.report_run_failed(run)

    assert words(home, backfill_id)[NAME] == [DateProgress.REMAINING]


@contextmanager
def dying_after(dates: int) -> Iterator[None]:
    """A run within the block dies once so many dates have ended."""
    ended: list[object] = []

    def listen(outcome: object) -> None:
        ended.append(outcome)
        if len(ended) == dates:
            raise RuntimeError("the process ends here")

    token = on_outcome.set(listen)
    try:
        yield
    finally:
        on_outcome.reset(token)
        # With a process, the locks of the dates that it had begun would be gone.
        gc.collect()


def test_a_paused_backfill_starts_nothing_until_it_is_resumed(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """Neither what is in the queue nor what is requested later; a run of another backfill passes it."""
    for n in range(3):
        home.deliver(day(n))
    backfill_id = launched(home, [day(0), day(1)])
    daemon.tick()

    backfill_control.pause(home.instance, backfill_id, ANA)
    other = launched(home, [day(2)], marts={})
    daemon.tick()
    let_go = daemon.startable()
    shown = find_backfill(home.instance, backfill_id)
    stalled = [b.name for b in running_backfills(home.instance, {})]
    backfill_control.resume(home.instance, backfill_id, datetime.now(UTC))
    status = daemon.finish(backfill_id)

    assert [run.tags["dagster/backfill"] for run in let_go] == [other]
    assert (shown.paused, shown.over) == ("ana: a new rule", False)
    assert stalled == [other]
    assert status == "COMPLETED_SUCCESS"
    assert find_backfill(home.instance, backfill_id).paused == ""


def test_what_a_paused_backfill_requests_later_is_held_too(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """It is paused before the daemon's first round."""
    home.deliver(day(0))
    backfill_id = launched(home, [day(0)])

    backfill_control.pause(home.instance, backfill_id, ANA)
    daemon.tick()

    assert len(runs_of(home.instance, backfill_id)) == 1
    assert daemon.startable() == []


def test_a_run_that_is_executed_again_is_held_while_its_backfill_is_paused_now(
    home: DagsterHome, daemon: BackfillDaemon
) -> None:
    """Whatever it said when it was lost: it began before the pause, or the pause marked it while it was starting."""
    home.deliver(day(0))
    backfill_id = launched(home, [day(0)], marts={})
    daemon.tick()
    (begun,) = daemon.startable()

    backfill_control.pause(home.instance, backfill_id, ANA)
    home.instance.add_run_tags(begun.run_id, {PAUSED_TAG: NOT_PAUSED})
    daemon.repeat(begun)
    while_paused = daemon.startable()
    backfill_control.resume(home.instance, backfill_id, datetime.now(UTC))
    (again,) = daemon.startable()
    home.instance.add_run_tags(again.run_id, {PAUSED_TAG: PAUSED})
    daemon.repeat(again)
    (resumed,) = daemon.startable()

    assert while_paused == []
    assert resumed.parent_run_id == again.run_id


def test_a_paused_backfill_leaves_its_marts_to_the_sensor(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """One that is resumed does not: it would be done twice."""
    home.deliver(day(0))
    home.run(day(0))
    backfill_id = launched(home, [day(0)])
    daemon.tick()

    going_on = tick(home, "marts_follow")
    backfill_control.pause(home.instance, backfill_id, ANA)
    paused = tick(home, "marts_follow")

    assert going_on.launched == ()
    assert shows(going_on.said, "run_in_progress")
    assert len(paused.launched) == len(MARTS)


def test_old_dates_that_arrive_are_left_to_a_backfill_that_takes_them(
    home: DagsterHome, daemon: BackfillDaemon
) -> None:
    """Those that no backfill takes are requested, and so are the latest, which readers wait for."""
    recent = datetime.now(UTC).date() - timedelta(days=1)
    for each in (day(0), day(1), recent):
        home.deliver(each)
    launched(home, [day(0), recent], marts={})

    seen = tick(home, f"arrivals_{NAME}")

    assert sorted(seen.days) == [str(day(1)), str(recent)]
    del daemon


def test_the_priority_moves_what_is_in_the_queue(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """The later backfill goes first; what it requests afterwards has the same priority."""
    for n in range(2):
        home.deliver(day(n))
    first, second = launched(home, [day(0)]), launched(home, [day(1)])
    daemon.tick()
    before = [run.tags["dagster/backfill"] for run in daemon.startable()]

    backfill_control.prioritize(home.instance, second, 25)
    after = [run.tags["dagster/backfill"] for run in daemon.startable()]
    daemon.start()
    daemon.tick()

    tagged = home.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": second}))
    assert (before, after) == ([first, second], [second, first])
    assert find_backfill(home.instance, second).priority == 25
    assert {run.tags["dagster/priority"] for run in tagged} == {"25"}
    assert len(tagged) == 2


def test_a_canceled_backfill_starts_nothing_more_and_keeps_what_it_has_published(
    home: DagsterHome, daemon: BackfillDaemon
) -> None:
    """Its queued runs are out of the queue at once, whether a daemon runs or not."""
    for n in range(3):
        home.deliver(day(n))
    backfill_id = launched(home, [day(0), day(2)])
    daemon.tick()
    daemon.start(most=1)

    backfill_control.cancel(home.instance, backfill_id)
    left = daemon.startable()
    daemon.tick()
    daemon.tick()

    assert left == []
    assert daemon.status(backfill_id).value == "CANCELED"
    assert home.query(f"SELECT DISTINCT business_date FROM lake.published.{NAME}") == [(day(0),)]
    with pytest.raises(ActionRefused, check=refused_as("backfill_ended")):
        backfill_control.require_possible(home.instance, "pause", backfill_id)


def test_what_is_not_there_or_not_paused_is_refused(home: DagsterHome) -> None:
    backfill_id = launched(home, [day(0)])

    with pytest.raises(PermanentFailure, match="No backfill has the id 'nothing'"):
        backfill_control.require_possible(home.instance, "cancel", "nothing")
    with pytest.raises(ActionRefused, check=refused_as("backfill_not_paused")):
        backfill_control.require_possible(home.instance, "resume", backfill_id)
    backfill_control.require_possible(home.instance, "pause", backfill_id)


def test_an_instance_that_would_start_paused_runs_cannot_pause(home: DagsterHome) -> None:
    """Its own dagster.yaml lacks the limit; the message says which."""
    configured = home.settings.dagster_home / "dagster.yaml"
    configured.unlink()
    configured.write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home.settings.dagster_home)) as instance:
        backfill_id = launched(home, [day(0)])

        with pytest.raises(ActionRefused, check=refused_as("paused_runs_not_limited")) as refused:
            backfill_control.require_possible(instance, "pause", backfill_id)

    assert "settlement/paused" in (refused.value.remedy or "")


def test_backfills_are_listed_newest_first_with_actor_and_reason(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """Those that have ended are not among the unfinished."""
    home.deliver(day(0))
    first = launched(home, [day(0)], marts={})
    daemon.finish(first)
    second = launched(home, [day(1), day(3)], marts={})

    listed = latest_backfills(home.instance, limit=10)

    assert [b.backfill_id for b in listed] == [second, first]
    assert [b.backfill_id for b in unfinished_backfills(home.instance)] == [second]
    assert (listed[0].actor, listed[0].reason, listed[0].priority) == ("ana", "a new rule", 10)
    assert listed[0].targets == {NAME: (day(1), day(3))}
    assert (listed[1].over, listed[1].status, listed[0].requested) == (True, "completed", False)


def test_queued_runs_know_who_has_their_slots(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """Two runs of other backfills fill what backfills may take."""
    others = launched(home, [day(0), day(2)], marts={})
    ours = launched(home, [day(4)], marts={})
    daemon.tick()

    free = slots_taken(home.instance, runs_of(home.instance, ours))
    for run in home.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": others})):
        started = dg.DagsterEvent(event_type_value="PIPELINE_START", job_name=run.job_name)
        home.instance.report_dagster_event(started, run_id=run.run_id)
    taken = slots_taken(home.instance, runs_of(home.instance, ours))

    assert free == ""
    assert taken == "2 other runs of the same dataset occupy all slots that it may use"


def test_a_daemon_that_has_been_silent_for_minutes_does_not_run(home: DagsterHome, daemon: BackfillDaemon) -> None:
    now = datetime.now(UTC)

    never = daemon_is_running(home.instance, now)
    daemon.beat(now - HEARTBEAT_TIMEOUT)
    lately = daemon_is_running(home.instance, now)
    daemon.beat(now - HEARTBEAT_TIMEOUT - timedelta(seconds=1))
    silent = daemon_is_running(home.instance, now)

    assert (never, lately, silent) == (False, True, False)
