"""Runs that die: executed in a process of their own, which is killed at a step."""

import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import time_machine
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG

from settlement_platform.orchestration.dagster_internals.runs import (
    PARTITION_NAME_TAG,
    RETRY_NUMBER_TAG,
    WILL_RETRY_TAG,
)
from settlement_platform_tests.orchestration.dagster_home import DagsterHome
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, MART_BOUNDARIES, Boundary, happening
from settlement_platform_tests.scenarios.processes import run_to_end
from settlement_platform_tests.scenarios.story_runs import Execute, RequestedRun, execute_here

IN_A_MART = {f"of a mart: {name}": MART_BOUNDARIES[name] for name in ("after the draft is written", "after the commit")}
"""Those of a mart that a run does not pass before, with the dataset that the mart reads."""
POINTS: Mapping[str, Boundary] = {**BOUNDARIES, **IN_A_MART}


def killed(point: str) -> Execute:
    """Execute a run in a process that is killed at a point; the instance still believes that it runs."""

    def execute(home: DagsterHome, requested: RequestedRun) -> None:
        died = run_to_end(run_and_die, home.home, datetime.now(UTC), requested, point)
        assert died == -signal.SIGKILL, f"the run ended with {died}, and was not killed {point}"

    return execute


def run_and_die(home: Path, moment: datetime, requested: RequestedRun, point: str) -> None:
    """Execute a run at a moment, and die at a point of it."""
    with time_machine.travel(moment, tick=False), happening(POINTS[point], _die):
        execute_here(DagsterHome(home), requested)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def notice_lost_runs(home: DagsterHome) -> list[dg.DagsterRun]:
    """Let the instance give up on runs whose process is gone, as its monitoring does; the runs that it gave up."""
    lost = home.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    for run in lost:
        home.instance.report_run_failed(run, "its process is gone")
    return list(lost)


def run_again(home: DagsterHome, run: dg.DagsterRun) -> None:
    """Let a lost run be run again, as the daemon does with those that the instance marks for it."""
    tags = home.instance.get_run_by_id(run.run_id).tags  # type: ignore[union-attr]
    assert tags[WILL_RETRY_TAG] == "true"
    again = {**run.tags, PARENT_RUN_ID_TAG: run.run_id, ROOT_RUN_ID_TAG: run.run_id, RETRY_NUMBER_TAG: "1"}
    execute_here(home, RequestedRun(job=run.job_name, partition=run.tags[PARTITION_NAME_TAG], tags=again))
