"""The tidy job and its schedule: daily off-peak, in the lowest service class, pausing for publications."""

from datetime import UTC
from typing import Any

import dagster as dg

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.orchestration.tags import MAINTENANCE_TAG
from settlement_platform.pipeline.maintenance.steps import TidyStep
from settlement_platform.pipeline.maintenance.tidy import TidyResult, step_summary, tidy
from settlement_platform.pipeline.platform import Request

TIDY_CRON = "30 12 * * *"
"""Hours after the target of 06:00 UTC and late deliveries, and hours before the evening's first deliveries."""


class TidyConfig(dg.Config):
    """Actor and reason of a tidy run."""

    reason: str = "every day, off-peak"
    actor: str = "schedule"


def tidy_job() -> dg.JobDefinition:
    """Return the job that merges small files, expires old snapshots and removes unneeded files."""

    @dg.op(name="tidy_stores", out=dg.Out(dg.Nothing), description="In small steps, which pause for publications.")
    def tidy_stores(context: dg.OpExecutionContext, config: TidyConfig, platform: PlatformResource) -> None:
        request = Request(actor=config.actor, reason=config.reason, run_id=context.run.run_id)
        with platform.open() as stores:
            try:
                tidied = tidy(stores, request)
            except PermanentFailure as failure:
                raise dg.Failure(description=str(failure), allow_retries=False) from failure
        context.add_output_metadata(_tidy_metadata(tidied))

    @dg.job(name="tidy", description="Merge small files and remove unneeded ones.", tags={MAINTENANCE_TAG: "true"})
    def job() -> None:
        tidy_stores()

    return job


def _tidy_metadata(tidied: TidyResult) -> dict[str, dg.MetadataValue]:
    """Return the steps done, as a table, and the number of steps skipped for a running publication."""
    columns = [dg.TableColumn("step"), dg.TableColumn("table")]
    columns += [dg.TableColumn(name, "int") for name in ("files", "made", "bytes", "snapshots")]
    columns += [dg.TableColumn("reasons"), dg.TableColumn("left")]
    records = [dg.TableRecord(_record(step)) for step in tidied.done]
    return {
        "done": dg.MetadataValue.table(records, schema=dg.TableSchema(columns=columns)),
        "gave_way": dg.MetadataValue.int(len(tidied.prevented)),
    }


def _record(step: TidyStep) -> dict[str, Any]:
    found = step_summary(step)
    found.pop("busy")
    return {**found, "reasons": "; ".join(step.reasons), "left": "; ".join(step.left)}


def tidy_schedule(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule of the tidy job: every day at 12:30 UTC."""

    @dg.schedule(
        name="tidy",
        cron_schedule=TIDY_CRON,
        execution_timezone="UTC",
        job=job,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every day at 12:30 UTC: merges small files and removes unneeded ones.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        day = context.scheduled_execution_time.astimezone(UTC).date().isoformat()
        return dg.RunRequest(run_key=day, tags={MAINTENANCE_TAG: "true"})

    return daily
