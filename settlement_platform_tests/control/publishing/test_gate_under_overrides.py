"""Operators' overrides, cuts and limits bear on what is published, and never open the gate by themselves."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.facts import CurrentPublication, OperatorAction, OperatorActionType, State, Verdict
from settlement_platform.control.policies import Restating
from settlement_platform.control.publishing.gate import (
    Action,
    Decision,
    DecisionInputs,
    decide_publication,
    decide_rollback,
    decide_without_rows,
)
from settlement_platform.control.publishing.operator_overrides import OperatorOverrides
from settlement_platform.control.publishing.restatement import Difference, NetEffect
from settlement_platform.control.reasons.reason import Reason
from settlement_platform_tests.builders import (
    NOW,
    a_check,
    a_failed_check,
    a_reason,
    a_standing,
    a_verdict,
    a_warning,
    an_action,
    codes,
)

OLD, NEW = "content-1", "content-2"
WAITING = ("amex: no file yet",)
CUT = a_reason("deadline_passed")
PASSED = a_verdict(NEW)
FAILED = a_verdict(NEW, checks=(a_check("one"), a_failed_check("two"), a_failed_check("three"), a_warning()))
WHOLE = (State.FINAL, State.RESTATED, State.ROLLED_BACK, State.SKIPPED, State.NOT_EXPECTED)
BIG = Difference(
    previous_generation=1,
    rows_before=3,
    rows_added=2,
    rows_removed=0,
    rows_changed=0,
    effects=(NetEffect(merchant="m-1", currency="EUR", before=0, after=501),),
)
LIMITS = Restating(measure="net_minor", rows_share=0.5, net_effect=500)


def an_approval(content: str = NEW, actor: str = "ben") -> dict[str, OperatorAction]:
    """Ben has approved a content."""
    return {content: an_action(action=OperatorActionType.APPROVE, actor=actor, detail={"content_hash": content})}


def a_release(*despite: str, content: str = NEW, actor: str = "ana") -> dict[str, OperatorAction]:
    """Ana has released a content despite some findings."""
    detail = {"content_hash": content, "despite": list(despite)}
    return {content: an_action(action=OperatorActionType.RELEASE, actor=actor, detail=detail)}


def decide(
    inputs: DecisionInputs,
    *,
    verdict: Verdict | None = PASSED,
    current: CurrentPublication | None = None,
    waiting: tuple[str, ...] = (),
    difference: Difference | None = None,
) -> Decision:
    """The decision on the new content."""
    return decide_publication(
        content_hash=NEW, waiting=waiting, verdict=verdict, current=current, inputs=inputs, difference=difference
    )


def parameters_of(decision: Decision) -> list[Mapping[str, Any]]:
    """The parameters of each reason."""
    return [reason.parameters for reason in decision.reasons if isinstance(reason, Reason)]


def test_a_release_that_names_every_failing_check_opens_the_gate() -> None:
    """The record says who let through what, with every finding."""
    decision = decide(DecisionInputs(overrides=OperatorOverrides(released=a_release("two", "three"))), verdict=FAILED)

    assert (decision.action, decision.state, decision.generation) == (Action.PUBLISH, State.FINAL, 1)
    assert codes(decision.reasons) == ["released", "finding_released", "finding_released", "check_warned"]
    assert parameters_of(decision)[0] == {
        "checks": ("three", "two"),
        "actor": "ana",
        "at": "2026-11-21T04:00:00Z",
        "note": "provider announced a re-delivery",
    }
    assert [p["check"] for p in parameters_of(decision)[1:3]] == ["two", "three"]


@pytest.mark.parametrize(
    ("despite", "left"), [((), {"two", "three"}), (("two",), {"three"}), (("two", "one", "four"), {"three"})]
)
def test_a_release_that_leaves_out_a_failing_check_opens_nothing(despite: tuple[str, ...], left: set[str]) -> None:
    """The operator who released never saw a check that failed only later."""
    decision = decide(DecisionInputs(overrides=OperatorOverrides(released=a_release(*despite))), verdict=FAILED)

    assert decision.action is Action.REFUSE
    assert codes(decision.reasons) == ["check_failed"] * len(left) + ["release_incomplete"]
    assert {p["check"] for p in parameters_of(decision)[:-1]} == left
    assert set(parameters_of(decision)[-1]["checks"]) == left


def test_a_release_of_another_content_opens_nothing() -> None:
    inputs = DecisionInputs(overrides=OperatorOverrides(released=a_release("two", "three", content="content-3")))

    assert decide(inputs, verdict=FAILED).action is Action.REFUSE


def test_an_approval_alone_does_not_release() -> None:
    inputs = DecisionInputs(overrides=OperatorOverrides(approved=an_approval()), second_person=frozenset({"release"}))

    assert decide(inputs, verdict=FAILED).action is Action.REFUSE


@pytest.mark.parametrize(
    ("approval", "move"),
    [
        pytest.param({}, Action.AWAITING_OPERATOR, id="nobody"),
        pytest.param(an_approval(actor="ana"), Action.AWAITING_OPERATOR, id="the one who released"),
        pytest.param(an_approval("content-3"), Action.AWAITING_OPERATOR, id="for another content"),
        pytest.param(an_approval(), Action.PUBLISH, id="somebody else"),
    ],
)
def test_where_a_second_person_is_needed_a_release_waits_for_somebody_else(
    approval: dict[str, OperatorAction], move: Action
) -> None:
    overrides = OperatorOverrides(released=a_release("two", "three"), approved=approval)

    decision = decide(DecisionInputs(overrides=overrides, second_person=frozenset({"release"})), verdict=FAILED)

    assert decision.action is move
    wanted, actor = ("approved", "ben") if move is Action.PUBLISH else ("release_unapproved", "ana")
    assert parameters_of(decision)[codes(decision.reasons).index(wanted)]["actor"] == actor


def test_a_release_does_not_publish_what_still_waits_for_a_source() -> None:
    inputs = DecisionInputs(overrides=OperatorOverrides(released=a_release("two", "three")))

    assert decide(inputs, verdict=FAILED, waiting=WAITING).action is Action.WAIT


@pytest.mark.parametrize("current", [None, State.PROVISIONAL])
def test_a_due_cut_publishes_what_is_there_as_provisional(current: State | None) -> None:
    """It says why, and what is missing."""
    standing = a_standing(state=current, content_hash=OLD) if current else None

    decision = decide(DecisionInputs(why_provisional=CUT), current=standing, waiting=WAITING)

    assert (decision.action, decision.state) == (Action.PUBLISH, State.PROVISIONAL)
    assert decision.reasons[:2] == (CUT, *WAITING)


def test_before_the_deadline_what_is_there_waits() -> None:
    assert decide(DecisionInputs(), waiting=WAITING) == Decision(action=Action.WAIT, reasons=WAITING)


@pytest.mark.parametrize("current", WHOLE)
def test_a_cut_never_replaces_what_is_whole(current: State) -> None:
    assert (
        decide(DecisionInputs(why_provisional=CUT), current=a_standing(state=current), waiting=WAITING).action
        is Action.WAIT
    )


@pytest.mark.parametrize("verdict", [None, a_verdict(OLD)])
def test_a_cut_needs_a_verdict_on_exactly_what_is_there(verdict: Verdict | None) -> None:
    assert decide(DecisionInputs(why_provisional=CUT), verdict=verdict, waiting=WAITING).action is Action.WAIT


def test_a_cut_of_what_fails_is_refused() -> None:
    assert decide(DecisionInputs(why_provisional=CUT), verdict=FAILED, waiting=WAITING).action is Action.REFUSE


def test_a_cut_is_not_made_again_of_the_same_content() -> None:
    """Missing sources stay among the reasons."""
    current = a_standing(state=State.PROVISIONAL, content_hash=NEW)

    decision = decide(DecisionInputs(why_provisional=CUT), current=current, waiting=WAITING)

    assert decision.action is Action.ALREADY_PUBLISHED
    assert decision.reasons[1:] == WAITING


def test_with_all_sources_a_due_cut_changes_nothing() -> None:
    decision = decide(
        DecisionInputs(why_provisional=CUT), current=a_standing(state=State.PROVISIONAL, content_hash=OLD)
    )

    assert (decision.action, decision.state) == (Action.PUBLISH, State.FINAL)
    assert CUT not in decision.reasons


@pytest.mark.parametrize("waiting", [(), WAITING])
def test_while_paused_nothing_is_published(waiting: tuple[str, ...]) -> None:
    """Content that could be published is held, naming who paused; refused and waiting dates stay as they are."""
    pause = an_action(action=OperatorActionType.PAUSE, actor="ana", reason="re-delivery announced")
    inputs = DecisionInputs(
        overrides=OperatorOverrides(paused=pause, released=a_release("two", "three")), why_provisional=CUT
    )

    held = decide(inputs, waiting=waiting)

    assert held.action is Action.AWAITING_OPERATOR
    assert codes(held.reasons) == ["publishing_paused"]
    assert parameters_of(held)[0] == {"actor": "ana", "at": "2026-11-21T04:00:00Z", "note": "re-delivery announced"}
    assert decide(inputs, verdict=FAILED).action is Action.AWAITING_OPERATOR
    assert decide(replace(inputs, overrides=OperatorOverrides(paused=pause)), verdict=FAILED).action is Action.REFUSE


def test_an_approval_does_not_end_a_pause() -> None:
    inputs = DecisionInputs(
        overrides=OperatorOverrides(paused=an_action(action=OperatorActionType.PAUSE), approved=an_approval()),
        limits=LIMITS,
    )

    assert decide(inputs, current=a_standing(content_hash=OLD), difference=BIG).action is Action.AWAITING_OPERATOR


@given(
    released=st.booleans(),
    approved=st.booleans(),
    cut=st.sampled_from([None, CUT]),
    waiting=st.sampled_from([(), WAITING]),
    verdict=st.sampled_from([None, PASSED, FAILED, a_verdict(OLD)]),
    current=st.none() | st.sampled_from([a_standing(state=s, content_hash=OLD) for s in (*WHOLE, State.PROVISIONAL)]),
)
def test_what_is_withdrawn_is_never_published(
    released: bool,
    approved: bool,
    cut: Reason | None,
    waiting: tuple[str, ...],
    verdict: Verdict | None,
    current: CurrentPublication | None,
) -> None:
    """Whatever else is ruled; the reason says by whom it was."""
    overrides = OperatorOverrides(
        released=a_release("two", "three") if released else {},
        approved=an_approval() if approved else {},
        withdrawn={NEW: an_action(action=OperatorActionType.DISCARD, actor="ana")},
    )

    decision = decide(
        DecisionInputs(overrides=overrides, why_provisional=cut), verdict=verdict, current=current, waiting=waiting
    )

    assert decision.action is Action.WITHDRAWN
    assert codes(decision.reasons) == ["content_discarded"]
    assert parameters_of(decision)[0]["actor"] == "ana"


def test_a_restatement_beyond_a_limit_waits_for_approval_and_approval_opens() -> None:
    """Every limit that is passed is a reason; an approval of another content is none."""
    current = a_standing(content_hash=OLD)
    unasked, other, approved = (
        decide(DecisionInputs(overrides=OperatorOverrides(approved=a), limits=LIMITS), current=current, difference=BIG)
        for a in ({}, an_approval("content-3"), an_approval())
    )

    assert unasked == other
    assert unasked.action is Action.AWAITING_OPERATOR
    assert codes(unasked.reasons) == ["rows_limit_exceeded", "net_effect_limit_exceeded", "approval_needed"]
    assert (approved.action, approved.state, approved.generation) == (Action.PUBLISH, State.RESTATED, 2)


def test_completing_a_provisional_cut_is_no_restatement_and_needs_no_approval() -> None:
    """The provisional publication said that a source was missing."""
    current = a_standing(content_hash=OLD, state=State.PROVISIONAL)

    decision = decide(DecisionInputs(limits=LIMITS), current=current, difference=BIG)

    assert (decision.action, decision.state) == (Action.PUBLISH, State.FINAL)


@pytest.mark.parametrize("state", [State.SKIPPED, State.NOT_EXPECTED])
def test_a_date_without_rows_is_recorded_once(state: State) -> None:
    first = decide_without_rows(state=state, reason="because", current=None)
    again = decide_without_rows(state=state, reason="because", current=a_standing(state=state, content_hash="", rows=0))

    assert first == Decision(action=Action.PUBLISH, reasons=("because",), state=state, generation=1)
    assert again.action is Action.ALREADY_PUBLISHED


@pytest.mark.parametrize(
    ("current", "rows", "move"),
    [
        (State.FINAL, 3, Action.REFUSE),
        (State.FINAL, 0, Action.REFUSE),
        (State.RESTATED, 3, Action.REFUSE),
        (State.ROLLED_BACK, 3, Action.REFUSE),
        (State.PROVISIONAL, 2, Action.REFUSE),
        (State.NOT_EXPECTED, 0, Action.PUBLISH),
    ],
)
def test_a_date_that_readers_see_is_not_skipped(current: State, rows: int, move: Action) -> None:
    """Nor one that is final without rows: nothing settled, which is an answer."""
    standing = a_standing(state=current, rows=rows)

    assert decide_without_rows(state=State.SKIPPED, reason="because", current=standing).action is move


def test_while_paused_no_date_is_recorded_as_not_expected() -> None:
    overrides = OperatorOverrides(paused=an_action(action=OperatorActionType.PAUSE))

    decision = decide_without_rows(state=State.NOT_EXPECTED, reason="closed", current=None, overrides=overrides)

    assert decision.action is Action.AWAITING_OPERATOR


def test_a_rollback_publishes_the_older_generation_as_a_new_one() -> None:
    target, current = a_standing(generation=2, content_hash=OLD), a_standing(generation=5, content_hash=NEW)

    decision = decide_rollback(target=target, wanted=2, current=current)

    assert (decision.action, decision.state, decision.generation) == (Action.PUBLISH, State.ROLLED_BACK, 6)


@pytest.mark.parametrize(
    ("target", "current", "why"),
    [
        pytest.param(None, None, "rollback_target_missing", id="nothing is published"),
        pytest.param(None, a_standing(), "rollback_target_missing", id="no such generation"),
        pytest.param(a_standing(generation=2), a_standing(generation=2), "rollback_changes_nothing", id="current"),
        pytest.param(a_standing(), a_standing(generation=3), "rollback_changes_nothing", id="its content is current"),
        pytest.param(
            a_standing(state=State.SKIPPED, content_hash="", rows=0),
            a_standing(generation=2),
            "rollback_target_empty",
            id="it has no rows",
        ),
        pytest.param(
            a_standing(state=State.NOT_EXPECTED, content_hash="", rows=0),
            a_standing(generation=2),
            "rollback_target_empty",
            id="no file came",
        ),
        pytest.param(
            a_standing(state=State.PROVISIONAL, content_hash="content-0"),
            a_standing(generation=2),
            "rollback_target_provisional",
            id="provisional",
        ),
    ],
)
def test_what_cannot_be_rolled_back_to_is_refused_with_the_generation(
    target: CurrentPublication | None, current: CurrentPublication | None, why: str
) -> None:
    decision = decide_rollback(target=target, wanted=1, current=current)

    assert decision.action is Action.REFUSE
    assert codes(decision.reasons) == [why]
    assert parameters_of(decision)[0]["wanted"] == 1


def test_the_time_of_an_override_is_part_of_the_reason() -> None:
    later = an_action(action=OperatorActionType.DISCARD, recorded_at=NOW + timedelta(hours=2))

    decision = decide(DecisionInputs(overrides=OperatorOverrides(withdrawn={NEW: later})))

    assert parameters_of(decision)[0]["at"] == "2026-11-21T06:00:00Z"
