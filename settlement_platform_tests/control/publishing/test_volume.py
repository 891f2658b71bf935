"""An unusual volume warns, and never closes the gate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.facts import Severity
from settlement_platform.control.policies import VolumeTolerance
from settlement_platform.control.publishing.volume import judge_volume

TOLERANCE = VolumeTolerance(minimum_history=3, lowest_ratio=0.5, highest_ratio=2.0)

counts = st.integers(min_value=0, max_value=10**12)


@pytest.mark.parametrize(
    ("rows", "passes"), [(499, False), (500, True), (1000, True), (2000, True), (2001, False), (0, False)]
)
def test_volume_is_held_against_the_median_of_its_history(rows: int, passes: bool) -> None:
    """One extraordinary day in the history does not move what is usual."""
    check = judge_volume(rows, [1000, 990, 9_000_000, 1000], TOLERANCE)

    assert check.passed is passes


@given(rows=counts, history=st.lists(counts, max_size=2))
def test_too_little_history_never_warns(rows: int, history: list[int]) -> None:
    """A new dataset is not suspicious."""
    assert judge_volume(rows, history, TOLERANCE).passed


@given(rows=counts)
def test_no_history_at_all_never_warns(rows: int) -> None:
    """Nothing is held against nothing, even where no minimum is declared."""
    assert judge_volume(rows, [], VolumeTolerance(minimum_history=0)).passed


@given(rows=counts, history=st.lists(counts, max_size=9))
def test_volume_only_ever_warns(rows: int, history: list[int]) -> None:
    """Whatever the volume, the severity is a warning."""
    assert judge_volume(rows, history, TOLERANCE).severity is Severity.WARN


@given(rows=counts, history=st.lists(counts, max_size=9))
def test_the_order_of_the_history_does_not_matter(rows: int, history: list[int]) -> None:
    """The weeks may come in any order."""
    assert judge_volume(rows, sorted(history), TOLERANCE) == judge_volume(
        rows, sorted(history, reverse=True), TOLERANCE
    )
