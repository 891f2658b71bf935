"""Requirements for waiting and late data, on real stores from the first file to the readers."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from settlement_platform.control.facts import AttemptOutcome
from settlement_platform.control.policies import ProvisionalCut, RecurringLateness
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform_tests.deliveries import Delivery, some_rows
from settlement_platform_tests.pipeline.installation import NAME
from settlement_platform_tests.pipeline.published_rows import expected_rows
from settlement_platform_tests.scenarios.mornings import Morning, day, on_the_morning_after

WITH_CUT = replace(CARD_SETTLEMENTS, provisional=ProvisionalCut(minimum_sources=2))
SUNDAY = date(2026, 1, 4)


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    return Morning(tmp_path / "home")


def test_nothing_is_processed_before_every_required_input_is_there(morning: Morning) -> None:
    """A data file without its control file is not there; a run that is made all the same publishes nothing."""
    first = day(0)
    morning.deliver(first, "visa", "mastercard")
    amex = Delivery(business_date=first, source="amex", rows=some_rows(first, "amex"))
    amex.write_data(morning.there.landing)

    half, forced = morning.requested_dates(), morning.run(first)
    published = morning.history(first)
    amex.write_control(morning.there.landing)
    whole = morning.requested_dates()

    assert (half, forced.decision.action, published) == ([], Action.WAIT, [])
    assert any("amex" in reason for reason in forced.decision.reasons)
    assert whole == [first]


def test_a_green_upstream_is_no_input_before_it_is_published(morning: Morning) -> None:
    """A mart waits for the published date of its input, whatever is delivered or staged of it."""
    first = day(0)
    morning.deliver(first)

    before = [c.decision.action for c in morning.build(first)]
    morning.run(first)
    after = [c.decision.action for c in morning.build(first)]

    assert before == [Action.WAIT] * len(MARTS)
    assert after == [Action.PUBLISH] * len(MARTS)


def test_a_file_two_hours_late_inflates_no_settlement_numbers(morning: Morning) -> None:
    """The date is run at its hour, once more in vain, when the file comes, and again by a nervous hand."""
    first = day(0)
    on_time = morning.deliver(first, "visa", "mastercard")

    moves = []
    for clock in ("04:00", "05:00"):
        morning.at(first, clock)
        moves.append(morning.run(first).decision.action)
    morning.at(first, "05:45")
    late = morning.deliver(first, "amex")
    moves += [morning.run(first).decision.action for _ in range(3)]

    delivered = [*on_time, *late]
    amounts = sum(int(row["amount_minor"]) for d in delivered for row in d.rows)
    assert moves == [Action.WAIT, Action.WAIT, Action.PUBLISH, Action.ALREADY_PUBLISHED, Action.ALREADY_PUBLISHED]
    assert morning.there.rows(first) == expected_rows(delivered)
    assert morning.read(f"SELECT count(*), sum(amount_minor)::BIGINT FROM lake.published.{NAME}") == [(9, amounts)]
    assert morning.history(first) == ["final"]


def test_the_sensor_timeout_creates_a_clear_late_data_branch_instead_of_hanging(tmp_path: Path) -> None:
    """Warned, escalated, then cut at the deadline: each at its declared moment, and no try is left under way."""
    morning, first = Morning(tmp_path / "home", dataset=WITH_CUT), day(0)
    morning.deliver(first, "visa", "mastercard")

    requested = {}
    for clock in ("03:40", "03:50", "04:50", "05:59", "06:00"):
        morning.at(first, clock)
        requested[clock] = morning.requested_dates()
        morning.watch()
    cut = morning.run(first)

    outcomes = {a.attempt_id: a.outcome for a in morning.platform.ledger.attempts(NAME, first, first)}
    assert [d for d in requested.values() if d] == [requested["06:00"]] == [[first]]
    assert morning.notified[:2] == [f"raised late {first}", f"raised escalated {first}"]
    assert cut.decision.action is Action.PUBLISH
    assert cut.publication is not None
    assert (cut.publication.state, cut.publication.missing) == ("provisional", ("amex",))
    assert AttemptOutcome.STARTED not in outcomes.values()


def test_a_dataset_without_a_cut_takes_the_same_branch_and_waits_for_its_file(morning: Morning) -> None:
    """The deadline opens no gate where none is declared: it is reported, and the date stays unpublished."""
    first = day(0)
    morning.deliver(first, "visa", "mastercard")

    morning.at(first, "06:01")
    requested, forced = morning.requested_dates(), morning.run(first)
    morning.watch()

    assert (requested, forced.decision.action) == ([], Action.WAIT)
    assert set(morning.notified) >= {f"raised escalated {first}", f"raised freshness_missed {NAME}"}
    assert morning.view(first).state.state == "late"


def test_waiting_for_one_interval_keeps_no_other_waiting(morning: Morning) -> None:
    """Later dates are published while an earlier one waits; only the watermark stops before the gap."""
    morning.settle(day(0))
    morning.deliver(day(1), "visa")
    morning.deliver(day(2))
    morning.at(day(2), "04:00")

    requested = morning.requested_dates()
    for each in requested:
        morning.run(each)

    assert requested == [day(2)]
    assert morning.states(day(0), day(2)) == ["final", "late", "final"]
    assert morning.watermark() == day(0)


def test_late_data_is_an_ordinary_way_for_a_date_to_go(morning: Morning) -> None:
    """Files that come hours after the deadline are published as soon as they are there, and no operator has to act."""
    first = day(0)
    morning.deliver(first, "visa", "mastercard")
    morning.at(first, "06:30")
    morning.watch()

    morning.deliver(first, "amex")
    morning.at(first, "10:00")
    requested = morning.requested_dates()
    for each in requested:
        morning.run(each)
        morning.build(each)
    ended = morning.watch()

    assert requested == [first]
    assert (morning.history(first), morning.watermark()) == (["final"], first)
    assert {e.event for e in ended} == {"resolved"}
    assert morning.platform.ledger.actions(NAME) == []


def test_a_source_late_every_week_has_a_declared_branch_and_does_not_page(tmp_path: Path) -> None:
    """Two Mondays on which amex comes at six call nobody; the same on a Tuesday does, and so does visa on a Monday."""
    known = RecurringLateness(weekday=0, by=timedelta(hours=2, minutes=30), sources=("amex",), note="weekend batch")
    timeliness = replace(CARD_SETTLEMENTS.timeliness, known_lateness=(known,))
    dataset = replace(CARD_SETTLEMENTS, timeliness=timeliness)
    morning = Morning(tmp_path / "home", dataset=dataset, first_date=SUNDAY)

    for number in range(8):
        each = SUNDAY + timedelta(days=number)
        if each.weekday() == SUNDAY.weekday():
            _scan_until(morning, each, "06:10", "visa", "mastercard")
        morning.at(each, "06:10")
        morning.settle(each)
        morning.watch()
    on_mondays = list(morning.notified)
    due_tuesday, due_monday = SUNDAY + timedelta(days=8), SUNDAY + timedelta(days=14)
    _scan_until(morning, due_tuesday, "03:50", "visa", "mastercard")
    _scan_until(morning, due_monday, "03:50", "mastercard", "amex")

    assert on_mondays == []
    assert [t for t in morning.notified if " late " in t] == [f"raised late {due_tuesday}", f"raised late {due_monday}"]


def _scan_until(morning: Morning, business_date: date, clock: str, *sources: str) -> None:
    """Some sources are in; scan every half hour from the moment at which all should be."""
    morning.deliver(business_date, *sources)
    morning.at(business_date, "03:50")
    while morning.now <= on_the_morning_after(business_date, clock):
        morning.watch()
        morning.now += timedelta(minutes=30)


def test_intervals_missed_during_an_outage_are_caught_up(morning: Morning) -> None:
    """Three days on which nothing ran are requested at the first tick, today's before the older ones."""
    for number in range(3):
        morning.deliver(day(number))
    morning.at(day(2), "09:00")

    requested = morning.requested_dates()
    for each in requested:
        morning.run(each)

    assert requested == [day(2), day(1), day(0)]
    assert morning.watermark() == day(2)
    assert morning.requested_dates() == []
