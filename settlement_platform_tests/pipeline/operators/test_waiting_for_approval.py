"""Content that waits for approval is held: its owner is notified until it is published, and it can be declined."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from settlement_platform.control.alerts.episodes import AlertEvent, AlertKind
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.policies import Restating
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.roles import Roles
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.alerts.alert_round import AlertRoundResult, run_alert_round
from settlement_platform.pipeline.operators import actions as operator_actions
from settlement_platform.storage.alert_channels import parse_channels
from settlement_platform_tests.builders import refused_as
from settlement_platform_tests.pipeline.installation import NAME, Installation
from settlement_platform_tests.pipeline.operating import ANA, BEN, a_refused_visa, a_visa, actions, run, states, view_of
from settlement_platform_tests.shown_reasons import shows

STRICT = replace(
    CARD_SETTLEMENTS,
    roles=Roles(second_person=frozenset({"release"})),
    restating=Restating(measure="net_minor", rows_share=0.1),
)
MISCOUNTED = ("rows_as_declared",)


def released(there: Installation, day: date) -> None:
    """A refused date that one person has released."""
    there.deliver(day, visa=a_refused_visa(day))
    run(there.platform, day, STRICT)
    assert (
        operator_actions.release(there.platform, STRICT, day, MISCOUNTED, ANA).decision.action
        is Action.AWAITING_OPERATOR
    )


def restated(there: Installation, day: date) -> None:
    """A published date with a correction that changes too much of it."""
    there.deliver(day)
    run(there.platform, day, STRICT)
    a_visa(day, 7).write(there.landing)
    assert run(there.platform, day, STRICT).decision.action is Action.AWAITING_OPERATOR


WAITING = {"a release by one person": released, "a restatement above its limits": restated}
Situation = Callable[[Installation, date], None]


def watch_at(there: Installation, day: date, clock: str = "03:00", *, dataset: Dataset = STRICT) -> AlertRoundResult:
    """A round on the day after a date, of its dataset alone."""
    now = datetime.combine(day + timedelta(days=1), time.fromisoformat(clock), UTC)
    return run_alert_round(there.platform, datasets=[dataset], marts=MARTS, channels=parse_channels(""), now=now)


def quarantined(events: tuple[AlertEvent, ...], day: date) -> list[AlertEvent]:
    return [e for e in events if e.kind == AlertKind.QUARANTINED and e.business_date == day]


@pytest.mark.parametrize("situation", WAITING.values(), ids=WAITING)
def test_what_waits_for_approval_is_reported_until_it_is_published(staffed: Installation, situation: Situation) -> None:
    """Once, with both ways out; and over when somebody else has approved it."""
    day = staffed.fresh_date()
    situation(staffed, day)

    begun, still = watch_at(staffed, day), watch_at(staffed, day, "03:01")
    held = view_of(staffed, day, STRICT).state
    operator_actions.approve(staffed.platform, STRICT, day, BEN)
    after = watch_at(staffed, day, "03:02")

    (alert,) = quarantined(begun.raised, day)
    assert shows(alert.summary, "approval_pending")
    assert alert.first_move.startswith(f"settlement approve {NAME} {day} --reason … ")
    assert f"settlement quarantine discard {NAME} {day} --reason …" in alert.first_move
    assert quarantined((*still.raised, *still.resolved), day) == []
    assert held.pending is not None
    assert held.pending.state == "staged"
    assert held.held == held.pending
    assert [e.episode for e in quarantined(after.resolved, day)] == [alert.episode]


@pytest.mark.parametrize("situation", WAITING.values(), ids=WAITING)
def test_what_waits_for_approval_can_be_declined(staffed: Installation, situation: Situation) -> None:
    """It stays out like anything that was discarded, and a release brings it back to where it waited."""
    day = staffed.fresh_date()
    situation(staffed, day)
    watch_at(staffed, day)
    before = states(staffed, day)

    operator_actions.discard(staffed.platform, STRICT, day, BEN)
    after, again = watch_at(staffed, day, "03:01"), run(staffed.platform, day, STRICT)
    despite = MISCOUNTED if situation is released else ()
    back = operator_actions.release(staffed.platform, STRICT, day, despite, ANA)

    assert [e.event for e in quarantined(after.resolved, day)] == ["resolved"]
    assert again.decision.action is Action.WITHDRAWN
    assert back.decision.action is Action.AWAITING_OPERATOR
    assert view_of(staffed, day, STRICT).state.held
    assert states(staffed, day) == before


def test_an_alert_of_what_is_in_quarantine_stays_open_when_one_person_releases_it(staffed: Installation) -> None:
    """One episode from the refusal to the publication."""
    day = staffed.fresh_date()
    staffed.deliver(day, visa=a_refused_visa(day))
    run(staffed.platform, day, STRICT)
    begun = watch_at(staffed, day)
    operator_actions.release(staffed.platform, STRICT, day, MISCOUNTED, ANA)

    found = watch_at(staffed, day, "03:01")

    assert len(quarantined(begun.raised, day)) == 1
    assert quarantined((*found.raised, *found.resolved), day) == []


def test_what_only_waits_for_the_end_of_a_pause_is_no_news_and_ends_no_alert(own_staffed: Installation) -> None:
    """One date was held before it was corrected under the pause, the other never was."""
    there, dates = own_staffed, [own_staffed.fresh_date() for _ in range(2)]
    there.deliver(dates[0], visa=a_refused_visa(dates[0]))
    run(there.platform, dates[0], STRICT)
    watch_at(there, dates[0])
    operator_actions.pause(there.platform, STRICT, ANA)
    for day in dates:
        there.deliver(day)
        assert run(there.platform, day, STRICT).decision.action is Action.AWAITING_OPERATOR

    found = [watch_at(there, day, "03:01") for day in dates]
    operator_actions.resume(there.platform, STRICT, ANA)
    run(there.platform, dates[0], STRICT)
    after = watch_at(there, dates[0], "03:02")

    assert [e for f in found for day in dates for e in quarantined((*f.raised, *f.resolved), day)] == []
    assert len(quarantined(after.resolved, dates[0])) == 1
    with pytest.raises(ActionRefused, check=refused_as("not_in_quarantine")):
        operator_actions.discard(there.platform, STRICT, dates[1], ANA)


def test_a_restatement_of_long_ago_that_waits_for_approval_is_reported_too(own_staffed: Installation) -> None:
    """Its date is none of the recent ones; that it was worked on lately is what brings it up."""
    day, now = own_staffed.fresh_date(), datetime.now(UTC)
    restated(own_staffed, day)

    found = run_alert_round(own_staffed.platform, datasets=[STRICT], marts=MARTS, channels=parse_channels(""), now=now)

    assert now.date() - day > timedelta(days=30)
    assert len(quarantined(found.raised, day)) == 1


@pytest.mark.parametrize("situation", WAITING.values(), ids=WAITING)
def test_what_waits_for_approval_needs_no_release(staffed: Installation, situation: Situation) -> None:
    """The refusal says what it needs, and nothing is put on record."""
    day = staffed.fresh_date()
    situation(staffed, day)
    before = actions(staffed, day)

    for despite in (MISCOUNTED, ()):
        with pytest.raises(ActionRefused, check=refused_as("waits_for_approval")) as refused:
            operator_actions.release(staffed.platform, STRICT, day, despite, BEN)
        assert f"settlement approve {NAME} {day}" in refused.value.remedy

    assert actions(staffed, day) == before
