"""The watermark never passes a gap, and freshness is measured against it."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.facts import State
from settlement_platform.control.policies import Timeliness
from settlement_platform.control.timeliness.freshness import WATERMARK_PASSES, fold_watermark, judge_freshness
from settlement_platform_tests.builders import DAY, day

STOPS = sorted(set(State) - WATERMARK_PASSES)
TIMELINESS = Timeliness(expected_by=time(3, 45), target=time(6, 0), deadline=time(6, 0))
FIRST_PROMISE = TIMELINESS.target_moment(DAY)

days = st.integers(min_value=-3, max_value=10).map(day)
states = st.dictionaries(days, st.sampled_from(State))
passing_states = st.sampled_from(sorted(WATERMARK_PASSES))


@given(published=states)
def test_the_watermark_lies_just_before_the_first_gap(published: dict[date, State]) -> None:
    """Every date up to it passes, and the next one does not."""
    watermark = fold_watermark(DAY, published)

    reached = DAY if watermark is None else watermark + timedelta(days=1)
    assert published.get(reached) not in WATERMARK_PASSES
    assert all(published[DAY + timedelta(days=n)] in WATERMARK_PASSES for n in range((reached - DAY).days))


@given(published=states, added=st.dictionaries(days, passing_states))
def test_a_date_that_passes_never_moves_the_watermark_back(
    published: dict[date, State], added: dict[date, State]
) -> None:
    """Publishing more can only help."""
    before = fold_watermark(DAY, published)

    after = fold_watermark(DAY, published | added)

    assert before is None or (after is not None and after >= before)


@given(published=states)
def test_what_lies_before_the_first_date_does_not_matter(published: dict[date, State]) -> None:
    """The watermark starts at the first business date of the installation."""
    since = {when: state for when, state in published.items() if when >= DAY}

    assert fold_watermark(DAY, published) == fold_watermark(DAY, since)


@pytest.mark.parametrize("state", STOPS)
def test_the_watermark_stops_before(state: State) -> None:
    """States that readers may not rely on stop it, even when later dates are final."""
    published = {day(0): State.FINAL, day(1): state, day(2): State.FINAL}

    assert fold_watermark(DAY, published) == day(0)


@pytest.mark.parametrize("state", sorted(WATERMARK_PASSES))
def test_the_watermark_passes(state: State) -> None:
    """States that readers may rely on, and dates that will never have a file, let it advance."""
    published = {day(0): State.FINAL, day(1): state, day(2): State.FINAL}

    assert fold_watermark(DAY, published) == day(2)


def test_the_states_are_divided_as_documented() -> None:
    """A new state has to be given its side."""
    assert {State.PROVISIONAL, State.QUARANTINED, State.LATE, State.WAITING, State.STAGED} == set(STOPS)


@pytest.mark.parametrize(
    ("watermark", "now", "lag"),
    [
        pytest.param(None, FIRST_PROMISE - timedelta(seconds=1), None, id="before the first promise"),
        pytest.param(day(3), FIRST_PROMISE - timedelta(seconds=1), None, id="early, though more is there"),
        pytest.param(None, FIRST_PROMISE, timedelta(0), id="at the first promise"),
        pytest.param(None, FIRST_PROMISE + timedelta(seconds=1), timedelta(seconds=1), id="just after it"),
        pytest.param(DAY, FIRST_PROMISE + timedelta(days=1), timedelta(0), id="at the second promise"),
        pytest.param(DAY, FIRST_PROMISE + timedelta(days=1, hours=2), timedelta(hours=2), id="two hours late"),
        pytest.param(day(5), FIRST_PROMISE + timedelta(days=2), timedelta(0), id="ahead of its promise"),
    ],
)
def test_the_lag_is_counted_from_the_promise_that_was_missed(
    watermark: date | None, now: datetime, lag: timedelta | None
) -> None:
    """None before anything is due, zero while all that is due is there."""
    freshness = judge_freshness(first_date=DAY, watermark=watermark, timeliness=TIMELINESS, now=now)

    assert freshness.lag == lag
    assert freshness.on_time == (not lag)
    assert freshness.reasons


@given(
    reached=st.none() | st.integers(min_value=0, max_value=20),
    minutes=st.integers(min_value=-10_000, max_value=40_000),
)
def test_the_lag_is_what_has_passed_since_the_next_date_was_due(reached: int | None, minutes: int) -> None:
    """It is never negative, and positive exactly when the next date is overdue."""
    watermark = None if reached is None else day(reached)
    now = FIRST_PROMISE + timedelta(minutes=minutes)

    freshness = judge_freshness(first_date=DAY, watermark=watermark, timeliness=TIMELINESS, now=now)

    assert freshness.due == (DAY if watermark is None else watermark + timedelta(days=1))
    assert freshness.due_at == TIMELINESS.target_moment(freshness.due)
    if now < FIRST_PROMISE:
        assert freshness.lag is None
    else:
        assert freshness.lag == max(timedelta(0), now - freshness.due_at)


@given(
    reached=st.integers(min_value=0, max_value=20),
    further=st.integers(min_value=0, max_value=20),
    minutes=st.integers(min_value=0, max_value=60_000),
)
def test_a_watermark_that_moves_on_never_makes_the_lag_grow(reached: int, further: int, minutes: int) -> None:
    """Publishing a date is never punished."""
    now = FIRST_PROMISE + timedelta(minutes=minutes)

    before = judge_freshness(first_date=DAY, watermark=day(reached), timeliness=TIMELINESS, now=now)
    after = judge_freshness(first_date=DAY, watermark=day(reached + further), timeliness=TIMELINESS, now=now)

    assert before.lag is not None
    assert after.lag is not None
    assert after.lag <= before.lag


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_no_reason_speaks_of_a_watermark_that_is_not_there(seconds: int) -> None:
    """The reason is read by people."""
    now = FIRST_PROMISE + timedelta(seconds=seconds)

    freshness = judge_freshness(first_date=DAY, watermark=None, timeliness=TIMELINESS, now=now)

    assert "None" not in " ".join(freshness.reasons)
