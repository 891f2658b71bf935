"""The sensor by which waiting runs rise in the queue, so that none waits for ever."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

from settlement_platform.control.service_classes import AGEING, Aged, Queued, ServiceClass, age
from settlement_platform.orchestration.lost_starts import end_lost_starts
from settlement_platform.orchestration.tags import CLASS_TAG, PRIORITY_TAG

TICK_SECONDS = 30
OLDEST_OF_A_CLASS = 50
"""Within a class the older goes first anyway: only the front of a long queue has to rise, and a tick stays cheap."""
AGEING_CLASSES = tuple(c for c in ServiceClass if c is not ServiceClass.FRESH)


@dg.sensor(
    name="queue_ageing",
    minimum_interval_seconds=TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Raises the priority of runs that wait, and ends those that left the queue and were never started.",
)
def queue_ageing(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """One look at the front of the queue; it never asks for a run."""
    now = datetime.now(UTC)
    changed, lost = age_queue(context.instance, now), end_lost_starts(context.instance, now)
    for each in changed:
        context.log.info("run %s: priority %s, as %s", each.run_id, each.priority, each.reason)
    for run_id in lost:
        context.log.warning("run %s: taken from the queue, and no process works on it", run_id)
    return dg.SkipReason(f"{len(changed)} waiting runs have risen; {len(lost)} runs had lost their start")


def age_queue(instance: dg.DagsterInstance, now: datetime) -> list[Aged]:
    """Write the priorities to which runs have risen by waiting until `now`; these are returned."""
    ahead = dg.RunsFilter(
        tags={PRIORITY_TAG: str(AGEING.overtaking)}, statuses=[dg.DagsterRunStatus.QUEUED, *IN_PROGRESS_RUN_STATUSES]
    )
    changed = age(list(_front(instance)), overtaken=bool(instance.get_runs(ahead, limit=1)), now=now)
    for each in changed:
        instance.add_run_tags(each.run_id, {PRIORITY_TAG: str(each.priority)})
    return changed


def _front(instance: dg.DagsterInstance) -> Iterator[Queued]:
    for service_class in AGEING_CLASSES:
        wanted = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED], tags={CLASS_TAG: service_class.value})
        for record in instance.get_run_records(wanted, limit=OLDEST_OF_A_CLASS, ascending=True):
            created = record.create_timestamp
            yield Queued(
                run_id=record.dagster_run.run_id,
                service_class=service_class,
                since=created.replace(tzinfo=created.tzinfo or UTC),
                priority=int(record.dagster_run.tags.get(PRIORITY_TAG, "0")),
            )
