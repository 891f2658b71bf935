"""Dagster's own daemon at its sensors, one round at a time in a process of its own, which can be killed."""

import logging
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import time_machine

from settlement_platform.orchestration.dagster_internals.runs import PARTITION_NAME_TAG, RUN_KEY_TAG
from settlement_platform_tests.orchestration.dagster_home import DagsterHome
from settlement_platform_tests.orchestration.private_daemon import execute_sensor_iteration
from settlement_platform_tests.orchestration.private_dagster import (
    InMemoryJob,
    InProcessCodeLocationOrigin,
    InProcessTestWorkspaceLoadTarget,
    LoadableTargetOrigin,
    WorkspaceProcessContext,
    execute_run,
)
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, happening
from settlement_platform_tests.scenarios.processes import run_to_end
from settlement_platform_tests.scenarios.story import ARRIVALS, Story

CRASHES = {
    "before its tick is stored": "TICK_HELD",
    "after the run was asked for": "RUN_IDS_RESERVED",
    "after the run was made": "RUN_CREATED",
    "after the run was queued": "RUN_LAUNCHED",
}
"""Points of Dagster's daemon at which it can be made to kill itself."""


def round_of_sensors(story: Story, clock: str, *, killed: str = "") -> int | None:
    """Let the daemon evaluate all sensors once at a time of the day; its exit code, negative for a signal."""
    story.at(clock)
    return run_to_end(_scan_once, story.home.home, datetime.now(UTC), killed)


def _scan_once(home: Path, moment: datetime, killed: str) -> None:
    os.environ["SETTLEMENT_HOME"] = str(home)
    flags = {ARRIVALS: {CRASHES[killed]: signal.SIGKILL}} if killed in CRASHES else None
    dying = happening(BOUNDARIES[killed], _die) if killed in BOUNDARIES else nullcontext()
    with time_machine.travel(moment, tick=True), dying:
        look_at_sensors(DagsterHome(home), flags)


def look_at_sensors(home: DagsterHome, crash_flags: Mapping[str, Mapping[str, signal.Signals]] | None = None) -> None:
    """Let the daemon look at all sensors once, in this process."""
    with _workspace(home) as workspace:
        for error in execute_sensor_iteration(
            workspace, logging.getLogger("test"), None, None, debug_crash_flags=crash_flags
        ):
            assert error is None, error


@contextmanager
def _workspace(home: DagsterHome) -> Iterator[WorkspaceProcessContext]:
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name="settlement_platform.definitions"), location_name="settlement_platform"
    )
    with WorkspaceProcessContext(home.instance, InProcessTestWorkspaceLoadTarget(origin)) as workspace:
        yield workspace


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def runs_by_key(home: DagsterHome) -> list[tuple[str, str]]:
    """Date and status of every run that a sensor requested; their keys must differ."""
    runs = [r for r in home.instance.get_runs() if RUN_KEY_TAG in r.tags]
    keys = [r.tags[RUN_KEY_TAG] for r in runs]
    assert len(keys) == len(set(keys)), keys
    return sorted((r.tags[PARTITION_NAME_TAG], r.status.value) for r in runs)


def execute_queued(home: DagsterHome) -> None:
    """Take every run from the queue and execute it to its end."""
    for run in home.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])):
        starting = dg.DagsterEvent(event_type_value="PIPELINE_STARTING", job_name=run.job_name)
        home.instance.report_dagster_event(starting, run_id=run.run_id)
        begun = home.instance.get_run_by_id(run.run_id)
        assert begun is not None
        job = home.definitions.get_repository_def().get_job(run.job_name)
        execute_run(InMemoryJob(job), begun, home.instance, raise_on_error=False)
