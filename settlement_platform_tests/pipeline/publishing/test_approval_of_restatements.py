"""A restatement beyond the declared limits waits for approval, and a pause holds everything."""

from dataclasses import replace

import pytest

from settlement_platform.control.facts import OperatorAction
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.policies import Restating
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.roles import Roles
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.launching.launch_permission import launch_refusals
from settlement_platform.pipeline.operators import actions as operator_actions
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform_tests.builders import refused_as
from settlement_platform_tests.deliveries import Delivery
from settlement_platform_tests.pipeline.boundaries import Boundary, happening
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.operating import (
    ANA,
    BEN,
    a_refused_visa,
    a_visa,
    actions,
    expected_counts,
    history,
    recorded_counts,
    run,
    states,
    view_of,
)
from settlement_platform_tests.pipeline.published_rows import expected_rows

LIMITED = replace(CARD_SETTLEMENTS, restating=Restating(measure="net_minor", rows_share=0.1, net_effect=500))
APPROVED = Boundary(owner=Ledger, name="append", fact=OperatorAction)


def test_a_restatement_beyond_the_limits_is_held_with_reasons(staffed: Installation) -> None:
    """Readers keep what they have, and the reasons name each limit; trying again changes nothing."""
    day = staffed.fresh_date()
    delivered = staffed.deliver(day)
    run(staffed.platform, day, LIMITED)
    a_visa(day, 7).write(staffed.landing)

    first, again = (run(staffed.platform, day, LIMITED) for _ in range(2))

    assert first.decision.action is again.decision.action is Action.AWAITING_OPERATOR
    rows, *amounts, last = first.decision.reasons
    assert rows.code == "rows_limit_exceeded"
    assert rows.parameters == {"rows": 4, "rows_before": 9, "limit": 0.1}
    assert "EUR" in {r.parameters["currency"] for r in amounts if r.code == "net_effect_limit_exceeded"}
    assert last.code == "approval_needed"
    assert first.difference is not None
    assert view_of(staffed, day, LIMITED).decision == first.decision
    assert staffed.rows(day) == expected_rows(delivered)
    assert states(staffed, day) == ["final"]
    assert recorded_counts(staffed, day, 2) == []


def test_who_released_a_restatement_approves_it_too_where_no_second_person_is_needed(staffed: Installation) -> None:
    """Two questions, the gate's and the limits', that one person may answer; where two are declared, not."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day, LIMITED)
    a_refused_visa(day, 7).write(staffed.landing)
    run(staffed.platform, day, LIMITED)
    strict = replace(LIMITED, roles=Roles(second_person=frozenset({"release"})))

    released = operator_actions.release(staffed.platform, LIMITED, day, ("rows_as_declared",), ANA)
    with pytest.raises(ActionRefused, check=refused_as("approval_of_own_release")):
        operator_actions.approve(staffed.platform, strict, day, ANA)
    approved = operator_actions.approve(staffed.platform, LIMITED, day, ANA)

    assert released.decision.action is Action.AWAITING_OPERATOR
    assert approved.decision.action is Action.PUBLISH
    assert [a.action for a in actions(staffed, day)] == ["release", "approve"]
    assert states(staffed, day) == ["final", "restated"]


def test_a_restatement_within_the_limits_is_published_unasked(staffed: Installation) -> None:
    day = staffed.fresh_date()
    staffed.deliver(day, visa=a_visa(day, 30))
    run(staffed.platform, day, LIMITED)
    rows = a_visa(day, 30).rows
    rows = [{**rows[0], "fee_minor": "12"}, *rows[1:]]
    Delivery(business_date=day, source="visa", rows=rows).write(staffed.landing)

    assert run(staffed.platform, day, LIMITED).decision.action is Action.PUBLISH
    assert actions(staffed, day) == []


def test_approval_publishes_what_was_held(staffed: Installation) -> None:
    """With the approver's name and reason on the record."""
    day = staffed.fresh_date()
    delivered = staffed.deliver(day)
    run(staffed.platform, day, LIMITED)
    correction = a_visa(day, 7)
    correction.write(staffed.landing)
    run(staffed.platform, day, LIMITED)

    concluded = operator_actions.approve(staffed.platform, LIMITED, day, BEN)

    new = [correction, *delivered[1:]]
    (approval,) = actions(staffed, day)
    assert concluded.decision.action is Action.PUBLISH
    assert staffed.rows(day) == expected_rows(new)
    assert states(staffed, day) == ["final", "restated"]
    assert (history(staffed, day)[-1].actor, history(staffed, day)[-1].reason) == (BEN.actor, BEN.reason)
    assert (approval.action, approval.actor) == ("approve", "ben")
    assert approval.detail["content_hash"] == concluded.content_hash
    assert recorded_counts(staffed, day, 2) == [(1, *expected_counts(delivered, new))]


