"""A breaker opens after failures in a row, lets one probe through, and closes when it is answered."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.facts import Attempt, AttemptStep, OperatorAction, OperatorActionType
from settlement_platform.control.policies import BreakerPolicy
from settlement_platform.control.reasons.reason import reason_codes
from settlement_platform.control.reliability.circuit_breakers import (
    PROBE_TIMEOUT,
    BreakerState,
    CircuitBreaker,
    fold_breaker,
    resets_of,
)
from settlement_platform_tests.builders import DATASET, NOW, an_action, an_attempt, codes

POLICY = BreakerPolicy()
MINUTE = timedelta(minutes=1)
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def at(minutes: float) -> datetime:
    """The moment this many minutes after the first attempt."""
    return NOW + minutes * MINUTE


def begun(minutes: float, name: str = "", **changes: str) -> Attempt:
    """An attempt that lands since then."""
    return an_attempt(attempt_id=name or f"at {minutes}", recorded_at=at(minutes), **changes)


def ended(minutes: float, outcome: str, name: str = "", **changes: str) -> Attempt:
    """An attempt that ended then, in its last step unless another is named."""
    usual = {"step": "publish", "dependency": "landing" if outcome == "failed" else ""}
    return an_attempt(
        attempt_id=name or f"at {minutes}", recorded_at=at(minutes), outcome=outcome, **{**usual, **changes}
    )


def failures(count: int, *, first: float = 0) -> list[Attempt]:
    """Failures in a row, one a minute."""
    return [ended(first + n, "failed", detail="no answer") for n in range(count)]


def a_reset(minutes: float, name: str = DATASET) -> OperatorAction:
    """An operator closes a breaker."""
    return an_action(action=OperatorActionType.RESET_BREAKER, detail={"breaker": name}, recorded_at=at(minutes))


def fold(attempts: Sequence[Attempt], minutes: float, *, resets: Sequence[OperatorAction] = ()) -> CircuitBreaker:
    """The dataset's breaker then."""
    return fold_breaker(POLICY, attempts, resets, at(minutes))


def test_it_opens_after_five_failures_in_a_row_for_ten_minutes() -> None:
    """Four are not enough, and it says why and until when."""
    four, five = fold(failures(4), 3), fold(failures(5), 4)

    assert (four.state, four.failures, four.until) == (CLOSED, 4, None)
    assert (five.state, five.failures, five.openings) == (OPEN, 5, 1)
    assert (five.opened_at, five.until) == (at(4), at(14))
    assert not five.allows
    failures_in_a_row = {"failures": 5, "last_at": "2026-11-21T04:04:00Z", "detail": "no answer"}
    assert reason_codes(five.reasons) == [
        {"code": "failures_in_a_row", "parameters": failures_in_a_row},
        {"code": "launches_blocked", "parameters": {"until": "2026-11-21T04:14:00Z"}},
    ]


@pytest.mark.parametrize("outcome", ["succeeded", "refused"])
def test_what_ran_to_its_end_breaks_the_row(outcome: str) -> None:
    """Bad input is no outage: to refuse it, everything had to answer."""
    found = fold([*failures(4), ended(4, outcome), *failures(4, first=5)], 10)

    assert (found.state, found.failures) == (CLOSED, 4)


def test_waiting_for_files_is_neither_a_failure_nor_a_success() -> None:
    """It asked the landing zone alone: a staging area that is full stays full."""
    waiting = [ended(10 + n, "waiting", step=AttemptStep.LAND) for n in range(9)]

    assert fold(waiting, 30).state is CLOSED
    assert fold([*failures(4), *waiting, ended(20, "failed")], 20).state is OPEN
    assert fold([*failures(5), ended(15, "waiting", step=AttemptStep.LAND)], 15).state is HALF_OPEN


