"""A round of the daemon in this process: lost runs are taken up again, sensors look, and queued runs are executed."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import time_machine

from settlement_platform.orchestration.dagster_internals.runs import IN_PROGRESS_RUN_STATUSES, WILL_RETRY_TAG
from settlement_platform_tests.orchestration.dagster_home import DagsterHome
from settlement_platform_tests.scenarios.dying_runs import run_again
from settlement_platform_tests.scenarios.sensor_daemon import execute_queued, look_at_sensors

ROUNDS = 2
"""In the second one the sensor of marts sees what the first one has published."""

BETWEEN_SECONDS = 61
"""Beyond the longest interval of a sensor."""


def run_daemon_round(home: Path, first_date: date) -> None:
    """Do what the daemon does within two minutes, one thing after another."""
    found = DagsterHome(home, SETTLEMENT_FIRST_DATE=first_date.isoformat())
    try:
        _take_up_lost_runs(found)
        for number in range(ROUNDS):
            with time_machine.travel(_later(number * BETWEEN_SECONDS), tick=True):
                look_at_sensors(found)
                execute_queued(found)
    finally:
        found.close()


def _take_up_lost_runs(home: DagsterHome) -> None:
    """Do as run monitoring does: end each run whose process is gone, and run those again that are to be retried."""
    for run in home.instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES)):
        home.instance.report_run_failed(run, "its process is gone")
        failed = home.instance.get_run_by_id(run.run_id)
        if failed and failed.tags.get(WILL_RETRY_TAG) == "true" and "dagster/partition" in failed.tags:
            run_again(home, run)


def _later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
