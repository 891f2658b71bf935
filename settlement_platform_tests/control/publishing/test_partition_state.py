"""The state of a business date is what readers see, and what is pending is shown beside it."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.facts import Publication, State, Verdict
from settlement_platform.control.publishing.gate import Action, Decision, decide_publication
from settlement_platform.control.publishing.partition_state import DateState, DeliveryStatus, fold_state
from settlement_platform.control.reasons.reason import Reason
from settlement_platform_tests.builders import a_failed_check, a_publication, a_reason, a_verdict, codes

WAITING = ("amex: no file yet",)
COMING = ("visa: cards.2.csv has no control file yet",)
NEW, OLD = "content-2", "content-1"
PUBLISHED = a_publication(content_hash=OLD)
PASSED = a_verdict(NEW)
FAILED = a_verdict(NEW, checks=(a_failed_check(),))
FAILED_BEFORE = a_verdict("content-0", checks=(a_failed_check(),))


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Everything that is known of a date."""

    content: str | None = NEW
    verdict: Verdict | None = None
    current: Publication | None = None
    waiting: tuple[str, ...] = ()
    in_flight: tuple[str, ...] = ()
    late: bool = False

    def fold(self) -> DateState:
        """The state, after the decision that the facts lead to."""
        decision = decide_publication(
            content_hash=self.content or "",
            waiting=self.waiting,
            verdict=self.verdict,
            current=self.current,
        )
        return fold_state(
            decision=decision,
            content_hash=self.content,
            verdict=self.verdict,
            current=self.current,
            delivered=DeliveryStatus(anything=self.content is not None, in_flight=self.in_flight, late=self.late),
        )


NOTHING = Situation(content=None, waiting=("visa: no file yet",))
PARTLY = Situation(waiting=WAITING)
ARRIVED = Situation()
VALIDATED = Situation(verdict=PASSED)
REFUSED = Situation(verdict=FAILED)
REFUSED_PARTLY = Situation(verdict=FAILED, waiting=WAITING)
CORRECTED = Situation(verdict=FAILED_BEFORE)


@pytest.mark.parametrize(
    ("situation", "state"),
    [
        pytest.param(NOTHING, State.WAITING, id="nothing delivered"),
        pytest.param(PARTLY, State.WAITING, id="one source delivered"),
        pytest.param(replace(NOTHING, late=True), State.LATE, id="nothing delivered, and overdue"),
        pytest.param(replace(PARTLY, late=True), State.LATE, id="one source delivered, and the others overdue"),
        pytest.param(replace(REFUSED_PARTLY, late=True), State.QUARANTINED, id="refused, and the others overdue"),
        pytest.param(ARRIVED, State.WAITING, id="all delivered, not validated"),
        pytest.param(VALIDATED, State.STAGED, id="validated"),
        pytest.param(REFUSED, State.QUARANTINED, id="refused"),
        pytest.param(REFUSED_PARTLY, State.QUARANTINED, id="refused before all is there"),
        pytest.param(CORRECTED, State.WAITING, id="corrected since it was refused"),
    ],
)
def test_with_nothing_published_the_state_is_the_pending_one(situation: Situation, state: State) -> None:
    """Readers see nothing, operators see how far it is."""
    found = situation.fold()

    assert found.state is state
    assert found.pending is not None
    assert found.pending.state is state
    assert found.reasons == found.pending.reasons


@pytest.mark.parametrize(
    ("situation", "pending"),
    [
        pytest.param(Situation(content=OLD), None, id="nothing new"),
        pytest.param(Situation(content=OLD, in_flight=COMING), State.WAITING, id="a correction is coming"),
        pytest.param(NOTHING, None, id="the delivery is gone"),
        pytest.param(PARTLY, State.WAITING, id="the correction lacks a source"),
        pytest.param(ARRIVED, State.WAITING, id="the correction is not validated"),
        pytest.param(VALIDATED, State.STAGED, id="the correction is validated"),
        pytest.param(REFUSED, State.QUARANTINED, id="the correction is refused"),
        pytest.param(REFUSED_PARTLY, State.QUARANTINED, id="the correction is refused and lacks a source"),
        pytest.param(CORRECTED, State.WAITING, id="a correction of the refused correction"),
    ],
)
@pytest.mark.parametrize("published", [State.FINAL, State.RESTATED, State.ROLLED_BACK])
def test_what_is_held_back_does_not_change_what_readers_see(
    situation: Situation, pending: State | None, published: State
) -> None:
    """A published date keeps its state, with the held content beside it."""
    current = replace(PUBLISHED, state=published)

    found = replace(situation, current=current).fold()

    assert found.state is published
    assert (found.pending.state if found.pending else None) is pending


