"""An index of runs on the instance: the dates in unfinished runs, and the runs requested before."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from settlement_platform.control.reliability.retry_backoff import PreviousRun
from settlement_platform.orchestration.dagster_internals.backfills import (
    BulkActionsFilter,
    BulkActionStatus,
    PartitionBackfill,
)
from settlement_platform.orchestration.dagster_internals.runs import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    NOT_FINISHED_STATUSES,
    PARTITION_NAME_TAG,
    WILL_RETRY_TAG,
)
from settlement_platform.orchestration.queue.backfill_records import is_paused_run, works_on

CONTENT_TAG = "settlement/content"
"""The content that a requested run is to build; all tries of it have the same value."""

RETRY_WITHIN = timedelta(minutes=2)
"""The daemon retries within seconds. A run that it never retries, such as of an ended backfill, keeps its mark."""

_VALUES_A_QUERY = 500


class RunIndex:
    """The runs that are unfinished, or that Dagster is about to retry, as of `now`.

    Paused runs in the queue are left out.
    """

    def __init__(self, instance: dg.DagsterInstance, now: datetime) -> None:
        unfinished = instance.get_runs(filters=dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
        self._runs = [run for run in unfinished if not is_paused_run(run)] + _awaiting_retry(instance, now)
        self._backfills = _requested_backfills(instance)

    def is_running(self, key: dg.AssetKey, partition: str, jobs: Sequence[str]) -> bool:
        """Return whether a run or a backfill covers a partition of an asset.

        A run without an asset selection covers the assets of its job, one of `jobs`. A backfill also covers the
        partitions that it has yet to request.
        """
        if any(_covers(run.tags, partition) and _makes(run, key, jobs) for run in self._runs):
            return True
        return any(works_on(each, key, date.fromisoformat(partition)) for each in self._backfills)

    def with_tag(self, tag: str, value: str) -> int:
        """Return how many runs have a tag with this value."""
        return sum(run.tags.get(tag) == value for run in self._runs)


def _awaiting_retry(instance: dg.DagsterInstance, now: datetime) -> list[dg.DagsterRun]:
    wanted = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE], tags={WILL_RETRY_TAG: "true"}, updated_after=now - RETRY_WITHIN
    )
    return [run for run in instance.get_runs(filters=wanted) if run.is_complete_and_waiting_to_retry]


def _requested_backfills(instance: dg.DagsterInstance) -> Sequence[PartitionBackfill]:
    return instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]))


def _makes(run: dg.DagsterRun, key: dg.AssetKey, jobs: Sequence[str]) -> bool:
    return key in run.asset_selection if run.asset_selection else run.job_name in jobs


def _covers(tags: Mapping[str, str], partition: str) -> bool:
    first, last = tags.get(ASSET_PARTITION_RANGE_START_TAG), tags.get(ASSET_PARTITION_RANGE_END_TAG)
    # Partitions are ISO dates: their order as text is that of time.
    return tags.get(PARTITION_NAME_TAG) == partition or bool(first and last and first <= partition <= last)


def previous_runs(instance: dg.DagsterInstance, contents: Sequence[str]) -> dict[str, list[PreviousRun]]:
    """Return the runs that were requested for each of these contents."""
    found: dict[str, list[PreviousRun]] = {}
    for start in range(0, len(contents), _VALUES_A_QUERY):
        wanted = dg.RunsFilter(tags={CONTENT_TAG: contents[start : start + _VALUES_A_QUERY]})
        for record in instance.get_run_records(filters=wanted):
            run = record.dagster_run
            # A run that was canceled before it began has no end time.
            end = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
            previous = PreviousRun(ended_at=end.replace(tzinfo=end.tzinfo or UTC) if run.is_finished else None)
            found.setdefault(run.tags[CONTENT_TAG], []).append(previous)
    return found
