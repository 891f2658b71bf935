"""The sensor that watches, on a real instance."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from settlement_platform.control.alerts.platform_conditions import RunningBackfill
from settlement_platform.control.failures import SettlementError
from settlement_platform.orchestration.assets.freshness_checks import CHECK_NAME
from settlement_platform.orchestration.dagster_internals.backfills import PartitionBackfill
from settlement_platform.orchestration.dagster_internals.runs import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
)
from settlement_platform.orchestration.keys import watermark_key
from settlement_platform.orchestration.sensors.alerts import active_runs, running_backfills
from settlement_platform.orchestration.tags import DATASET_TAG
from settlement_platform_tests.builders import an_attempt
from settlement_platform_tests.http_channel import SECRETS, HttpChannel, http_channel
from settlement_platform_tests.orchestration.dagster_home import BOTH, NAME, PUBLISHED, DagsterHome
from settlement_platform_tests.orchestration.queued_runs import add_runs
from settlement_platform_tests.pipeline.installation import open_home

FIRST = (datetime.now(UTC) - timedelta(days=2)).date()
"""Due yesterday at 06:00 UTC, whenever the test runs."""


@pytest.fixture
def channel() -> Iterator[HttpChannel]:
    with http_channel() as found:
        yield found


def a_home(folder: Path, **environment: str) -> DagsterHome:
    return DagsterHome(folder, SETTLEMENT_FIRST_DATE=FIRST.isoformat(), **environment)


def tick(home: DagsterHome, sensor: str = "alerts") -> Any:  # noqa: ANN401 - Dagster's sensor tick
    """Evaluate a sensor as the daemon has it done."""
    repository = home.definitions.get_repository_def()
    resources = dict(home.definitions.resources or {})
    with dg.build_sensor_context(instance=home.instance, repository_def=repository, resources=resources) as context:
        return repository.get_sensor_def(sensor).evaluate_tick(context)


def a_backfill(home: DagsterHome, begun: datetime, days: int) -> PartitionBackfill:
    """A backfill of the dataset as the web UI launches it."""
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id="backfill-1",
        asset_graph=home.definitions.resolve_asset_graph(),
        partition_names=[(FIRST + timedelta(days=n)).isoformat() for n in range(days)],
        asset_selection=[PUBLISHED],
        backfill_timestamp=begun.timestamp(),
        tags={},
        dynamic_partitions_store=home.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    home.instance.add_backfill(backfill)
    return backfill


def test_it_runs_every_thirty_seconds_unless_somebody_stops_it(tmp_path: Path) -> None:
    sensor = a_home(tmp_path / "home").definitions.get_repository_def().get_sensor_def("alerts")

    assert sensor.minimum_interval_seconds == 30
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_an_outage_of_the_daemon_sends_nothing_twice(tmp_path: Path, channel: HttpChannel) -> None:
    """Another process, with nothing but the same home, continues where the first one stopped."""
    home = a_home(tmp_path / "home", SETTLEMENT_ALERT_URLS=channel.url)
    first = tick(home)
    sent = list(channel.titles)
    home.close()

    again = a_home(tmp_path / "home", SETTLEMENT_ALERT_URLS=channel.url)
    second = tick(again)
    again.close()

    assert f"[critical] freshness_missed: {NAME}" in sent
    assert channel.titles == sent
    assert first.skip_message == f"{len(sent)} begun, 0 ended; {len(sent)} messages delivered, 0 to be sent again"
    assert second.skip_message == "0 begun, 0 ended; 0 messages delivered, 0 to be sent again"
    assert (first.run_requests, second.run_requests) == ([], [])


def test_a_date_that_a_run_publishes_ends_its_alerts(tmp_path: Path, channel: HttpChannel) -> None:
    home = a_home(tmp_path / "home", SETTLEMENT_ALERT_URLS=channel.url)
    tick(home)
    channel.posts.clear()

    home.deliver(FIRST)
    home.run(FIRST, keys=BOTH)
    tick(home)
    home.close()

    assert f"[resolved] escalated: {NAME} {FIRST}" in channel.titles


def test_the_watermark_shows_whether_it_meets_its_target(tmp_path: Path) -> None:
    """Said once for each change, whichever process looks; what advanced a moment ago may be late all the same."""
    days = [FIRST + timedelta(days=n) for n in (-1, 0, 1)]
    home = DagsterHome(tmp_path / "home", SETTLEMENT_FIRST_DATE=days[0].isoformat())
    tick(home)
    tick(home)
    missing = checked(home)
    home.deliver(days[0])
    home.run(days[0], keys=BOTH)
    tick(home)
    behind = checked(home)
    for day in days[1:]:
        home.deliver(day)
        home.run(day, keys=BOTH)
    home.close()

    again = DagsterHome(tmp_path / "home", SETTLEMENT_FIRST_DATE=days[0].isoformat())
    tick(again)
    tick(again)
    caught_up = checked(again)
    again.close()

    assert [(passed, words.split(";")[0]) for passed, words in caught_up] == [
        (False, "no date is complete yet"),
        (False, f"complete through {days[0]}"),
        (True, f"complete through {days[2]}"),
    ]
    assert (missing, behind) == (caught_up[:1], caught_up[:2])


def checked(home: DagsterHome) -> list[tuple[bool, str]]:
    """The reported results of the watermark's check, oldest first."""
    key = dg.AssetCheckKey(watermark_key(NAME), CHECK_NAME)
    found = home.instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    events = [f.event.dagster_event for f in reversed(found) if f.event]
    evaluations = [e.asset_check_evaluation_data for e in events if e]
    return [(e.passed, e.description or "") for e in evaluations]


