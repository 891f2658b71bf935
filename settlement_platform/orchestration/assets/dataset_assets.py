"""The assets of a dataset: landed files, staged rows, published rows, and the watermark."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

import dagster as dg

from settlement_platform.datasets.dataset import Dataset
from settlement_platform.orchestration.assets.checks import check_results, dataset_check_specs
from settlement_platform.orchestration.assets.step import (
    ReplayedDates,
    end_step,
    let_downstream_run,
    open_step_stores,
    retry_blockers,
)
from settlement_platform.orchestration.events.reporting import (
    DatasetReporter,
    log_defect,
    notify_listener,
    report_watermark,
    reporting_in_background,
    run_sink,
)
from settlement_platform.orchestration.keys import landing_key, published_key, staged_key, watermark_key
from settlement_platform.orchestration.requests import request_of
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform
from settlement_platform.pipeline.processing.process_dates import FailedDate, process_dates, publish_dates


def landing_spec(dataset: Dataset, partitions: dg.PartitionsDefinition[str]) -> dg.AssetSpec:
    """Return the external asset of delivered files, which are only observed, by checksum."""
    sources = ", ".join(s.source for s in dataset.sources)
    return dg.AssetSpec(
        landing_key(dataset.name),
        description=(
            f"Files as delivered for {dataset.name} by {sources}: a data file and a control file per source and "
            "business date. Never changed here; each observation carries the identity of what had arrived."
        ),
        partitions_def=partitions,
        group_name=dataset.name,
        owners=[dataset.owner],
        kinds={"csv"},
    )


def watermark_spec(name: str, *, target: dg.FreshnessPolicy, owner: str, group: str) -> dg.AssetSpec:
    """Return the watermark asset, which is materialized only when the watermark advances."""
    return dg.AssetSpec(
        watermark_key(name),
        deps=[published_key(name)],
        description=(
            f"The latest business date through which {name} is published without a gap. It is materialized only when "
            "that date advances, whatever ran in between; its check says whether it has reached every date that is due."
        ),
        freshness_policy=target,
        group_name=group,
        owners=[owner],
        kinds={"ducklake"},
    )


def freshness_policy(hour: int, minute: int) -> dg.FreshnessPolicy:
    """Return the policy that the watermark advances every day between midnight and the target, in UTC."""
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"{minute} {hour} * * *",
        lower_bound_delta=timedelta(hours=hour, minutes=minute),
        timezone="UTC",
    )


def dataset_asset(
    dataset: Dataset, partitions: dg.PartitionsDefinition[str], dates_per_run: int
) -> dg.AssetsDefinition:
    """Return the staged and the published asset, made in one step so that each date is published by itself.

    A run of a backfill takes up to `dates_per_run` dates.
    """

    @dg.multi_asset(
        name=f"settle_{dataset.name}",
        specs=_row_specs(dataset, partitions, dates_per_run),
        check_specs=dataset_check_specs(dataset),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=dates_per_run),
    )
    def settle(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        with open_step_stores(context, platform, dataset.name) as stores:
            outcomes = _settle(context, stores, dataset)
            report_watermark(run_sink(context), stores, dataset.name)
            refusals = retry_blockers(stores, dataset.name, outcomes)
        selected = {key.name: key for key in context.selected_asset_check_keys}
        yield from check_results([o for o in outcomes if isinstance(o, DateOutcome)], selected)
        end_step(outcomes, retry=context.retry_number, refusals=refusals)
        made = (staged_key(dataset.name), published_key(dataset.name))
        yield from let_downstream_run(key for key in made if key in context.selected_asset_keys)

    return settle


def _row_specs(
    dataset: Dataset, partitions: dg.PartitionsDefinition[str], dates_per_run: int
) -> tuple[dg.AssetSpec, dg.AssetSpec]:
    """Return the assets of the staged and of the published rows."""
    common = {
        "partitions_def": partitions,
        "group_name": dataset.name,
        "owners": [dataset.owner],
        "skippable": True,
        "tags": {"criticality": dataset.criticality},
        "metadata": {"dates_per_run": dates_per_run},
    }
    staged = dg.AssetSpec(
        staged_key(dataset.name),
        deps=[landing_key(dataset.name)],
        description=(
            f"{dataset.name} as typed, immutable Parquet with a verdict, one content per business date. Readers never "
            "see it: it is what publishing may let through, or what is held in quarantine."
        ),
        kinds={"duckdb", "parquet"},
        **common,  # type: ignore[arg-type]
    )
    published = dg.AssetSpec(
        published_key(dataset.name),
        deps=[staged_key(dataset.name)],
        description=(
            f"{dataset.description} Complete and validated dates only: query `published.{dataset.name}`; "
            "`published.publications` says what each date was made of."
        ),
        kinds={"ducklake"},
        **common,  # type: ignore[arg-type]
    )
    return staged, published


def _settle(context: dg.AssetExecutionContext, platform: Platform, dataset: Dataset) -> list[DateOutcome | FailedDate]:
    """Process each date of the run as far as the selected assets require, and report each as it ends."""
    days = [date.fromisoformat(key) for key in context.partition_keys]
    request, selected = request_of(context), set(context.selected_asset_keys)
    reporter = DatasetReporter(run_sink(context), dataset, landing_url=platform.landing.url)
    replayed = ReplayedDates(platform, dataset.name, days)
    if staged_key(dataset.name) in selected:
        ongoing = process_dates(platform, dataset, days, request, publishing=published_key(dataset.name) in selected)
    else:
        ongoing = publish_dates(platform, dataset, days, request)
    outcomes: list[DateOutcome | FailedDate] = []
    with reporting_in_background() as report_later:
        for ended in ongoing:
            outcome = replayed.complete(ended) if isinstance(ended, DateOutcome) else ended
            outcomes.append(outcome)
            if isinstance(outcome, DateOutcome):
                report_later(partial(reporter.report, outcome, selected))
            else:
                log_defect(context, outcome)
            notify_listener(outcome)
    return outcomes
