"""Deliveries that come in pieces, twice, corrected, out of order, or wrong at first."""

import os

import pytest

from settlement_platform_tests.deliveries import Delivery, some_rows
from settlement_platform_tests.orchestration.dagster_home import NAME, SCHEDULE, day
from settlement_platform_tests.pipeline.operating import a_refused_visa, a_visa, expected_counts
from settlement_platform_tests.scenarios.ending import DateEnd, assert_ends
from settlement_platform_tests.scenarios.story import Story

THURSDAY, FRIDAY = day(0), day(1)
RUN = [f"{SCHEDULE} {THURSDAY}"]
RESTATED = [f"info restated {THURSDAY}", f"resolved restated {THURSDAY}"]


def grow(story: Story, delivery: Delivery, share: float) -> None:
    """Let a data file be there up to a share of its bytes, as it is while it is written under its own name."""
    path = delivery.data_path(story.home.landing)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_bytes(delivery.data_bytes[: int(len(delivery.data_bytes) * share)])
    newer = max(path.stat().st_mtime_ns, before + 1_000_000)
    os.utime(path, ns=(newer, newer))


def test_a_file_that_is_still_being_written_is_waited_for(story: Story) -> None:
    """Without its control file, with an older one, and growing: nothing is read before both are there and agree."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY, "mastercard", "amex")
    visa = a_visa(THURSDAY, 40)
    grow(story, visa, 0.3)
    without = story.tick()
    explained = [story.explain(THURSDAY)]
    visa.write_control(story.home.landing)
    grow(story, visa, 0.6)
    growing = story.tick("03:32")
    explained.append(story.explain(THURSDAY))
    visa.write(story.home.landing)
    complete = story.tick("03:35", "03:36")

    assert (without, growing, complete) == ([[]], [[]], [RUN, []])
    assert "visa: the control file has not arrived" in explained[0]
    assert "visa" in explained[1]
    assert all("next: nothing until the files arrive" in said for said in explained)
    assert_ends(story, {THURSDAY: DateEnd(generations=["final"], of=[visa, *there])}, watermark=THURSDAY, alerts=[])


@pytest.mark.slow
def test_a_file_that_is_delivered_twice_doubles_nothing(story: Story) -> None:
    """It is on record that it came again; no run is requested, and the schedule changes nothing."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    first = story.tick()
    for delivery in there:
        delivery.write(story.home.landing)
    again = story.tick("03:40", "04:10")
    with story.stores() as stores:
        arrivals = stores.ledger.arrivals(NAME, THURSDAY, THURSDAY)

    assert (first, again) == ([RUN], [[], RUN])
    assert len(arrivals) == 6
    assert "next: nothing; it is published" in story.explain(THURSDAY)
    assert_ends(story, {THURSDAY: DateEnd(generations=["final"], of=there)}, watermark=THURSDAY, alerts=[])


