"""Whatever launches a run, the coordinator gives it its class, its priority and its limits before it is queued."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import ModuleTarget
from dagster._scheduler.scheduler import launch_scheduled_runs
from dagster_graphql.test.utils import execute_dagster_graphql

from settlement_platform.control.queue.service_classes import CRITICALITIES, PRIORITIES, ServiceClass
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.orchestration import tags
from settlement_platform_tests.orchestration.dagster_home import BOTH, NAME, PUBLISHED, STAGED, DagsterHome, day
from settlement_platform_tests.orchestration.private_daemon import (
    execute_backfill_iteration,
    execute_sensor_iteration,
    retry_run,
)
from settlement_platform_tests.orchestration.private_dagster import WorkspaceProcessContext
from settlement_platform_tests.shown_reasons import shows

LOG = logging.getLogger(__name__)
OWNER = CARD_SETTLEMENTS.owner
FRESH, _, BACKFILL, _ = ServiceClass
BACKFILL_BY_CLICK = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
RUN_BY_CLICK = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


def today() -> date:
    """The coordinator looks at the clock, so what is open is relative to it."""
    return datetime.now(UTC).date()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterHome]:
    """One home for all launches; it stands still, as no daemon takes what is queued."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("launches") / "home"
        patch.setenv("SETTLEMENT_HOME", str(folder))
        found = DagsterHome(folder)
        yield found
        found.close()


@pytest.fixture(scope="module")
def workspace(home: DagsterHome) -> Iterator[WorkspaceProcessContext]:
    """The project's code location behind a code server."""
    target = ModuleTarget(
        module_name="settlement_platform.definitions",
        attribute=None,
        working_directory=None,
        location_name="settlement_platform",
    )
    with create_test_daemon_workspace_context(target, home.instance) as found:
        yield found


def new_runs(home: DagsterHome, before: set[str]) -> list[dg.DagsterRun]:
    """The runs that have come since, the oldest first."""
    return [r for r in home.instance.get_runs(ascending=True) if r.run_id not in before]


def known(home: DagsterHome) -> set[str]:
    """The runs that are there."""
    return {r.run_id for r in home.instance.get_runs()}


def shown(run: dg.DagsterRun) -> dict[str, str]:
    """The stamped tags, without the reason."""
    keys = (tags.LIMITED_TAGS | tags.DISPLAYED_TAGS) - {tags.CLASS_REASON_TAG}
    return {key: value for key, value in run.tags.items() if key in keys}


def expected(service_class: ServiceClass, *, business_date: date | None, in_backfill: bool = False) -> dict[str, str]:
    """The tags of a run that publishes the dataset."""
    found = {
        tags.CLASS_TAG: service_class.value,
        tags.PRIORITY_TAG: str(PRIORITIES[service_class] + (0 if in_backfill else CRITICALITIES["critical"])),
        tags.DATASET_TAG: NAME,
        tags.TABLE_TAG: NAME,
        tags.OWNER_TAG: OWNER,
    }
    if business_date:
        found[tags.DATE_TAG] = f"{NAME}:{business_date}"
    if service_class is not FRESH:
        found |= {tags.SLOTS_TAG: tags.COMMON, tags.DATASET_SHARE_TAG: NAME, tags.OWNER_QUOTA_TAG: OWNER}
    return found


def launched_by_click(
    home: DagsterHome, workspace: WorkspaceProcessContext, query: str, parameters: dict[str, Any]
) -> list[dg.DagsterRun]:
    """The work of the web UI's server when a button is pressed, and of the daemon after it."""
    before = known(home)
    answer = execute_dagster_graphql(workspace.create_request_context(), query, {"p": parameters})
    (result,) = answer.data.values()
    assert result["__typename"].endswith("Success"), result
    list(execute_backfill_iteration(workspace, LOG))
    return new_runs(home, before)


def click_run(
    home: DagsterHome, workspace: WorkspaceProcessContext, business_date: date, **extra: str
) -> dg.DagsterRun:
    """A single date, from the asset's page."""
    wanted = {"dagster/partition": business_date.isoformat(), **extra}
    parameters = {
        "selector": {
            "repositoryLocationName": "settlement_platform",
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": list(STAGED.path)}, {"path": list(PUBLISHED.path)}],
        },
        "runConfigData": "{}",
        "mode": "default",
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in wanted.items()]},
    }
    (run,) = launched_by_click(home, workspace, RUN_BY_CLICK, parameters)
    return run