def test_whoever_clicks_on_the_check_of_a_watermark_has_it_judged_at_once(tmp_path: Path) -> None:
    home = a_home(tmp_path / "home")
    key = dg.AssetCheckKey(watermark_key(NAME), CHECK_NAME)
    job = home.definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection={key})

    done = job.execute_in_process(instance=home.instance)
    shown = checked(home)
    home.close()

    assert done.success
    assert [passed for passed, _ in shown] == [False]


def test_a_run_that_died_before_it_judged_a_watermark_does_not_stop_the_alerts(tmp_path: Path) -> None:
    """The last event of the check says that it was planned, and has no result."""
    home = a_home(tmp_path / "home")
    key = dg.AssetCheckKey(watermark_key(NAME), CHECK_NAME)
    job = home.definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection={key})
    home.instance.create_run_for_job(job_def=job)

    ticked = tick(home)
    home.close()

    assert "begun" in str(ticked.skip_message)


def test_the_addresses_of_channels_are_no_configuration_that_the_web_ui_shows(tmp_path: Path) -> None:
    with http_channel() as channel:
        home = a_home(tmp_path / "home", SETTLEMENT_ALERT_URLS=channel.url)
    repository = home.definitions.get_repository_def()
    resources = str(repository.get_top_level_resources()) + str(
        [r.config_schema.default_value for r in repository.get_top_level_resources().values()]
    )
    home.close()

    assert str(tmp_path / "home") in resources
    assert [s for s in SECRETS if s in resources] == []


def test_a_backfill_that_stalls_is_reported_and_ends_when_it_does(tmp_path: Path, channel: HttpChannel) -> None:
    home = a_home(tmp_path / "home", SETTLEMENT_ALERT_URLS=channel.url)
    backfill = a_backfill(home, datetime.now(UTC) - timedelta(hours=2), days=2)
    tick(home)
    stalled = [p for p in channel.posts if "backfill_stalled" in p["title"]]

    home.instance.update_backfill(backfill.with_status(type(backfill.status).COMPLETED_SUCCESS))
    tick(home)
    home.close()

    assert [p["title"] for p in stalled] == ["[warning] backfill_stalled: backfill-1"]
    assert "0 of 2 partitions are done, and none in the last 2 h" in stalled[0]["message"]
    assert channel.titles.count("[resolved] backfill_stalled: backfill-1") == 1


def test_a_run_that_ended_is_progress_of_its_backfill(tmp_path: Path) -> None:
    home = a_home(tmp_path / "home")
    begun = datetime.now(UTC) - timedelta(hours=2)
    a_backfill(home, begun, days=1)
    owners = {NAME: "finance-data@example.com"}

    (before,) = running_backfills(home.instance, owners)
    home.deliver(FIRST)
    home.definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection=set(BOTH)).execute_in_process(
        instance=home.instance, partition_key=FIRST.isoformat(), tags={BACKFILL_ID_TAG: "backfill-1"}
    )
    (after,) = running_backfills(home.instance, owners)
    home.close()

    expected = RunningBackfill(
        name="backfill-1", requested=1, done=0, last_progress=before.last_progress, owner="finance-data@example.com"
    )
    assert before == expected
    assert abs(before.last_progress - begun) < timedelta(seconds=1)
    assert after.last_progress > begun + timedelta(hours=1)


def test_a_lake_that_does_not_answer_is_reported_from_the_ledger_alone(tmp_path: Path, channel: HttpChannel) -> None:
    """Five looks for arrivals in vain open its circuit; what only the lake or the landing zone can tell stays open."""
    home = a_home(tmp_path / "home", SETTLEMENT_ALERT_URLS=channel.url)
    tick(home)
    before = list(channel.titles)
    (home.home / "lake").rename(tmp_path / "away")
    (home.home / "lake").write_text("no folder")
    for _ in range(5):
        with pytest.raises((SettlementError, dg.Failure)):
            tick(home, "arrivals_card_settlements")

    tick(home)
    (home.home / "lake").unlink()
    (tmp_path / "away").rename(home.home / "lake")
    tick(home, "arrivals_card_settlements")
    tick(home)

    assert before
    assert channel.titles[len(before) :] == ["[critical] breaker_open: lake", "[resolved] breaker_open: lake"]


def test_only_runs_that_have_executed_for_long_are_asked_for_their_progress(tmp_path: Path) -> None:
    """A step of any of its dates counts; a run without dates, as of tidying, has none."""
    home = a_home(tmp_path / "home")
    dates = {ASSET_PARTITION_RANGE_START_TAG: "2026-01-01", ASSET_PARTITION_RANGE_END_TAG: "2026-01-31"}
    run, _ = add_runs(home.instance, [{DATASET_TAG: NAME, **dates}, {}], dg.DagsterRunStatus.STARTED)
    add_runs(home.instance, [{}, {}])
    for each in home.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        began = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name=each.job_name)
        home.instance.report_dagster_event(began, each.run_id)
    owners, now = {NAME: "ana"}, datetime.now(UTC)

    ledger = open_home(home.home).ledger
    young = list(active_runs(home.instance, ledger, owners, now))
    (silent,) = active_runs(home.instance, ledger, owners, now + timedelta(hours=3))
    ledger.append(an_attempt(run_id=run, recorded_at=now + timedelta(hours=2)))
    (moving,) = active_runs(home.instance, ledger, owners, now + timedelta(hours=3))
    home.close()

    assert young == []
    assert (silent.name, silent.dataset, silent.owner, silent.queued) == (run, NAME, "ana", 2)
    assert (silent.first, silent.last) == (date(2026, 1, 1), date(2026, 1, 31))
    assert silent.last_progress == silent.began_at
    assert moving.last_progress == now + timedelta(hours=2)
