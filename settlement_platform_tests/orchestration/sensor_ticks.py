"""Ticks of a sensor as the daemon makes them: evaluated on the instance, with their runs and observations on it."""

from dataclasses import dataclass

import dagster as dg

from settlement_platform.orchestration.dagster_internals.runs import PARTITION_NAME_TAG, RUN_KEY_TAG
from settlement_platform_tests.orchestration.dagster_home import DagsterHome
from settlement_platform_tests.orchestration.private_dagster import SensorExecutionData


@dataclass(frozen=True, kw_only=True)
class Tick:
    """The outcome of a tick; `launched` leaves out runs that the daemon does not launch again."""

    found: SensorExecutionData
    launched: tuple[dg.RunRequest, ...]

    @property
    def said(self) -> str:
        """Why nothing was requested."""
        return self.found.skip_message or ""

    @property
    def days(self) -> list[str]:
        """The business dates of the runs that it requested."""
        return [str(r.partition_key) for r in self.found.run_requests or ()]

    @property
    def observed(self) -> list[dg.AssetObservation]:
        """The observations of the tick."""
        return [e for e in self.found.asset_events if isinstance(e, dg.AssetObservation)]


def tick(home: DagsterHome, sensor: str) -> Tick:
    """Evaluate a sensor, report what it observed, and begin the runs that it requested, each run key once."""
    repository = home.definitions.get_repository_def()
    definition, resources = repository.get_sensor_def(sensor), home.definitions.resources
    with dg.build_sensor_context(instance=home.instance, repository_def=repository, resources=resources) as context:
        found = definition.evaluate_tick(context)
    for event in found.asset_events:
        home.instance.report_runless_asset_event(event)
    launched = [r for r in found.run_requests or () if not runs_of(home, r)]
    for request in launched:
        job = repository.get_job(request.job_name or definition.job_name)
        keys = {RUN_KEY_TAG: str(request.run_key), PARTITION_NAME_TAG: str(request.partition_key)}
        home.instance.create_run_for_job(job, tags={**request.tags, **keys}, status=dg.DagsterRunStatus.STARTED)
    return Tick(found=found, launched=tuple(launched))


def runs_of(home: DagsterHome, request: dg.RunRequest) -> list[dg.DagsterRun]:
    """The runs with a request's key."""
    return list(home.instance.get_runs(dg.RunsFilter(tags={RUN_KEY_TAG: str(request.run_key)})))
