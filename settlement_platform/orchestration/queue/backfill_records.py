"""Records of backfills on the Dagster instance: targets, actors, progress and runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.control.queue.backfill_progress import BackfillRun
from settlement_platform.orchestration.dagster_internals.backfills import (
    BULK_ACTION_TERMINAL_STATUSES,
    AssetGraphSubset,
    BulkActionsFilter,
    BulkActionStatus,
    PartitionBackfill,
)
from settlement_platform.orchestration.dagster_internals.runs import BACKFILL_ID_TAG, IN_PROGRESS_RUN_STATUSES, USER_TAG
from settlement_platform.orchestration.queue.run_tags import backfill_priority, covered_dates
from settlement_platform.orchestration.requests import ACTOR_TAG, REASON_TAG
from settlement_platform.orchestration.tags import COMMON, DATASET_SHARE_TAG, NOT_PAUSED, PAUSED, PAUSED_TAG, SLOTS_TAG
from settlement_platform.storage.errors import translate_errors

PAUSED_BY_TAG = "settlement/paused_by"

_STATUS_TEXTS = {
    BulkActionStatus.REQUESTED: "running",
    BulkActionStatus.CANCELING: "canceling",
    BulkActionStatus.CANCELED: "canceled",
    BulkActionStatus.FAILING: "failing",
    BulkActionStatus.FAILED: "failed",
    BulkActionStatus.COMPLETED_FAILED: "ended, not everything is published",
}

_ENDING = {BulkActionStatus.CANCELING, BulkActionStatus.FAILING}
_QUEUED = {dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED}


@dataclass(frozen=True, kw_only=True)
class BackfillRecord:
    """One backfill; `targets` gives the dates by dataset and mart.

    `requested` says whether all its runs are requested. `ending` says that it was canceled or has failed, and that its
    runs are being stopped.
    """

    backfill_id: str
    title: str
    status: str
    over: bool
    ending: bool
    launched_at: datetime
    ended_at: datetime | None
    actor: str
    reason: str
    priority: int
    paused: str
    targets: Mapping[str, tuple[date, ...]]
    requested: bool
    error: str = ""


def latest_backfills(instance: dg.DagsterInstance, *, limit: int) -> list[BackfillRecord]:
    """Return the latest backfills, the newest first.

    Raises:
        TransientFailure: the instance did not answer.
    """
    with translate_errors("Reading the backfills of Dagster's instance"):
        return [_read(each) for each in instance.get_backfills(limit=limit) if each.asset_backfill_data]


def unfinished_backfills(instance: dg.DagsterInstance) -> list[BackfillRecord]:
    """Return the backfills that have not ended, the newest first.

    Raises:
        TransientFailure: the instance did not answer.
    """
    statuses = [s for s in BulkActionStatus if s not in BULK_ACTION_TERMINAL_STATUSES]
    with translate_errors("Reading the backfills of Dagster's instance"):
        found = instance.get_backfills(filters=BulkActionsFilter(statuses=statuses))
        return [_read(each) for each in found if each.asset_backfill_data]


def record_of(instance: dg.DagsterInstance, backfill_id: str) -> PartitionBackfill:
    """Return the instance's record of an asset backfill.

    Raises:
        PermanentFailure: there is no backfill with that id.
    """
    with translate_errors("Reading a backfill of Dagster's instance"):
        found = instance.get_backfill(backfill_id)
    if found is None or found.asset_backfill_data is None:
        message = f"No backfill has the id {backfill_id!r}."
        raise PermanentFailure(message, remedy="To list backfills, run: settlement backfill list")
    return found


def find_backfill(instance: dg.DagsterInstance, backfill_id: str) -> BackfillRecord:
    """Return one backfill.

    Raises:
        PermanentFailure: there is no backfill with that id.
    """
    return _read(record_of(instance, backfill_id))


def _read(found: PartitionBackfill) -> BackfillRecord:
    data, tags = found.asset_backfill_data, found.tags or {}
    assert data is not None  # noqa: S101 - only backfills of assets are read
    subsets = {key.path[-1]: s for key, s in data.target_subset.partitions_subsets_by_asset_key.items()}
    targets = {
        name: tuple(date.fromisoformat(key) for key in sorted(subset.get_partition_keys()))
        for name, subset in subsets.items()
    }
    ended = found.backfill_end_timestamp
    return BackfillRecord(
        backfill_id=found.backfill_id,
        title=found.title or _default_title(targets),
        status=_STATUS_TEXTS.get(found.status, "completed"),
        over=found.status in BULK_ACTION_TERMINAL_STATUSES,
        ending=found.status in _ENDING,
        launched_at=datetime.fromtimestamp(found.backfill_timestamp, UTC),
        ended_at=datetime.fromtimestamp(ended, UTC) if ended else None,
        actor=tags.get(ACTOR_TAG) or tags.get(USER_TAG) or "",
        reason=tags.get(REASON_TAG) or found.description or "",
        priority=backfill_priority(tags),
        paused=(tags.get(PAUSED_BY_TAG) or "somebody") if is_paused(found) else "",
        targets=targets,
        requested=data.requested_runs_for_target_roots,
        error=found.error.message.splitlines()[0] if found.error else "",
    )


def _default_title(targets: Mapping[str, Sequence[date]]) -> str:
    """Return a title for a backfill that has none, as from the web UI."""
    days = [day for dates in targets.values() for day in dates]
    span = f" {min(days)} to {max(days)}" if days else ""
    return f"{', '.join(sorted(targets))}{span}"


def is_paused(found: PartitionBackfill) -> bool:
    """Return whether a backfill's runs stay in the queue."""
    return (found.tags or {}).get(PAUSED_TAG) == PAUSED


