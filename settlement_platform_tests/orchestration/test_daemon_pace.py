"""A backfill that is launched on an idle daemon begins within seconds, and is submitted at once."""

import logging
import sys
import threading

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon import controller
from dagster._daemon.backfill import execute_backfill_iteration_loop

from settlement_platform.orchestration.daemon_pace import BACKFILL_TICK_SECONDS
from settlement_platform.orchestration.event_log import KeptSqliteEventLogStorage
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


def test_the_daemon_keeps_the_connections_to_its_event_log(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes an event for each date of each asset that it submits; any other process opens what is configured."""
    folder = home.instance.root_directory

    with dg.DagsterInstance.from_config(folder) as daemons:
        assert type(daemons.run_coordinator).__name__ == "SettlementRunCoordinator"
        kept = daemons.event_log_storage
        run = create_run_for_test(daemons)
        daemons.report_engine_event("submitted", run)
    monkeypatch.delitem(sys.modules, controller.__name__)
    with dg.DagsterInstance.from_config(folder) as another:
        assert type(another.run_coordinator).__name__ == "SettlementRunCoordinator"
        stock = another.event_log_storage
        told = [e.dagster_event.message for e in another.all_logs(run.run_id) if e.dagster_event]

    assert isinstance(kept, KeptSqliteEventLogStorage)
    assert not isinstance(stock, KeptSqliteEventLogStorage)
    assert told == ["submitted"]
