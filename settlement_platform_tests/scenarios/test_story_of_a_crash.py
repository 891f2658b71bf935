"""A run that a sensor asked for is killed at any of its steps, and what the daemon does next ends its work."""

import pytest

from settlement_platform.marts.catalog import MARTS
from settlement_platform_tests.orchestration.dagster_home import NAME, SCHEDULE, day
from settlement_platform_tests.pipeline.operating import a_visa
from settlement_platform_tests.scenarios.dying_runs import POINTS, killed, notice_lost_runs
from settlement_platform_tests.scenarios.ending import Stands, assert_ends
from settlement_platform_tests.scenarios.story import Story
from settlement_platform_tests.scenarios.story_runs import execute_here

THURSDAY = day(0)
RUN = [f"{SCHEDULE} {THURSDAY}"]
MARTS_AGAIN = [f"build_{mart.name}_again {THURSDAY}" for mart in MARTS]
RESTATING = "after the old rows are removed"
OFTEN = ("after a draft is settled", "after the files are registered", "after the commit")
EVERY = [
    pytest.param(point, marks=() if point in OFTEN else pytest.mark.slow) for point in POINTS if point != RESTATING
]


@pytest.mark.parametrize("point", EVERY)
def test_a_run_that_is_killed_is_made_up_for_by_the_next_ticks(story: Story, point: str) -> None:
    """Readers have all of the date or nothing, and in the end all of it, once."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    story.execute = killed(point)
    story.look()
    story.execute = execute_here
    left = story.home.query(f"SELECT count(*) FROM lake.published.{NAME}")
    explained = story.explain(THURSDAY)
    lost = notice_lost_runs(story.home)
    made_up = story.tick("03:40", "03:41", "04:05")

    committed = POINTS[point].commits or point.startswith("of a mart")
    assert (left, lost) == ([(9 if committed else 0,)], 1)
    assert ("next: nothing; it is published" in explained) == committed
    if not committed:
        assert made_up == [RUN, [], RUN]
    elif POINTS[point].commits and point.startswith("of a mart"):
        assert made_up == [MARTS_AGAIN[1:], [], RUN]
    else:
        assert made_up == [MARTS_AGAIN, [], RUN]
    assert_ends(story, {THURSDAY: Stands(generations=["final"], of=there)}, watermark=THURSDAY, alerts=[])


def test_a_restatement_that_is_killed_leaves_the_old_rows_until_it_is_made_up_for(story: Story) -> None:
    """Neither generation is ever seen in part, and readers are told of one restatement."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    story.tick("03:30")
    correction = a_visa(THURSDAY, 5)
    correction.write(story.home.landing)
    story.execute = killed(RESTATING)
    story.at("09:00").look()
    story.execute = execute_here
    left, explained = story.home.query(f"SELECT count(*) FROM lake.published.{NAME}"), story.explain(THURSDAY)
    notice_lost_runs(story.home)
    made_up = story.tick("09:10", "09:11")

    assert left == [(9,)]
    assert "died in step publish" in explained
    assert made_up == [RUN, []]
    ends = {THURSDAY: Stands(generations=["final", "restated"], of=[correction, *there[1:]])}
    alerts = [f"info restated {THURSDAY}", f"resolved restated {THURSDAY}"]
    assert_ends(story, ends, watermark=THURSDAY, alerts=alerts)
