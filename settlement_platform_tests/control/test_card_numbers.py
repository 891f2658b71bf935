"""A card number is withheld wherever it stands, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.card_numbers import (
    REDACTED,
    holds_card_number,
    is_card_number,
    redact,
    redact_number,
)


@pytest.mark.parametrize(
    "value",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "x4111-1111-1111-1111y",
        "tok 4111111111111111 exp 12/29",
    ],
)
def test_a_card_number_is_withheld(value: str) -> None:
    """Its digits are not shown, whatever stands around them."""
    assert redact(value) == REDACTED


def test_a_key_that_only_looks_like_a_card_number_is_shown() -> None:
    """Evidence that is withheld without need helps nobody."""
    assert redact("vi20261105-000000624") == "vi20261105-000000624"


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


@given(number=st.integers(min_value=4 * 10**14, max_value=5 * 10**14 - 1))
def test_one_check_digit_in_ten_makes_a_card_number(number: int) -> None:
    """Luhn's rule leaves exactly one."""
    assert sum(is_card_number(f"{number}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize(
    ("digits", "is_one"),
    [
        ("4111111111111111", True),
        ("5555555555554444", True),
        ("2223003122003222", True),
        ("378282246310005", True),
        ("30569309025904", True),
        ("6011111111111117", True),
        ("3530111333300000", True),
        ("6304000000000000000", True),
        ("4111111111111112", False),
        ("9999999999999995", False),
        ("37828224631000", False),
        ("411111111111", False),
        ("41111111111111110000", False),
        ("", False),
    ],
)
def test_a_card_number_has_an_issuer_a_length_and_a_check_digit(digits: str, is_one: bool) -> None:
    assert is_card_number(digits) == is_one


@given(text=st.from_regex(r"\A[0-9]{20,40}\Z"))
def test_no_window_of_a_longer_run_is_a_card_number(text: str) -> None:
    """A run of digits is judged as a whole."""
    assert not holds_card_number(text)
