"""The next tick reports publications that the instance lacks, each once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from settlement_platform.control.facts import State
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.events import reconcile
from settlement_platform.orchestration.keys import published_key
from settlement_platform_tests.builders import a_publication
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, STAGED, WATERMARK, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import tick
from settlement_platform_tests.pipeline.installation import CARD_SETTLEMENTS

SENSOR = "marts_follow"
LONG_AGO = timedelta(hours=1)


def publish(home: DagsterHome, *days: date, ago: timedelta = LONG_AGO, **changes: Any) -> None:  # noqa: ANN401 - any field
    """Let dates be published that nobody reports to the instance."""
    published_at = datetime.now(UTC) - ago
    with home.without_dagster().platform.lake.publishing() as lake:
        for each in days:
            fields = {"dataset": NAME, "content_hash": f"of {each}", "run_id": "", **changes}
            lake.record_publication(a_publication(business_date=each, published_at=published_at, **fields), None)


def shown(home: DagsterHome, key: dg.AssetKey) -> list[tuple[str | None, str]]:
    """Partition and content of every materialization, oldest first."""
    return [(m.partition, (m.tags or {})["dagster/data_version"]) for m in reversed(home.materializations(key))]


def begin_run(home: DagsterHome) -> dg.DagsterRun:
    """A run that has started and not ended."""
    job = home.definitions.get_repository_def().get_job(f"daily_{NAME}")
    return home.instance.create_run_for_job(
        job, tags={"dagster/partition": str(day(0))}, status=dg.DagsterRunStatus.STARTED
    )


def test_a_run_that_ended_without_reporting_what_it_published_is_made_up_for_once(home: DagsterHome) -> None:
    """While it is running it reports by itself; how it ended does not matter."""
    run = begin_run(home)
    publish(home, day(0), run_id=run.run_id)

    tick(home, SENSOR)
    while_running = shown(home, PUBLISHED)
    home.instance.report_run_canceled(run)
    for _ in range(2):
        tick(home, SENSOR)

    assert while_running == []
    assert shown(home, PUBLISHED) == shown(home, STAGED) == [(str(day(0)), f"of {day(0)}")]
    assert run.run_id in str(home.metadata(PUBLISHED)["reasons"])


def test_what_was_published_outside_a_run_is_left_to_its_publisher_for_some_minutes(home: DagsterHome) -> None:
    """An operator's command reports what it did itself."""
    publish(home, day(0), ago=reconcile.GRACE - timedelta(minutes=1))
    publish(home, day(1), ago=reconcile.GRACE + timedelta(minutes=1))

    tick(home, SENSOR)

    assert shown(home, PUBLISHED) == [(str(day(1)), f"of {day(1)}")]


def test_a_date_that_was_reported_as_another_content_is_reported_as_what_readers_see(home: DagsterHome) -> None:
    """A rollback whose command ended before it reported to the instance, and a date that was skipped."""
    home.deliver(day(0))
    home.run(day(0))
    publish(home, day(0), generation=2, state=State.ROLLED_BACK, content_hash="older")
    publish(home, day(1), state=State.SKIPPED, content_hash="")

    tick(home, SENSOR)

    assert shown(home, PUBLISHED)[1:] == [(str(day(1)), "skipped"), (str(day(0)), "older")]


def test_what_the_run_reported_itself_is_not_reported_again(home: DagsterHome) -> None:
    """Neither what it staged, nor what it published, nor how far it is complete."""
    home.deliver(day(0))
    home.run(day(0))
    before = [shown(home, key) for key in (STAGED, PUBLISHED, WATERMARK)]

    found = tick(home, SENSOR)

    assert [shown(home, key) for key in (STAGED, PUBLISHED, WATERMARK)] == before
    assert "ended before reporting" not in found.said


def test_an_instance_that_knows_nothing_shows_all_that_is_published_after_some_ticks(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The latest dates first; a tick says how many are left, and the events are as full as those of a run."""
    monkeypatch.setattr(reconcile, "REPORTS_PER_TICK", 2)
    monkeypatch.setattr(reconcile, "GRACE", timedelta(0))
    installation = home.without_dagster()
    for number in range(3):
        installation.deliver(day(number))
        installation.run(day(number))
        installation.build(MARTS[0], day(number))

    tick(home, SENSOR)
    reported = capfd.readouterr().err
    in_part = [partition for partition, _ in shown(home, PUBLISHED)]
    for _ in range(3):
        tick(home, SENSOR)

    published = installation.platform.lake.publications(NAME, day(0), day(2))
    latest = home.materializations(PUBLISHED)[0]
    mart = home.materializations(published_key(MARTS[0].name))
    assert in_part == [str(day(2)), str(day(1))]
    assert "4 more dates not reported in this tick; the next ones report them" in reported
    assert dict(shown(home, PUBLISHED)) == {str(d): p.content_hash for d, p in published.items()}
    assert [len(home.materializations(key)) for key in (STAGED, PUBLISHED)] == [3, 3]
    assert shown(home, WATERMARK) == [(None, str(day(2)))]
    assert (home.metadata(PUBLISHED)["generation"], home.metadata(PUBLISHED)["dagster/row_count"]) == (1, 9)
    assert latest.tags is not None
    assert latest.tags["dagster/code_version"] == CARD_SETTLEMENTS.contract.fingerprint[:12]
    assert [(m.partition, (m.tags or {})[f"dagster/input_data_version/published/{NAME}"]) for m in mart] == [
        (str(d), published[d].content_hash) for d in (day(0), day(1), day(2))
    ]
