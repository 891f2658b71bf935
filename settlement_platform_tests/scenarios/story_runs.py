"""Runs that a sensor or a schedule requests, executed as the daemon would have them executed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from settlement_platform.orchestration.dagster_internals.runs import RUN_KEY_TAG, SCHEDULE_NAME_TAG, SENSOR_NAME_TAG
from settlement_platform_tests.orchestration.dagster_home import SCHEDULE, DagsterHome
from settlement_platform_tests.orchestration.private_dagster import ScheduleExecutionData, SensorExecutionData

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, kw_only=True)
class RequestedRun:
    """A run that was requested: its job, its business date and all tags that the daemon puts on it."""

    job: str
    partition: str
    tags: Mapping[str, str]

    @property
    def title(self) -> str:
        """The job and the date."""
        return f"{self.job} {self.partition}"


Execute = Callable[[DagsterHome, RequestedRun], Any]


def execute_here(home: DagsterHome, requested: RequestedRun) -> dg.ExecuteInProcessResult:
    """Run it in this process, recorded on the instance."""
    job = home.definitions.get_repository_def().get_job(requested.job)
    return job.execute_in_process(
        instance=home.instance,
        partition_key=requested.partition,
        tags=dict(requested.tags),
        run_config=QUIET,
        raise_on_error=False,
    )


def evaluate_sensor(home: DagsterHome, sensor: str) -> SensorExecutionData:
    """A tick of a sensor; what it observed is reported to the instance."""
    repository = home.definitions.get_repository_def()
    resources = home.definitions.resources
    with dg.build_sensor_context(instance=home.instance, repository_def=repository, resources=resources) as context:
        found = repository.get_sensor_def(sensor).evaluate_tick(context)
    for event in found.asset_events:
        home.instance.report_runless_asset_event(event)
    return found


def requested_by_sensor(home: DagsterHome, sensor: str, found: SensorExecutionData) -> list[RequestedRun]:
    """The runs of a tick that the daemon launches: each run key once, ever."""
    definition = home.definitions.get_repository_def().get_sensor_def(sensor)
    return [
        RequestedRun(
            job=request.job_name or definition.job_name,
            partition=str(request.partition_key),
            tags={**request.tags, RUN_KEY_TAG: str(request.run_key), SENSOR_NAME_TAG: sensor},
        )
        for request in found.run_requests or ()
        if not home.instance.get_runs(
            dg.RunsFilter(tags={RUN_KEY_TAG: str(request.run_key), SENSOR_NAME_TAG: sensor}), limit=1
        )
    ]


def requested_by_schedule(found: ScheduleExecutionData) -> list[RequestedRun]:
    """The run of a tick of the daily schedule, if it requests one."""
    return [
        RequestedRun(
            job=SCHEDULE,
            partition=str(request.partition_key),
            tags={**request.tags, RUN_KEY_TAG: str(request.run_key), SCHEDULE_NAME_TAG: SCHEDULE},
        )
        for request in found.run_requests or ()
    ]