def test_half_open_lets_exactly_one_probe_through() -> None:
    """The next has to wait for its end; what is never heard of again keeps others waiting for a quarter of an hour."""
    before, during = fold(failures(5), 14), fold([*failures(5), begun(14)], 15)
    forgotten = fold([*failures(5), begun(14)], 14 + PROBE_TIMEOUT / MINUTE)

    assert (before.state, before.allows) == (HALF_OPEN, True)
    assert (during.state, during.probing, during.allows) == (HALF_OPEN, True, False)
    assert (forgotten.state, forgotten.allows) == (HALF_OPEN, True)


def test_a_probe_that_succeeds_closes_it() -> None:
    """Nothing is left of the past."""
    assert fold([*failures(5), begun(14), ended(15, "succeeded", "at 14")], 15) == CircuitBreaker(state=CLOSED)


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_the_cap() -> None:
    """Ten minutes, twenty, forty, and at last four hours; after three openings it is an operator's turn."""
    attempts, lengths, handed = failures(5), [], []
    for _ in range(8):
        found = fold(attempts, (attempts[-1].recorded_at - NOW) / MINUTE)
        assert found.opened_at is not None
        assert found.until is not None
        lengths.append((found.until - found.opened_at) / MINUTE)
        handed.append(found.handed_over)
        attempts.append(ended((found.until - NOW) / MINUTE, "failed"))

    assert lengths == [10, 20, 40, 80, 160, 240, 240, 240]
    assert handed == [False, False, True, True, True, True, True, True]


def test_it_goes_on_probing_after_it_was_handed_over() -> None:
    """Nobody has to wake up for an outage that ends by itself."""
    attempts = [*failures(5), ended(14, "failed"), ended(40, "failed")]

    waiting, probing = fold(attempts, 60), fold(attempts, 81)

    assert (waiting.state, waiting.handed_over) == (OPEN, True)
    assert codes(waiting.reasons)[-1] == "handed_to_operator"
    assert waiting.reasons[-1].parameters == {"openings": 3}
    assert (probing.state, probing.allows) == (HALF_OPEN, True)
    assert fold([*attempts, ended(81, "succeeded")], 81).state is CLOSED


def test_what_fails_while_it_is_open_does_not_extend_it() -> None:
    """A run over many dates that was on its way when it opened, say."""
    found = fold(failures(9), 9)

    assert (found.until, found.openings, found.failures) == (at(14), 1, 9)


@pytest.mark.parametrize("minutes", [6, 20])
def test_a_reset_closes_it(minutes: float) -> None:
    """An open and a half-open breaker close, and their failures are forgotten."""
    attempts = failures(5)

    assert fold(attempts, minutes, resets=[a_reset(minutes)]) == CircuitBreaker(state=CLOSED)
    assert fold([*attempts, *failures(4, first=30)], 40, resets=[a_reset(minutes)]).state is CLOSED


def test_a_reset_speaks_of_one_breaker() -> None:
    """The one that it names, and else that of its dataset."""
    of_lake, of_dataset = a_reset(1, "lake"), an_action(action=OperatorActionType.RESET_BREAKER, detail={})
    actions = [of_lake, of_dataset, an_action(action=OperatorActionType.PAUSE)]

    assert resets_of("lake", actions) == [of_lake]
    assert resets_of(DATASET, actions) == [of_dataset]


def of_store(name: str, attempts: Sequence[Attempt], minutes: float) -> CircuitBreaker:
    """The breaker of a dependency then."""
    return fold_breaker(POLICY, attempts, [], at(minutes), dependency=name)


def test_a_dependency_is_blamed_for_its_own_failures_only() -> None:
    """Over all datasets; a failure that names no store is nobody's but the dataset's."""
    mixed = [ended(n, "failed", dataset=f"dataset-{n}", dependency="lake" if n % 2 else "landing") for n in range(9)]

    assert (of_store("landing", mixed, 8).state, of_store("landing", mixed, 8).failures) == (OPEN, 5)
    assert (of_store("lake", mixed, 8).state, of_store("lake", mixed, 8).failures) == (CLOSED, 4)
    assert of_store("staging", [ended(n, "failed", dependency="") for n in range(9)], 8).failures == 0


