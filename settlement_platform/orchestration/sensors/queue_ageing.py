"""The queue ageing sensor: it raises the priority of waiting runs, and ends runs that never started."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from settlement_platform.control.queue.service_classes import (
    AGEING,
    PriorityChange,
    QueuedRun,
    ServiceClass,
    age_priorities,
)
from settlement_platform.orchestration.dagster_internals.runs import IN_PROGRESS_RUN_STATUSES, WorkerStatus
from settlement_platform.orchestration.queue.backfill_records import is_paused_run
from settlement_platform.orchestration.queue.run_tags import base_priority
from settlement_platform.orchestration.tags import CLASS_TAG, PRIORITY_TAG, WAITS_SINCE_TAG

TICK_SECONDS = 30

MAX_OF_A_CLASS = 50
"""Within a class the oldest run starts first anyway, so only the front of a long queue has to rise."""

AGEING_CLASSES = tuple(c for c in ServiceClass if c is not ServiceClass.FRESH)


@dg.sensor(
    name="queue_ageing",
    minimum_interval_seconds=TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Raises the priority of waiting runs, and ends runs that left the queue without starting.",
)
def queue_ageing(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Raise waiting runs and end orphaned starts; the sensor never requests a run."""
    now = datetime.now(UTC)
    changed, lost = age_queue(context.instance, now), end_orphaned_starts(context.instance, now)
    for each in changed:
        context.log.info("run %s: priority %s, because %s", each.run_id, each.priority, each.reason)
    for run_id in lost:
        context.log.warning("run %s: left the queue, but no process executes it", run_id)
    return dg.SkipReason(f"{len(changed)} waiting runs raised; {len(lost)} orphaned starts ended")


def age_queue(instance: dg.DagsterInstance, now: datetime) -> list[PriorityChange]:
    """Write the priorities that runs have reached by waiting until `now`, and return the changes."""
    queued = [each for service_class in AGEING_CLASSES for each in _oldest(instance, service_class)]
    changed = age_priorities(queued, overtaken=_has_overtaking_run(instance), now=now)
    for each in changed:
        instance.add_run_tags(each.run_id, {PRIORITY_TAG: str(each.priority)})
    return changed


def _has_overtaking_run(instance: dg.DagsterInstance) -> bool:
    """Return whether a run overtakes others already; a paused one does not count."""
    ahead = dg.RunsFilter(
        tags={PRIORITY_TAG: str(AGEING.overtaking)}, statuses=[dg.DagsterRunStatus.QUEUED, *IN_PROGRESS_RUN_STATUSES]
    )
    return any(not is_paused_run(run) for run in instance.get_runs(ahead))


def _oldest(instance: dg.DagsterInstance, service_class: ServiceClass) -> Iterator[QueuedRun]:
    """Yield the oldest runs of a class; runs that were paused count separately, as others may have waited longer."""
    room = {True: MAX_OF_A_CLASS, False: MAX_OF_A_CLASS}
    for record in _waiting_runs(instance, service_class):
        created, resumed = _utc(record.create_timestamp), _resumed_at(record.dagster_run)
        was_held = resumed is not None and resumed > created
        if room[was_held]:
            room[was_held] -= 1
            yield _queued(record.dagster_run, service_class, since=max(created, resumed or created))
        if not room[False]:
            return


def _waiting_runs(instance: dg.DagsterInstance, service_class: ServiceClass) -> Iterator[dg.RunRecord]:
    """Yield the unpaused runs of a class, the oldest first."""
    wanted = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED], tags={CLASS_TAG: service_class.value})
    cursor: str | None = None
    while page := instance.get_run_records(wanted, limit=MAX_OF_A_CLASS, cursor=cursor, ascending=True):
        yield from (record for record in page if not is_paused_run(record.dagster_run))
        cursor = page[-1].dagster_run.run_id


def _queued(run: dg.DagsterRun, service_class: ServiceClass, *, since: datetime) -> QueuedRun:
    return QueuedRun(
        run_id=run.run_id,
        service_class=service_class,
        since=since,
        base=base_priority(run, service_class),
        priority=int(run.tags.get(PRIORITY_TAG, "0")),
    )


def _resumed_at(run: dg.DagsterRun) -> datetime | None:
    given = run.tags.get(WAITS_SINCE_TAG)
    return datetime.fromisoformat(given) if given else None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=moment.tzinfo or UTC)


START_GRACE = timedelta(seconds=30)
"""How long the daemon may take to start the process of a run; on an idle machine it takes milliseconds."""


def end_orphaned_starts(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """End starting runs that have no process, so that they are retried, and return their ids.

    Dagster's own monitoring checks a run's process only once the run has started. Before that it only has a timeout,
    which must be long: on a busy machine a process of low priority takes minutes to start.
    """
    launcher = instance.run_launcher
    if not launcher.supports_check_run_worker_health:
        return []
    starting = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING], updated_before=now - START_GRACE)
    lost = []
    for run in instance.get_runs(starting):
        health = launcher.check_run_worker_health(run)
        current = instance.get_run_by_id(run.run_id)
        if health.status is WorkerStatus.FAILED and current and current.status is dg.DagsterRunStatus.STARTING:
            instance.report_run_failed(current, message="The run left the queue, but no process executes it.")
            lost.append(run.run_id)
    return lost
