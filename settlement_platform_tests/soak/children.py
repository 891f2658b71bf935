"""The processes of a soak: forked from one that has loaded everything, killed after a delay, or waited for."""

import atexit
import gc
import importlib
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import time_machine

from settlement_platform.cli.app import main
from settlement_platform.pipeline.open_platform import Stores, code_version
from settlement_platform.storage.engines.duckdb_engine import verified_extension
from settlement_platform_tests.pipeline.installation import stores_in
from settlement_platform_tests.scenarios.processes import publish_with_marts
from settlement_platform_tests.scenarios.tidying import tidy_stores
from settlement_platform_tests.soak.daemon_round import run_daemon_round
from settlement_platform_tests.soak.work import DAEMON, PUBLISH, TIDY, Step

FORK = multiprocessing.get_context("fork")
"""Forking costs milliseconds, where starting costs seconds: the parent has no threads and opens no store."""

PATIENCE_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and when a child works: its home, the first business date, and how far its clock is ahead."""

    home: Path
    first_date: date
    ahead: timedelta
    log: Path

    @property
    def stores(self) -> Stores:
        """The default stores of the home."""
        return replace(stores_in(self.home), first_date=self.first_date)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a child ended: killed or not, after how many seconds of work, and its error if it had one."""

    killed: bool
    seconds: float
    error: str = ""


def load_everything(known: Sequence[str]) -> None:
    """Import modules by name, and verify extensions, so that no child pays for either."""
    for name in known:
        with suppress(Exception):
            importlib.import_module(name)
    code_version()
    for extension in ("ducklake", "sqlite_scanner"):
        verified_extension(extension)
    gc.collect()
    gc.freeze()


def run_to_end(place: Place, steps: Sequence[Step]) -> Ending:
    """Run steps in a child, and wait for its end."""
    return _run(place, (), steps, delay=None)


def run_and_kill(place: Place, setup: Sequence[Step], steps: Sequence[Step], *, delay: float) -> Ending:
    """Run steps in a child, and kill it so many seconds after the last step of its setup."""
    return _run(place, setup, steps, delay=delay)


def modules_of_steps(place: Place, steps: Sequence[Step]) -> list[str]:
    """Return the names of the modules that a child has loaded after these steps."""
    here, there = FORK.Pipe()
    child = FORK.Process(target=_work_and_list, args=(there, place, steps))
    child.start()
    found: list[str] = here.recv() if here.poll(PATIENCE_SECONDS) else []
    child.join()
    return found


def _run(place: Place, setup: Sequence[Step], steps: Sequence[Step], *, delay: float | None) -> Ending:
    here, there = FORK.Pipe()
    child = FORK.Process(target=_work, args=(there, place, setup, steps))
    child.start()
    there.close()
    try:
        began, error = _await_start(here)
        if not error:
            error = _await_end(here, PATIENCE_SECONDS if delay is None else delay)
        seconds = time.monotonic() - began
        child.kill()
        child.join()
        killed = error is None
        return Ending(killed=killed, seconds=seconds, error=_describe(error, killed=killed, delay=delay))
    finally:
        here.close()


def _describe(error: str | None, *, killed: bool, delay: float | None) -> str:
    if killed and delay is None:
        return f"it has not ended after {PATIENCE_SECONDS:.0f} s"
    return error or ""


def _await_start(connection: Connection) -> tuple[float, str]:
    """Wait until the setup is done; return when that was, and the error of the setup."""
    if not connection.poll(PATIENCE_SECONDS):
        return time.monotonic(), "its setup has not ended"
    try:
        said = connection.recv()
    except EOFError:
        said = "it died in its setup"
    return time.monotonic(), said


def _await_end(connection: Connection, seconds: float) -> str | None:
    """Wait so long for a child to end; return its error, empty where there is none, or None where it works still."""
    if not connection.poll(seconds):
        return None
    try:
        return str(connection.recv())
    except EOFError:
        return "it died by itself"


def _work(connection: Connection, place: Place, setup: Sequence[Step], steps: Sequence[Step]) -> None:
    _prepare(place)
    try:
        with time_machine.travel(datetime.now(UTC) + place.ahead, tick=True):
            for step in setup:
                _do(place, step)
            connection.send("")
            for step in steps:
                _do(place, step)
        said = ""
    except BaseException:  # noqa: BLE001 - whatever it is, it is reported
        said = traceback.format_exc(limit=-6)
    # A forked process ends without what an interpreter does at its end: connections and files would stay.
    gc.collect()
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way to have them run
    connection.send(said)


def _work_and_list(connection: Connection, place: Place, steps: Sequence[Step]) -> None:
    _prepare(place)
    for step in steps:
        _do(place, step)
    connection.send(list(sys.modules))


def _prepare(place: Place) -> None:
    for name in [n for n in os.environ if n.startswith(("SETTLEMENT_", "DAGSTER_"))]:
        del os.environ[name]
    os.environ["SETTLEMENT_HOME"] = str(place.home)
    os.environ["SETTLEMENT_FIRST_DATE"] = place.first_date.isoformat()
    with place.log.open("ab") as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())


def _do(place: Place, step: Step) -> None:
    if step.arguments[0] == DAEMON:
        run_daemon_round(place.home, place.first_date)
    elif step.arguments[0] == TIDY:
        tidy_stores(place.stores, float(step.arguments[1]))
    elif step.arguments[0] == PUBLISH:
        publish_with_marts(place.stores, date.fromisoformat(step.arguments[1]))
    else:
        _command(step)


def _command(step: Step) -> None:
    sys.argv = ["settlement", *step.arguments]
    try:
        main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code in step.codes, f"settlement {' '.join(step.arguments)} ended with {code}"
