"""A backfill through the real daemon: it takes what the command line has launched, and sensors leave it to that."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import pytest

from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.keys import published_key
from settlement_platform.settings import PROJECT, child_environment
from settlement_platform_tests.orchestration.backfill_daemon import launched, ranges
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, DagsterHome, day

PATIENCE_SECONDS, STOP_SECONDS = 400, 20

pytestmark = pytest.mark.slow


@contextmanager
def daemon_process(home: DagsterHome, log: Path) -> Iterator[None]:
    """Dagster's daemon on a home, in a process group of its own that is killed at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-w", str(PROJECT / "workspace.yaml")],
            env=child_environment(home.settings),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def test_the_daemon_ends_a_backfill_that_waited_for_it(home: DagsterHome, tmp_path: Path) -> None:
    """Six dates, one refused: one run of the dataset, and the marts of the five others; no run of a date alone."""
    for n in (0, 1, 2, 4, 5):
        home.deliver(day(n))
    home.deliver_corrupt(day(3))
    backfill_id = launched(home, [day(n) for n in range(6)])

    with daemon_process(home, tmp_path / "daemon.log"):
        deadline = time.monotonic() + PATIENCE_SECONDS
        status = "REQUESTED"
        while status == "REQUESTED" and time.monotonic() < deadline:
            time.sleep(2)
            found = home.instance.get_backfill(backfill_id)
            assert found is not None
            status = found.status.value

    good = {day(n).isoformat() for n in (0, 1, 2, 4, 5)}
    runs = home.instance.get_runs(dg.RunsFilter(job_name=f"daily_{NAME}"))
    alone = [run for run in runs if run.tags.get("dagster/partition", "") <= str(day(5))]
    made = [name for name, _, _ in ranges(home, backfill_id)]
    assert status == "COMPLETED_FAILED", (tmp_path / "daemon.log").read_text()[-3000:]
    assert [home.materialized(key) for key in (PUBLISHED, *(published_key(m.name) for m in MARTS))] == [good] * 3
    assert made.count(NAME) == 1
    assert len(alone) == 0
