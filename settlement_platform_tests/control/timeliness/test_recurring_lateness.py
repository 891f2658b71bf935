"""Lateness that recurs on a weekday is found, and worded as the policy that would allow for it."""

from collections.abc import Sequence
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.facts import Arrival
from settlement_platform.control.policies import RecurringLateness, Timeliness
from settlement_platform.control.timeliness.recurring_lateness import (
    LatenessPattern,
    as_declaration,
    find_lateness_patterns,
)
from settlement_platform_tests.builders import an_arrival

TIMELINESS = Timeliness(expected_by=time(3, 45), target=time(6), deadline=time(6))
SUNDAY = date(2026, 11, 1)
"""Its files are due on a Monday."""


def arrivals(minutes: Sequence[float], *, first: date = SUNDAY, source: str = "visa") -> list[Arrival]:
    """One a week, each so many minutes after it is expected."""
    found = []
    for week, late in enumerate(minutes):
        day = first + timedelta(weeks=week)
        observed = TIMELINESS.moment(day, TIMELINESS.expected_by) + timedelta(minutes=late)
        found.append(an_arrival(business_date=day, source=source, observed_at=observed))
    return found


def pattern(minutes: Sequence[float], timeliness: Timeliness = TIMELINESS) -> LatenessPattern:
    (found,) = find_lateness_patterns(arrivals(minutes), timeliness)
    return found


def knowing(minutes: int, **changes: object) -> Timeliness:
    known = RecurringLateness(weekday=0, by=timedelta(minutes=minutes), **changes)  # type: ignore[arg-type]
    return Timeliness(expected_by=time(3, 45), target=time(6), deadline=time(6), known_lateness=(known,))


@pytest.mark.parametrize(
    ("minutes", "by"),
    [
        ([40, 42, 45, 51], 55),
        ([-5, -5, -5, -5, 40, 40, 40, 2], 40),
        ([30, 30, 30], 30),
        ([11, 20, 30, 0], 30),
        ([25, 30, 28, 600], 30),
        ([30, 30, 30, 30, 30, 30, 0, 0], 30),
        ([10, 10, 10, 10], None),
        ([30, 30], None),
        ([30, 30, 0, 0], None),
        ([30, 30, 30, 30, 0, 0, 0, 0], None),
        ([], None),
    ],
    ids=[
        "always",
        "three of the last four",
        "three, and no more are known",
        "just beyond what is tolerated",
        "one morning far beyond",
        "three quarters of all",
        "within what is tolerated",
        "too few",
        "half of four",
        "long ago",
        "nothing",
    ],
)
def test_a_source_that_is_late_as_a_rule_gets_an_allowance(minutes: list[float], by: int | None) -> None:
    found = [p.suggested for p in find_lateness_patterns(arrivals(minutes), TIMELINESS)]

    assert [p.by if p else None for p in found] == ([] if not minutes else [by and timedelta(minutes=by)])


def test_a_pattern_says_how_late_how_often() -> None:
    found = pattern([-15, 30, 20, 45])

    assert (found.source, found.weekday, found.count, found.late) == ("visa", 0, 4, 3)
    assert (found.median, found.worst) == (timedelta(minutes=25), timedelta(minutes=45))


def test_weekdays_and_sources_are_kept_apart() -> None:
    tuesday = SUNDAY + timedelta(days=1)
    mixed = [*arrivals([30] * 4), *arrivals([0] * 4, first=tuesday), *arrivals([0] * 4, source="amex")]

    found = find_lateness_patterns(mixed, TIMELINESS)

    assert [(p.source, p.weekday, p.suggested is not None) for p in found] == [
        ("amex", 0, False),
        ("visa", 0, True),
        ("visa", 1, False),
    ]


def test_only_the_first_arrival_of_a_date_counts() -> None:
    """A correction that comes later is not a late file."""
    again = [*arrivals([0] * 4), *arrivals([300] * 4)]

    (found,) = find_lateness_patterns(again, TIMELINESS)

    assert (found.count, found.worst, found.suggested) == (4, timedelta(0), None)


def test_history_that_was_loaded_later_says_nothing() -> None:
    found = pattern([30, 30, 60 * 24 * 90, 30])

    assert (found.count, found.left_out, found.worst) == (3, 1, timedelta(minutes=30))


@pytest.mark.parametrize(
    ("timeliness", "covered"),
    [
        (knowing(30), True),
        (knowing(45, sources=("visa", "amex")), True),
        (knowing(25), False),
        (knowing(45, sources=("amex",)), False),
        (TIMELINESS, False),
    ],
    ids=["just", "more, by name", "too little", "another source", "nothing declared"],
)
def test_it_says_when_the_policy_knows_already(timeliness: Timeliness, covered: bool) -> None:
    assert pattern([30, 30, 30, 30], timeliness).covered is covered


def test_a_source_that_is_on_time_needs_no_policy() -> None:
    assert not pattern([0, 0, 0, 0], knowing(45)).covered


@given(st.lists(st.integers(11, 600), min_size=3, max_size=12))
def test_what_is_suggested_can_be_pasted_and_then_covers_it(minutes: list[int]) -> None:
    suggested = pattern(minutes).suggested
    assert suggested

    line = as_declaration(suggested)
    pasted = eval(line.removesuffix(","), {"RecurringLateness": RecurringLateness, "timedelta": timedelta})  # noqa: S307 - our own line

    assert pasted == suggested
    declared = Timeliness(expected_by=time(3, 45), target=time(6), deadline=time(6), known_lateness=(pasted,))
    assert pattern(minutes, declared).covered
