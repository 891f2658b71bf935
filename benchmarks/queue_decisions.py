"""The run queue with many runs in it: seconds for one decision, and a simulated day of many datasets."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from dagster._core.utils import make_new_run_id
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from rich.console import Console
from rich.table import Table

from benchmarks.measure import record
from benchmarks.queue_arrivals import BACKFILL, CORRECTION, FRESH, MAINTENANCE
from benchmarks.queue_day import COMMON, OWNERS, SLOTS, Day, LaunchesNothing, simulate
from settlement_platform.orchestration.dagster_internals.instance import prepare_dagster_home
from settlement_platform.orchestration.sensors.queue_ageing import age_queue
from settlement_platform.settings import PROJECT
from settlement_platform_tests.orchestration.queued_runs import add_runs, stamped

SIZES = (1_000, 5_000, 20_000)
DEPTHS = (1, 100, 1_000, 2_000, 3_000, 4_000, 20_001)
DATASETS, DATES = 500, 700
MIX = (FRESH, CORRECTION, *[BACKFILL] * 7, MAINTENANCE)
console = Console(width=120)


def tags_of(number: int) -> dict[str, str]:
    """Return the tags of a queued run: one in ten fresh, seven in ten backfills, over all datasets and owners."""
    name, day = f"dataset_{number % DATASETS:03d}", date(2024, 1, 1) + timedelta(days=number % DATES)
    return stamped(MIX[number % len(MIX)], dataset=name, owner=f"owner_{number % OWNERS:02d}", date=day.isoformat())


def open_queue(home: Path) -> dg.DagsterInstance:
    """Open an instance as `dagster.yaml` describes it, except for the launcher."""
    prepare_dagster_home(home, PROJECT, exported=False)
    instance = dg.DagsterInstance.from_config(str(home))
    instance._run_launcher = LaunchesNothing()  # noqa: SLF001 - what starts processes is not measured here
    return instance


def fill(instance: dg.DagsterInstance, first: int, last: int) -> None:
    """Queue runs by copying one in the database; making each through the instance takes 30 ms."""
    (made,) = add_runs(instance, [tags_of(first)])
    template, storage = instance.get_run_by_id(made), instance.run_storage
    assert template is not None
    runs = [template._replace(run_id=make_new_run_id(), tags=tags_of(n)) for n in range(first + 1, last)]
    values = [storage._get_run_insertion_values(r, datetime.now(UTC)) for r in runs]  # type: ignore[attr-defined] # noqa: SLF001
    tags = [{"run_id": r.run_id, "key": k, "value": v} for r in runs for k, v in r.tags_for_storage().items()]
    with storage.connect() as connection:  # type: ignore[attr-defined]
        connection.execute(sa.insert(RunsTable), values)
        connection.execute(sa.insert(RunTagsTable), tags)


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Return the wall and CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def measure_ticks(rounds: int) -> dict[int, dict[str, list[dict[str, float]]]]:
    """Measure, per number of queued runs, a whole tick of the queue daemon of Dagster, its decision, and ageing."""
    results: dict[int, dict[str, list[dict[str, float]]]] = {}
    with tempfile.TemporaryDirectory(prefix="settlement-queue-") as name, open_queue(Path(name)) as instance:
        queued, daemon = 0, QueuedRunCoordinatorDaemon(interval_seconds=1)
        config = instance.get_concurrency_config()
        for size in SIZES:
            fill(instance, queued, size)
            queued, found = size, results.setdefault(size, {"decide": [], "tick": [], "age": []})
            for number in range(rounds):
                decide = lambda: daemon._get_runs_to_dequeue(instance, config, None)  # noqa: E731, SLF001 - as in the tests
                found["decide"].append(timed(decide))
                found["tick"].append(timed(lambda: _tick(instance, daemon)))
                later = datetime.now(UTC) + timedelta(hours=1 + number)
                found["age"].append(timed(lambda: age_queue(instance, later)))  # noqa: B023 - called at once
                _end_what_was_launched(instance)
    return results


def _tick(instance: dg.DagsterInstance, daemon: QueuedRunCoordinatorDaemon) -> None:
    with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context:
        list(daemon.run_iteration(context))


def _end_what_was_launched(instance: dg.DagsterInstance) -> None:
    launched = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING]))
    assert launched, "an idle machine has slots"
    for run in launched:
        instance.report_run_canceled(run)


def show_ticks(results: dict[int, dict[str, list[dict[str, float]]]]) -> None:
    """Print medians, and their growth with the queue."""
    table = Table(title="One tick of the queue", title_justify="left", box=None)
    for column in ("queued runs", "decide s", "CPU s", "CPU µs a run", "whole tick s", "CPU s", "ageing s", "CPU s"):
        table.add_column(column, justify="right")
    for size, found in results.items():
        median = {w: {k: statistics.median(t[k] for t in found[w]) for k in ("wall", "cpu")} for w in found}
        decide, tick, aged = median["decide"], median["tick"], median["age"]
        cells = (decide["wall"], decide["cpu"], tick["wall"], tick["cpu"], aged["wall"], aged["cpu"])
        texts = [f"{c:.2f}" for c in cells]
        table.add_row(f"{size:,}", *texts[:2], f"{decide['cpu'] / size * 1e6:.0f}", *texts[2:])
    console.print(table)


def show_day(day: Day) -> None:
    """Print waiting times and the depth of the queue, per class."""
    title = f"{day.runs:,} runs in a day over {day.datasets} datasets, {SLOTS} slots, {COMMON} of them shared"
    table = Table(title=title, title_justify="left", box=None)
    for column in ("class", "runs", "median wait s", "95%", "highest", "deepest queue", "never started"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for name, waited in day.classes.items():
        table.add_row(
            name,
            f"{waited.runs:,}",
            *(f"{w:,.0f}" for w in (waited.median, waited.p95, waited.highest)),
            f"{waited.deepest:,}",
            f"{waited.left:,}",
        )
    console.print(table)
    table = Table(title="Ticks of the queue", title_justify="left", box=None)
    for column in ("queued runs", "ticks", "median CPU s", "95%", "highest"):
        table.add_column(column, justify="right")
    for least, most in pairwise(DEPTHS):
        costs = sorted(d.cpu for d in day.decisions if least <= d.queued < most)
        if costs:
            figures = (statistics.median(costs), costs[int(len(costs) * 0.95)], costs[-1])
            table.add_row(f"{least:,} to {most - 1:,}", f"{len(costs):,}", *(f"{c:.3f}" for c in figures))
    console.print(table)


def main() -> None:
    """Measure with the given numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=20_000, help="runs of the simulated day")
    chosen = parser.parse_args()
    ticks = measure_ticks(chosen.rounds)
    show_ticks(ticks)
    with tempfile.TemporaryDirectory(prefix="settlement-day-") as name:
        day = simulate(Path(name), runs=chosen.runs, datasets=DATASETS)
    show_day(day)
    console.print(f"written to {record('queue_decisions', {'ticks': ticks, 'day': day})}")


if __name__ == "__main__":
    main()