def test_a_sensor_requests_an_open_date_as_fresh_and_for_an_old_one_as_backfill(
    home: DagsterHome, workspace: WorkspaceProcessContext
) -> None:
    open_date, old, before = today() - timedelta(days=1), day(3), known(home)
    home.deliver(open_date)
    home.deliver(old)

    list(execute_sensor_iteration(workspace, LOG, None, None))

    runs = {r.tags["dagster/partition"]: r for r in new_runs(home, before)}
    assert shown(runs[open_date.isoformat()]) == expected(FRESH, business_date=open_date)
    assert shown(runs[old.isoformat()]) == expected(BACKFILL, business_date=old)
    assert shows(runs[open_date.isoformat()].tags[tags.CLASS_REASON_TAG], "date_open", business_date=open_date)
    assert {r.status for r in runs.values()} == {dg.DagsterRunStatus.QUEUED}


def test_a_schedule_requests_fresh_runs(home: DagsterHome, workspace: WorkspaceProcessContext) -> None:
    before, now = known(home), datetime.now(UTC)
    tomorrow = datetime(now.year, now.month, now.day, 4, 1, tzinfo=UTC) + timedelta(days=1)
    list(launch_scheduled_runs(workspace, LOG, now, {}))

    list(launch_scheduled_runs(workspace, LOG, tomorrow, {}))

    (run,) = [r for r in new_runs(home, before) if r.tags.get("dagster/partition") == today().isoformat()]
    assert shown(run) == expected(FRESH, business_date=today())
    assert shows(run.tags[tags.CLASS_REASON_TAG], "launched_by", launched_by=f"schedule daily_{NAME}")


def test_a_backfill_begun_by_a_click_is_a_backfill_whatever_it_says_of_itself(
    home: DagsterHome, workspace: WorkspaceProcessContext
) -> None:
    """Tags that are given along would put it ahead of everything; they count for nothing."""
    days = [today() - timedelta(days=n) for n in range(3)]
    parameters = {
        "assetSelection": [{"path": list(key.path)} for key in BOTH],
        "partitionNames": [d.isoformat() for d in days],
        "tags": [{"key": tags.CLASS_TAG, "value": "fresh"}, {"key": tags.PRIORITY_TAG, "value": "1000"}],
        "title": "three dates",
    }

    (run,) = launched_by_click(home, workspace, BACKFILL_BY_CLICK, parameters)

    assert shown(run) == expected(BACKFILL, business_date=None, in_backfill=True)


def test_a_single_date_launched_by_hand_is_fresh_while_it_is_open(
    home: DagsterHome, workspace: WorkspaceProcessContext
) -> None:
    open_date, old = today() - timedelta(days=2), day(5)

    runs = [click_run(home, workspace, each, **{tags.PRIORITY_TAG: "1000"}) for each in (open_date, old)]

    assert shown(runs[0]) == expected(FRESH, business_date=open_date)
    assert shown(runs[1]) == expected(BACKFILL, business_date=old)


def test_a_lost_run_of_a_backfill_is_run_again_as_a_backfill(
    home: DagsterHome, workspace: WorkspaceProcessContext
) -> None:
    """It begins at the priority of its class again, and names no process until it has one."""
    lost = click_run(home, workspace, day(6))
    risen = {tags.PRIORITY_TAG: "39", tags.WORKER_TAG: "elsewhere:1"}
    home.instance.add_run_tags(lost.run_id, risen)
    home.instance.report_run_failed(lost)
    before = known(home)

    retry_run(home.instance.get_run_by_id(lost.run_id), workspace)

    (again,) = new_runs(home, before)
    assert again.parent_run_id == lost.run_id
    assert {**shown(again), tags.WORKER_TAG: ""} == {**expected(BACKFILL, business_date=day(6)), tags.WORKER_TAG: ""}
    assert shows(again.tags[tags.CLASS_REASON_TAG], "repeats_run", service_class="backfill")


def test_a_run_that_is_in_the_queue_keeps_the_priority_to_which_it_has_risen(
    home: DagsterHome, workspace: WorkspaceProcessContext
) -> None:
    """A daemon that died in the middle submits what it had created once more."""
    queued = click_run(home, workspace, day(7))
    home.instance.add_run_tags(queued.run_id, {tags.PRIORITY_TAG: "39"})

    submitted = home.instance.submit_run(queued.run_id, workspace.create_request_context())

    assert submitted.tags[tags.PRIORITY_TAG] == "39"
