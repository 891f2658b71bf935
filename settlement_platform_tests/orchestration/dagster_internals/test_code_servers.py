"""Code servers that lost the process which holds the code are killed, so that `dagster dev` starts them again."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from settlement_platform.orchestration.dagster_internals.daemon_patches import MAX_SECONDS_WITHOUT_SERVER, CodeServers

SERVER = "import subprocess, sys, time; c = {child}; print(c.pid if c else 0, flush=True); time.sleep(600)"
CHILD = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', 'dagster', 'api', 'grpc'])"
DEV = (
    "import subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', "
    "'dagster', 'code-server', 'start']); print(c.pid, flush=True); time.sleep(600)"
)
KIN = ("dagster._daemon", "dagster_webserver", "execute_run")
FAMILY = (
    "import subprocess, sys, time; made = [subprocess.Popen([sys.executable, '-c', "
    "'print(1, flush=True); import time; time.sleep(600)', word], stdout=subprocess.PIPE) "
    f"for word in {KIN}]; [each.stdout.readline() for each in made]; print(0, flush=True); time.sleep(600)"
)


@pytest.fixture
def started() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """The servers that a test starts; killed at its end, with their children."""
    found: list[subprocess.Popen[bytes]] = []
    yield found
    for each in found:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(each.pid).children():
                child.kill()
        each.kill()
        each.communicate()


def begin(started: list["subprocess.Popen[bytes]"], code: str, *words: str) -> tuple[psutil.Process, int]:
    """A process that looks like a command of Dagster's, and what it says of its child."""
    child = subprocess.Popen([sys.executable, "-c", code, "dagster", *words], stdout=subprocess.PIPE)
    started.append(child)
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    # At first a new process shows the command of the one that started it, or none.
    while grandchild and "dagster" not in psutil.Process(grandchild).cmdline():
        time.sleep(0.01)
    return psutil.Process(child.pid), grandchild


def kill(pid: int) -> None:
    """Kill -9, and wait until it has died."""
    process = psutil.Process(pid)
    process.kill()
    while process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


def test_a_killed_dagster_dev_takes_its_daemon_and_web_server_with_it(
    started: list["subprocess.Popen[bytes]"],
) -> None:
    """Else they would go on beside those of the next one; a run is left alone."""
    dev, _ = begin(started, FAMILY, "dev")
    daemon, web, run = (next(c for c in dev.children() if word in c.cmdline()) for word in KIN)
    servers = CodeServers(dev)

    alive = servers.check(0)
    kill(dev.pid)
    orphaned = servers.check(2)

    assert (alive, orphaned) == (True, False)
    psutil.wait_procs([daemon, web], timeout=20)
    assert [process.is_running() for process in (daemon, web, run)] == [False, False, True]
    run.kill()


def test_a_code_server_without_its_child_is_killed(started: list["subprocess.Popen[bytes]"]) -> None:
    server, child = begin(started, SERVER.format(child=CHILD), "code-server", "start")
    servers = CodeServers(psutil.Process())

    servers.check(0)
    whole = server.status()
    kill(child)
    servers.check(2)

    assert whole != psutil.STATUS_ZOMBIE
    assert started[0].wait(20) == -signal.SIGKILL


def test_a_code_server_that_has_no_child_yet_is_left_alone(started: list["subprocess.Popen[bytes]"]) -> None:
    """It is still starting."""
    server, _ = begin(started, SERVER.format(child=None), "code-server", "start")
    servers = CodeServers(psutil.Process())

    alive = [servers.check(now) for now in (0, 2, MAX_SECONDS_WITHOUT_SERVER * 2)]

    assert alive == [True, True, True]
    assert server.status() != psutil.STATUS_ZOMBIE


def test_dagster_dev_is_ended_when_it_has_had_no_code_server_for_a_minute(
    started: list["subprocess.Popen[bytes]"],
) -> None:
    """Whoever runs it notices that; a shorter gap is that of a code server that starts again."""
    dev, server = begin(started, DEV, "dev")
    servers = CodeServers(dev)

    looks = [servers.check(0)]
    kill(server)
    looks += [servers.check(now) for now in (1, MAX_SECONDS_WITHOUT_SERVER)]
    alive = dev.status()
    looks += [servers.check(MAX_SECONDS_WITHOUT_SERVER + 1)]
    ended = started[0].wait(20)

    assert looks == [True, True, True, False]
    assert (alive == psutil.STATUS_ZOMBIE, ended) == (False, -signal.SIGTERM)
