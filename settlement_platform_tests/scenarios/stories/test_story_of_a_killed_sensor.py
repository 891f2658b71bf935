"""The daemon is killed in the middle of a tick of the sensor that sees arrivals, and started again."""

import signal

import pytest

from settlement_platform_tests.orchestration.dagster_home import LANDING, NAME, day
from settlement_platform_tests.scenarios.ending import DateEnd, assert_ends
from settlement_platform_tests.scenarios.sensor_daemon import (
    CRASHES,
    execute_queued,
    round_of_sensors,
    runs_by_key,
)
from settlement_platform_tests.scenarios.story import Story

THURSDAY, FRIDAY = day(0), day(1)
AFTER_A_RUN = {"after the run was made", "after the run was queued"}
DATES = [str(THURSDAY), str(FRIDAY)]


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["after the arrivals are recorded", *CRASHES])
def test_a_killed_tick_is_made_up_for_with_one_run_of_each_date(story: Story, killed: str) -> None:
    """Two dates came: whatever was on record when it died, each gets one run, and is observed."""
    there = story.at("2026-01-02 03:20").deliver(THURSDAY)
    there += story.deliver(FRIDAY)

    died = round_of_sensors(story, "03:30", killed=killed)
    left = [date for date, _ in runs_by_key(story.home)]
    again = [round_of_sensors(story, clock) for clock in ("03:31", "03:32")]
    requested = runs_by_key(story.home)
    execute_queued(story.home)
    after = round_of_sensors(story, "03:33")

    assert died == -signal.SIGKILL
    assert again == [0, 0]
    assert after == 0
    assert left == ([str(FRIDAY)] if killed in AFTER_A_RUN else [])
    assert requested == [(date, "QUEUED") for date in DATES]
    assert runs_by_key(story.home) == [(date, "SUCCESS") for date in DATES]
    observed = story.home.instance.fetch_observations(LANDING, limit=10).records
    assert {o.partition_key for o in observed} == set(DATES)
    with story.stores() as stores:
        assert len(stores.ledger.arrivals(NAME, THURSDAY, FRIDAY)) == 6
    ends = {date: DateEnd(generations=["final"], of=there[n : n + 3]) for date, n in ((THURSDAY, 0), (FRIDAY, 3))}
    assert_ends(story, ends, watermark=FRIDAY, alerts=[])
