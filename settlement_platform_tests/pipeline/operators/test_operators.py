"""Who may act, that a reason is given, and what happens when two operators act at once."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.policies import Restating
from settlement_platform.control.roles import ACTIONS, Roles
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.operators import actions as operator_actions
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform_tests.builders import refused_as
from settlement_platform_tests.pipeline.installation import Installation, open_home
from settlement_platform_tests.pipeline.operating import (
    ANA,
    BEN,
    EVERYONE,
    a_refused_visa,
    a_visa,
    actions,
    history,
    open_breaker,
    run,
    states,
)
from settlement_platform_tests.shown_reasons import sentence_of

Act = Callable[[Platform, Dataset, date, Request], object]

LIMITED = replace(CARD_SETTLEMENTS, restating=Restating(measure="net_minor", rows_share=0.0))
ACTS: dict[str, Act] = {
    "pause": lambda p, d, _, r: operator_actions.pause(p, d, r),
    "resume": lambda p, d, _, r: operator_actions.resume(p, d, r),
    "reset_breaker": lambda p, d, _, r: operator_actions.reset_breaker(p, d, d.name, r),
    "skip": operator_actions.skip,
    "approve": operator_actions.approve,
    "release": lambda p, d, day, r: operator_actions.release(p, d, day, ("rows_as_declared",), r),
    "discard": operator_actions.discard,
    "rollback": lambda p, d, day, r: roll_back(p, d, day, 1, r),
}
OF_THE_DATASET = {"pause", "resume", "reset_breaker"}


def _ready(installation: Installation, action: str) -> date:
    """A date, or a dataset, for which the action is due."""
    day, platform = installation.fresh_date(), installation.platform
    if action in {"approve", "rollback", "release", "discard"}:
        installation.deliver(day)
        run(platform, day)
    if action in {"approve", "rollback"}:
        a_visa(day).write(installation.landing)
        run(platform, day, LIMITED if action == "approve" else CARD_SETTLEMENTS)
    if action in {"release", "discard"}:
        a_refused_visa(day).write(installation.landing)
        run(platform, day)
    if action == "reset_breaker":
        open_breaker(platform, CARD_SETTLEMENTS.name)
    if action == "resume":
        operator_actions.pause(platform, CARD_SETTLEMENTS, BEN)
    return day


def test_every_action_of_the_core_is_tested_here() -> None:
    """All but running again, which the shells request themselves."""
    assert {*ACTS, "rerun"} == set(ACTIONS)


@pytest.mark.parametrize("action", ACTS)
def test_an_action_needs_its_role_and_is_done_by_whoever_has_it(own_staffed: Installation, action: str) -> None:
    """Refused without a trace to one, done and recorded for the other."""
    day = _ready(own_staffed, action)
    about = None if action in OF_THE_DATASET else day
    roles = Roles(needed={action: "keeper"})
    dataset = replace(LIMITED if action == "approve" else CARD_SETTLEMENTS, roles=roles)
    platform = replace(own_staffed.platform, members={"keeper": frozenset({"ben"}), "operator": frozenset({"ana"})})
    before = actions(own_staffed, about), history(own_staffed, day)

    with pytest.raises(ActionRefused, match=sentence_of("role_missing", role="keeper", actor="ana")) as refused:
        ACTS[action](platform, dataset, day, ANA)
    left = actions(own_staffed, about), history(own_staffed, day)
    ACTS[action](platform, dataset, day, BEN)

    assert "SETTLEMENT_ROLES" in refused.value.remedy
    assert left == before
    last = actions(own_staffed, about)[-1]
    assert (last.action, last.actor, last.reason) == (action, "ben", BEN.reason)


@pytest.mark.parametrize("action", ACTS)
@pytest.mark.parametrize("reason", ["", "  \n\t"])
def test_without_a_reason_nothing_is_done(staffed: Installation, action: str, reason: str) -> None:
    day = staffed.fresh_date()
    before = staffed.platform.ledger.actions(CARD_SETTLEMENTS.name)

    with pytest.raises(ActionRefused, check=refused_as("note_missing")):
        ACTS[action](staffed.platform, CARD_SETTLEMENTS, day, replace(ANA, reason=reason))

    assert staffed.platform.ledger.actions(CARD_SETTLEMENTS.name) == before
    assert states(staffed, day) == []


def test_where_nobody_has_the_role_nobody_may(staffed: Installation) -> None:
    """An installation whose roles are not given is closed, not open."""
    platform = replace(staffed.platform, members={})

    with pytest.raises(ActionRefused, match="members: nobody"):
        operator_actions.pause(platform, CARD_SETTLEMENTS, ANA)


@pytest.mark.parametrize(("action", "generations"), [("skip", 1), ("approve", 2), ("release", 2), ("rollback", 3)])
def test_of_two_operators_at_once_one_publishes(own_staffed: Installation, action: str, generations: int) -> None:
    """The other finds it done or is refused; there is one generation more, with one reason."""
    day = _ready(own_staffed, action)
    dataset = LIMITED if action == "approve" else CARD_SETTLEMENTS
    platforms = [replace(open_home(own_staffed.home), members=EVERYONE) for _ in range(2)]
    ended: list[object] = []
    together = threading.Barrier(2)

    def act(platform: Platform, request: Request) -> None:
        together.wait()
        try:
            ended.append(ACTS[action](platform, dataset, day, request))
        except ActionRefused as refused:
            ended.append(refused)

    threads = [threading.Thread(target=act, args=pair) for pair in zip(platforms, (ANA, BEN), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    published = [e for e in ended if getattr(e, "publication", None)]
    assert len(ended) == 2
    assert len(published) == 1
    assert len(history(own_staffed, day)) == generations
    assert history(own_staffed, day)[-1].actor in {a.actor for a in actions(own_staffed, day)}


def test_a_breaker_that_is_reset_is_named_on_record(own_staffed: Installation) -> None:
    open_breaker(own_staffed.platform, "lake")

    operator_actions.reset_breaker(own_staffed.platform, CARD_SETTLEMENTS, "lake", ANA)

    assert actions(own_staffed, None)[-1].detail == {"breaker": "lake"}


def test_a_breaker_that_is_closed_is_not_reset(own_staffed: Installation) -> None:
    """Nor one that was reset just before; another that is open does not count."""
    platform = own_staffed.platform
    open_breaker(platform, "lake")

    with pytest.raises(ActionRefused, match=sentence_of("breaker_is_closed", breaker="staging")):
        operator_actions.reset_breaker(platform, CARD_SETTLEMENTS, "staging", ANA)
    operator_actions.reset_breaker(platform, CARD_SETTLEMENTS, "lake", ANA)
    with pytest.raises(ActionRefused, match=sentence_of("breaker_is_closed", breaker="lake")):
        operator_actions.reset_breaker(platform, CARD_SETTLEMENTS, "lake", BEN)

    assert [a.detail["breaker"] for a in actions(own_staffed, None)] == ["lake"]
