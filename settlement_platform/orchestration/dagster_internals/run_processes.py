"""The processes that execute runs: how they are started on this machine, and found again by run id."""

import logging
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
from psutil import Process

_log = logging.getLogger(__name__)
LOWEST_DISK_PRIORITY = 7

CLOCK_TOLERANCE_SECONDS = 3
"""How far the start time of a process may shift, since the system clock is adjusted now and then."""

NICENESS = 10
"""A tenth of the CPU of a run at normal priority, and all CPU that is idle."""


def start_process(command: Sequence[str], *, log: Path, urgent: bool) -> "subprocess.Popen[bytes]":
    """Start a process in a session of its own; one that is not urgent gets low priority for CPU and disk."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - the command is Dagster's own
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    if not urgent:
        _lower_priority(child.pid)
    return child


def _lower_priority(pid: int) -> None:
    """Lower a process's priority, before it has threads: they inherit it."""
    try:
        process = Process(pid)
        process.nice(NICENESS)
        if sys.platform == "linux":
            # The idle class could starve a run that holds the lake's lock.
            process.ionice(psutil.IOPRIO_CLASS_BE, LOWEST_DISK_PRIORITY)
            _lower_session_priority(pid)
    except (psutil.Error, OSError) as error:
        # Low priority only helps others, so the run continues without it.
        _log.warning("Process %s runs at normal priority: %s", pid, error)


def _lower_session_priority(pid: int) -> None:
    """Lower the priority of the session: with autogroups, Linux shares CPU between sessions first."""
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists() and Path("/proc/sys/kernel/sched_autogroup_enabled").read_text(encoding="ascii").strip() == "1":
        group.write_text(str(NICENESS), encoding="ascii")


def process_name(pid: int) -> str:
    """Return the name of a process for a run's tags: `<host>:<process id>:<start, in seconds since 1970>`."""
    try:
        created = int(Process(pid).create_time())
    except psutil.NoSuchProcess:
        created = 0
    return f"{socket.gethostname()}:{pid}:{created}"


def find_process(run_id: str, name: str | None) -> Process | None:
    """Return the live process that executes a run, if there is one.

    Process ids are reused, and a re-executed run carries its predecessor's name. So a process counts only if it began
    when the name says, or has the run in its command line. Without a matching name, all processes are searched, since a
    starter can die before it records the name.
    """
    host, pid, created = [*(name or "").split(":"), "", "", ""][:3]
    if host == socket.gethostname() and pid.isdigit() and psutil.pid_exists(int(pid)):
        named = _if_executing(int(pid), run_id, created=created)
        if named:
            return named
    return next((w for w in (_if_executing(p, run_id) for p in psutil.pids()) if w), None)


def _if_executing(pid: int, run_id: str, *, created: str = "") -> Process | None:
    try:
        process = Process(pid)
        command, zombie = process.cmdline(), process.status() == psutil.STATUS_ZOMBIE
        began_then = created.isdigit() and abs(process.create_time() - int(created)) < CLOCK_TOLERANCE_SECONDS
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        # Ended, or another user's: neither executes our run.
        return None
    executes = "execute_run" in command and any(run_id in argument for argument in command)
    return process if (began_then or executes) and not zombie else None