def test_an_approval_of_another_content_does_nothing(staffed: Installation) -> None:
    """Content that came after the approval has to be approved itself."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day, LIMITED)
    a_visa(day, 7).write(staffed.landing)
    run(staffed.platform, day, LIMITED)

    def deliver_another() -> None:
        a_visa(day, 8).write(staffed.landing)

    with happening(APPROVED, deliver_another):
        concluded = operator_actions.approve(staffed.platform, LIMITED, day, BEN)

    assert concluded.decision.action is Action.AWAITING_OPERATOR
    assert run(staffed.platform, day, LIMITED).decision.action is Action.AWAITING_OPERATOR
    assert [a.action for a in actions(staffed, day)] == ["approve"]
    assert states(staffed, day) == ["final"]


def test_a_rollback_does_not_ask_again_whether_it_is_too_much(staffed: Installation) -> None:
    """An operator decided it, with a reason."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day)
    a_visa(day, 9).write(staffed.landing)
    run(staffed.platform, day)

    assert roll_back(staffed.platform, LIMITED, day, 1, ANA).decision.action is Action.PUBLISH


@pytest.mark.parametrize("situation", ["nothing delivered", "incomplete", "published", "refused"])
def test_what_does_not_wait_for_approval_cannot_be_approved(staffed: Installation, situation: str) -> None:
    """And nothing is put on record."""
    day = staffed.fresh_date()
    if situation == "incomplete":
        a_visa(day).write(staffed.landing)
    elif situation == "published":
        staffed.deliver(day)
    elif situation == "refused":
        staffed.deliver(day, visa=a_visa(day, declared={"rows": 77}))
    run(staffed.platform, day)

    with pytest.raises(ActionRefused):
        operator_actions.approve(staffed.platform, LIMITED, day, BEN)

    assert actions(staffed, day) == []


def test_a_pause_holds_what_would_be_published_and_resuming_lets_it_go(own_staffed: Installation) -> None:
    """Also what is launched; what is wrong is refused all the same, and each is asked only once."""
    day, other, platform = own_staffed.fresh_date(), own_staffed.fresh_date(), own_staffed.platform
    delivered = own_staffed.deliver(day)
    own_staffed.deliver(other, visa=a_visa(other, declared={"rows": 77}))
    operator_actions.pause(platform, CARD_SETTLEMENTS, ANA)

    held, refused = run(platform, day), run(platform, other)
    held_as = view_of(own_staffed, day).state
    refusals = launch_refusals(platform, CARD_SETTLEMENTS.name)
    with pytest.raises(ActionRefused, check=refused_as("already_paused")):
        operator_actions.pause(platform, CARD_SETTLEMENTS, BEN)
    operator_actions.resume(platform, CARD_SETTLEMENTS, BEN)
    with pytest.raises(ActionRefused, check=refused_as("not_paused")):
        operator_actions.resume(platform, CARD_SETTLEMENTS, BEN)
    published = run(platform, day)

    assert (held.decision.action, refused.decision.action) == (Action.AWAITING_OPERATOR, Action.REFUSE)
    assert held.decision.reasons[0].endswith(ANA.reason)
    assert held_as.state == "staged"
    assert len(refusals) == 1
    assert "ana" in refusals[0]
    assert published.decision.action is Action.PUBLISH
    assert own_staffed.rows(day) == expected_rows(delivered)
    assert launch_refusals(platform, CARD_SETTLEMENTS.name) == ()
    assert [a.action for a in actions(own_staffed, None)] == ["pause", "resume"]


def test_a_pause_that_comes_while_a_date_is_examined_holds_the_next_one(own_staffed: Installation) -> None:
    """Replays of what is published stay what they are: nothing is done."""
    day = own_staffed.fresh_date()
    own_staffed.deliver(day)
    run(own_staffed.platform, day)

    operator_actions.pause(own_staffed.platform, CARD_SETTLEMENTS, ANA)

    assert run(own_staffed.platform, day).decision.action is Action.ALREADY_PUBLISHED


def test_where_a_second_person_is_needed_the_releaser_cannot_approve(staffed: Installation) -> None:
    """Somebody else can; the gate opens only then, and both names are reasons."""
    strict = replace(CARD_SETTLEMENTS, roles=Roles(second_person=frozenset({"release"})))
    day = staffed.fresh_date()
    staffed.deliver(day, visa=a_visa(day, declared={"rows": 77}))
    run(staffed.platform, day, strict)

    held = operator_actions.release(staffed.platform, strict, day, ("rows_as_declared",), ANA)
    with pytest.raises(ActionRefused, check=refused_as("approval_of_own_release")):
        operator_actions.approve(staffed.platform, strict, day, ANA)
    untouched = states(staffed, day)
    approved = operator_actions.approve(staffed.platform, strict, day, BEN)

    assert held.decision.action is Action.AWAITING_OPERATOR
    assert untouched == []
    assert approved.decision.action is Action.PUBLISH
    assert {a.actor for a in actions(staffed, day)} == {"ana", "ben"}
    released, approval, *_ = approved.decision.reasons
    assert (released.code, approval.code) == ("released", "approved")
    assert released.parameters.items() >= {"checks": ("rows_as_declared",), "actor": "ana"}.items()
    assert approval.parameters["actor"] == "ben"
