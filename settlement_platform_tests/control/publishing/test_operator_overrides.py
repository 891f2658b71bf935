"""Operator actions fold into the overrides of a date, and the latest one counts."""

from datetime import timedelta

import pytest

from settlement_platform.control.facts import OperatorAction, OperatorActionType
from settlement_platform.control.publishing.operator_overrides import (
    NO_OVERRIDES,
    describe_action,
    fold_overrides,
    fold_pause,
)
from settlement_platform_tests.builders import DAY, NOW, an_action, day

OLD, NEW = "content-1", "content-2"


def acts(*words: tuple[str, str]) -> list[OperatorAction]:
    """Actions on contents of `DAY`, one a minute; the reason of each is its number."""
    return [
        an_action(
            action=action,
            business_date=DAY,
            reason=str(number),
            recorded_at=NOW + timedelta(minutes=number),
            detail={"content_hash": content},
        )
        for number, (action, content) in enumerate(words)
    ]


def a_rollback(*, withdrawn: str, restored: str) -> OperatorAction:
    """A rollback of `DAY` from one content to another."""
    detail = {"content_hash": withdrawn, "restored": restored, "from": 2, "to": 1}
    return an_action(action=OperatorActionType.ROLLBACK, business_date=DAY, detail=detail)


def test_without_actions_nothing_is_ruled() -> None:
    assert fold_overrides([], DAY) == NO_OVERRIDES


@pytest.mark.parametrize(
    ("words", "paused"),
    [
        ((), False),
        (("pause",), True),
        (("pause", "resume"), False),
        (("pause", "resume", "pause"), True),
        (("resume",), False),
        (("pause", "pause", "resume"), False),
    ],
)
def test_the_last_word_of_pause_and_resume_counts(words: tuple[str, ...], paused: bool) -> None:
    actions = [an_action(action=word, recorded_at=NOW + timedelta(minutes=n)) for n, word in enumerate(words)]

    assert (fold_overrides(actions, DAY).paused is not None) == paused
    assert (fold_pause(actions) is not None) == paused


def test_the_pause_in_force_is_the_last_one() -> None:
    """Whoever asks why, hears the reason that holds now."""
    actions = [
        an_action(action=OperatorActionType.PAUSE, reason="first"),
        an_action(action=OperatorActionType.RESUME),
        an_action(action=OperatorActionType.PAUSE, reason="second"),
    ]

    found = fold_overrides(actions, DAY).paused

    assert found is not None
    assert found.reason == "second"


def test_a_pause_of_the_dataset_holds_every_date_and_a_release_only_its_own() -> None:
    release = an_action(action=OperatorActionType.RELEASE, business_date=DAY, detail={"content_hash": NEW})
    actions = [an_action(action=OperatorActionType.PAUSE), release]

    ours, other = fold_overrides(actions, DAY), fold_overrides(actions, day(1))

    assert ours.paused == other.paused == actions[0]
    assert (dict(ours.released), dict(other.released)) == ({NEW: release}, {})


def test_the_latest_release_and_the_latest_approval_of_a_content_count() -> None:
    actions = acts(("release", NEW), ("approve", NEW), ("release", OLD), ("release", NEW), ("approve", NEW))

    overrides = fold_overrides(actions, DAY)

    assert {c: a.reason for c, a in overrides.released.items()} == {OLD: "2", NEW: "3"}
    assert {c: a.reason for c, a in overrides.approved.items()} == {NEW: "4"}


def test_what_was_discarded_is_withdrawn_until_it_is_released() -> None:
    discarded = fold_overrides(acts(("discard", NEW)), DAY)
    released = fold_overrides(acts(("discard", NEW), ("release", NEW)), DAY)
    discarded_again = fold_overrides(acts(("release", NEW), ("discard", NEW)), DAY)

    assert set(discarded.withdrawn) == set(discarded_again.withdrawn) == {NEW}
    assert released.withdrawn == {}


def test_a_discard_withdraws_its_content_only() -> None:
    assert set(fold_overrides(acts(("discard", NEW)), DAY).withdrawn) == {NEW}


def test_a_rollback_withdraws_what_it_replaced_and_reinstates_what_it_restored() -> None:
    """To and fro: the last word leaves exactly the other content withdrawn."""
    back, forth = a_rollback(withdrawn=NEW, restored=OLD), a_rollback(withdrawn=OLD, restored=NEW)

    assert set(fold_overrides([back], DAY).withdrawn) == {NEW}
    assert set(fold_overrides([back, forth], DAY).withdrawn) == {OLD}
    assert set(fold_overrides([back, forth, back], DAY).withdrawn) == {NEW}


def test_a_rollback_to_what_was_discarded_reinstates_it() -> None:
    """An operator who restores it has changed the word on it."""
    actions = [*acts(("discard", OLD)), a_rollback(withdrawn=NEW, restored=OLD)]

    assert set(fold_overrides(actions, DAY).withdrawn) == {NEW}


def test_actions_that_override_nothing_change_nothing() -> None:
    actions = acts(("skip", ""), ("rerun", NEW), ("reset_breaker", ""))

    assert fold_overrides(actions, DAY) == NO_OVERRIDES


def test_an_override_says_who_when_and_why() -> None:
    action = an_action(actor="ana", reason="provider confirmed", recorded_at=NOW)

    assert describe_action(action) == "ana at 2026-11-21 04:00 UTC: provider confirmed"
