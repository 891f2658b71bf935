"""A run that a sensor requested is killed at any of its steps, and what the daemon does next ends its work."""

import pytest

from settlement_platform.marts.catalog import MARTS
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, SCHEDULE, STAGED, WATERMARK, day
from settlement_platform_tests.pipeline.operating import a_visa
from settlement_platform_tests.scenarios.dying_runs import POINTS, killed, notice_lost_runs, run_again
from settlement_platform_tests.scenarios.ending import DateEnd, assert_ends
from settlement_platform_tests.scenarios.story import Story
from settlement_platform_tests.scenarios.story_runs import execute_here
from settlement_platform_tests.shown_reasons import shows
from settlement_platform_tests.slowness import slow_but

THURSDAY = day(0)
RUN = [f"{SCHEDULE} {THURSDAY}"]
MARTS_AGAIN = [f"build_{mart.name}_again {THURSDAY}" for mart in MARTS]
TOLD_ONCE = [f"info restated {THURSDAY}", f"resolved restated {THURSDAY}"]
RESTATING = "after the old rows are removed"
NOTHING_YET = "before the attempt is recorded"
BY_THE_SENSOR = ("before the arrivals are recorded", "after the arrivals are recorded")
"""The sensor has put what arrived on record before it requests a run."""
OFTEN = {"after the commit"}
EVERY = slow_but(OFTEN, [point for point in POINTS if point not in {RESTATING, NOTHING_YET, *BY_THE_SENSOR}])


@pytest.mark.parametrize("point", EVERY)
def test_a_run_that_is_killed_is_made_up_for_by_the_next_ticks(story: Story, point: str) -> None:
    """Readers have all of the date or nothing, and in the end all of it, once."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    story.execute = killed(point)
    story.scan()
    story.execute = execute_here
    left = story.home.query(f"SELECT count(*) FROM lake.published.{NAME}")
    explained = story.explain(THURSDAY)
    lost = notice_lost_runs(story.home)
    made_up = story.tick("03:40", "03:41")
    events = {key: len(story.home.materializations(key)) for key in (STAGED, PUBLISHED, WATERMARK)}
    made_up += story.tick("04:05")

    committed = POINTS[point].commits or point.startswith("of a mart")
    assert (left, len(lost)) == ([(9 if committed else 0,)], 1)
    assert shows(explained, "published_remark") == committed
    assert events == {STAGED: 1, PUBLISHED: 1, WATERMARK: 1}, "before the daily schedule runs the date again"
    if not committed:
        assert made_up == [RUN, [], RUN]
    elif POINTS[point].commits and point.startswith("of a mart"):
        assert made_up == [MARTS_AGAIN[1:], [], RUN]
    else:
        assert made_up == [MARTS_AGAIN, [], RUN]
    assert_ends(story, {THURSDAY: DateEnd(generations=["final"], of=there)}, watermark=THURSDAY, alerts=[])


@pytest.mark.slow
def test_a_run_that_is_killed_before_anything_of_it_is_on_record_is_run_again_by_the_daemon(story: Story) -> None:
    """The sensor knows of no try that failed, and does not ask twice for what nobody tried."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    story.execute = killed(NOTHING_YET)
    story.scan()
    story.execute = execute_here
    (lost,) = notice_lost_runs(story.home)
    said = story.scan()
    run_again(story.home, lost)
    after = story.tick("03:40")

    assert f"{THURSDAY} was requested before, and its run ended as FAILURE" in said
    assert after == [[]]
    assert_ends(story, {THURSDAY: DateEnd(generations=["final"], of=there)}, watermark=THURSDAY, alerts=[])


def restated_and_killed(story: Story, point: str) -> tuple[DateEnd, list[tuple[int]], str]:
    """A published date is corrected in the morning, and the correction's run is killed; how it is to end, and rows."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    story.tick("03:30")
    correction = a_visa(THURSDAY, 5)
    correction.write(story.home.landing)
    story.execute = killed(point)
    story.at("09:00").scan()
    story.execute = execute_here
    rows = story.home.query(f"SELECT count(*) FROM lake.published.{NAME}")
    return DateEnd(generations=["final", "restated"], of=[correction, *there[1:]]), list(rows), story.explain(THURSDAY)


def test_a_restatement_that_is_killed_leaves_the_old_rows_until_the_next_tick_makes_up_for_it(story: Story) -> None:
    """Neither generation is ever seen in part, and readers are notified of one restatement."""
    ends, left, explained = restated_and_killed(story, RESTATING)
    notice_lost_runs(story.home)
    made_up = story.tick("09:10", "09:11")

    assert left == [(9,)]
    assert shows(explained, "attempt_died", step="publish")
    assert made_up == [RUN, []]
    assert_ends(story, {THURSDAY: ends}, watermark=THURSDAY, alerts=TOLD_ONCE)


def test_a_restatement_that_is_killed_after_its_commit_is_shown_at_the_next_tick(story: Story) -> None:
    """Readers have it at once, Dagster from the next tick on, before any run."""
    ends, left, explained = restated_and_killed(story, "after the commit")
    (lost,) = notice_lost_runs(story.home)
    story.tick("09:10")
    shown = [e.metadata["generation"].value for e in story.home.materializations(PUBLISHED)]
    reason = str(story.home.metadata(PUBLISHED)["reasons"])
    run_again(story.home, lost)
    after = story.tick("09:11")

    assert left == [(11,)]
    assert shows(explained, "published_remark")
    assert shown == [2, 1]
    assert reason == f"it is published, but run {lost.run_id} ended before reporting it"
    assert after == [[]]
    assert_ends(story, {THURSDAY: ends}, watermark=THURSDAY, alerts=TOLD_ONCE)