def pause_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, str]:
    """Return the tag that a run needs to match its backfill's pause; a re-executed run carries an old one."""
    backfill_id = run.tags.get(BACKFILL_ID_TAG)
    found = instance.get_backfill(backfill_id) if backfill_id else None
    if found is None:
        return {}
    now = PAUSED if is_paused(found) else NOT_PAUSED
    return {} if run.tags.get(PAUSED_TAG, NOT_PAUSED) == now else {PAUSED_TAG: now}


def is_paused_run(run: dg.DagsterRun) -> bool:
    """Return whether a pause keeps a run in the queue; a started run continues."""
    return run.status in _QUEUED and run.tags.get(PAUSED_TAG) == PAUSED


def runs_of(instance: dg.DagsterInstance, backfill_id: str) -> list[BackfillRun]:
    """Return the runs of a backfill, the oldest first; a run that awaits a retry has not ended."""
    with translate_errors("Reading the runs of Dagster's instance"):
        found = instance.get_runs(dg.RunsFilter(tags={BACKFILL_ID_TAG: backfill_id}), ascending=True)
    ranges = ((run, *covered_dates(run.tags)) for run in found)
    return [_backfill_run(run, first, last) for run, first, last in ranges if first and last]


def _backfill_run(run: dg.DagsterRun, first: date, last: date) -> BackfillRun:
    return BackfillRun(
        run_id=run.run_id,
        names=frozenset(key.path[-1] for key in run.asset_selection or ()),
        first=first,
        last=last,
        queued=run.status in _QUEUED,
        ended=run.is_finished and not run.is_complete_and_waiting_to_retry,
    )


def slots_taken(instance: dg.DagsterInstance, runs: Sequence[BackfillRun]) -> str:
    """Return which runs occupy the slots that a backfill waits for; empty where slots are free."""
    ours = {run.run_id for run in runs}
    config = instance.get_concurrency_config().run_queue_config
    if config is None:
        return ""
    running = instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES))
    limits = {t["key"]: t["limit"] for t in config.tag_concurrency_limits}
    names = {name for run in runs for name in run.names}
    others = [run.tags for run in running if run.run_id not in ours]
    alike = sum(tags.get(DATASET_SHARE_TAG) in names for tags in others)
    if alike >= limits.get(DATASET_SHARE_TAG, alike + 1):
        return f"{alike} other runs of the same dataset occupy all slots that it may use"
    common = sum(tags.get(SLOTS_TAG) == COMMON for tags in others)
    if common >= limits.get(SLOTS_TAG, common + 1):
        return f"{common} other runs occupy all slots that are not reserved for fresh runs"
    if 0 <= config.max_concurrent_runs <= len(running):
        return f"{len(running)} runs occupy all {config.max_concurrent_runs} slots"
    return ""


def works_on(found: PartitionBackfill, key: dg.AssetKey, business_date: date) -> bool:
    """Return whether a backfill has yet to make a date of an asset; a paused backfill leaves it to others."""
    data = found.asset_backfill_data
    if data is None or is_paused(found):
        return False
    wanted = (key, business_date.isoformat())
    ended = (data.materialized_subset, data.failed_and_downstream_subset)
    return _contains(data.target_subset, *wanted) and not any(_contains(subset, *wanted) for subset in ended)


def _contains(subset: AssetGraphSubset, key: dg.AssetKey, partition: str) -> bool:
    partitions = subset.partitions_subsets_by_asset_key.get(key)
    return partitions is not None and partition in partitions
