"""What could be a card number is never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.withholding import presentable


@pytest.mark.parametrize(
    "value",
    ["4111111111111111", "4111 1111 1111 1111", "x4111-1111-1111-1111y", "4111\u20131111\u00a011111111", "1" * 13],
)
def test_thirteen_digits_and_more_are_withheld(value: str) -> None:
    """Whatever stands between and around them."""
    shown = presentable(value)

    assert shown is not None
    assert "1111" not in shown


@given(value=st.text(alphabet=st.characters(exclude_categories=["Nd"]), max_size=300))
def test_other_values_are_shown_and_shortened(value: str) -> None:
    """A finding quotes enough to recognise the value."""
    shown = presentable(value, 20)

    assert shown is not None
    assert len(shown) <= 20
    assert shown.rstrip("…") == value[: len(shown.rstrip("…"))] or value.endswith("…")


def test_nothing_stays_nothing() -> None:
    """An absent value has no text."""
    assert presentable(None) is None
