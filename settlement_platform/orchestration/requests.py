"""The request behind a run: actor, reason and service class, read from its tags."""

import dagster as dg

from settlement_platform.control.queue.service_classes import ServiceClass
from settlement_platform.orchestration.dagster_internals.runs import (
    BACKFILL_ID_TAG,
    RETRY_NUMBER_TAG,
    SCHEDULE_NAME_TAG,
    SENSOR_NAME_TAG,
    USER_TAG,
)
from settlement_platform.orchestration.tags import CLASS_TAG
from settlement_platform.pipeline.platform import Request

ACTOR_TAG = "settlement/actor"
REASON_TAG = "settlement/reason"


def request_of(context: dg.AssetExecutionContext) -> Request:
    """Return the request behind a run, from its own tags, or else from its launcher."""
    tags = context.run.tags
    launchers = {"schedule": tags.get(SCHEDULE_NAME_TAG), "sensor": tags.get(SENSOR_NAME_TAG)}
    launched_by = next((f"{kind} {name}" for kind, name in launchers.items() if name), "dagster")
    actor = tags.get(ACTOR_TAG) or tags.get(USER_TAG) or launched_by
    backfill = tags.get(BACKFILL_ID_TAG)
    reason = tags.get(REASON_TAG) or (f"backfill {backfill}" if backfill else "materialized in Dagster")
    retry = context.retry_number + int(tags.get(RETRY_NUMBER_TAG, 0))
    return Request(
        actor=actor,
        reason=reason,
        run_id=context.run.run_id,
        retry=retry,
        service_class=tags.get(CLASS_TAG, ServiceClass.FRESH),
    )
