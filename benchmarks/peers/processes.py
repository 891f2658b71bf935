"""The processes of a contender: started in sessions of their own, counted together, and stopped.

Orphans are adopted, so everything that a service ever started stays below this process. None is missing when memory
is summed, and none is left behind.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

PROJECT = Path(__file__).parents[2]
STOP_SECONDS = 20.0
_SET_CHILD_SUBREAPER = 36
_FOREIGN = ("AIRFLOW", "BENCHMARK_", "DAGSTER_", "PREFECT_", "PYTHON", "SETTLEMENT_", "SQLMESH_", "VIRTUAL_ENV")


def adopt_orphans() -> None:
    """Let processes whose parent ends become children of this one.

    Raises:
        OSError: the system has no such call; it is Linux's.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this process cannot adopt orphans")


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the caller without settings of a contender, and with its own variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**inherited, "PYTHONPATH": str(PROJECT), **own}


class Services:
    """The processes of one contender, with their logs in a folder."""

    def __init__(self, folder: Path, own: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment(own)
        self._started: list[subprocess.Popen[bytes]] = []
        self._programs: list[subprocess.Popen[bytes]] = []
        self._not_ours = set(descendants())
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a service in a session of its own; its output goes to `{name}.log`."""
        self._started.append(self._open(name, command))

    def start_program(self, name: str, command: Sequence[str]) -> None:
        """Start a program that ends by itself, with exit code 0 if all is well."""
        self._programs.append(self._open(name, command))

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end.

        Raises:
            RuntimeError: it did not exit with 0; the message holds the end of the log.
        """
        self.start_program(name, command)
        if code := self._programs[-1].wait():
            raise RuntimeError(f"{name} ended with {code}:\n{_tail(self.folder / f'{name}.log')}")

    def require_alive(self) -> None:
        """Raise when a service has ended or a program has failed.

        Raises:
            RuntimeError: with the end of every log.
        """
        ended = [p for p in self._started if p.poll() is not None] + [p for p in self._programs if p.poll()]
        if ended:
            logs = "\n".join(_tail(path) for path in sorted(self.folder.glob("*.log")))
            raise RuntimeError(f"{' '.join(map(str, ended[0].args))} ended with {ended[0].returncode}:\n{logs}")

    def stop(self, by: signal.Signals = signal.SIGTERM, then: Callable[[], object] | None = None) -> None:
        """Stop each service, the last one first; run `then`; end the processes that are left."""
        for process in reversed(self._started):
            with suppress(ProcessLookupError):
                process.send_signal(by)
        for process in self._started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
        self._started.clear()
        self._programs.clear()
        if then:
            then()
        left = [process for process in descendants() if process not in self._not_ours]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=STOP_SECONDS)

    def _open(self, name: str, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def descendants() -> list[psutil.Process]:
    """Return every process below this one, adopted orphans included."""
    return psutil.Process().children(recursive=True)


def ends_as_asked() -> None:
    """Turn SIGTERM and SIGHUP into an exit that cleans up, and accept SIGINT even if the caller ignores it."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _: sys.exit(128 + number))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _tail(log: Path) -> str:
    return f"{log.name}: " + log.read_text(encoding="utf-8", errors="replace")[-3000:]
