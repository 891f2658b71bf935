"""Nothing is published without a verdict that passed for exactly that content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.facts import CurrentPublication, State, Verdict
from settlement_platform.control.publishing.gate import Action, decide_publication
from settlement_platform.control.reasons.reason import reason_codes
from settlement_platform_tests.builders import (
    a_check,
    a_failed_check,
    a_reason,
    a_standing,
    a_verdict,
    a_warning,
    codes,
)

contents = st.sampled_from(["content-1", "content-2", "content-3"])
checks = st.lists(st.sampled_from([a_check("one"), a_check("two"), a_warning(), a_failed_check("three")]), max_size=4)
verdicts = st.builds(lambda content, found: a_verdict(content, checks=tuple(found)), content=contents, found=checks)
standings = st.builds(
    lambda content, state, generation: a_standing(content_hash=content, state=state, generation=generation),
    content=contents,
    state=st.sampled_from([State.PROVISIONAL, State.FINAL, State.RESTATED, State.ROLLED_BACK, State.SKIPPED]),
    generation=st.integers(min_value=1, max_value=1000),
)
waits = st.sampled_from([(), ("visa: no file yet",)])
situations = st.fixed_dictionaries(
    {
        "content_hash": contents,
        "waiting": waits,
        "verdict": st.none() | verdicts,
        "current": st.none() | standings,
    }
)
Situation = dict[str, object]


@given(situation=situations)
def test_nothing_is_published_without_a_passing_verdict_for_exactly_this_content(
    situation: Situation,
) -> None:
    """The gate: a verdict on other content, or none, or one that failed, opens nothing."""
    decision = decide_publication(**situation)  # type: ignore[arg-type]

    verdict = situation["verdict"]
    if decision.action is Action.PUBLISH:
        assert isinstance(verdict, Verdict)
        assert verdict.passed
        assert verdict.content_hash == situation["content_hash"]
        assert not situation["waiting"]


@given(situation=situations)
def test_what_can_be_published_is(situation: Situation) -> None:
    """A passing verdict for exactly this content, nothing waited for and something new: the gate opens."""
    verdict, current = situation["verdict"], situation["current"]
    opens = (
        isinstance(verdict, Verdict)
        and verdict.passed
        and verdict.content_hash == situation["content_hash"]
        and not situation["waiting"]
        and not (isinstance(current, CurrentPublication) and current.content_hash == situation["content_hash"])
    )

    decision = decide_publication(**situation)  # type: ignore[arg-type]

    assert (decision.action is Action.PUBLISH) == opens


@given(situation=situations)
def test_generations_count_up_by_one(situation: Situation) -> None:
    """The first is 1, and no number is left out or used twice."""
    decision = decide_publication(**situation)  # type: ignore[arg-type]

    current = situation["current"]
    if decision.action is Action.PUBLISH:
        before = current.generation if isinstance(current, CurrentPublication) else 0
        assert decision.generation == before + 1


@given(situation=situations)
def test_every_decision_gives_a_reason(situation: Situation) -> None:
    """Whoever asks why, gets an answer."""
    decision = decide_publication(**situation)  # type: ignore[arg-type]

    assert decision.reasons
    assert all(decision.reasons)


@pytest.mark.parametrize(
    ("current", "state"),
    [
        (None, State.FINAL),
        (State.PROVISIONAL, State.FINAL),
        (State.FINAL, State.RESTATED),
        (State.RESTATED, State.RESTATED),
        (State.ROLLED_BACK, State.RESTATED),
        (State.SKIPPED, State.FINAL),
        (State.NOT_EXPECTED, State.FINAL),
    ],
)
def test_what_replaces_a_final_content_restates_it(current: State | None, state: State) -> None:
    """The first final publication is final; what readers already relied on is restated."""
    standing = a_standing(state=current, content_hash="older") if current else None

    decision = decide_publication(
        content_hash="content-1", waiting=(), verdict=a_verdict("content-1"), current=standing
    )

    assert decision.state is state


def test_what_is_published_already_is_not_published_again() -> None:
    """A second run changes nothing, and says which generation holds the content."""
    current = a_standing(content_hash="content-1", generation=4)

    decision = decide_publication(content_hash="content-1", waiting=(), verdict=a_verdict("content-1"), current=current)

    assert (decision.action, decision.generation) == (Action.ALREADY_PUBLISHED, 4)


def test_what_is_published_already_needs_no_verdict() -> None:
    """A run that finds nothing new does not validate again."""
    decision = decide_publication(
        content_hash="content-1", waiting=(), verdict=None, current=a_standing(content_hash="content-1")
    )

    assert decision.action is Action.ALREADY_PUBLISHED


def test_a_failed_verdict_is_reported_before_what_is_still_waited_for() -> None:
    """Quarantined outranks waiting: the provider can fix the one while the other comes."""
    decision = decide_publication(
        content_hash="content-1",
        waiting=("amex: no file yet",),
        verdict=a_verdict("content-1", checks=(a_failed_check("unique_in_date"),)),
        current=None,
    )

    assert decision.action is Action.REFUSE
    assert reason_codes(decision.reasons) == [
        {
            "code": "check_failed",
            "parameters": {
                "check": "unique_in_date",
                "message": "1 row breaks it",
                "measured": "1",
                "threshold": "",
            },
        }
    ]


def test_a_warning_opens_the_gate_and_is_kept_as_a_reason() -> None:
    """Unusual values stay on record beside the published rows."""
    verdict = a_verdict("content-1", checks=(a_check(), a_warning("volume_like_history")))

    decision = decide_publication(content_hash="content-1", waiting=(), verdict=verdict, current=None)

    assert decision.action is Action.PUBLISH
    assert codes(decision.reasons) == ["checks_passed", "check_warned"]
    assert "volume_like_history" in decision.reasons[1]


@pytest.mark.parametrize("verdict", [None, a_verdict("content-0")], ids=["none", "on another content"])
def test_a_missing_verdict_closes_the_gate(verdict: Verdict | None) -> None:
    """Publishing names what has to be done first; who only looks words it otherwise, and sees the same decision."""
    given = {"content_hash": "content-1", "waiting": (), "verdict": verdict, "current": None}

    publishing = decide_publication(**given)  # type: ignore[arg-type]
    reading = decide_publication(**given, unjudged=a_reason("validation_pending"))  # type: ignore[arg-type]

    assert (publishing.action, reading.action) == (Action.REFUSE, Action.REFUSE)
    assert codes(publishing.reasons) == ["verdict_outdated" if verdict else "verdict_missing"]
    assert codes(reading.reasons) == ["validation_pending"]
