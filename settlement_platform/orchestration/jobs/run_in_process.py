"""Runs of business dates in this process, recorded on the Dagster instance."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from settlement_platform.orchestration.assets.step import NAMED_DATES
from settlement_platform.orchestration.dagster_internals.run_processes import process_name
from settlement_platform.orchestration.dagster_internals.runs import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from settlement_platform.orchestration.events.reporting import on_outcome
from settlement_platform.orchestration.queue.run_tags import tag_run
from settlement_platform.orchestration.requests import ACTOR_TAG, REASON_TAG
from settlement_platform.orchestration.tags import WORKER_TAG
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Request
from settlement_platform.pipeline.processing.process_dates import FailedDate
from settlement_platform.storage.errors import translate_errors


def run_in_process(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    *,
    keys: Sequence[dg.AssetKey],
    first: date,
    last: date,
    request: Request,
    listener: Callable[[DateOutcome | FailedDate], None],
) -> dg.ExecuteInProcessResult:
    """Materialize assets for a range of business dates in one run of this process, recorded on the instance."""
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection=set(keys))
    range_tags = {ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()}
    own = {ACTOR_TAG: request.actor, REASON_TAG: request.reason} | (range_tags if first != last else {})
    tags = own | _queue_tags(job.name, keys, own | range_tags)
    token = on_outcome.set(listener)
    try:
        with translate_errors("Recording the run on Dagster's instance"):
            return job.execute_in_process(
                instance=instance,
                partition_key=first.isoformat() if first == last else None,
                tags=tags,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )
    finally:
        on_outcome.reset(token)


def _queue_tags(job: str, keys: Sequence[dg.AssetKey], tags: Mapping[str, str]) -> dict[str, str]:
    """Return the queue's tags, and the tag of this process, for a run that bypasses the queue."""
    run = dg.DagsterRun(job_name=job, asset_selection=frozenset(keys), tags=dict(tags))
    return tag_run(run, parent=None, now=datetime.now(UTC)) | {WORKER_TAG: process_name(os.getpid())}


def was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Return whether a signal, such as that of Ctrl-C, ended a run."""
    errors = [e.step_failure_data.error for e in result.all_events if e.is_step_failure]
    return any(error and error.cls_name == dg.DagsterExecutionInterruptedError.__name__ for error in errors)


def failure_text(result: dg.ExecuteInProcessResult) -> str | None:
    """Return the error that ended a run; None if it succeeded, or failed only by dates that are listed anyway."""
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        data = event.step_failure_data
        if data.user_failure_data is None:
            return data.error.to_string() if data.error else "a step failed without an error"
        if NAMED_DATES not in data.user_failure_data.metadata:
            return data.user_failure_data.description or "a step failed without a description"
    return None