def test_a_correction_of_a_published_date_restates_it_and_only_its_marts(story: Story) -> None:
    """The difference is on record, readers are notified once, and the next date is left as it was."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    story.tick("03:30")
    beside = story.at("2026-01-03 03:30").deliver(FRIDAY)
    story.tick("03:30")
    correction = a_visa(THURSDAY, 5)
    correction.write(story.home.landing)
    corrected = story.tick("09:00", "09:01")
    explained = story.explain(THURSDAY)
    counts = story.home.query(
        "SELECT previous_generation, rows_added, rows_removed, rows_changed FROM lake.published.restatements "
        f"WHERE dataset = '{NAME}'"
    )

    now_there = [correction, *there[1:]]
    assert corrected == [[f"{SCHEDULE} {FRIDAY}", *RUN], []]
    assert counts == [(1, *expected_counts(there, now_there))]
    assert "generation 2" in explained
    assert "next: nothing; it is published" in explained
    ends = {
        THURSDAY: DateEnd(generations=["final", "restated"], of=now_there),
        FRIDAY: DateEnd(generations=["final"], of=beside),
    }
    assert_ends(story, ends, watermark=FRIDAY, alerts=RESTATED)


@pytest.mark.slow
def test_a_correction_that_comes_before_the_original_was_read_is_the_only_one_that_counts(story: Story) -> None:
    """The original that comes after it, and once more when the correction is archived, never overtakes it."""
    newest, original = a_visa(THURSDAY, 5, version=2), a_visa(THURSDAY, 3)
    there = story.at("2026-01-02 03:30").deliver(THURSDAY, "mastercard", "amex")
    original.write(story.home.landing)
    newest.write(story.home.landing)
    launched = story.tick("03:30")
    original.write(story.home.landing)
    late_original = story.tick("03:40", "04:05")
    newest.data_path(story.home.landing).unlink()
    newest.control_path(story.home.landing).unlink()
    archived = story.tick("09:00")
    explained = story.explain(THURSDAY)

    assert (launched, late_original, archived) == ([RUN], [[], RUN], [[]])
    assert "next: nothing; it is published" in explained
    assert_ends(story, {THURSDAY: DateEnd(generations=["final"], of=[newest, *there])}, watermark=THURSDAY, alerts=[])


def test_a_bad_file_is_held_with_its_evidence_until_the_corrected_one_supersedes_it(story: Story) -> None:
    """Nobody has to release or discard anything; its owner is notified when it is held and when it no longer is."""
    bad, good = a_refused_visa(THURSDAY, 5), a_visa(THURSDAY, 5)
    there = story.at("2026-01-02 03:30").deliver(THURSDAY, "mastercard", "amex")
    bad.write(story.home.landing)
    held = story.tick("03:30", "03:40", "04:10")
    stood, explained = story.state(THURSDAY), story.explain(THURSDAY)
    evidence = story.command("quarantine", "show", NAME, f"{THURSDAY}").out
    shown = story.sent(f"[critical] quarantined: {NAME} {THURSDAY}")
    good.write(story.home.landing)
    fixed = story.tick("04:30", "04:31")

    assert held == [RUN, [], RUN]
    assert stood == "quarantined"
    assert "rows_as_declared" in explained
    assert f"next: settlement quarantine show {NAME} {THURSDAY}; a corrected file supersedes it" in explained
    assert "visa/cards.csv" in evidence
    assert "rows_as_declared" in shown
    assert fixed == [RUN, []]
    alerts = [f"critical quarantined {THURSDAY}", f"resolved quarantined {THURSDAY}"]
    assert_ends(story, {THURSDAY: DateEnd(generations=["final"], of=[good, *there])}, watermark=THURSDAY, alerts=alerts)


@pytest.mark.slow
def test_a_bad_correction_of_a_published_date_changes_nothing_for_readers(story: Story) -> None:
    """They keep what they had while it is held, and have the next correction when it is good."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    story.tick("03:30")
    a_refused_visa(THURSDAY, 4).write(story.home.landing)
    story.tick("03:40")
    stood, seen = story.state(THURSDAY), story.home.query(f"SELECT count(*) FROM lake.published.{NAME}")
    explained = story.explain(THURSDAY)
    good = Delivery(business_date=THURSDAY, source="visa", rows=some_rows(THURSDAY, "visa", 6))
    good.write(story.home.landing)
    story.tick("03:50", "03:51")

    assert (stood, seen) == ("final 1 (quarantined)", [(9,)])
    assert "published: generation 1, 9 rows" in explained
    assert f"next: settlement quarantine show {NAME} {THURSDAY}" in explained
    alerts = [
        f"warning quarantined {THURSDAY}",
        f"info restated {THURSDAY}",
        f"resolved quarantined {THURSDAY}",
        f"resolved restated {THURSDAY}",
    ]
    ends = {THURSDAY: DateEnd(generations=["final", "restated"], of=[good, *there[1:]])}
    assert_ends(story, ends, watermark=THURSDAY, alerts=alerts)
