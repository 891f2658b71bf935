"""A simulated day of the run queue: arrivals and service times are drawn, the queue is the one of production.

The run coordinator of the project tags and queues every run. The queue daemon of Dagster takes it under the limits of
`dagster.yaml`, scaled up, and the sensor of the project ages it, all on a real instance. Only the clock and the work of
the runs are simulated: a run ends when its time is over.
"""

import heapq
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.instance.config import ConcurrencyConfig
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.utils import make_new_run_id
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from rich.progress import track

from benchmarks.queue_arrivals import Drawn, draw
from settlement_platform.catalog import load_catalog
from settlement_platform.control.queue.service_classes import ServiceClass
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.orchestration.keys import published_key
from settlement_platform.orchestration.queue import run_tags
from settlement_platform.orchestration.sensors.queue_ageing import TICK_SECONDS, age_queue
from settlement_platform.orchestration.tags import CLASS_TAG, DATASET_SHARE_TAG, OWNER_QUOTA_TAG, SLOTS_TAG, TABLE_TAG
from settlement_platform.settings import PROJECT
from settlement_platform_tests.orchestration.queued_runs import ORIGIN

SLOTS, COMMON, SHARE, QUOTA, MAINTENANCE_SLOTS = 48, 40, 3, 12, 4
"""`dagster.yaml` scaled to machines that can do such a day: 20,000 runs of 3 minutes are 42 slots' work."""
LIMITS = {
    SLOTS_TAG: COMMON,
    CLASS_TAG: COMMON,
    DATASET_SHARE_TAG: SHARE,
    OWNER_QUOTA_TAG: QUOTA,
    TABLE_TAG: SHARE + 1,
}
OWNERS = 40
INTERVAL_SECONDS = 10
"""The queue ticks once a second; here every ten, if something has happened, so each wait may be that much longer."""
DAY_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Waited:
    """The waiting times of a class in seconds, the deepest queue, and the runs that had not begun at the end."""

    runs: int
    median: float
    p95: float
    highest: float
    deepest: int
    left: int


@dataclass(frozen=True, kw_only=True)
class Decided:
    """One tick of the queue: the number of queued runs, and the cost of the decision in seconds."""

    queued: int
    wall: float
    cpu: float


@dataclass(frozen=True, kw_only=True)
class Day:
    """The result of a day."""

    runs: int
    datasets: int
    classes: dict[str, Waited]
    decisions: list[Decided]


