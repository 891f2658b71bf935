"""Card numbers: which texts are one, and how much of a value may be shown where it could be one."""

import re
from decimal import Decimal

REDACTED = "[withheld: it could be a card number]"

SHORTEST_CARD_NUMBER, LONGEST_CARD_NUMBER = 13, 19
"""Digits of the shortest and of the longest card number."""

# Unicode's categories Z and Pd, spelled out because Python's regular expressions do not know them.
_BLANKS = "\\t\\n\\f\\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_HYPHENS = (
    "\\-\u058a\u05be\u1400\u1806\u2010-\u2015\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0"
    "\ufe31\ufe32\ufe58\ufe63\uff0d\U00010ead"
)

_PARTED = f"[{_BLANKS}{_HYPHENS}]*"

CARD_NUMBER_SHAPE = f"{_PARTED}(?:[0-9]{_PARTED}){{{SHORTEST_CARD_NUMBER},{LONGEST_CARD_NUMBER}}}"
"""A regular expression, for Python and for DuckDB, that a whole text matches if only Luhn's rule is left to check.

It allows 13 to 19 digits with any blanks and hyphens between them.
"""

_CARD_NUMBER = re.compile(CARD_NUMBER_SHAPE)
_DASHES = r"\-\u00ad\u058a\u05be\u1400\u1806\u2010-\u2015\u2212\u2e3a\u2e3b\u2e40\u301c\u3030\u30a0\ufe58\ufe63\uff0d"

# Full stops, commas, apostrophes and underscores too: they part the thousands of a number.
_SEPARATORS = rf"[\s{_DASHES}.,'\u2019_]*"
_LONG_NUMBER = re.compile(rf"(?:\d{_SEPARATORS}){{13,}}")
_NUMBER_ALONE = re.compile(rf"{_SEPARATORS}{_LONG_NUMBER.pattern}")


_TOO_LONG = 10**LONGEST_CARD_NUMBER


def could_hold_card_number(text: str) -> bool:
    """Return whether a text has thirteen digits or more with nothing but separators between them."""
    return _LONG_NUMBER.search(text) is not None


def is_long_number(text: str) -> bool:
    """Return whether a text is nothing but such digits and separators."""
    return _NUMBER_ALONE.fullmatch(text) is not None


def redact(value: str | None, limit: int = 60) -> str | None:
    """A value for a finding: shortened, and withheld where it could hold a card number."""
    if value is None:
        return None
    if could_hold_card_number(value):
        return REDACTED
    return value if len(value) <= limit else value[: limit - 1] + "…"


def redact_number(value: int | Decimal) -> str:
    """A count or a sum with its thousands parted; withheld where its digits are a card number, or more than one has."""
    if isinstance(value, int) and abs(value) >= _TOO_LONG:  # Python would not write thousands of digits
        return REDACTED
    digits = f"{value:f}".removeprefix("-").replace(".", "") if isinstance(value, Decimal) else str(abs(value))
    return REDACTED if len(digits) > LONGEST_CARD_NUMBER or is_card_number(digits) else f"{value:,}"


def is_card_number(text: str) -> bool:
    """Return whether a whole text is a card number: of its shape, and valid by Luhn's rule."""
    if not _CARD_NUMBER.fullmatch(text):
        return False
    digits = [int(character) for character in reversed(text) if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
