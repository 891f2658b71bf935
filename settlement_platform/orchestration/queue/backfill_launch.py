"""Launch of a backfill on the Dagster instance, whose daemon requests the runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg

from settlement_platform.control.queue.service_classes import PRIORITIES, ServiceClass
from settlement_platform.orchestration.dagster_internals.backfills import (
    AssetGraphSubset,
    AssetKeyPartitionKey,
    PartitionBackfill,
    make_new_backfill_id,
)
from settlement_platform.orchestration.dagster_internals.runs import USER_TAG
from settlement_platform.orchestration.keys import dataset_keys, mart_keys
from settlement_platform.orchestration.requests import ACTOR_TAG, REASON_TAG
from settlement_platform.orchestration.tags import BACKFILL_PRIORITY_TAG
from settlement_platform.pipeline.platform import Request
from settlement_platform.storage.errors import translate_errors

DAEMON_TYPE = "BACKFILL"

HEARTBEAT_TIMEOUT = timedelta(minutes=2)
"""The daemon sends a heartbeat every 30 s; one that begins to request runs takes longer."""


@dataclass(frozen=True, kw_only=True)
class BackfillRequest:
    """The target of a backfill: dates of at most one dataset, and of marts."""

    title: str
    dataset: Mapping[str, Iterable[date]]
    marts: Mapping[str, Iterable[date]]
    priority: int = PRIORITIES[ServiceClass.BACKFILL]


def new_backfill_id() -> str:
    """Return a new backfill id in Dagster's form."""
    return make_new_backfill_id()


def daemon_is_running(instance: dg.DagsterInstance, now: datetime) -> bool:
    """Return whether a backfill daemon has sent a heartbeat within two minutes of `now`."""
    with translate_errors("Reading the daemon's heartbeat from Dagster's instance"):
        beat = instance.get_daemon_heartbeats().get(DAEMON_TYPE)
    return beat is not None and now.timestamp() - beat.timestamp <= HEARTBEAT_TIMEOUT.total_seconds()


def launch_backfill(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    backfill_id: str,
    backfill: BackfillRequest,
    request: Request,
    now: datetime,
) -> None:
    """Add a backfill to the instance, under an id of `new_backfill_id`; it waits there until a daemon runs.

    Raises:
        TransientFailure: the instance did not answer.
    """
    keys = [(k, days) for name, days in backfill.dataset.items() for k in dataset_keys(name)]
    keys += [(k, days) for name, days in backfill.marts.items() for k in mart_keys(name)]
    partitions = {AssetKeyPartitionKey(key, day.isoformat()) for key, days in keys for day in days}
    tags = {
        USER_TAG: request.actor,
        ACTOR_TAG: request.actor,
        REASON_TAG: request.reason,
        BACKFILL_PRIORITY_TAG: str(backfill.priority),
    }
    with (
        translate_errors("Launching the backfill on Dagster's instance"),
        dg.partition_loading_context(effective_dt=now, dynamic_partitions_store=instance),
    ):
        record = PartitionBackfill.from_asset_graph_subset(
            backfill_id=backfill_id,
            backfill_timestamp=now.timestamp(),
            tags=tags,
            dynamic_partitions_store=instance,
            asset_graph_subset=AssetGraphSubset.from_asset_partition_set(partitions, definitions.resolve_asset_graph()),
            title=backfill.title,
            description=request.reason,
            run_config=None,
        )
        instance.add_backfill(record)
