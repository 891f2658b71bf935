"""Cancel, pause, resume and prioritize a running backfill, in a way that survives every restart."""

import time
from collections.abc import Mapping
from datetime import datetime

import dagster as dg

from settlement_platform.control.failures import ActionRefused, TransientFailure
from settlement_platform.control.reasons.operators import (
    BACKFILL_ENDED,
    BACKFILL_NOT_PAUSED,
    PAUSED_RUNS_NOT_LIMITED,
)
from settlement_platform.orchestration.dagster_internals.backfills import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionStatus,
    PartitionBackfill,
)
from settlement_platform.orchestration.dagster_internals.runs import BACKFILL_ID_TAG
from settlement_platform.orchestration.queue.backfill_records import PAUSED_BY_TAG, find_backfill, is_paused, record_of
from settlement_platform.orchestration.tags import (
    BACKFILL_PRIORITY_TAG,
    NOT_PAUSED,
    PAUSED,
    PAUSED_TAG,
    PRIORITY_TAG,
    WAITS_SINCE_TAG,
)
from settlement_platform.pipeline.platform import Request
from settlement_platform.storage.errors import translate_errors

_QUEUED_STATUSES = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
_PASSES, _PASS_SECONDS = 60, 0.5


def require_possible(instance: dg.DagsterInstance, action: str, backfill_id: str) -> None:
    """Raise unless an action is possible on a backfill now; `action` is cancel, pause, resume or priority.

    Raises:
        ActionRefused: it has ended, is not paused, or the instance's dagster.yaml does not limit paused runs.
        PermanentFailure: there is no backfill with that id.
    """
    found = _unfinished(instance, backfill_id)
    if action == "resume" and not is_paused(found):
        raise ActionRefused(BACKFILL_NOT_PAUSED(backfill=backfill_id))
    if action == "pause" and not _limits_paused_runs(instance):
        remedy = (
            f"In it, limit the tag {PAUSED_TAG} with the value {PAUSED!r} to 0, as the project's dagster.yaml does."
        )
        raise ActionRefused(PAUSED_RUNS_NOT_LIMITED(), remedy=remedy)


def cancel(instance: dg.DagsterInstance, backfill_id: str) -> None:
    """Request no more runs, cancel the queued ones, and let the daemon end the started ones.

    Raises:
        TransientFailure: the instance did not answer.
    """
    with translate_errors("Canceling a backfill on Dagster's instance"):
        instance.update_backfill(record_of(instance, backfill_id)._replace(status=BulkActionStatus.CANCELING))
        for run in _queued_runs(instance, backfill_id):
            instance.run_coordinator.cancel_run(run.run_id)


def pause(instance: dg.DagsterInstance, backfill_id: str, request: Request) -> None:
    """Start no more runs of a backfill; started ones run to their end.

    Raises:
        TransientFailure: the instance did not answer, or its daemon kept requesting runs.
    """
    _set_tags(instance, backfill_id, {PAUSED_TAG: PAUSED, PAUSED_BY_TAG: f"{request.actor}: {request.reason}"})


def resume(instance: dg.DagsterInstance, backfill_id: str, now: datetime) -> None:
    """End a pause; queued runs return to the backfill's priority, and their waiting counts from `now`.

    Raises:
        TransientFailure: as `pause`.
    """
    # Dagster can change a tag of a run, but not remove it.
    base = {PRIORITY_TAG: str(find_backfill(instance, backfill_id).priority), WAITS_SINCE_TAG: now.isoformat()}
    _set_tags(instance, backfill_id, {PAUSED_TAG: NOT_PAUSED, PAUSED_BY_TAG: "", **base})


def prioritize(instance: dg.DagsterInstance, backfill_id: str, priority: int) -> None:
    """Set the priority of a backfill's queued and later runs, among the runs that are not fresh.

    They rise from there by waiting.

    Raises:
        TransientFailure: as `pause`.
    """
    _set_tags(instance, backfill_id, {BACKFILL_PRIORITY_TAG: str(priority), PRIORITY_TAG: str(priority)})


def _unfinished(instance: dg.DagsterInstance, backfill_id: str) -> PartitionBackfill:
    found = record_of(instance, backfill_id)
    if found.status in BULK_ACTION_TERMINAL_STATUSES:
        raise ActionRefused(BACKFILL_ENDED(backfill=backfill_id, status=found.status.value))
    return found


def _queued_runs(instance: dg.DagsterInstance, backfill_id: str) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(tags={BACKFILL_ID_TAG: backfill_id}, statuses=_QUEUED_STATUSES)))


def _limits_paused_runs(instance: dg.DagsterInstance) -> bool:
    config = instance.get_concurrency_config().run_queue_config
    limits = config.tag_concurrency_limits if config else ()
    return any(t["key"] == PAUSED_TAG and t.get("value") == PAUSED and t["limit"] == 0 for t in limits)


def _set_tags(instance: dg.DagsterInstance, backfill_id: str, tags: Mapping[str, str]) -> None:
    """Set tags on a backfill, whose later runs inherit them, and on its queued runs.

    The daemon writes the same record, so this repeats until no run that was requested meanwhile lacks the tags.
    """
    for attempt in range(_PASSES):
        with translate_errors("Changing a backfill on Dagster's instance"):
            found = _unfinished(instance, backfill_id)
            lacking = [run for run in _queued_runs(instance, backfill_id) if not _has_tags(run.tags, tags)]
            if attempt and _has_tags(found.tags or {}, tags) and not lacking and not found.submitting_run_requests:
                return
            if not _has_tags(found.tags or {}, tags):
                instance.update_backfill(found._replace(tags={**(found.tags or {}), **tags}))
            for run in lacking:
                instance.add_run_tags(run.run_id, dict(tags))
        time.sleep(_PASS_SECONDS)
    message = f"Backfill {backfill_id} was not changed, because the daemon kept requesting its runs."
    raise TransientFailure(message, remedy="Run the command again.")


def _has_tags(tags: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(tags.get(key) == value for key, value in wanted.items())
