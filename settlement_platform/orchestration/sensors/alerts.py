"""The alerts sensor: it notifies owners once when a condition begins and once when it ends."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import dagster as dg

from settlement_platform.control.alerts.episodes import AlertKind, Condition
from settlement_platform.control.alerts.platform_conditions import (
    STALLED_AFTER,
    ActiveRun,
    RunningBackfill,
    stalled_backfill_condition,
    stalled_run_condition,
)
from settlement_platform.control.failures import SettlementError
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.assets.freshness_checks import ReportedFreshness, report_freshness
from settlement_platform.orchestration.dagster_internals.backfills import (
    AssetBackfillData,
    BulkActionsFilter,
    BulkActionStatus,
    PartitionBackfill,
)
from settlement_platform.orchestration.dagster_internals.runs import BACKFILL_ID_TAG, FINISHED_STATUSES
from settlement_platform.orchestration.queue.backfill_records import is_paused
from settlement_platform.orchestration.queue.run_tags import covered_dates
from settlement_platform.orchestration.resources import PlatformResource, store_failure
from settlement_platform.orchestration.tags import DATASET_TAG
from settlement_platform.pipeline.alerts.alert_round import AlertRoundResult, run_alert_round
from settlement_platform.pipeline.alerts.platform_conditions import PROVIDERS
from settlement_platform.pipeline.platform import LedgerAccess, Platform
from settlement_platform.storage.alert_channels import parse_channels
from settlement_platform.storage.ledger.alert_queries import last_steps_of_runs
from settlement_platform.storage.ledger.ledger import Ledger

TICK_SECONDS = 30


def alerts_sensor(datasets: Sequence[Dataset], marts: Sequence[Mart], alert_urls: str) -> dg.SensorDefinition:
    """Return the sensor that runs one alert round per tick.

    The channels' addresses are no part of the resource, whose configuration the web UI shows.
    """
    reported = ReportedFreshness()
    owners: dict[str, str] = {d.name: d.owner for d in datasets} | {m.name: m.owner for m in marts}

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Notifies owners of late, quarantined and stalled dates, and when that ends: `settlement alerts`.",
    )
    def alerts(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SkipReason:
        def stalled(_: LedgerAccess, now: datetime) -> list[Condition]:
            found = (stalled_backfill_condition(b, now) for b in running_backfills(context.instance, owners))
            return [condition for condition in found if condition]

        def stalled_runs(stores: LedgerAccess, now: datetime) -> list[Condition]:
            found = (stalled_run_condition(r, now) for r in active_runs(context.instance, stores.ledger, owners, now))
            return [condition for condition in found if condition]

        with _open_available(context, platform) as stores:
            served = [d for d in datasets if not stores.catalog.find_out_of_service(d.name)]
            built = [m for m in marts if not stores.catalog.find_out_of_service(m.name)]
            done = run_alert_round(
                stores,
                datasets=served,
                marts=built,
                channels=parse_channels(alert_urls),
                now=stores.clock(),
                providers={**PROVIDERS, AlertKind.BACKFILL_STALLED: stalled, AlertKind.RUN_STALLED: stalled_runs},
            )
            if isinstance(stores, Platform):
                report_freshness(context.instance, stores, [*served, *built], reported)
        for failure in done.failures:
            context.log.warning("%s", failure)
        return dg.SkipReason(_describe_round(done))

    return alerts


@contextmanager
def _open_available(context: dg.SensorEvaluationContext, platform: PlatformResource) -> Iterator[LedgerAccess]:
    """Open all stores, or the ledger alone while another store does not answer: owners are notified of that too.

    Raises:
        SettlementError: the ledger does not answer.
        dagster.Failure: the program is wrong.
    """
    with ExitStack() as stack:
        stores: LedgerAccess
        try:
            stores = stack.enter_context(platform.open())
        except (SettlementError, dg.Failure) as error:
            if store_failure(error) is None:
                raise
            stores = stack.enter_context(platform.open_ledger())
            context.log.warning("only conditions from the ledger are evaluated: %s", error)
        yield stores


def _describe_round(done: AlertRoundResult) -> str:
    if done.busy:
        return "another process is running an alert round"
    return (
        f"{len(done.raised)} begun, {len(done.resolved)} ended; "
        f"{done.notified} messages delivered, {done.not_notified} to be sent again"
    )


def running_backfills(instance: dg.DagsterInstance, owners: Mapping[str, str]) -> Iterator[RunningBackfill]:
    """Yield the running asset backfills that nobody has paused; `owners` maps datasets and marts to owners."""
    for backfill in instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED])):
        data = backfill.asset_backfill_data
        if data is not None and not is_paused(backfill):
            yield _running_backfill(instance, backfill, data, owners)


def _running_backfill(
    instance: dg.DagsterInstance, backfill: PartitionBackfill, data: AssetBackfillData, owners: Mapping[str, str]
) -> RunningBackfill:
    tagged = dg.RunsFilter(tags={BACKFILL_ID_TAG: backfill.backfill_id}, statuses=list(FINISHED_STATUSES))
    ended = [r.end_time for r in instance.get_run_records(tagged, limit=1, order_by="end_time") if r.end_time]
    names = [key.path[-1] for key in backfill.asset_selection or ()]
    return RunningBackfill(
        name=backfill.backfill_id,
        requested=data.target_subset.num_partitions_and_non_partitioned_assets,
        done=data.materialized_subset.num_partitions_and_non_partitioned_assets
        + data.failed_and_downstream_subset.num_partitions_and_non_partitioned_assets,
        last_progress=datetime.fromtimestamp(max([backfill.backfill_timestamp, *ended]), UTC),
        owner=next((owners[name] for name in names if name in owners), ""),
    )


def active_runs(
    instance: dg.DagsterInstance, ledger: Ledger, owners: Mapping[str, str], now: datetime
) -> Iterator[ActiveRun]:
    """Yield the runs over business dates that have executed for longer than a step may be silent."""
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    found = [
        (record.dagster_run, datetime.fromtimestamp(record.start_time, UTC))
        for record in instance.get_run_records(started)
        if record.start_time and now.timestamp() - record.start_time > STALLED_AFTER.total_seconds()
    ]
    if not found:
        return
    steps = last_steps_of_runs(ledger, [run.run_id for run, _ in found], since=min(began_at for _, began_at in found))
    queued = instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
    for run, began_at in found:
        first, last = covered_dates(run.tags)
        if first and last:
            selected = {key.path[-1] for key in run.asset_selection or ()} | {run.tags.get(DATASET_TAG, "")}
            name = next((name for name in owners if name in selected), run.job_name)
            yield ActiveRun(
                name=run.run_id,
                dataset=name,
                first=first,
                last=last,
                began_at=began_at,
                last_progress=max(began_at, steps.get(run.run_id, began_at)),
                queued=queued,
                owner=owners.get(name, ""),
            )
