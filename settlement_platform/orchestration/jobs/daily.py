"""The daily job and schedule of a dataset: at 04:00 UTC for the day before."""

import warnings
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from typing import Any

import dagster as dg

from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.keys import published_key, staged_key
from settlement_platform.orchestration.requests import REASON_TAG
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.orchestration.tags import DATASET_TAG
from settlement_platform.pipeline.launching.launch_permission import claim_launch

DAILY_CRON = "0 4 * * *"


def settle_job(dataset: Dataset, marts: Sequence[Mart]) -> Any:  # noqa: ANN401 - Dagster's unresolved job
    """Return the job for one business date of a dataset: stage, validate, publish, and build its marts."""
    # This job runs one date, so the assets' different run sizes in backfills do not matter.
    warnings.filterwarnings("ignore", message="Asset job .* materializes assets with varying BackfillPolicies")
    fed = [published_key(m.name) for m in marts if dataset.name in m.inputs]
    return dg.define_asset_job(
        name=f"daily_{dataset.name}",
        selection=dg.AssetSelection.assets(staged_key(dataset.name), published_key(dataset.name), *fed),
        description=f"One business date of {dataset.name} from delivered files to published marts.",
        tags={DATASET_TAG: dataset.name},
    )


def daily_schedule(dataset: Dataset, job: Any, first_date: date) -> dg.ScheduleDefinition:  # noqa: ANN401 - Dagster's unresolved job
    """Return the schedule that requests the business date before the scheduled day, whatever the clock says."""

    @dg.schedule(
        name=f"daily_{dataset.name}",
        cron_schedule=DAILY_CRON,
        execution_timezone="UTC",
        job=job,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Every day at 04:00 UTC: {dataset.name} of the day before.",
    )
    def daily(context: dg.ScheduleEvaluationContext, platform: PlatformResource) -> dg.RunRequest | dg.SkipReason:
        business_date = (context.scheduled_execution_time.astimezone(UTC) - timedelta(days=1)).date()
        if business_date < first_date:
            return dg.SkipReason(f"{business_date} is before the first business date, {first_date}.")
        with platform.open_ledger() as facts:
            launch = claim_launch(facts, dataset.name, [business_date])
        if not launch.granted:
            return dg.SkipReason(f"{business_date} is not launched: {'; '.join(launch.refusals)}.")
        day = business_date.isoformat()
        return dg.RunRequest(run_key=day, partition_key=day, tags={REASON_TAG: "daily schedule"})

    return daily