@pytest.mark.parametrize(
    ("steps", "outcome", "answered"),
    [
        (["land"], "waiting", {"landing", "ledger"}),
        (["land"], "succeeded", {"landing", "ledger", "lake"}),
        (["land", "stage", "validate", "publish"], "succeeded", {"landing", "ledger", "lake", "staging"}),
        (["land", "stage", "validate", "publish"], "refused", {"landing", "ledger", "lake", "staging"}),
        (["build"], "succeeded", {"lake", "ledger", "staging"}),
        (["land", "stage"], "failed", set()),
    ],
    ids=["waiting", "published already", "published", "refused", "a mart", "failed elsewhere"],
)
def test_an_attempt_shows_that_answered_the_stores_that_its_steps_used(
    steps: list[str], outcome: str, answered: set[str]
) -> None:
    """A date that waits for files says nothing about the staging area, nor a mart about the landing zone."""
    tried = [begun(20 + n, "later", step=step) for n, step in enumerate(steps)]
    end = ended(30, outcome, "later", step=steps[-1], dependency="somewhere" if outcome == "failed" else "")

    closed = {
        name
        for name in ("landing", "staging", "lake", "ledger")
        if of_store(name, [*(ended(n, "failed", dependency=name) for n in range(5)), *tried, end], 30).state is CLOSED
    }

    assert closed == answered


events = st.lists(
    st.tuples(
        st.sampled_from(["started", "failed", "failed", "failed", "succeeded", "refused", "waiting", "reset"]),
        st.integers(min_value=0, max_value=40),
        st.integers(min_value=0, max_value=3),
    ),
    max_size=40,
)
policies = st.builds(
    BreakerPolicy,
    failures=st.integers(min_value=1, max_value=6),
    cooldown=st.integers(min_value=1, max_value=30).map(lambda n: n * MINUTE),
    longest=st.integers(min_value=1, max_value=300).map(lambda n: n * MINUTE),
)


def as_facts(drawn: list[tuple[str, int, int]]) -> tuple[list[Attempt], list[OperatorAction], float]:
    """The drawn events as facts, each some minutes after the one before, and the minute of the last."""
    attempts: list[Attempt] = []
    resets: list[OperatorAction] = []
    minute = 0.0
    for what, pause, number in drawn:
        minute += pause
        name = f"attempt-{number}"
        if what == "reset":
            resets.append(a_reset(minute))
        elif what == "started":
            attempts.append(begun(minute, name))
        else:
            attempts.append(ended(minute, what, name, step=AttemptStep.LAND if what == "waiting" else "publish"))
    return attempts, resets, minute


@given(drawn=events, policy=policies, later=st.integers(min_value=0, max_value=400))
def test_it_never_opens_below_the_threshold(
    drawn: list[tuple[str, int, int]], policy: BreakerPolicy, later: int
) -> None:
    """However attempts end in between, it takes that many failures since it last was well."""
    attempts, resets, minute = as_facts(drawn)

    found = fold_breaker(policy, attempts, resets, at(minute + later))

    assert (found.state is CLOSED) == (found.until is None)
    assert found.state is CLOSED or found.failures >= policy.failures
    assert found.failures < policy.failures or found.state is not CLOSED
    assert bool(found.reasons) == bool(found.failures)


@given(drawn=events, policy=policies, later=st.integers(min_value=0, max_value=400))
def test_how_long_it_stays_open_doubles_up_to_the_cap(
    drawn: list[tuple[str, int, int]], policy: BreakerPolicy, later: int
) -> None:
    """The length follows from how often in a row it opened, and from nothing else."""
    attempts, resets, minute = as_facts(drawn)

    found = fold_breaker(policy, attempts, resets, at(minute + later))

    if found.opened_at and found.until:
        wanted = min(policy.longest, policy.cooldown * 2 ** (found.openings - 1))
        assert found.until - found.opened_at == wanted
        assert found.handed_over == (found.openings >= policy.handed_over)
        assert (found.state is OPEN) == (at(minute + later) < found.until)


