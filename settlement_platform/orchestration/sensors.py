"""Marts follow their inputs: a mart's date is built when a generation that it should read is not the one it read."""

from collections.abc import Iterator, Sequence

import dagster as dg

from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.keys import published_key
from settlement_platform.orchestration.requests import REASON_TAG
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.pipeline.mart_outlook import outdated_dates

TICK_SECONDS = 60
REQUESTS_PER_TICK = 20
"""The rest is asked for at the next tick; the skip message says how many are left."""


def mart_job(mart: Mart) -> dg.JobDefinition:
    """A mart alone, for dates whose input changed outside the daily job."""
    return dg.define_asset_job(
        name=f"build_{mart.name}_again",
        selection=dg.AssetSelection.assets(published_key(mart.name)),
        description=f"{mart.name} of business dates whose published input has changed.",
    )  # type: ignore[return-value]


def marts_follow(marts: Sequence[Mart], jobs: Sequence[dg.JobDefinition]) -> dg.SensorDefinition:
    """Ask for one run per mart, date and content; the same content is never asked for twice."""

    @dg.sensor(
        name="marts_follow",
        jobs=list(jobs),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds marts whose published inputs have a generation that they have not read.",
    )
    def follow(
        context: dg.SensorEvaluationContext, platform: PlatformResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        with platform.open() as stores:
            outdated = [(m, day, content) for m in marts for day, content in outdated_dates(stores, m).items()]
        for mart, day, content in outdated[:REQUESTS_PER_TICK]:
            yield dg.RunRequest(
                run_key=f"{mart.name}:{day}:{content}",
                job_name=f"build_{mart.name}_again",
                partition_key=day.isoformat(),
                tags={REASON_TAG: "its published input changed"},
            )
        if not outdated:
            yield dg.SkipReason("every mart was built from what is published")
        elif len(outdated) > REQUESTS_PER_TICK:
            context.log.info("%d dates are left for the next ticks", len(outdated) - REQUESTS_PER_TICK)

    return follow