class LaunchesNothing(RunLauncher):  # type: ignore[type-arg]
    """A launcher that starts nothing, so that a tick costs only its decisions and records."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.launched: list[str] = []

    def launch_run(self, context: LaunchRunContext) -> None:
        """Note the launch."""
        self.launched.append(context.dagster_run.run_id)

    def terminate(self, run_id: str) -> bool:  # noqa: ARG002 - Dagster's signature
        """Do nothing: no process runs."""
        return False


class TimedQueue(QueuedRunCoordinatorDaemon):
    """The queue daemon of Dagster, which also notes the cost of each decision."""

    def __init__(self) -> None:
        super().__init__(interval_seconds=1)
        self.queued = 0
        self.decisions: list[Decided] = []

    def _get_runs_to_dequeue(
        self, instance: dg.DagsterInstance, concurrency_config: ConcurrencyConfig, fixed_iteration_time: float | None
    ) -> list[dg.DagsterRun]:
        wall, cpu = time.perf_counter(), time.process_time()
        found = super()._get_runs_to_dequeue(instance, concurrency_config, fixed_iteration_time)
        took = time.perf_counter() - wall, time.process_time() - cpu
        self.decisions.append(Decided(queued=self.queued, wall=took[0], cpu=took[1]))
        return found


def open_scaled(home: Path) -> dg.DagsterInstance:
    """Open an instance as `dagster.yaml` describes it, for 48 slots, with a launcher that starts nothing.

    All events are in one file: a file for each run takes longer than all the rest, and decides nothing.
    """
    configured: dict[str, Any] = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    runs = configured["concurrency"]["runs"]
    runs["max_concurrent_runs"] = SLOTS
    for limit in runs["tag_concurrency_limits"]:
        scaled = MAINTENANCE_SLOTS if limit.get("value") == ServiceClass.MAINTENANCE.value else LIMITS.get(limit["key"])
        limit["limit"] = scaled or limit["limit"]
    for storage, module, name in (
        ("run_storage", "runs", "SqliteRunStorage"),
        ("event_log_storage", "event_log", "ConsolidatedSqliteEventLogStorage"),
        ("schedule_storage", "schedules", "SqliteScheduleStorage"),
    ):
        place = {"base_dir": str(home / module)}
        configured[storage] = {"module": f"dagster._core.storage.{module}", "class": name, "config": place}
    (home / "dagster.yaml").write_text(yaml.safe_dump(configured), encoding="utf-8")
    instance = dg.DagsterInstance.from_config(str(home))
    instance._run_launcher = LaunchesNothing()  # noqa: SLF001 - no process is to be started
    return instance


def simulate(home: Path, *, runs: int, datasets: int, seconds: int = DAY_SECONDS, seed: int = 7) -> Day:
    """Draw a day and let it pass, or only its first seconds."""
    names = [f"dataset_{n:03d}" for n in range(datasets)]
    declared = (
        replace(CARD_SETTLEMENTS, name=name, owner=f"owner_{number % OWNERS:02d}") for number, name in enumerate(names)
    )
    known = load_catalog()
    catalog = replace(known, datasets=(*known.datasets, *declared))
    run_tags._catalog = lambda: catalog  # noqa: SLF001 - the code location has no 500 datasets
    drawn = sorted(draw(runs, names, random.Random(seed)), key=lambda r: r.arrives)
    with open_scaled(home) as instance, WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace:
        passing = _Passing(workspace, drawn)
        for now in track(range(0, seconds, INTERVAL_SECONDS), description="a day of the queue"):
            passing.advance(now)
    return Day(runs=runs, datasets=datasets, classes=passing.waited(), decisions=passing.queue.decisions)


class _Passing:
    """A day while it passes."""

    def __init__(self, workspace: WorkspaceProcessContext, drawn: list[Drawn]) -> None:
        self._workspace, self._instance = workspace, workspace.instance
        self._midnight = datetime.combine(datetime.now(UTC), datetime.min.time(), UTC)
        self._drawn, self._arriving = drawn, drawn[::-1]
        self._known: dict[str, Drawn] = {}
        self._started: dict[str, float] = {}
        self._working: list[tuple[float, str]] = []
        self._waiting: Counter[ServiceClass] = Counter()
        self._deepest: Counter[ServiceClass] = Counter()
        self.queue = TimedQueue()

    def advance(self, now: int) -> None:
        """End, submit and age runs since the last call, and let the queue take the next ones."""
        changed = [*self._ended(now), *self._arrived(now)]
        if now % TICK_SECONDS == 0:
            changed += [each.run_id for each in age_queue(self._instance, self._at(now))]
        self._deepest |= self._waiting
        self.queue.queued = self._waiting.total()
        if changed and self.queue.queued:
            self._begin(now)

    def _at(self, seconds: float) -> datetime:
        return self._midnight + timedelta(seconds=seconds)

    def _ended(self, now: int) -> Iterator[str]:
        while self._working and self._working[0][0] <= now:
            _, run_id = heapq.heappop(self._working)
            event = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, job_name=ORIGIN.job_name)
            self._instance.report_dagster_event(event, run_id)
            yield run_id

    def _arrived(self, now: int) -> Iterator[str]:
        while self._arriving and self._arriving[-1].arrives <= now:
            drawn = self._arriving.pop()
            run = dg.DagsterRun(
                job_name=ORIGIN.job_name,
                run_id=make_new_run_id(),
                asset_selection=frozenset({published_key(drawn.dataset)}),
                tags=drawn.tags,
                remote_job_origin=ORIGIN,
            )
            self._instance.run_storage.add_historical_run(run, self._at(drawn.arrives))
            submitted = self._instance.run_coordinator.submit_run(SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]
            stamped = submitted.tags[CLASS_TAG]
            assert stamped == drawn.service_class, f"a {drawn.service_class} run is stamped {stamped}"
            self._known[run.run_id] = drawn
            self._waiting[drawn.service_class] += 1
            yield run.run_id

    def _begin(self, now: int) -> None:
        list(self.queue.run_iteration(self._workspace))
        launched = self._instance.run_launcher.launched  # type: ignore[attr-defined]
        for run_id in launched:
            drawn = self._known[run_id]
            self._started[run_id] = now - drawn.arrives
            self._waiting[drawn.service_class] -= 1
            heapq.heappush(self._working, (now + drawn.takes, run_id))
        launched.clear()

    def waited(self) -> dict[str, Waited]:
        """Return the waiting times of the runs of each class."""
        return {c.value: self._waited(c) for c in ServiceClass}

    def _waited(self, service_class: ServiceClass) -> Waited:
        runs = sum(r.service_class is service_class for r in self._drawn)
        begun = sorted(s for i, s in self._started.items() if self._known[i].service_class is service_class)
        waits = begun or [0.0]
        return Waited(
            runs=runs,
            median=statistics.median(waits),
            p95=waits[int(len(waits) * 0.95)],
            highest=waits[-1],
            deepest=self._deepest[service_class],
            left=runs - len(begun),
        )
