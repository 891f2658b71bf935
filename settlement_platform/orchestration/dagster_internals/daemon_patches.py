"""Patches of Dagster's daemon: the interval of its backfill loop, and the watch over `dagster dev` and its servers."""

import logging
import sys
from contextlib import suppress
from itertools import pairwise
from threading import Thread
from time import monotonic, sleep
from types import ModuleType

import psutil
from psutil import Process

# Only the daemon's process loads its command; others, such as the web server, load its loops.
# Replaced by a public setting of the backfill loop's interval, which would make both names needless.
DAEMON_COMMAND = "dagster._daemon.cli"
DAEMON_CONTROLLER = "dagster._daemon.controller"
BACKFILL_TICK_SECONDS = 2

BACKFILL_DAEMON_ENVIRONMENT = {
    # While no code server answers, its assets are unknown: a backfill then waits, where it would otherwise fail.
    "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1",
    # As long as Dagster's own 5 tries, at its own interval, take.
    "DAGSTER_MAX_BACKFILL_RETRIES": str(5 * 30 // BACKFILL_TICK_SECONDS),
}
"""Variables for the daemon's environment, for those that it does not set itself."""


def speed_up_backfill_loop() -> None:
    """Make the backfill loop tick every 2 seconds, in the daemon's process; do nothing in any other.

    Dagster has no setting for it. The loop reads the controller's constant when it begins, after the daemon has opened
    the instance.
    """
    controller = daemon_controller()
    if controller:
        controller.DEFAULT_DAEMON_INTERVAL_SECONDS = BACKFILL_TICK_SECONDS  # type: ignore[attr-defined]


def daemon_controller() -> ModuleType | None:
    """Return the module that runs the daemon's loops; None in any process but the daemon's."""
    return sys.modules.get(DAEMON_CONTROLLER) if DAEMON_COMMAND in sys.modules else None


_log = logging.getLogger(__name__)
POLL_SECONDS = 2.0
_SERVICES = {"dagster._daemon", "dagster_webserver"}
"""The modules that `dagster dev` runs beside its code servers."""

MAX_SECONDS_WITHOUT_SERVER = 60.0
"""Without any code server for this long, `dagster dev` is ended, so that its user notices."""


def watch_code_servers() -> None:
    """Begin to watch the code servers, in a daemon that `dagster dev` started; do nothing in any other process."""
    parent = Process().parent() if daemon_controller() else None
    if parent is not None and _is_dagster(parent, "dev"):
        Thread(target=_watch, args=(CodeServers(parent),), name="code-servers", daemon=True).start()


def _watch(servers: "CodeServers") -> None:
    while servers.check(monotonic()):
        sleep(POLL_SECONDS)


class CodeServers:
    """The code servers of one `dagster dev`, and the daemon and web server that have to end with it."""

    def __init__(self, parent: Process) -> None:
        self._parent = parent
        self._services: list[Process] = []
        self._complete: set[Process] = set()
        self._last_seen: float | None = None

    def check(self, now: float) -> bool:
        """Kill code servers that lost their child process, and end the parent after too long without any.

        If the parent was killed, its daemon and servers are ended: its successor starts others. Return whether to
        check again. `now` is in seconds, from a monotonic clock.
        """
        if not _is_alive(self._parent):
            self._end_services()
            return False
        children = self._children()
        found = [child for child in children if _is_dagster(child, "code-server")]
        self._services = [*(child for child in children if _is_service(child)), *found]
        for server in found:
            self._check_server(server)
        if found:
            self._last_seen = now
        elif self._last_seen is not None and now - self._last_seen > MAX_SECONDS_WITHOUT_SERVER:
            _log.error("No code server has run for %d s; dagster dev is ended.", MAX_SECONDS_WITHOUT_SERVER)
            self._parent.terminate()
            return False
        return True

    def _children(self) -> list[Process]:
        try:
            return list(self._parent.children())
        except psutil.NoSuchProcess:
            return []

    def _end_services(self) -> None:
        _log.error("dagster dev has died; its daemon, web server and code servers are ended.")
        for service in self._services:
            with suppress(psutil.NoSuchProcess):
                service.terminate()

    def _check_server(self, server: Process) -> None:
        with suppress(psutil.NoSuchProcess):
            if any(_is_dagster(child, "api") for child in server.children()):
                self._complete.add(server)
            elif server in self._complete:
                _log.warning("Code server %s lost the process that holds the code; it is replaced.", server.pid)
                self._complete.discard(server)
                server.kill()


def _is_dagster(process: Process, command: str) -> bool:
    """Return whether a process is alive and executes this Dagster command."""
    try:
        words = process.cmdline()
        return process.status() != psutil.STATUS_ZOMBIE and _runs_command(words, command)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _is_alive(process: Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _is_service(process: Process) -> bool:
    try:
        return not _SERVICES.isdisjoint(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _runs_command(words: list[str], command: str) -> bool:
    """Return whether a command line is like `python -m dagster dev` or `/somewhere/dagster dev`."""
    return any(w.rpartition("/")[2] == "dagster" and n == command for w, n in pairwise(words))
