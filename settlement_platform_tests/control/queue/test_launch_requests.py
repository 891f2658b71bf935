"""Launch decisions, from arrivals and from the outcome of earlier runs."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.facts import Arrival, CurrentPublication, OperatorActionType, State
from settlement_platform.control.landing.arrival_history import (
    find_reappearance,
    find_superseded_files,
    latest_arrivals,
)
from settlement_platform.control.landing.deliveries import DateDeliveries, SourcePattern, choose_deliveries
from settlement_platform.control.policies import ProvisionalCut, Timeliness
from settlement_platform.control.publishing.operator_overrides import OperatorOverrides
from settlement_platform.control.queue.launch_requests import (
    Expectation,
    LaunchAction,
    LaunchDecision,
    ScannedDate,
    decide_launch,
)
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.timeliness.calendars import MONDAY_TO_FRIDAY, Calendar
from settlement_platform_tests.builders import (
    DATASET,
    DAY,
    a_delivery,
    a_failed_check,
    a_landed_file,
    a_reason,
    a_standing,
    a_verdict,
    an_action,
    an_arrival,
    codes,
)

SOURCES = ("visa", "mastercard", "amex")
TIMELINESS = Timeliness(expected_by=time(3, 45), target=time(6), deadline=time(6))
EXPECTED = datetime(2026, 11, 21, 3, 45, tzinfo=UTC)
DEADLINE = datetime(2026, 11, 21, 6, tzinfo=UTC)
EVERY_DAY = Expectation(dataset=DATASET, timeliness=TIMELINESS, calendar=Calendar(), required=SOURCES)
NOBODY_WORKS = replace(EVERY_DAY, calendar=Calendar(name="weekdays", weekdays=MONDAY_TO_FRIDAY - {DAY.weekday()}))
WITH_A_CUT = replace(EVERY_DAY, provisional=ProvisionalCut(minimum_sources=2))
REFUSED = a_verdict(checks=(a_failed_check(),))
ASKED = f"{DATASET}:{DAY}:content-1"


def inputs(*waiting: Reason, there: tuple[str, ...] = ()) -> DateDeliveries:
    return DateDeliveries(business_date=DAY, deliveries=tuple(a_delivery(s) for s in there), waiting=waiting)


def seen(**changes: Any) -> ScannedDate:  # noqa: ANN401 - any field
    """A whole date that nobody has requested yet."""
    usual = {"business_date": DAY, "inputs": inputs(), "content_hash": "content-1", "anything": True}
    return ScannedDate(**{**usual, **changes})


def nothing(**changes: Any) -> ScannedDate:  # noqa: ANN401 - any field
    """A date of which nothing has come."""
    found = inputs(*(a_reason("no_file_yet", source=source) for source in SOURCES))
    return seen(inputs=found, content_hash=None, anything=False, **changes)


def partly(**changes: Any) -> ScannedDate:  # noqa: ANN401 - any field
    """A date that lacks amex."""
    found = inputs(a_reason("no_file_yet", source="amex"), there=("visa", "mastercard", "extra"))
    return seen(inputs=found, **changes)


def test_a_whole_date_is_requested() -> None:
    ask = decide_launch(seen(), EVERY_DAY, EXPECTED)

    assert (ask.action, ask.run_key) == (LaunchAction.REQUEST, ASKED)
    assert codes(ask.reasons) == ["all_files_arrived"]


def test_another_content_of_a_published_date_is_requested_as_a_correction() -> None:
    ask = decide_launch(seen(current=a_standing(content_hash="content-0")), EVERY_DAY, EXPECTED)

    assert (ask.action, ask.run_key) == (LaunchAction.REQUEST, ASKED)
    assert codes(ask.reasons) == ["delivery_changed"]


def test_what_comes_after_a_skip_is_requested_under_a_key_of_its_own() -> None:
    """The content may have been requested before the skip, under a key that Dagster remembers for ever."""
    ask = decide_launch(seen(current=a_standing(state=State.SKIPPED, content_hash="")), EVERY_DAY, EXPECTED)

    assert (ask.action, ask.run_key) == (LaunchAction.REQUEST, f"{ASKED}:after generation 1")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (seen(current=a_standing()), "already_published"),
        (seen(verdict=REFUSED), "check_failed"),
        (seen(verdict=REFUSED, current=a_standing(content_hash="content-0")), "check_failed"),
        (
            seen(overrides=OperatorOverrides(withdrawn={"content-1": an_action(action=OperatorActionType.DISCARD)})),
            "content_discarded",
        ),
        (seen(current=a_standing(content_hash="x"), superseded=("visa: gone",)), "visa: gone"),
        (
            seen(current=a_standing(state=State.SKIPPED, content_hash=""), skipped=a_reason("date_skipped")),
            "date_skipped",
        ),
        (nothing(current=a_standing()), None),
        (nothing(), None),
    ],
    ids=[
        "published",
        "refused",
        "refused beside what is published",
        "discarded",
        "older than what vanished",
        "skipped",
        "archived",
        "not there yet",
    ],
)
def test_nothing_is_requested_that_would_change_nothing(found: ScannedDate, reason: str | None) -> None:
    ask = decide_launch(found, EVERY_DAY, DEADLINE + timedelta(days=9))

    assert ask.action is LaunchAction.NOTHING
    assert codes(ask.reasons) == ([reason] if reason else [])


@pytest.mark.parametrize(
    "found",
    [
        seen(verdict=a_verdict("content-0", checks=(a_failed_check(),))),
        seen(verdict=a_verdict()),
        seen(
            verdict=REFUSED,
            overrides=OperatorOverrides(released={"content-1": an_action(action=OperatorActionType.RELEASE)}),
        ),
        seen(overrides=OperatorOverrides(withdrawn={"content-0": an_action(action=OperatorActionType.DISCARD)})),
        seen(overrides=OperatorOverrides(paused=an_action(business_date=None))),
    ],
    ids=[
        "refused was another content",
        "judged but not published",
        "released",
        "discarded was another content",
        "the pause is of the whole dataset",
    ],
)
def test_content_without_override_or_verdict_is_requested(found: ScannedDate) -> None:
    assert decide_launch(found, EVERY_DAY, EXPECTED).run_key == ASKED


def test_what_was_published_and_replaced_is_requested_when_it_comes_again() -> None:
    """Under a key that names the arrival: its first one has the key that Dagster remembers for ever."""
    again = seen(current=a_standing(content_hash="content-0"), verdict=a_verdict(), reappearance=5)

    ask = decide_launch(again, EVERY_DAY, EXPECTED)

    assert (ask.action, ask.run_key) == (LaunchAction.REQUEST, f"{ASKED}:arrival 5")
    assert codes(ask.reasons) == ["earlier_files_reappeared"]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (partly(), "no_file_yet"),
        (seen(overrides=OperatorOverrides(paused=an_action(business_date=DAY))), "date_paused"),
        (seen(superseded=("visa: gone",)), "visa: gone"),
        (replace(nothing(), anything=True), "no_file_yet"),
    ],
    ids=[
        "incomplete",
        "paused",
        "older than what vanished unpublished",
        "a data file alone",
    ],
)
def test_what_may_still_come_waits_with_its_reason(found: ScannedDate, reason: str) -> None:
    ask = decide_launch(found, EVERY_DAY, DEADLINE + timedelta(days=9))

    assert ask.action is LaunchAction.WAIT
    assert codes(ask.reasons)[0] == reason


@pytest.mark.parametrize(
    ("found", "after", "todo"),
    [
        (nothing(), timedelta(seconds=1), LaunchAction.REQUEST),
        (nothing(), timedelta(0), LaunchAction.NOTHING),
        (nothing(current=a_standing(state=State.NOT_EXPECTED)), timedelta(days=1), LaunchAction.NOTHING),
        (nothing(superseded=("visa: gone",)), timedelta(days=1), LaunchAction.NOTHING),
        (
            nothing(overrides=OperatorOverrides(paused=an_action(business_date=DAY))),
            timedelta(days=1),
            LaunchAction.WAIT,
        ),
        (replace(nothing(), anything=True), timedelta(days=1), LaunchAction.WAIT),
    ],
    ids=["due", "not yet", "recorded", "something came and went", "paused", "something is on its way"],
)
def test_a_date_without_files_is_due_when_none_is_expected(
    found: ScannedDate, after: timedelta, todo: LaunchAction
) -> None:
    ask = decide_launch(found, NOBODY_WORKS, EXPECTED + after)

    assert ask.action is todo
    assert ask.run_key == (f"{DATASET}:{DAY}:not_expected" if todo is LaunchAction.REQUEST else "")


def test_files_that_come_although_none_is_expected_are_requested_like_any() -> None:
    found = seen(current=a_standing(state=State.NOT_EXPECTED, content_hash=""))

    assert decide_launch(found, NOBODY_WORKS, EXPECTED).run_key == ASKED


@pytest.mark.parametrize(
    ("found", "expectation", "after", "asked"),
    [
        (partly(), WITH_A_CUT, 1, True),
        (partly(current=a_standing(state=State.PROVISIONAL, content_hash="content-0")), WITH_A_CUT, 1, True),
        (partly(), WITH_A_CUT, 0, True),
        (partly(), WITH_A_CUT, -1, False),
        (partly(), EVERY_DAY, 1, False),
        (partly(), replace(WITH_A_CUT, provisional=ProvisionalCut(minimum_sources=3)), 1, False),
        (partly(current=a_standing(content_hash="content-0")), WITH_A_CUT, 1, False),
        (partly(current=a_standing(state=State.PROVISIONAL)), WITH_A_CUT, 1, False),
        (partly(verdict=REFUSED), WITH_A_CUT, 1, False),
    ],
    ids=[
        "due",
        "more came",
        "at the deadline",
        "before",
        "none declared",
        "too few",
        "whole is published",
        "published",
        "refused",
    ],
)
def test_a_provisional_cut_is_due_from_the_deadline_on(
    found: ScannedDate, expectation: Expectation, after: int, asked: bool
) -> None:
    ask = decide_launch(found, expectation, DEADLINE + timedelta(seconds=after))

    assert ask.run_key == (f"{ASKED}:provisional" if asked else "")


PATTERN = SourcePattern(source="visa", stem="{business_date}/{source}/cards")


@dataclass
class Zone:
    """A landing zone of one source, its record, and what readers see: all that a sensor and its runs would do."""

    files: dict[int, tuple[int, int]] = field(default_factory=dict)
    history: list[Arrival] = field(default_factory=list)
    standing: CurrentPublication | None = None
    judged: set[str] = field(default_factory=set)
    asks: list[LaunchDecision] = field(default_factory=list)
    published: list[tuple[int, int]] = field(default_factory=list)
    clock: int = 0

    def deliver(self, version: int, content: int) -> None:
        self.clock += 1
        self.files[version] = (content, self.clock)

    def inputs(self) -> DateDeliveries:
        moment = datetime(2026, 11, 21, tzinfo=UTC)
        landed = []
        for version, (content, written) in self.files.items():
            stem = f"{PATTERN.stem_for(DAY)}{'' if version == 1 else f'.{version}'}"
            for kind in ("csv", "control.json"):
                at = moment + timedelta(minutes=written)
                landed.append(a_landed_file(f"{stem}.{kind}", modified_at=at, tag=f"{content}"))
        return choose_deliveries(DAY, [PATTERN], landed)

    def tick(self) -> None:
        found = self.inputs()
        newest = latest_arrivals(self.history)
        overtaken = find_superseded_files(found, newest, [a.signature for a in self.history])
        for d in found.deliveries:
            if d.signature not in {a.signature for a in self.history} and d.source not in overtaken:
                self.history.append(
                    an_arrival(version=d.version, sha256=d.data.tag, signature=d.signature, key=d.data.key)
                )
        content = found.deliveries[0].data.tag if found.deliveries else None
        ask = decide_launch(
            seen(
                inputs=found,
                content_hash=content,
                anything=bool(self.files),
                superseded=tuple(overtaken.values()),
                reappearance=find_reappearance(self.history),
                current=self.standing,
                verdict=a_verdict(content) if content in self.judged else None,
            ),
            replace(EVERY_DAY, required=("visa",)),
            EXPECTED,
        )
        if ask.action is LaunchAction.REQUEST:
            assert content is not None
            self.asks.append(ask)
            self.judged.add(content)
            self.standing = a_standing(content_hash=content, generation=len(self.published) + 1)
            self.published.append((found.deliveries[0].version, found.deliveries[0].data.modified_at.minute))


DELIVERED = st.tuples(st.just("deliver"), st.integers(1, 3), st.integers(1, 4))
REMOVED = st.tuples(st.just("remove"), st.integers(1, 3), st.just(0))
TICKED = st.tuples(st.just("tick"), st.just(0), st.just(0))


@given(st.lists(st.one_of(DELIVERED, REMOVED, TICKED), max_size=25))
def test_no_delivery_is_ever_requested_twice(story: list[tuple[str, int, int]]) -> None:
    """Whatever is delivered, removed, delivered again and scanned, in whatever order."""
    zone = play(story)

    assert len({ask.run_key for ask in zone.asks}) == len(zone.asks)


@given(st.lists(st.one_of(DELIVERED, TICKED), max_size=25))
def test_what_was_delivered_last_is_what_is_published_in_the_end(story: list[tuple[str, int, int]]) -> None:
    """Even if it had been published before and was replaced meanwhile."""
    zone = play(story)

    last = latest_arrivals(zone.history).get("visa")
    assert (zone.standing and zone.standing.content_hash) == (last and last.sha256)


@given(st.lists(st.one_of(DELIVERED, REMOVED, TICKED), max_size=25))
def test_an_older_delivery_never_overtakes_a_newer_one(story: list[tuple[str, int, int]]) -> None:
    """Publications go up in version, and within a version in the time of delivery."""
    zone = play(story)

    assert zone.published == sorted(zone.published)


def play(story: list[tuple[str, int, int]]) -> Zone:
    zone = Zone()
    for what, version, content in story:
        if what == "deliver":
            zone.deliver(version, content)
        elif what == "remove":
            zone.files.pop(version, None)
        else:
            zone.tick()
    zone.tick()
    return zone


def test_the_same_bytes_again_are_requested_only_if_others_replaced_them() -> None:
    """Once for each delivery that brings them back."""
    again, other = [("deliver", 1, 1), ("tick", 0, 0)], [("deliver", 1, 2), ("tick", 0, 0)]

    zone = play([*again, *again, *other, *other, *again, *again, *other])

    keys = [a.run_key.removeprefix(f"{DATASET}:{DAY}:") for a in zone.asks]
    assert keys == ["1", "2", "1:arrival 5", "2:arrival 7"]


def test_a_higher_version_with_older_bytes_is_requested() -> None:
    zone = play([("deliver", 1, 1), ("tick", 0, 0), ("deliver", 2, 2), ("tick", 0, 0), ("deliver", 3, 1)])

    assert [a.run_key.removeprefix(f"{DATASET}:{DAY}:") for a in zone.asks] == ["1", "2", "1:arrival 3"]


def test_a_restored_older_file_is_overtaken_by_the_one_that_had_replaced_it() -> None:
    """Its signature is on record, so it is known to be the older one."""
    zone = play([("deliver", 1, 1), ("tick", 0, 0)])
    before = dict(zone.files)
    zone.deliver(1, 2)
    zone.tick()
    zone.files = before

    zone.tick()

    assert [a.run_key[-1] for a in zone.asks] == ["1", "2"]
    assert zone.standing is not None
    assert zone.standing.content_hash == "2"


def test_the_highest_version_on_record_counts_and_the_last_observed_of_it() -> None:
    """Whatever order they came in."""
    came = [(1, "a"), (3, "b"), (3, "c"), (2, "d")]
    history = [an_arrival(version=version, sha256=sha256) for version, sha256 in came]

    newest = latest_arrivals(history)

    assert {source: a.sha256 for source, a in newest.items()} == {"visa": "c"}


def test_a_source_whose_files_are_gone_is_not_left_out_of_a_date() -> None:
    """Not even one that is not required: without it the date would be another content."""
    newest = latest_arrivals([an_arrival(), an_arrival(source="extra", key="extra/cards.csv")])

    found = find_superseded_files(inputs(), newest, [a.signature for a in newest.values()])

    assert found["extra"].code == "file_missing"
    assert found["extra"].parameters == {
        "source": "extra",
        "key": "extra/cards.csv",
        "observed_at": "2026-11-21T04:00:00Z",
    }