@given(drawn=events, policy=policies)
def test_no_second_probe_is_let_through_beside_the_first(
    drawn: list[tuple[str, int, int]], policy: BreakerPolicy
) -> None:
    """Once one has begun, nothing else is launched until it ends or is given up."""
    attempts, resets, minute = as_facts(drawn)
    probe = begun(minute + 1000, "probe")

    before = fold_breaker(policy, attempts, resets, at(minute + 1000))
    during = fold_breaker(policy, [*attempts, probe], resets, at(minute + 1001))

    assert before.allows
    assert during.allows == (before.state is CLOSED)


@given(drawn=events, policy=policies, cut=st.integers(min_value=0, max_value=40))
def test_what_lies_before_it_last_was_well_changes_nothing(
    drawn: list[tuple[str, int, int]], policy: BreakerPolicy, cut: int
) -> None:
    """So that the ledger has to be read from the last success on only, by every process and after every restart."""
    attempts, resets, minute = as_facts(drawn[:cut])
    well = ended(minute, "succeeded", "well")
    later, more, last = as_facts([("waiting", 0, 9), *drawn[cut:]])
    shifted = [an_attempt(**{**vars(a), "recorded_at": a.recorded_at + (minute + 1) * MINUTE}) for a in later]
    moved = [an_action(**{**vars(r), "recorded_at": r.recorded_at + (minute + 1) * MINUTE}) for r in more]
    now = at(minute + 1 + last)

    whole = fold_breaker(policy, [*attempts, well, *shifted], [*resets, *moved], now)
    since = fold_breaker(policy, shifted, moved, now)

    assert whole == since


@given(drawn=events, policy=policies, later=st.integers(min_value=0, max_value=400))
def test_a_reset_always_closes_it(drawn: list[tuple[str, int, int]], policy: BreakerPolicy, later: int) -> None:
    """Whatever happened before."""
    attempts, resets, minute = as_facts(drawn)
    now = minute + later

    found = fold_breaker(policy, attempts, [*resets, a_reset(now)], at(now))

    assert found == CircuitBreaker(state=CLOSED)


def scans(*outcomes: str, first: float = 0) -> list[Attempt]:
    """A sensor's looks, one a minute."""
    return [ended(first + n, outcome, step=AttemptStep.SCAN) for n, outcome in enumerate(outcomes)]


def of_landing(attempts: Sequence[Attempt], minutes: float) -> CircuitBreaker:
    """The landing zone's breaker then."""
    return fold_breaker(POLICY, attempts, [], at(minutes), dependency="landing")


def test_scans_that_fail_open_the_breaker_of_their_store_and_no_other() -> None:
    """They say nothing of a dataset, and one that goes well in between begins the count anew."""
    failed = scans(*["failed"] * 5)
    broken_off = scans(*["failed"] * 4, "waiting", *["failed"] * 4)

    assert of_landing(failed, 4).state is OPEN
    assert fold(failed, 4).state is CLOSED
    assert fold_breaker(POLICY, failed, [], at(4), dependency="lake").state is CLOSED
    assert (of_landing(broken_off, 8).state, of_landing(broken_off, 8).failures) == (CLOSED, 4)


def test_a_successful_scan_closes_what_scans_opened_at_once() -> None:
    """Nobody has to wait for the end of the pause to see that the store is back."""
    assert of_landing(scans(*["failed"] * 5, "waiting"), 5).state is CLOSED


def test_a_successful_scan_does_not_make_up_for_a_try_that_failed() -> None:
    """A store that can be listed may still refuse to be read: only an attempt shows that it can."""
    mixed = [*scans(*["failed"] * 4), ended(4, "failed", step=AttemptStep.LAND), *scans("waiting", first=5)]

    assert of_landing(mixed, 5).state is OPEN
    assert of_landing([*mixed, ended(15, "waiting", step=AttemptStep.LAND)], 15).state is CLOSED
