"""After an outage what was missed comes back by itself, the latest dates first and a few at a time."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from settlement_platform.orchestration.queue.catch_up import MAX_RUNS
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import Tick, runs_of, tick
from settlement_platform_tests.shown_reasons import shows

SENSOR = f"arrivals_{NAME}"
LAST = 11
NOW = f"{day(LAST + 1)}T05:00:00+00:00"
"""Day 9 closed at the midnight before; 10 and 11 are open."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[DagsterHome]:
    """A home in which a fortnight was delivered while nothing ran."""
    with time_machine.travel(NOW, tick=False):
        home = DagsterHome(tmp_path / "home")
        for number in range(LAST + 1):
            home.deliver(day(number))
        yield home
        home.close()


def days(*numbers: int) -> list[str]:
    """Business dates as partition keys."""
    return [str(day(number)) for number in numbers]


def end(home: DagsterHome, asked: Tick) -> None:
    """Let the runs of a tick publish their dates."""
    for request in asked.launched:
        for run in runs_of(home, request):
            home.instance.report_run_canceled(run)
        partition = str(request.partition_key)
        home.run(*[d for d in map(day, range(LAST + 1)) if str(d) == partition])


def test_open_dates_are_requested_at_once_and_older_ones_a_few_at_a_time_the_latest_first(home: DagsterHome) -> None:
    """No storm: the rest is requested when those have ended, and the tick says how to have it faster."""
    first = tick(home, SENSOR)
    while_they_run = tick(home, SENSOR)
    end(home, first)
    then = tick(home, SENSOR)

    assert first.days == days(11, 10, *range(9, 9 - MAX_RUNS, -1))
    assert while_they_run.days == []
    assert (
        f"2 older dates are not requested yet; they follow {MAX_RUNS} at a time, the latest first"
        in while_they_run.said
    )
    assert f"settlement backfill {NAME} --from {day(0)} --to {day(1)} --only-missing" in while_they_run.said
    assert then.days == days(1, 0)


def test_older_dates_that_a_backfill_works_on_are_not_requested(home: DagsterHome) -> None:
    """One run of a date is enough."""
    job = home.definitions.get_repository_def().get_job("__ASSET_JOB")
    covered = {"dagster/asset_partition_range_start": str(day(0)), "dagster/asset_partition_range_end": str(day(9))}
    home.instance.create_run_for_job(
        job, tags=covered, status=dg.DagsterRunStatus.STARTED, asset_selection=frozenset([PUBLISHED])
    )

    requested = tick(home, SENSOR)

    assert requested.days == days(11, 10)


def test_a_correction_of_a_date_that_closed_waits_for_a_backfill_and_says_so(home: DagsterHome) -> None:
    """One of an open date is requested."""
    home.run(day(0), day(LAST))
    for number in (0, LAST):
        home.correct(day(number))

    requested = tick(home, SENSOR)
    end(home, requested)
    said = tick(home, SENSOR).said

    assert requested.days == days(LAST)
    command = f"settlement backfill {NAME} --from {day(0)} --to {day(0)}"
    assert f"{day(0)} waits: " in said
    assert shows(said, "delivery_changed", generation=1, state="final")
    assert shows(said, "closed_for_corrections", business_date=day(0), command=command)
