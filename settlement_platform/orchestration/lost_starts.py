"""Runs that a daemon took from the queue and did not live to start."""

from datetime import datetime, timedelta

import dagster as dg
from dagster._core.launcher import WorkerStatus

GRACE = timedelta(seconds=30)
"""How long the daemon may take between the two; on an idle machine it is milliseconds."""


def end_lost_starts(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """End runs that are starting and have no process, so that they are run again; the ids of these runs.

    Dagster's own monitoring asks for the process of a run only once that has said that it started. Until then it
    goes by the clock, which has to be patient: on a busy machine a process that gives way takes minutes to start.
    """
    launcher = instance.run_launcher
    if not launcher.supports_check_run_worker_health:
        return []
    starting = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING], updated_before=now - GRACE)
    lost = []
    for run in instance.get_runs(starting):
        health = launcher.check_run_worker_health(run)
        current = instance.get_run_by_id(run.run_id)
        if health.status is WorkerStatus.FAILED and current and current.status is dg.DagsterRunStatus.STARTING:
            instance.report_run_failed(current, message="The run was taken from the queue, and no process works on it.")
            lost.append(run.run_id)
    return lost
