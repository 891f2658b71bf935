"""Policies answer within the bounds that they promise."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.control.policies import RetryPolicy, Timeliness, date_range, date_spans
from settlement_platform_tests.builders import DAY, day

retry_policies = st.builds(
    RetryPolicy,
    base_seconds=st.floats(min_value=0.01, max_value=100),
    cap_seconds=st.floats(min_value=0.01, max_value=1000),
)
retries = st.integers(min_value=1, max_value=5000)
jitters = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(policy=retry_policies, retry=retries, jitter=jitters)
def test_a_delay_never_exceeds_its_cap(policy: RetryPolicy, retry: int, jitter: float) -> None:
    """However often a step failed, the next try is not far."""
    delay = policy.delay_seconds(retry, jitter)

    assert 0 < delay <= policy.cap_seconds


@given(policy=retry_policies, retry=retries, jitter=jitters)
def test_a_delay_never_shrinks_from_one_retry_to_the_next(policy: RetryPolicy, retry: int, jitter: float) -> None:
    """With equal jitter, the next retry waits at least as long."""
    assert policy.delay_seconds(retry + 1, jitter) >= policy.delay_seconds(retry, jitter)


@given(policy=retry_policies, retry=retries, jitter=jitters)
def test_jitter_spreads_a_delay_over_its_upper_half(policy: RetryPolicy, retry: int, jitter: float) -> None:
    """Half of the delay is certain, so that a retry never comes at once."""
    least = policy.delay_seconds(retry, 0.0)

    assert least <= policy.delay_seconds(retry, jitter) <= 2 * least


def test_delays_double_until_the_cap() -> None:
    """Two seconds, four, eight, and at last sixty."""
    policy = RetryPolicy(base_seconds=2.0, cap_seconds=60.0)

    most = [2 * policy.delay_seconds(n, 0.0) for n in range(1, 8)]

    assert most == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_moments_fall_on_the_day_after_the_business_date_in_utc() -> None:
    """A clock time belongs to the morning after."""
    timeliness = Timeliness(expected_by=time(3, 45), target=time(6, 0), deadline=time(9, 30))

    assert timeliness.expected_moment(DAY) == datetime(2026, 11, 21, 3, 45, tzinfo=UTC)
    assert timeliness.target_moment(DAY) == datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
    assert timeliness.deadline_moment(DAY) == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@given(length=st.integers(min_value=0, max_value=400))
def test_a_range_holds_every_day_from_first_to_last(length: int) -> None:
    """Both ends are included, and no day is left out."""
    found = date_range(DAY, day(length))

    assert found == [DAY + timedelta(days=n) for n in range(length + 1)]


@given(numbers=st.lists(st.integers(min_value=0, max_value=30)))
def test_spans_hold_exactly_the_given_days_in_as_few_ranges_as_their_gaps_allow(numbers: list[int]) -> None:
    """Order and repetition do not matter; between two spans a day is missing."""
    found = date_spans(day(n) for n in numbers)

    assert [d for first, last in found for d in date_range(first, last)] == sorted({day(n) for n in numbers})
    assert all(after - before > timedelta(days=1) for (_, before), (after, _) in pairwise(found))


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    """The message says what to do."""
    with pytest.raises(PermanentFailure, match="earlier date first"):
        date_range(DAY, day(-1))
