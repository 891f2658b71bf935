"""The asset of a mart: built from published inputs only, and published in a transaction of its own."""

from collections.abc import Iterator
from datetime import date
from functools import partial

import dagster as dg

from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.assets.checks import check_results, mart_check_specs
from settlement_platform.orchestration.assets.step import ReplayedDates, end_step, open_step_stores, retry_blockers
from settlement_platform.orchestration.events.reporting import (
    MartReporter,
    log_defect,
    notify_listener,
    report_watermark,
    reporting_in_background,
    run_sink,
)
from settlement_platform.orchestration.keys import published_key
from settlement_platform.orchestration.requests import request_of
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform
from settlement_platform.pipeline.processing.process_dates import FailedDate, build_mart_dates


def mart_asset(mart: Mart, partitions: dg.PartitionsDefinition[str], dates_per_run: int) -> dg.AssetsDefinition:
    """Return the asset of one mart; a run of a backfill takes up to `dates_per_run` dates."""
    spec = dg.AssetSpec(
        published_key(mart.name),
        deps=[published_key(name) for name in mart.inputs],
        description=(
            f"{mart.description} Built only from published dates of {', '.join(mart.inputs)}, and published only when "
            f"its sums equal theirs: query `published.{mart.name}`."
        ),
        partitions_def=partitions,
        group_name="marts",
        owners=[mart.owner],
        kinds={"sql", "ducklake"},
        skippable=True,
        tags={"criticality": mart.criticality},
        metadata={"sql": dg.MetadataValue.md(f"```sql\n{mart.sql}\n```"), "dates_per_run": dates_per_run},
    )

    @dg.multi_asset(
        name=f"build_{mart.name}",
        specs=[spec],
        check_specs=mart_check_specs(mart),
        # A subset may leave out checks: a date without rows, or with a lost record, has no verdict to show.
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=dates_per_run),
    )
    def build(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[dg.AssetCheckResult]:
        with open_step_stores(context, platform, mart.name) as stores:
            outcomes = _build(context, stores, mart)
            report_watermark(run_sink(context), stores, mart.name)
            refusals = retry_blockers(stores, mart.name, outcomes)
        selected = {key.name: key for key in context.selected_asset_check_keys}
        yield from check_results([o for o in outcomes if isinstance(o, DateOutcome)], selected)
        end_step(outcomes, retry=context.retry_number, refusals=refusals)

    return build


def _build(context: dg.AssetExecutionContext, platform: Platform, mart: Mart) -> list[DateOutcome | FailedDate]:
    request, reporter = request_of(context), MartReporter(run_sink(context), mart)
    days = [date.fromisoformat(key) for key in context.partition_keys]
    replayed = ReplayedDates(platform, mart.name, days)
    outcomes: list[DateOutcome | FailedDate] = []
    with reporting_in_background() as report_later:
        for ended in build_mart_dates(platform, mart, days, request):
            outcome = replayed.complete(ended) if isinstance(ended, DateOutcome) else ended
            outcomes.append(outcome)
            if isinstance(outcome, DateOutcome):
                report_later(partial(reporter.report, outcome))
            else:
                log_defect(context, outcome)
            notify_listener(outcome)
    return outcomes
