"""The lake's catalog goes away during a run, and is back an hour later."""

from collections.abc import Iterator

import pytest

from settlement_platform.control.policies import RetryPolicy
from settlement_platform.orchestration.assets import step
from settlement_platform_tests.orchestration.dagster_home import NAME, SCHEDULE, DagsterHome, day
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, happening
from settlement_platform_tests.scenarios.conftest import Tell
from settlement_platform_tests.scenarios.ending import DateEnd, assert_ends, resolved
from settlement_platform_tests.scenarios.outages import CatalogServer, not_closed, tick_in_vain, tries
from settlement_platform_tests.scenarios.story_runs import RequestedRun, execute_here

THURSDAY, FRIDAY = day(0), day(1)
RUN = [f"{SCHEDULE} {FRIDAY}"]
WHILE_RUNNING = BOUNDARIES["after the verdict is recorded"]


@pytest.fixture
def catalog() -> Iterator[CatalogServer]:
    found = CatalogServer()
    yield found
    found.remove()


@pytest.mark.slow
def test_an_hour_without_the_catalog_loses_and_doubles_nothing(
    tell: Tell, catalog: CatalogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run fails four times, a scan opens the circuit, the daily schedule's probe fails, the next one succeeds."""
    monkeypatch.setattr(step, "_POLICY", RetryPolicy(base_seconds=0.0))
    story = tell(SETTLEMENT_CATALOG_URL=catalog.start().new_database())

    def lose_it_while_running(home: DagsterHome, requested: RequestedRun) -> None:
        with happening(WHILE_RUNNING, catalog.stop):
            execute_here(home, requested)

    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    story.tick("03:30")
    there += story.at("2026-01-03 03:30").deliver(FRIDAY)
    story.launched.clear()
    story.execute = lose_it_while_running
    story.scan()
    story.execute = execute_here
    closed = not_closed(story)
    tick_in_vain(story, "03:31")
    opened, shown = not_closed(story), story.alerts()
    tick_in_vain(story, "03:35", "03:50", "04:05")
    during, launched = tries(story, FRIDAY), list(story.launched)
    explained = story.command("explain", NAME, str(FRIDAY))
    catalog.start()
    came = story.tick("04:29", "04:30")

    assert "the lake" in explained.out + explained.err
    assert (closed, opened, shown) == ([], ["lake open"], ["critical breaker_open lake"])
    assert during == [*["03:30 failed"] * 4, "04:00 failed"]
    assert launched == RUN * 2
    assert came == [RUN, []]
    assert not_closed(story) == []
    ends = {
        THURSDAY: DateEnd(generations=["final"], of=there[:3]),
        FRIDAY: DateEnd(generations=["final"], of=there[3:]),
    }
    raised = ["critical breaker_open lake", "critical breaker_open"]
    assert_ends(story, ends, watermark=FRIDAY, alerts=[*raised, *resolved(raised)])
