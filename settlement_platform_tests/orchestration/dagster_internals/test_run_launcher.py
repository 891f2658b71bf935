"""A run is a process of its own: found while it lives, missed when it is gone, stopped on request."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from settlement_platform.orchestration.dagster_internals import run_launcher, run_processes
from settlement_platform.orchestration.dagster_internals.run_launcher import LOG_FOLDER
from settlement_platform.orchestration.dagster_internals.runs import WorkerStatus
from settlement_platform.orchestration.sensors.queue_ageing import START_GRACE, end_orphaned_starts
from settlement_platform.orchestration.tags import CLASS_TAG, DATE_TAG, WORKER_TAG
from settlement_platform_tests.orchestration.dagster_home import NAME, DagsterHome, day
from settlement_platform_tests.orchestration.private_dagster import (
    EmptyWorkspaceTarget,
    WorkspaceProcessContext,
    create_run_for_test,
)
from settlement_platform_tests.orchestration.queued_runs import ORIGIN

STARTED, STARTING = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING
PATIENCE_SECONDS = 60
CODE = JobPythonOrigin(
    job_name="no_such_job",
    repository_origin=RepositoryPythonOrigin(
        executable_path=sys.executable,
        code_pointer=ModuleCodePointer("settlement_platform_tests.no_such_module", "defs"),
    ),
)
SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"


@pytest.fixture
def sleepers() -> Iterator[Callable[[str], int]]:
    """Processes that look like the worker of a run, by its id; the id of the process."""
    children = []

    def start(run_id: str, code: str = SLEEPER) -> int:
        command = [sys.executable, "-c", code, "execute_run", f'{{"run_id": "{run_id}"}}']
        children.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        # At first a new process shows the command of the one that started it, or none.
        assert children[-1].stdout.readline() == b"ready\n"
        return children[-1].pid

    yield start
    for child in children:
        child.kill()
        child.communicate()


def a_run(home: DagsterHome, status: dg.DagsterRunStatus = STARTED, **tags: str) -> dg.DagsterRun:
    """A run on the instance."""
    return create_run_for_test(home.instance, status=status, tags=tags, remote_job_origin=ORIGIN, job_code_origin=CODE)


def health(home: DagsterHome, run: dg.DagsterRun) -> WorkerStatus:
    """The health that run monitoring sees."""
    current = home.instance.get_run_by_id(run.run_id)
    assert current is not None
    return home.instance.run_launcher.check_run_worker_health(current).status


def status(home: DagsterHome, run: dg.DagsterRun) -> str:
    """How far a run is."""
    return home.instance.get_run_by_id(run.run_id).status.value


def test_a_run_whose_process_lives_is_running(home: DagsterHome, sleepers: Callable[[str], int]) -> None:
    run = a_run(home)
    home.instance.add_run_tags(run.run_id, {WORKER_TAG: run_processes.process_name(sleepers(run.run_id))})

    assert health(home, run) is WorkerStatus.RUNNING


@pytest.mark.parametrize("name", [None, "elsewhere:1:1", f"{run_processes.process_name(1)}9", "no number"])
def test_a_process_that_was_not_written_down_is_found_by_its_run(
    home: DagsterHome, sleepers: Callable[[str], int], name: str | None
) -> None:
    """The daemon died before it wrote, or the tag is that of the run before it."""
    run = a_run(home, **({WORKER_TAG: name} if name else {}))
    pid = sleepers(run.run_id)

    found = run_processes.find_process(run.run_id, name)

    assert found is not None
    assert found.pid == pid
    assert health(home, run) is WorkerStatus.RUNNING


def test_a_process_that_has_taken_over_the_number_of_a_dead_one_does_not_count(
    home: DagsterHome, sleepers: Callable[[str], int]
) -> None:
    """It works on another run, and began later."""
    run = a_run(home, **{CLASS_TAG: "fresh"})
    host, pid, created = run_processes.process_name(sleepers("another-run")).split(":")
    home.instance.add_run_tags(run.run_id, {WORKER_TAG: f"{host}:{pid}:{int(created) - 60}"})

    assert health(home, run) is WorkerStatus.FAILED


def test_a_zombie_is_dead(home: DagsterHome, sleepers: Callable[[str], int]) -> None:
    """Its parent has not read its exit code yet."""
    run = a_run(home, **{CLASS_TAG: "fresh"})
    pid = sleepers(run.run_id)
    home.instance.add_run_tags(run.run_id, {WORKER_TAG: run_processes.process_name(pid)})
    psutil.Process(pid).kill()
    _wait(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)

    assert health(home, run) is WorkerStatus.FAILED


def test_a_run_that_was_never_submitted_is_left_alone(home: DagsterHome) -> None:
    """`dagster asset materialize` executes it in a process of which nothing is written down."""
    assert health(home, a_run(home)) is WorkerStatus.RUNNING


def test_a_run_of_the_command_line_lives_as_long_as_its_process(home: DagsterHome) -> None:
    """`settlement materialize` passes the queue by; a daemon beside it neither ends its run nor starts one more."""
    home.deliver(day(0))
    seen: list[tuple[WorkerStatus, str]] = []

    def look(_: object) -> None:
        (run,) = home.instance.get_runs()
        seen.append((health(home, run), run.tags[DATE_TAG]))

    home.run(day(0), listener=look)

    (run,) = home.instance.get_runs()
    gone = {**run.tags, WORKER_TAG: run.tags[WORKER_TAG].rpartition(":")[0] + ":1"}
    assert seen == [(WorkerStatus.RUNNING, f"{NAME}:{day(0)}")]
    assert home.instance.run_launcher.check_run_worker_health(run.with_tags(gone)).status is WorkerStatus.FAILED


def test_run_monitoring_ends_a_run_without_a_process_and_says_what_it_printed(home: DagsterHome) -> None:
    """Its slot is free, and the event has the end of the process' output."""
    run = a_run(home, **{CLASS_TAG: "fresh", WORKER_TAG: run_processes.process_name(2**22 + 1)})
    log = Path(home.instance.root_directory) / LOG_FOLDER / f"{run.run_id}.log"
    log.parent.mkdir()
    log.write_text("the disk is full", encoding="utf-8")

    with WorkspaceProcessContext(home.instance, EmptyWorkspaceTarget()) as context:
        list(execute_run_monitoring_iteration(context, logging.getLogger(__name__)))

    shown = " ".join(e.user_message + str(e.message) for e in home.instance.all_logs(run.run_id))
    assert status(home, run) == "FAILURE"
    assert "is not alive" in shown
    assert "the disk is full" in shown


