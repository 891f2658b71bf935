"""Dagster's private names for runs: groups of statuses, tags, and the health of a worker."""

# What a launcher's public `check_run_worker_health` answers. Replaced by a public name of the same enum.
from dagster._core.launcher import WorkerStatus

# Which statuses count as running or as ended: a list of our own would miss a status that Dagster adds.
# Replaced by public properties of `DagsterRun`; `is_finished` is one already.
from dagster._core.storage.dagster_run import FINISHED_STATUSES, IN_PROGRESS_RUN_STATUSES, NOT_FINISHED_STATUSES

# How Dagster itself marks runs. The strings are documented and stored with every run, so they change less than these
# names. Replaced by public constants, or by the strings.
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
    PARTITION_NAME_TAG,
    RETRY_NUMBER_TAG,
    RUN_KEY_TAG,
    SCHEDULE_NAME_TAG,
    SENSOR_NAME_TAG,
    USER_TAG,
    WILL_RETRY_TAG,
)

__all__ = [
    "ASSET_PARTITION_RANGE_END_TAG",
    "ASSET_PARTITION_RANGE_START_TAG",
    "BACKFILL_ID_TAG",
    "FINISHED_STATUSES",
    "IN_PROGRESS_RUN_STATUSES",
    "NOT_FINISHED_STATUSES",
    "PARTITION_NAME_TAG",
    "RETRY_NUMBER_TAG",
    "RUN_KEY_TAG",
    "SCHEDULE_NAME_TAG",
    "SENSOR_NAME_TAG",
    "USER_TAG",
    "WILL_RETRY_TAG",
    "WorkerStatus",
]
