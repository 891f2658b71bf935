"""Files that come late, are known to, never come, or are not expected at all."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from settlement_platform.control.policies import ProvisionalCut, RecurringLateness
from settlement_platform.datasets.calendars import FEDERAL_RESERVE
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform_tests.orchestration.dagster_home import SCHEDULE, day
from settlement_platform_tests.scenarios.conftest import Tell
from settlement_platform_tests.scenarios.ending import DateEnd, assert_ends, resolved
from settlement_platform_tests.scenarios.story import Story

THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY = (day(n) for n in range(5))
AMEX_ON_MONDAYS = RecurringLateness(weekday=0, by=timedelta(hours=2, minutes=30), sources=("amex",))
LATE_ON_MONDAYS = replace(
    CARD_SETTLEMENTS, timeliness=replace(CARD_SETTLEMENTS.timeliness, known_lateness=(AMEX_ON_MONDAYS,))
)
CUT = ProvisionalCut(minimum_sources=2)
LADDER = [
    f"warning late {THURSDAY}",
    f"critical escalated {THURSDAY}",
    f"warning freshness_at_risk {THURSDAY}",
]


def run_of(business_date: date) -> list[str]:
    """The run that is launched when a part of a date can be published."""
    return [f"{SCHEDULE} {business_date}"]


def test_a_file_that_is_two_hours_late_is_warned_of_and_escalated_until_it_comes(story: Story) -> None:
    """Two sources wait for the third; readers have the date a quarter of an hour before it was promised."""
    there = story.at("2026-01-02 03:40").deliver(THURSDAY, "visa", "mastercard")
    waited = story.tick("03:40", "03:50", "04:10", "04:50", "05:10")
    explained = story.explain(THURSDAY)
    there += story.at("05:45").deliver(THURSDAY, "amex")
    came = story.tick("05:45", "05:46")

    assert waited == [[], [], run_of(THURSDAY), [], []]
    assert "amex: no file 2026-01-01/amex/cards.csv yet; expected by 2026-01-02 03:45 UTC, 1 h 25 min late" in explained
    assert "next: nothing until the files arrive" in explained
    assert came == [run_of(THURSDAY), []]
    ends = {THURSDAY: DateEnd(generations=["final"], of=there)}
    assert_ends(story, ends, watermark=THURSDAY, alerts=[*LADDER, *resolved(LADDER)])


@pytest.mark.slow
def test_what_is_late_every_monday_calls_nobody_on_a_monday(tell: Tell) -> None:
    """Not even when the promise is missed by what was announced; on a Tuesday the same lateness is warned of."""
    story = tell(LATE_ON_MONDAYS, SETTLEMENT_FIRST_DATE=f"{SUNDAY}")
    there = story.at(f"{MONDAY} 03:40").deliver(SUNDAY, "visa", "mastercard")
    story.tick("03:50", "05:10", "06:10")
    there += story.at("06:14").deliver(SUNDAY, "amex")
    story.tick("06:14")
    on_monday = story.alerts()
    there += story.at("2026-01-06 03:40").deliver(MONDAY, "visa", "mastercard")
    story.tick("03:50")
    explained = story.explain(MONDAY)
    there += story.at("03:55").deliver(MONDAY, "amex")
    story.tick("03:55")

    assert on_monday == []
    assert "amex: no file 2026-01-05/amex/cards.csv yet; expected by 2026-01-06 03:45 UTC, 5 min late" in explained
    ends = {SUNDAY: DateEnd(generations=["final"], of=there[:3]), MONDAY: DateEnd(generations=["final"], of=there[3:])}
    assert_ends(story, ends, watermark=MONDAY, alerts=[f"warning late {MONDAY}", f"resolved late {MONDAY}"])


@pytest.mark.slow
def test_where_a_cut_is_declared_readers_have_it_at_the_deadline_of_a_known_lateness(tell: Tell) -> None:
    """It is reported as what it is, and as replaced when the rest is there; nobody is paged."""
    story = tell(replace(LATE_ON_MONDAYS, provisional=CUT), SETTLEMENT_FIRST_DATE=f"{SUNDAY}")
    there = story.at(f"{MONDAY} 03:40").deliver(SUNDAY, "visa", "mastercard")
    before = story.tick("03:50", "05:59")
    cut = story.tick("06:01", "06:02")
    stood, explained = story.state(SUNDAY), story.explain(SUNDAY)
    there += story.at("06:14").deliver(SUNDAY, "amex")
    whole = story.tick("06:14")

    assert (before, cut, whole) == ([[], run_of(SUNDAY)], [run_of(SUNDAY), []], [run_of(SUNDAY)])
    assert stood == "provisional 1 (waiting)"
    assert "provisional cut: the deadline was 2026-01-05 06:00 UTC, with 2 of 3 required sources" in explained
    assert "amex: no file 2026-01-04/amex/cards.csv yet" in explained
    assert "next: nothing until the files arrive" in explained
    alerts = [f"info provisional {SUNDAY}", f"resolved provisional {SUNDAY}"]
    ends = {SUNDAY: DateEnd(generations=["provisional", "final"], of=there)}
    assert_ends(story, ends, watermark=SUNDAY, alerts=alerts)


@pytest.mark.slow
def test_a_file_that_never_comes_is_reported_stage_by_stage_until_an_operator_skips_the_date(story: Story) -> None:
    """Without a cut readers see nothing of it; the next date is published, and counts when the gap is closed."""
    story.at("2026-01-02 03:40").deliver(THURSDAY, "visa", "mastercard")
    rungs = []
    for clock in ("03:50", "04:50", "05:10", "06:10", "12:00"):
        story.tick(clock)
        rungs.append(story.alerts())
    overdue, explained = story.state(THURSDAY), story.explain(THURSDAY)
    there = story.at("2026-01-03 03:30").deliver(FRIDAY)
    story.tick("03:30")
    gap = story.state(FRIDAY)
    story.command("skip", "card_settlements", f"{THURSDAY}", "--reason", "the provider has lost it", "--actor", "ana")
    story.tick("09:00")

    missed = "critical freshness_missed"
    assert rungs == [LADDER[:1], LADDER[:2], LADDER, [*LADDER, missed], [*LADDER, missed]]
    assert (overdue, gap) == ("late", "final 1")
    assert "expected by 2026-01-02 03:45 UTC, 8 h 15 min late" in explained
    assert "next: nothing until the files arrive" in explained
    ends = {THURSDAY: DateEnd(generations=["skipped"]), FRIDAY: DateEnd(generations=["final"], of=there)}
    assert_ends(story, ends, watermark=FRIDAY, alerts=[*LADDER, missed, *resolved([*LADDER, missed])])


@pytest.mark.slow
def test_a_file_that_never_comes_on_its_day_leaves_readers_with_the_cut(tell: Tell) -> None:
    """Until it comes after all in the evening; the ladder of warnings is the same, and ends with the whole date."""
    story = tell(replace(CARD_SETTLEMENTS, provisional=CUT))
    there = story.at("2026-01-02 03:40").deliver(THURSDAY, "visa", "mastercard")
    story.tick("03:50", "04:50", "05:10", "06:10", "12:00")
    stood, explained = story.state(THURSDAY), story.explain(THURSDAY)
    there += story.at("22:00").deliver(THURSDAY, "amex")
    story.tick("22:00")

    assert stood == "provisional 1 (late)"
    assert "provisional cut: the deadline was 2026-01-02 06:00 UTC, with 2 of 3 required sources" in explained
    assert "next: nothing until the files arrive" in explained
    ends = {THURSDAY: DateEnd(generations=["provisional", "final"], of=there)}
    raised = [*LADDER, f"info provisional {THURSDAY}", "critical freshness_missed"]
    assert_ends(story, ends, watermark=THURSDAY, alerts=[*raised, *resolved(raised)])


def test_a_holiday_is_recorded_without_a_file_and_the_watermark_passes_it(tell: Tell) -> None:
    """As soon as a file would have been there; nobody waits, and nobody is notified."""
    story = tell(replace(CARD_SETTLEMENTS, calendar=FEDERAL_RESERVE))
    early = story.at("2026-01-02 03:40").explain(THURSDAY)
    launched = story.tick("03:40", "03:46", "03:47")
    there = story.at("2026-01-03 03:30").deliver(FRIDAY)
    story.tick("03:30")

    assert "New Year's Day; recorded after 2026-01-02 03:45 UTC" in early
    assert "next: nothing; it will be recorded automatically" in early
    assert launched == [[], run_of(THURSDAY), []]
    ends = {THURSDAY: DateEnd(generations=["not_expected"]), FRIDAY: DateEnd(generations=["final"], of=there)}
    assert_ends(story, ends, watermark=FRIDAY, alerts=[])
