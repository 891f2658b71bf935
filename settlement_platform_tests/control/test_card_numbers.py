"""Values that could be a card number are never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.card_numbers import REDACTED, is_card_number, redact, redact_number


@pytest.mark.parametrize(
    "value",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "x4111-1111-1111-1111y",
        "4111\u20131111\u00a011111111",
        "4,111,111,111,111,111",
        "1" * 13,
    ],
)
def test_thirteen_digits_and_more_are_withheld(value: str) -> None:
    """Whatever stands between and around them."""
    shown = redact(value)

    assert shown is not None
    assert "1111" not in shown


@given(value=st.text(alphabet=st.characters(exclude_categories=["Nd"]), max_size=300))
def test_other_values_are_shown_and_shortened(value: str) -> None:
    """A finding quotes enough to recognise the value."""
    shown = redact(value, 20)

    assert shown is not None
    assert len(shown) <= 20
    assert shown.rstrip("…") == value[: len(shown.rstrip("…"))] or value.endswith("…")


def test_nothing_stays_nothing() -> None:
    """An absent value has no text."""
    assert redact(None) is None


@pytest.mark.parametrize("number", [4111111111111111, 4222222222222, 378282246310005, 6304000000000000000])
def test_a_number_of_a_card_is_withheld_as_a_sum(number: int) -> None:
    """Of either sign, and however its thousands would be parted."""
    assert redact_number(number) == redact_number(-number) == REDACTED


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (-1234, "-1,234"),
        (4111111111111112, "4,111,111,111,111,112"),
        (422222222222, "422,222,222,222"),
        (10**19, REDACTED),
        (10**5000, REDACTED),
    ],
    ids=["zero", "negative", "16 digits", "12 digits", "20 digits", "5,000 digits"],
)
def test_other_numbers_are_shown_up_to_nineteen_digits(number: int, shown: str) -> None:
    """A longer one could hold anything."""
    assert redact_number(number) == shown


@given(number=st.integers(min_value=10**11, max_value=10**18 - 1))
def test_one_check_digit_in_ten_makes_a_card_number(number: int) -> None:
    """Luhn's rule leaves exactly one."""
    assert sum(is_card_number(f"{number}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("4111 1111-1111\u20101111", True),
        (" 4111111111111111\n", True),
        ("4111111111111112", False),
        ("x4111111111111111", False),
        ("411111111111", False),
        ("41111111111111110000", False),
        ("", False),
    ],
)
def test_a_card_number_is_a_whole_text(text: str, is_one: bool) -> None:
    """Of 13 to 19 digits, blanks and hyphens aside."""
    assert is_card_number(text) == is_one
