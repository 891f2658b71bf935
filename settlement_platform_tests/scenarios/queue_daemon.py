"""A daemon over a home, with its code server and its run workers as processes of their own: what can be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta

import dagster as dg
import psutil

from settlement_platform.orchestration.dagster_internals.backfills import BulkActionStatus, PartitionBackfill
from settlement_platform.orchestration.dagster_internals.runs import IN_PROGRESS_RUN_STATUSES, NOT_FINISHED_STATUSES
from settlement_platform.orchestration.tags import WORKER_TAG
from settlement_platform.sample_data.generate import generate
from settlement_platform_tests.orchestration.dagster_home import BOTH, FIRST_DATE, NAME, DagsterHome

LOCATION = "settlement_platform_tests.scenarios.queue_location"
BACKFILL = "backfill"
POLL_SECONDS = 0.1


ALONE = ("dagster._daemon", "run", "-m", LOCATION)
WITH_CODE_SERVER = ("settlement_platform.cli.run.dev", "-h", "127.0.0.1", "-p", "0")
"""As `make dev` starts it, with a web server on any free port."""


class Daemon:
    """A daemon over a home, by itself or with the rest of `make dev`: killed and started again."""

    def __init__(self, home: DagsterHome, module: tuple[str, ...] = ALONE, **environment: str) -> None:
        self.home, self.module, self.given = home, module, environment
        self.log = home.home / "daemon.log"
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-W", "ignore", "-m", *self.module]
        with self.log.open("ab") as output:
            return subprocess.Popen(command, env=self.environment, stdout=output, stderr=output, start_new_session=True)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        homes = {"SETTLEMENT_HOME": str(self.home.home), "DAGSTER_HOME": str(self.home.settings.dagster_home)}
        return os.environ | homes | self.given

    def code_server(self, word: str = "grpc") -> psutil.Process | None:
        """The process that holds the definitions; that which holds the process, by the word `code-server`."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next((c for c in children if word in _command(c)), None)

    def kill(self) -> None:
        """Kill -9 of the daemon alone."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start it again."""
        self.process = self._start()

    def launch(self, business_date: date) -> str:
        """Ask for a run of a date by hand, through the queue; the run's id."""
        before = {r.run_id for r in self.home.instance.get_runs()}
        tags = json.dumps({"dagster/partition": business_date.isoformat()})
        command = ["job", "launch", "-m", LOCATION, "-j", f"daily_{NAME}", "--tags", tags]
        command = [sys.executable, "-W", "ignore", "-m", "dagster", *command]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)
        return next(r.run_id for r in self.home.instance.get_runs() if r.run_id not in before)

    def stop(self) -> None:
        """End everything that works on the home."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for worker in workers(self.home):
            with suppress(psutil.NoSuchProcess):
                worker.kill()


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return list(process.cmdline())
    return []


@contextmanager
def daemon(home: DagsterHome, module: tuple[str, ...] = ALONE, **environment: str) -> Iterator[Daemon]:
    """A daemon that works until the end of the block, and the tail of its log if the block fails."""
    found = Daemon(home, module, **environment)
    try:
        yield found
    except BaseException:
        sys.stderr.write(found.log.read_text(encoding="utf-8", errors="replace")[-4000:])
        raise
    finally:
        found.stop()


def deliver(home: DagsterHome, days: int, rows: int) -> list[date]:
    """Files for that many dates, of so many rows each."""
    generate(home.landing, first=FIRST_DATE, days=days, rows=rows)
    return [FIRST_DATE + timedelta(days=n) for n in range(days)]


def begin_backfill(home: DagsterHome, days: list[date]) -> None:
    """Ask for a backfill of the dataset, as the button in the UI does."""
    home.instance.add_backfill(
        PartitionBackfill.from_asset_partitions(
            backfill_id=BACKFILL,
            asset_graph=home.definitions.resolve_asset_graph(),
            partition_names=[day.isoformat() for day in days],
            asset_selection=list(BOTH),
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=home.instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
    )


def wait_until(reached: Callable[[], object], what: str, seconds: float) -> float:
    """Wait for something to happen; how many seconds that took."""
    began = time.monotonic()
    while not reached():
        assert time.monotonic() - began < seconds, f"after {seconds} s: not {what}"
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def published(home: DagsterHome) -> int:
    """How many dates readers see."""
    try:
        return int(home.query(f"SELECT count(*) FROM lake.published.publications WHERE dataset = '{NAME}'")[0][0])
    except Exception:  # noqa: BLE001 - until the first run has made it, there is no lake
        return 0


def backfill_status(home: DagsterHome) -> BulkActionStatus:
    """How far the backfill is."""
    found = home.instance.get_backfill(BACKFILL)
    assert found is not None
    return found.status


def running_runs(home: DagsterHome) -> list[dg.DagsterRun]:
    """The runs whose process has said that it started, the first one first."""
    runs = home.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    return sorted(runs, key=lambda r: r.run_id)


def holding_slots(home: DagsterHome) -> list[dg.DagsterRun]:
    """The runs that the queue counts."""
    return list(home.instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES)))


def unfinished(home: DagsterHome) -> list[dg.DagsterRun]:
    """The runs that have not ended."""
    return list(home.instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES)))


def worker_of(run: dg.DagsterRun) -> psutil.Process:
    """The process of a run."""
    return psutil.Process(int(run.tags[WORKER_TAG].split(":")[1]))


def workers(home: DagsterHome) -> list[psutil.Process]:
    """The processes that execute runs of a home."""
    return [p for p in psutil.process_iter() if "execute_run" in (c := _command(p)) and str(home.home) in " ".join(c)]