def test_a_process_that_cannot_even_load_the_code_ends_its_run_at_once(home: DagsterHome) -> None:
    """The events say why; a backfill gives way to others from the start."""
    run = a_run(home, STARTING, **{CLASS_TAG: "backfill"})

    home.instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))

    worker = psutil.Process(int(home.instance.get_run_by_id(run.run_id).tags[WORKER_TAG].split(":")[1]))
    assert worker.nice() == run_processes.NICENESS
    _wait(lambda: status(home, run) == "FAILURE")
    _wait(lambda: not psutil.pid_exists(worker.pid))
    shown = " ".join(str(e.dagster_event) for e in home.instance.all_logs(run.run_id))
    assert "no_such_module" in shown


def test_a_killed_process_ends_its_run_at_once(home: DagsterHome) -> None:
    """Before it has said that it started, so that run monitoring would wait for a minute."""
    run = a_run(home, STARTING)
    home.instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))

    found = run_processes.find_process(run.run_id, None)
    assert found is not None
    found.kill()

    _wait(lambda: status(home, run) == "FAILURE")


def test_a_run_that_was_taken_from_the_queue_and_never_started_is_given_up(
    home: DagsterHome, sleepers: Callable[[str], int]
) -> None:
    """Its daemon was killed in between; a run whose process takes long to start, and one just taken, are left alone."""
    lost, slow = (a_run(home, STARTING, **{CLASS_TAG: "fresh"}) for _ in range(2))
    sleepers(slow.run_id)
    now = datetime.now(UTC)

    too_soon = end_orphaned_starts(home.instance, now)
    given_up = end_orphaned_starts(home.instance, now + 2 * START_GRACE)

    assert (too_soon, given_up) == ([], [lost.run_id])
    assert (status(home, lost), status(home, slow)) == ("FAILURE", "STARTING")


def test_a_run_is_stopped_by_asking_its_process(home: DagsterHome, sleepers: Callable[[str], int]) -> None:
    run = a_run(home)
    pid = sleepers(run.run_id)

    requested = home.instance.run_launcher.terminate(run.run_id)

    assert requested
    assert status(home, run) == "CANCELING"
    assert _exit_code(pid) == -signal.SIGTERM


def test_a_process_that_goes_on_after_it_was_told_to_stop_is_killed(
    home: DagsterHome, sleepers: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its run is counted as canceled soon, and its slots are given to others."""
    monkeypatch.setattr(run_launcher, "STOP_TIMEOUT_SECONDS", 0.2)
    run = a_run(home)
    pid = sleepers(run.run_id, DEAF)

    home.instance.run_launcher.terminate(run.run_id)

    assert _exit_code(pid) == -signal.SIGKILL


def test_a_run_without_a_process_is_canceled_on_the_spot(home: DagsterHome) -> None:
    """There is nobody to wait for."""
    run = a_run(home)

    assert not home.instance.run_launcher.terminate(run.run_id)
    assert status(home, run) == "CANCELED"
    assert not home.instance.run_launcher.terminate(run.run_id)


def _exit_code(pid: int) -> int:
    """How a child of this process ended; fails when somebody else has taken its end, for which it leaves a moment."""
    _wait(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None)
    time.sleep(0.2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _wait(reached: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not reached():
        assert time.monotonic() - began < PATIENCE_SECONDS
        time.sleep(0.05)
