"""Who asks for a run and why, read from its tags."""

import dagster as dg

from settlement_platform.control.queue.service_classes import ServiceClass
from settlement_platform.orchestration.tags import CLASS_TAG
from settlement_platform.pipeline.platform import Request

ACTOR_TAG = "settlement/actor"


REASON_TAG = "settlement/reason"


RUN_RETRY_TAG = "dagster/retry_number"
"""How often Dagster has run this run again because its worker was lost."""


def request_of(context: dg.AssetExecutionContext) -> Request:
    """The request behind a run: its own tags, else what launched it."""
    tags = context.run.tags
    launchers = {"schedule": tags.get("dagster/schedule_name"), "sensor": tags.get("dagster/sensor_name")}
    launched_by = next((f"{kind} {name}" for kind, name in launchers.items() if name), "dagster")
    actor = tags.get(ACTOR_TAG) or tags.get("user") or launched_by
    backfill = tags.get("dagster/backfill")
    reason = tags.get(REASON_TAG) or (f"backfill {backfill}" if backfill else "materialized in Dagster")
    retry = context.retry_number + int(tags.get(RUN_RETRY_TAG, 0))
    return Request(
        actor=actor,
        reason=reason,
        run_id=context.run.run_id,
        retry=retry,
        service_class=tags.get(CLASS_TAG, ServiceClass.FRESH),
    )
