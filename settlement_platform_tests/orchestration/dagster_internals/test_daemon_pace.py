"""A backfill that is launched on an idle daemon begins within seconds, and is submitted at once."""

import logging
import subprocess
import sys
import threading
from types import ModuleType

import pytest
from dagster._daemon import controller
from dagster._daemon.backfill import execute_backfill_iteration_loop

from settlement_platform.orchestration.dagster_internals.daemon_patches import BACKFILL_TICK_SECONDS, DAEMON_COMMAND
from settlement_platform_tests.orchestration.dagster_home import DagsterHome
from settlement_platform_tests.orchestration.private_dagster import EmptyWorkspaceTarget, WorkspaceProcessContext

OF_DAGSTER = 30
LOADED = "import importlib, sys; importlib.import_module({module!r}); "
POISONED = "import sys; sys.modules['settlement_platform.catalog'] = None; "
LOOKS = """
import dagster as dg
from dagster._daemon import controller
with dg.DagsterInstance.from_config({home!r}) as instance:
    assert type(instance.run_coordinator).__name__ == "SettlementRunCoordinator"
    print(
        type(instance.event_log_storage).__name__,
        controller.DEFAULT_DAEMON_INTERVAL_SECONDS,
        "settlement_platform.orchestration.queue.run_tags" in sys.modules,
    )
"""


class Pauses(threading.Event):
    """The daemon's sign to end, which notes for how long the loop would sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        return False


def load_module(home: DagsterHome, module: str, *, before: str = "") -> tuple[str, str]:
    """The output and the errors of a process that loads a module and opens the instance."""
    code = before + LOADED.format(module=module) + LOOKS.format(home=home.instance.root_directory)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return found.stdout.strip(), found.stderr


def test_the_daemon_that_has_opened_an_instance_reads_backfills_every_few_seconds(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its loop of backfills begins after that."""
    monkeypatch.setattr(controller, "DEFAULT_DAEMON_INTERVAL_SECONDS", OF_DAGSTER)
    monkeypatch.setitem(sys.modules, DAEMON_COMMAND, ModuleType("what only the daemon loads"))
    pauses = Pauses()

    with home.instance.from_ref(home.instance.get_ref()) as instance:
        assert type(instance.run_coordinator).__name__ == "SettlementRunCoordinator"
        with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace:
            loop = execute_backfill_iteration_loop(workspace, logging.getLogger(__name__), pauses)
            while not pauses.seconds:
                next(loop)

    assert 0 < pauses.seconds[0] <= BACKFILL_TICK_SECONDS < OF_DAGSTER


def test_the_daemon_is_ready_for_backfills_before_its_loops_begin(home: DagsterHome) -> None:
    """It writes an event for each date of each asset that it submits, and has loaded what it needs for that."""
    shown, _ = load_module(home, DAEMON_COMMAND)

    assert shown == f"PooledSqliteEventLogStorage {BACKFILL_TICK_SECONDS} True"


@pytest.mark.parametrize("module", ["dagster_webserver.cli", "dagster_graphql.schema", "dagster._cli"])
def test_no_other_process_is_taken_for_the_daemon(home: DagsterHome, module: str) -> None:
    """The web server loads the daemon's loops too; its watches are on the storage that it has opened."""
    shown, _ = load_module(home, module)

    assert shown == f"SqliteEventLogStorage {OF_DAGSTER} False"


def test_declarations_that_cannot_be_loaded_do_not_end_the_daemon(home: DagsterHome) -> None:
    """`dagster dev` would end with it, and take along the page that shows the error."""
    shown, errors = load_module(home, DAEMON_COMMAND, before=POISONED)

    assert shown == f"PooledSqliteEventLogStorage {BACKFILL_TICK_SECONDS} False"
    assert "The declarations cannot be loaded" in errors
    assert "settlement_platform.catalog" in errors
