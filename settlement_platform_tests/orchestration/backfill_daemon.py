"""The daemon's work on backfills and the queue, one round at a time, with runs in this process."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.dagster_internals.backfills import BulkActionStatus
from settlement_platform.orchestration.queue.backfill_launch import (
    DAEMON_TYPE,
    BackfillRequest,
    launch_backfill,
    new_backfill_id,
)
from settlement_platform.orchestration.queue.backfill_records import runs_of
from settlement_platform.pipeline.platform import Request
from settlement_platform_tests.orchestration.dagster_home import NAME, DagsterHome
from settlement_platform_tests.orchestration.private_daemon import (
    DaemonHeartbeat,
    QueuedRunCoordinatorDaemon,
    execute_backfill_iteration,
    retry_run,
)
from settlement_platform_tests.orchestration.private_dagster import (
    InMemoryJob,
    InProcessCodeLocationOrigin,
    InProcessTestWorkspaceLoadTarget,
    LoadableTargetOrigin,
    WorkspaceProcessContext,
    execute_run,
)

ANA = Request(actor="ana", reason="a new rule")
LOGGER = logging.getLogger("test.backfill")


class BackfillDaemon:
    """The daemon of a home, as far as backfills go."""

    def __init__(self, home: DagsterHome, workspace: WorkspaceProcessContext) -> None:
        self._home = home
        self._workspace = workspace

    def tick(self) -> None:
        """Look at every backfill once: request its runs, or see how they ended."""
        errors = [e for e in execute_backfill_iteration(self._workspace, LOGGER) if e]
        assert not errors, errors

    def startable(self) -> list[dg.DagsterRun]:
        """The runs that the queue lets go, in its order, with the limits of the home's dagster.yaml."""
        config = self._home.instance.get_concurrency_config()
        assert config.run_queue_config is not None
        coordinator = QueuedRunCoordinatorDaemon(interval_seconds=5)
        return list(
            coordinator._get_runs_to_dequeue(  # noqa: SLF001 - the decision alone, without a launcher
                self._home.instance, config, fixed_iteration_time=None
            )
        )

    def start(self, *, most: int = 100) -> list[dg.DagsterRun]:
        """Run what the queue lets go to its end."""
        runs = self.startable()[:most]
        for run in runs:
            self.execute(run)
        return runs

    def execute(self, run: dg.DagsterRun) -> None:
        """Run one to its end, as its process does."""
        job = self._home.definitions.resolve_implicit_global_asset_job_def()
        subset = job.get_subset(asset_selection=run.asset_selection, asset_check_selection=run.asset_check_selection)
        starting = dg.DagsterEvent(event_type_value="PIPELINE_STARTING", job_name=run.job_name)
        self._home.instance.report_dagster_event(starting, run_id=run.run_id)
        begun = self._home.instance.get_run_by_id(run.run_id)
        assert begun is not None
        execute_run(InMemoryJob(subset), begun, self._home.instance, raise_on_error=False)

    def repeat(self, run: dg.DagsterRun) -> None:
        """Take a run for lost, and have it executed again."""
        self._home.instance.report_run_failed(run)
        lost = self._home.instance.get_run_by_id(run.run_id)
        assert lost is not None
        retry_run(lost, self._workspace)

    def finish(self, backfill_id: str) -> str:
        """Go on until it has ended; its status."""
        for _ in range(10):
            self.tick()
            self.start()
            if self.status(backfill_id) is not BulkActionStatus.REQUESTED:
                break
        return self.status(backfill_id).value

    def status(self, backfill_id: str) -> BulkActionStatus:
        """Its status on the instance."""
        found = self._home.instance.get_backfill(backfill_id)
        assert found is not None
        return found.status

    def beat(self, when: datetime | None = None) -> None:
        """Give a sign of life."""
        moment = (when or datetime.now(UTC)).timestamp()
        self._home.instance.add_daemon_heartbeat(DaemonHeartbeat(moment, DAEMON_TYPE, "a-daemon", []))


@contextmanager
def a_daemon(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[BackfillDaemon]:
    """A daemon that has loaded the code location of a home."""
    monkeypatch.setenv("SETTLEMENT_HOME", str(home.home))
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name="settlement_platform.definitions"), location_name="settlement_platform"
    )
    with WorkspaceProcessContext(home.instance, InProcessTestWorkspaceLoadTarget(origin)) as workspace:
        yield BackfillDaemon(home, workspace)


def launched(
    home: DagsterHome, days: Sequence[date], *, marts: Mapping[str, Sequence[date]] | None = None, priority: int = 10
) -> str:
    """Launch a backfill of the dataset and its marts."""
    fed = {m.name: days for m in MARTS} if marts is None else marts
    wanted = BackfillRequest(title="a test", dataset={NAME: days}, marts=fed, priority=priority)
    backfill_id = new_backfill_id()
    launch_backfill(home.definitions, home.instance, backfill_id, wanted, ANA, datetime.now(UTC))
    return backfill_id


def ranges(home: DagsterHome, backfill_id: str) -> list[tuple[str, str, str]]:
    """The assets and dates of each run of a backfill."""
    return [(",".join(sorted(r.names)), str(r.first), str(r.last)) for r in runs_of(home.instance, backfill_id)]