def test_what_is_held_back_carries_its_content_and_its_reasons() -> None:
    """An operator can go on from there."""
    found = replace(REFUSED, current=PUBLISHED).fold()

    assert found.pending is not None
    assert found.pending.content_hash == NEW
    assert codes(found.pending.reasons) == ["check_failed"]
    assert codes(found.reasons) == ["published_as", "pending_beside_published"]
    assert isinstance(found.reasons[1], Reason)
    assert found.reasons[1].parameters["state"] == "quarantined"
    assert found.reasons[1].parameters["reason"]["code"] == "check_failed"


@pytest.mark.parametrize("situation", [PARTLY, ARRIVED, REFUSED])
def test_what_is_in_flight_is_among_the_reasons(situation: Situation) -> None:
    """Help may be on its way already."""
    found = replace(situation, in_flight=COMING).fold()

    assert set(COMING) <= set(found.reasons)


@given(
    content=st.none() | st.sampled_from([OLD, NEW]),
    verdict=st.sampled_from([None, PASSED, FAILED, FAILED_BEFORE]),
    current=st.sampled_from([None, PUBLISHED]),
    waiting=st.sampled_from([(), WAITING]),
    in_flight=st.sampled_from([(), COMING]),
)
def test_every_situation_has_a_state_and_a_reason(
    content: str | None,
    verdict: Verdict | None,
    current: Publication | None,
    waiting: tuple[str, ...],
    in_flight: tuple[str, ...],
) -> None:
    """The publication decides the state that readers see, and quarantine is about the pending content only."""
    situation = Situation(
        content=content,
        verdict=verdict,
        current=current,
        waiting=waiting if content else WAITING,
        in_flight=in_flight,
    )

    found = situation.fold()

    assert found.reasons
    assert current is None or found.state is current.state
    if found.pending and found.pending.state is State.QUARANTINED:
        assert verdict is not None
        assert verdict.content_hash == content
        assert not verdict.passed


WITHDRAWN = Decision(action=Action.WITHDRAWN, reasons=(a_reason("content_discarded"),))
HELD = Decision(action=Action.AWAITING_OPERATOR, reasons=(a_reason("publishing_paused"),))


def _folded(decision: Decision, current: Publication | None, *, late: bool = False) -> DateState:
    return fold_state(
        decision=decision,
        content_hash=NEW,
        verdict=PASSED,
        current=current,
        delivered=DeliveryStatus(anything=True, late=late),
    )


def test_what_was_withdrawn_is_no_longer_pending_and_says_by_whom() -> None:
    """Beside what is published nothing is pending; with nothing published the date waits for another delivery."""
    beside, alone = _folded(WITHDRAWN, PUBLISHED), _folded(WITHDRAWN, None)

    assert (beside.state, beside.pending) == (State.FINAL, None)
    assert WITHDRAWN.reasons[0] in beside.reasons
    assert alone.state is State.WAITING
    assert alone.reasons == WITHDRAWN.reasons


@pytest.mark.parametrize("current", [None, PUBLISHED])
def test_what_waits_for_an_operator_is_shown_as_staged(current: Publication | None) -> None:
    found = _folded(HELD, current)

    assert found.pending is not None
    assert (found.pending.state, found.pending.content_hash) == (State.STAGED, NEW)
    assert HELD.reasons[0] in found.pending.reasons


def test_a_cut_says_what_it_lacks_and_what_is_late_is_shown_beside_it() -> None:
    """Readers see provisional; the missing source is overdue."""
    cut = replace(PUBLISHED, state=State.PROVISIONAL, content_hash=NEW, missing=("amex",), completeness=2 / 3)
    current = Decision(action=Action.ALREADY_PUBLISHED, reasons=("generation 1 stands", *WAITING))

    found = _folded(current, cut, late=True)

    assert found.state is State.PROVISIONAL
    assert codes(found.reasons)[:2] == ["published_as", "sources_missing"]
    assert isinstance(found.reasons[1], Reason)
    assert found.reasons[1].parameters == {"sources": ("amex",), "completeness": 2 / 3}
    assert found.pending is not None
    assert (found.pending.state, found.pending.reasons) == (State.LATE, WAITING)


def test_a_whole_date_whose_correction_is_incomplete_is_not_late() -> None:
    """Readers have what they were promised."""
    found = _folded(Decision(action=Action.WAIT, reasons=WAITING), PUBLISHED, late=True)

    assert found.pending is not None
    assert found.pending.state is State.WAITING
