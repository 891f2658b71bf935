"""A date is left to a run that has it still to do, and to none that is held or that nobody will start."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG

from settlement_platform.orchestration import tags
from settlement_platform.orchestration.dagster_internals.runs import WILL_RETRY_TAG
from settlement_platform.orchestration.queue import backfill_control
from settlement_platform.orchestration.queue.run_index import RETRY_WITHIN, RunIndex
from settlement_platform_tests.orchestration.backfill_daemon import ANA, BackfillDaemon, a_daemon, launched
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import tick

DAY = day(0)
JOBS = [f"daily_{NAME}"]


@pytest.fixture
def daemon(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[BackfillDaemon]:
    """The daemon of the home."""
    with a_daemon(home, monkeypatch) as found:
        yield found


def is_running(home: DagsterHome, now: datetime | None = None) -> bool:
    """True if the first date of the dataset belongs to a run."""
    return RunIndex(home.instance, now or datetime.now(UTC)).is_running(PUBLISHED, DAY.isoformat(), JOBS)


def lose(home: DagsterHome, run: dg.DagsterRun) -> None:
    """End a run as the daemon does when its process is gone."""
    home.instance.report_run_failed(run)


def test_a_run_in_the_queue_is_running_unless_its_backfill_is_paused(home: DagsterHome, daemon: BackfillDaemon) -> None:
    backfill_id = launched(home, [DAY], marts={})
    daemon.tick()

    queued = is_running(home)
    backfill_control.pause(home.instance, backfill_id, ANA)
    paused = is_running(home)
    backfill_control.resume(home.instance, backfill_id, datetime.now(UTC))

    assert (queued, paused, is_running(home)) == (True, False, True)


def test_a_run_that_had_started_before_the_pause_is_running(home: DagsterHome, daemon: BackfillDaemon) -> None:
    """A pause lets it end; it may carry the tag, where it was taken from the queue meanwhile."""
    backfill_id = launched(home, [DAY], marts={})
    daemon.tick()
    (run,) = daemon.startable()
    backfill_control.pause(home.instance, backfill_id, ANA)

    started = dg.DagsterEvent(event_type_value="PIPELINE_START", job_name=run.job_name)
    home.instance.report_dagster_event(started, run_id=run.run_id)

    assert home.instance.get_runs()[0].tags[tags.PAUSED_TAG] == tags.PAUSED
    assert is_running(home)


def test_old_dates_that_a_paused_backfill_has_in_the_queue_are_requested(
    home: DagsterHome, daemon: BackfillDaemon
) -> None:
    home.deliver(DAY)
    backfill_id = launched(home, [DAY], marts={})
    daemon.tick()

    going_on = tick(home, f"arrivals_{NAME}")
    backfill_control.pause(home.instance, backfill_id, ANA)
    paused = tick(home, f"arrivals_{NAME}")

    assert (going_on.days, paused.days) == ([], [str(DAY)])


def test_a_run_that_dagster_is_about_to_run_again_is_running(home: DagsterHome) -> None:
    """Until it has done so, or has had the time to."""
    home.deliver(DAY)
    (requested,) = tick(home, f"arrivals_{NAME}").launched
    (run,) = home.instance.get_runs()

    lose(home, run)
    lost = is_running(home)
    given_up = is_running(home, datetime.now(UTC) + RETRY_WITHIN + timedelta(minutes=1))
    home.instance.add_run_tags(run.run_id, {AUTO_RETRY_RUN_ID_TAG: "the next run"})

    assert requested.partition_key == str(DAY)
    assert (lost, given_up, is_running(home)) == (True, False, False)


def test_a_run_that_failed_for_good_occupies_no_date(home: DagsterHome) -> None:
    home.deliver(DAY)
    tick(home, f"arrivals_{NAME}")
    (run,) = home.instance.get_runs()

    lose(home, run)
    home.instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "false"})

    assert not is_running(home)
