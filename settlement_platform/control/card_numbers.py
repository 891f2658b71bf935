"""What of a delivered value may be shown: never what could be a card number."""

import re

REDACTED = "[withheld: it could be a card number]"


_DASHES = r"\-\u00ad\u058a\u05be\u1400\u1806\u2010-\u2015\u2212\u2e3a\u2e3b\u2e40\u301c\u3030\u30a0\ufe58\ufe63\uff0d"


# Full stops, commas, apostrophes and underscores too: they part the thousands of a number.
_SEPARATORS = rf"[\s{_DASHES}.,'\u2019_]*"


_LONG_NUMBER = re.compile(rf"(?:\d{_SEPARATORS}){{13,}}")


_NUMBER_ALONE = re.compile(rf"{_SEPARATORS}{_LONG_NUMBER.pattern}")


_MOST_DIGITS = 19


_TOO_LONG = 10**_MOST_DIGITS


def could_hold_card_number(text: str) -> bool:
    """Whether thirteen digits or more stand in a text with nothing but separators between them."""
    return _LONG_NUMBER.search(text) is not None


def is_long_number(text: str) -> bool:
    """Whether a text is nothing but such digits and separators."""
    return _NUMBER_ALONE.fullmatch(text) is not None


def redact(value: str | None, limit: int = 60) -> str | None:
    """A value for a finding: shortened, and withheld where it could hold a card number."""
    if value is None:
        return None
    if could_hold_card_number(value):
        return REDACTED
    return value if len(value) <= limit else value[: limit - 1] + "…"


def redact_number(value: int) -> str:
    """A count or a sum with its thousands parted; withheld where its digits are a card number, or more than one has."""
    return REDACTED if abs(value) >= _TOO_LONG or is_card_number(str(abs(value))) else f"{value:,}"


def is_card_number(text: str) -> bool:
    """Whether a whole text, separators aside, is a Luhn-valid number of 13 to 19 digits."""
    if not is_long_number(text):
        return False
    digits = [int(character) for character in reversed(text) if character.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return len(digits) <= _MOST_DIGITS and (sum(digits[::2]) + sum(doubled)) % 10 == 0
