"""The code location's definitions, assembled from the declarations."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from settlement_platform.catalog import Catalog
from settlement_platform.control.queue.run_sizing import dates_per_run, mart_dates_per_run
from settlement_platform.control.roles import Members
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.declarations import OutOfService
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.assets.dataset_assets import (
    dataset_asset,
    freshness_policy,
    landing_spec,
    watermark_spec,
)
from settlement_platform.orchestration.assets.faulty_declarations import faulty_specs
from settlement_platform.orchestration.assets.freshness_checks import freshness_check
from settlement_platform.orchestration.assets.mart_assets import mart_asset
from settlement_platform.orchestration.jobs.daily import daily_schedule, settle_job
from settlement_platform.orchestration.jobs.operator_jobs import operator_jobs
from settlement_platform.orchestration.jobs.tidy import tidy_job, tidy_schedule
from settlement_platform.orchestration.keys import business_dates
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.orchestration.sensors.alerts import alerts_sensor
from settlement_platform.orchestration.sensors.arrivals import arrivals_sensor, shared_listings
from settlement_platform.orchestration.sensors.marts_follow import mart_job, marts_follow
from settlement_platform.orchestration.sensors.queue_ageing import queue_ageing

Partitions = Mapping[str, dg.PartitionsDefinition[str]]
"""The business dates of each dataset and mart, by name."""


def assemble(
    *,
    datasets: Sequence[Dataset],
    marts: Sequence[Mart],
    platform: PlatformResource,
    first_date: date,
    alert_urls: str = "",
    members: Members | None = None,
    typical_bytes: Mapping[str, int | None] | None = None,
    out_of_service: Sequence[OutOfService] = (),
) -> dg.Definitions:
    """Return the definitions of the one code location; each run executes in one process.

    `typical_bytes` gives the usual bytes per business date of each dataset, as far as known; it sizes runs of many
    dates. `out_of_service` are shown without anything to run.
    """
    catalog = Catalog(datasets=tuple(datasets), marts=tuple(marts))
    first_dates = {name: catalog.first_date_of(name, first_date) for name in catalog.names}
    partitions = {name: business_dates(first) for name, first in first_dates.items()}
    run_sizes = {d.name: dates_per_run((typical_bytes or {}).get(d.name)) for d in datasets}
    # Dagster allows one partitioning per job: a mart that begins later than a dataset follows by its sensor.
    fed = {d.name: [m for m in marts if first_dates[m.name] == first_dates[d.name]] for d in datasets}
    jobs = {dataset.name: settle_job(dataset, fed[dataset.name]) for dataset in datasets}
    mart_jobs, listings, tidying = [mart_job(mart) for mart in marts], shared_listings(), tidy_job()
    return dg.Definitions(
        assets=[
            *_dataset_assets(datasets, partitions, run_sizes),
            *_mart_assets(marts, partitions, run_sizes),
            *faulty_specs(out_of_service, taken=catalog.names),
        ],
        asset_checks=[*map(freshness_check, datasets), *map(freshness_check, marts)],
        jobs=[*jobs.values(), *mart_jobs, *operator_jobs(datasets, marts, members or {}), tidying],
        sensors=[
            *(arrivals_sensor(d, jobs[d.name], listings) for d in datasets),
            marts_follow(datasets, marts, mart_jobs),
            alerts_sensor(datasets, marts, alert_urls),
            queue_ageing,
        ],
        schedules=[
            *(daily_schedule(dataset, jobs[dataset.name], first_dates[dataset.name]) for dataset in datasets),
            tidy_schedule(tidying),
        ],
        resources={"platform": platform},
        executor=dg.in_process_executor,
    )


def _dataset_assets(
    datasets: Sequence[Dataset], partitions: Partitions, run_sizes: Mapping[str, int]
) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    for dataset in datasets:
        yield landing_spec(dataset, partitions[dataset.name])
        yield dataset_asset(dataset, partitions[dataset.name], run_sizes[dataset.name])
        yield _watermark(dataset, dataset.name)


def _mart_assets(
    marts: Sequence[Mart], partitions: Partitions, run_sizes: Mapping[str, int]
) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    for mart in marts:
        many = mart_dates_per_run(min(run_sizes[name] for name in mart.inputs))
        yield mart_asset(mart, partitions[mart.name], many)
        yield _watermark(mart, "marts")


def _watermark(declared: PublishedTable, group: str) -> dg.AssetSpec:
    target = declared.timeliness.target
    policy = freshness_policy(target.hour, target.minute)
    return watermark_spec(declared.name, target=policy, owner=declared.owner, group=group)
