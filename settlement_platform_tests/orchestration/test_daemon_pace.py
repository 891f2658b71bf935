"""A backfill that is launched on an idle daemon begins within seconds."""

import logging
import threading

import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon import controller
from dagster._daemon.backfill import execute_backfill_iteration_loop

from settlement_platform.orchestration.daemon_pace import BACKFILL_TICK_SECONDS
from settlement_platform_tests.orchestration.dagster_home import DagsterHome

OF_DAGSTER = 30


class Pauses(threading.Event):
    """The daemon's sign to end, which notes for how long the loop would sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        return False


def test_the_daemon_that_has_opened_an_instance_looks_at_backfills_every_few_seconds(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its loop of backfills begins after that."""
    monkeypatch.setattr(controller, "DEFAULT_DAEMON_INTERVAL_SECONDS", OF_DAGSTER)
    pauses = Pauses()

    with home.instance.from_ref(home.instance.get_ref()) as instance:
        assert type(instance.run_coordinator).__name__ == "SettlementRunCoordinator"
        with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace:
            loop = execute_backfill_iteration_loop(workspace, logging.getLogger(__name__), pauses)
            while not pauses.seconds:
                next(loop)

    assert 0 < pauses.seconds[0] <= BACKFILL_TICK_SECONDS < OF_DAGSTER
