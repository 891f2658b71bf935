"""Operators act between the ticks: they release, roll back, skip, pause and resume."""

import pytest

from settlement_platform_tests.orchestration.dagster_home import NAME, SCHEDULE, day
from settlement_platform_tests.pipeline.operating import a_refused_visa, a_visa
from settlement_platform_tests.scenarios.ending import DateEnd, assert_ends
from settlement_platform_tests.scenarios.story import Story

THURSDAY, FRIDAY, SATURDAY = (day(n) for n in range(3))
WHY = ("--reason", "the provider confirmed it", "--actor", "ana")


def run_of(number: int) -> list[str]:
    """The run that is launched when a part of a date can be published."""
    return [f"{SCHEDULE} {day(number)}"]


def test_a_quarantined_date_that_an_operator_releases_is_published_as_it_is(story: Story) -> None:
    """With its name and reason on record; the sensor does not hold it again, nor run it once more."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY, "mastercard", "amex")
    bad = a_refused_visa(THURSDAY, 5)
    bad.write(story.home.landing)
    story.tick("03:30")
    held = story.explain(THURSDAY)
    story.at("03:45")
    released = story.command("quarantine", "release", NAME, f"{THURSDAY}", "--despite", "rows_as_declared", *WHY)
    after = story.tick("03:50", "03:51")
    explained = story.explain(THURSDAY)

    assert "quarantine show" in held
    assert released.code == 0, released.err
    assert after == [[], []]
    assert "by ana: the provider confirmed it" in explained
    alerts = [f"critical quarantined {THURSDAY}", f"resolved quarantined {THURSDAY}"]
    assert_ends(story, {THURSDAY: DateEnd(generations=["final"], of=[bad, *there])}, watermark=THURSDAY, alerts=alerts)


@pytest.mark.slow
def test_a_restatement_that_an_operator_rolls_back_stays_rolled_back(story: Story) -> None:
    """Although its file still lies there, neither the sensor nor the schedule publishes it again; a newer one is."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    story.tick("03:30")
    a_visa(THURSDAY, 5).write(story.home.landing)
    story.tick("03:40")
    story.at("03:50")
    back = story.command("rollback", NAME, f"{THURSDAY}", "--to", "1", *WHY)
    rolled = story.tick("03:50", "04:10")
    stood, explained = story.state(THURSDAY), story.explain(THURSDAY)
    newer = a_visa(THURSDAY, 7)
    newer.write(story.home.landing)
    again = story.tick("05:00")

    assert back.code == 0, back.err
    assert rolled == [[], run_of(0)]
    assert stood == "rolled_back 3"
    assert "withdrawn" in explained
    assert again == [run_of(0)]
    ends = {THURSDAY: DateEnd(generations=["final", "restated", "rolled_back", "restated"], of=[newer, *there[1:]])}
    begun, over = f"info restated {THURSDAY}", f"resolved restated {THURSDAY}"
    assert_ends(story, ends, watermark=THURSDAY, alerts=[begun, begun, over, over, begun, over])


def test_a_date_that_an_operator_skips_lets_the_watermark_pass_and_counts_again_when_it_comes(story: Story) -> None:
    """The date is not waited for any more; what comes after the skip is published all the same."""
    story.at("2026-01-02 03:46").tick("03:46")
    skipped = story.command("skip", NAME, f"{THURSDAY}", *WHY)
    after = story.tick("03:50", "06:30")
    passed = story.command("status", NAME, "--json").json["datasets"][0]["watermark"]
    explained = story.explain(THURSDAY)
    there = story.at("2026-01-02 12:00").deliver(THURSDAY)
    came = story.tick("12:00")

    assert skipped.code == 0, skipped.err
    assert after == [[], run_of(0)]
    assert passed == f"{THURSDAY}"
    assert "next: nothing; it is published" in explained
    assert came == [run_of(0)]
    ends = {THURSDAY: DateEnd(generations=["skipped", "final"], of=there)}
    assert_ends(story, ends, watermark=THURSDAY, alerts=[f"warning late {THURSDAY}", f"resolved late {THURSDAY}"])


@pytest.mark.slow
def test_what_comes_during_a_pause_is_published_when_it_ends(story: Story) -> None:
    """Neither the sensor nor the schedule launches anything meanwhile, and `explain` says who to ask."""
    story.at("2026-01-02 03:20")
    paused = story.command("pause", NAME, *WHY)
    there = story.at("03:30").deliver(THURSDAY)
    launched = story.tick("03:30", "04:10", "04:30")
    said, explained = story.scan(), story.explain(THURSDAY)
    resumed = story.command("resume", NAME, *WHY)
    after = story.tick("04:40", "04:41")

    assert (paused.code, resumed.code) == (0, 0)
    assert launched == [[], [], []]
    assert f"{NAME} is paused by ana" in said
    assert f"{NAME} is paused by ana" in explained
    assert f"next: settlement resume {NAME}" in explained
    assert after == [run_of(0), []]
    assert_ends(story, {THURSDAY: DateEnd(generations=["final"], of=there)}, watermark=THURSDAY, alerts=[])
