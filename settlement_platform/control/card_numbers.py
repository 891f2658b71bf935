"""Card numbers: which texts hold one, and what of such a text may be shown."""

import re
from decimal import Decimal

REDACTED = "[withheld: it could be a card number]"

SHORTEST_CARD_NUMBER, LONGEST_CARD_NUMBER = 13, 19
"""Digits of the shortest and of the longest card number."""

# Issuer identification numbers of ISO/IEC 7812, after the table in Wikipedia's "Payment card number" (November 2026),
# by their first four digits. UATP, the cards of airlines, is left out: it begins with 1, like most references.
_ISSUER_RANGES: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4000, 4999, frozenset({13, 16, 19})),  # Visa
    (2221, 2720, frozenset({16})),  # Mastercard
    (5100, 5599, frozenset({16})),  # Mastercard
    (3400, 3499, frozenset({15})),  # American Express
    (3700, 3799, frozenset({15})),  # American Express
    (3000, 3099, frozenset(range(14, 20))),  # Diners Club
    (3600, 3699, frozenset(range(14, 20))),  # Diners Club
    (3800, 3999, frozenset(range(14, 20))),  # Diners Club
    (6011, 6011, frozenset(range(16, 20))),  # Discover
    (6440, 6599, frozenset(range(16, 20))),  # Discover, with RuPay and Troy
    (3528, 3589, frozenset(range(16, 20))),  # JCB
    (6200, 6299, frozenset(range(16, 20))),  # UnionPay
    (8100, 8199, frozenset(range(16, 20))),  # UnionPay, with RuPay
    (5018, 5018, frozenset(range(13, 20))),  # Maestro
    (5020, 5020, frozenset(range(13, 20))),  # Maestro
    (5038, 5038, frozenset(range(13, 20))),  # Maestro
    (5893, 5893, frozenset(range(13, 20))),  # Maestro
    (6304, 6304, frozenset(range(13, 20))),  # Maestro
    (6759, 6759, frozenset(range(13, 20))),  # Maestro
    (6761, 6763, frozenset(range(13, 20))),  # Maestro
    (6767, 6767, frozenset(range(13, 20))),  # Maestro UK
    (2200, 2204, frozenset(range(16, 20))),  # Mir
    (2205, 2205, frozenset({16})),  # BORICA
    (5019, 5019, frozenset({16})),  # Dankort
    (5060, 5061, frozenset({16, 18, 19})),  # Verve
    (5078, 5079, frozenset({16, 18, 19})),  # Verve, with Meeza
    (5080, 5089, frozenset({16})),  # RuPay
    (5614, 5614, frozenset({16})),  # UzCard
    (6000, 6099, frozenset({16})),  # RuPay, with UkrCard
    (6360, 6369, frozenset(range(16, 20))),  # InterPayment
    (6370, 6399, frozenset({16})),  # InstaPayment
    (8200, 8299, frozenset({16})),  # RuPay
    (8600, 8600, frozenset({16})),  # UzCard
    (9704, 9704, frozenset({16, 19})),  # Napas
    (9792, 9792, frozenset({16})),  # Troy
    (9860, 9860, frozenset({16})),  # Humo
)
"""The first and the last prefix of each range, and the numbers of digits in use."""


def _prefixes(low: str, high: str) -> str:
    """Return a regular expression for the numbers from `low` to `high`, which have as many digits."""
    if not low:
        return ""
    first, last = int(low[0]), int(high[0])
    if low[1:] == "0" * len(low[1:]) and high[1:] == "9" * len(high[1:]):
        return f"[{first}-{last}]" + "[0-9]" * len(low[1:])
    if first == last:
        return low[0] + _prefixes(low[1:], high[1:])
    middle = f"[{first + 1}-{last - 1}]" + "[0-9]" * len(low[1:])
    ends = [low[0] + _prefixes(low[1:], "9" * len(low[1:])), high[0] + _prefixes("0" * len(low[1:]), high[1:])]
    return f"(?:{'|'.join([*ends, *([middle] if last - first > 1 else [])])})"


def _issued() -> str:
    found = []
    for low, high, lengths in _ISSUER_RANGES:
        rest = "|".join(f"[0-9]{{{length - len(str(low))}}}" for length in sorted(lengths))
        found.append(f"{_prefixes(str(low), str(high))}(?:{rest})")
    return "|".join(found)


ISSUED_NUMBER = _issued()
"""A regular expression, for Python and DuckDB, for the numbers of every issuer; Luhn's rule is left to check."""

_SEPARATOR = "[ \u00a0\u202f.\u2010\u2011-]"

DIGIT_GROUPS = f"[A-Za-z]*[0-9]+(?:{_SEPARATOR}[0-9]+)*"
"""A regular expression, for Python and DuckDB, for a row of groups of digits that one space, full stop or hyphen parts.

The letters before it tell an IBAN.
"""

_FOURS = f"[0-9]{{4}}(?:{_SEPARATOR}[0-9]{{4}}){{3}}"
_FOURS_AND_THREE = f"{_FOURS}{_SEPARATOR}[0-9]{{3}}"
_FOUR_SIX_AND_REST = f"[0-9]{{4}}{_SEPARATOR}[0-9]{{6}}{_SEPARATOR}[0-9]{{4,5}}"
_START = "(?:^|[A-Za-z])"
_NO_FOUR_BEFORE = (
    f"(?:{_START}(?:[0-9]{{1,3}}{_SEPARATOR})?|{_SEPARATOR}[0-9]{{1,3}}{_SEPARATOR}|[0-9]{{5}}{_SEPARATOR})"
)
_NO_FOUR_AFTER = f"(?:$|{_SEPARATOR}(?:[0-9]{{1,3}}(?:{_SEPARATOR}|$)|[0-9]{{5}}))"

CARDS_IN_ROW = (
    f"{_START}({_FOURS}){_NO_FOUR_AFTER}",
    f"{_START}({_FOURS_AND_THREE}|{_FOUR_SIX_AND_REST})(?:{_SEPARATOR}|$)",
    f"{_NO_FOUR_BEFORE}({_FOURS}(?:{_SEPARATOR}[0-9]{{3}})?)$",
    f"(?:{_START}|{_SEPARATOR})({_FOUR_SIX_AND_REST})$",
)
"""The groupings of card numbers, 4-4-4-4, 4-4-4-4-3, 4-6-5 and 4-6-4, at the start or the end of a row of groups.

Regular expressions for Python and DuckDB. Five and more groups of four are a reference.
"""

ISSUED_RUN = f"(?:^|[^0-9])(?:{ISSUED_NUMBER})(?:[^0-9]|$)"
"""A cheap test that every text with an unbroken card number passes."""

COULD_BE_PARTED = f"[0-9]{{4}}{_SEPARATOR}(?:[0-9]{{4}}{_SEPARATOR}[0-9]{{4}}|[0-9]{{6}}){_SEPARATOR}[0-9]{{4}}"
"""A cheap test that every text with a card number in groups passes."""

COULD_HOLD_CARD_NUMBER = f"[0-9]{{{SHORTEST_CARD_NUMBER}}}|{COULD_BE_PARTED}"
"""A cheap test that every text with a card number passes."""

_ONE_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

UUID = rf"(?:\b|_){_ONE_UUID}(?:_{_ONE_UUID})*(?:\b|_)"
"""A UUID with no letter or digit next to it: its groups of digits are no card number. Python needs `re.ASCII`."""

LETTERS_AND_DIGITS = "[A-Za-z]*[0-9]+"
"""An unbroken run of digits with the letters before it, which tell an IBAN."""

DIGITS_OF_IBAN = "[A-Z]{2}[0-9]{13,30}"
"""An IBAN of nothing but a country and digits; its check digits must agree too."""

_ISSUED = re.compile(ISSUED_NUMBER)
_COULD_HOLD = re.compile(COULD_HOLD_CARD_NUMBER)
_GROUPS = re.compile(DIGIT_GROUPS)
_CARDS_IN_ROW = tuple(map(re.compile, CARDS_IN_ROW))
_NOT_OF_IBAN = re.compile("[^A-Za-z0-9]")
_UUID = re.compile(UUID, re.ASCII)
_LETTERS_AND_DIGITS = re.compile(LETTERS_AND_DIGITS)
_IBAN = re.compile(DIGITS_OF_IBAN)
_TOO_LONG = 10**LONGEST_CARD_NUMBER
_IBAN_MODULUS = 97


def holds_card_number(text: str) -> bool:
    """Return whether a card number stands anywhere in a text.

    An unbroken run of digits is judged as a whole. Groups of digits count only in the groupings of card numbers, at
    the start or the end of a row of groups. UUIDs and IBANs hold none.
    """
    if not _COULD_HOLD.search(text):
        return False
    rest = _UUID.sub("#", text)
    if any(_is_issued(found) for found in _LETTERS_AND_DIGITS.findall(rest)):
        return True
    return any(_row_holds_one(row) for row in _GROUPS.findall(rest))


def is_card_number(digits: str) -> bool:
    """Return whether digits are a card number: of an issuer, of a length that the issuer uses, and valid by Luhn."""
    return bool(_ISSUED.fullmatch(digits)) and _passes_luhn(digits)


def redact(value: str | None, limit: int = 60) -> str | None:
    """Return a value for a finding: shortened, and withheld if it holds a card number."""
    if value is None:
        return None
    if holds_card_number(value):
        return REDACTED
    return value if len(value) <= limit else value[: limit - 1] + "…"


def redact_number(value: int | Decimal) -> str:
    """A count or a sum with its thousands parted; withheld where its digits are a card number, or more than one has."""
    if isinstance(value, int) and abs(value) >= _TOO_LONG:  # Python would not write thousands of digits
        return REDACTED
    digits = f"{value:f}".removeprefix("-").replace(".", "") if isinstance(value, Decimal) else str(abs(value))
    return REDACTED if len(digits) > LONGEST_CARD_NUMBER or is_card_number(digits) else f"{value:,}"


def _is_issued(letters_and_digits: str) -> bool:
    return is_card_number(_digits(letters_and_digits)) and not _is_iban(letters_and_digits)


def _row_holds_one(row: str) -> bool:
    found = [match[1] for grouping in _CARDS_IN_ROW if (match := grouping.search(row))]
    return any(is_card_number(_digits(groups)) for groups in found) and not _is_iban(_NOT_OF_IBAN.sub("", row))


def _is_iban(text: str) -> bool:
    if not _IBAN.fullmatch(text):
        return False
    country = "".join(str(ord(letter) - ord("A") + 10) for letter in text[:2])
    return int(text[4:] + country + text[2:4]) % _IBAN_MODULUS == 1


def _digits(text: str) -> str:
    return "".join(character for character in text if "0" <= character <= "9")


def _passes_luhn(digits: str) -> bool:
    numbers = [int(digit) for digit in reversed(digits)]
    doubled = [sum(divmod(2 * number, 10)) for number in numbers[1::2]]
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0
