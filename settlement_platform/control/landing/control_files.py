"""Control files: reading one strictly, and comparing it with the delivery beside it."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

from settlement_platform.control.card_numbers import (
    REDACTED,
    holds_card_number,
    redact,
    redact_number,
)
from settlement_platform.control.reasons import landing as reasons
from settlement_platform.control.reasons.reason import Reason

MAX_CONTROL_FILE_BYTES = 4 * 1024 * 1024

_CHARACTERS_SHOWN = 12
"""The characters shown of a declared value; enough to recognise a checksum."""

_MOST_ROWS = 10**12 - 1
"""The most rows that a file may declare: more than any file has, and fewer digits than a card number."""

Amount = int | Decimal
"""An exact sum: a whole number, or a decimal number for a column of decimals."""

Totals = Mapping[str, Mapping[str, Amount]]
"""The sum per currency and control-total column."""

_MOST_DIGITS = 100
"""The most digits before and after the point of a decimal total: far more than any sum of decimals has."""

_EXACT = Context(prec=4 * _MOST_DIGITS, traps=[Inexact])


@dataclass(frozen=True, kw_only=True)
class ControlFile:
    """A readable control file: the provider's statement of what was delivered."""

    business_date: str
    source: str
    sha256: str
    rows: int
    totals: Totals


class UnreadableControlFile(ValueError):
    """The error of a control file that breaks a rule; its reason names the member and the rule."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_control_file(
    text: bytes, *, total_columns: Sequence[str], decimal_columns: Collection[str] = ()
) -> ControlFile:
    """Read a control file strictly; only the totals of `decimal_columns` may have decimals.

    Raises:
        UnreadableControlFile: too large, not UTF-8 JSON, a member missing, doubled or of the wrong type, or a name
            that could be a card number.
    """
    if len(text) > MAX_CONTROL_FILE_BYTES:
        raise UnreadableControlFile(reasons.CONTROL_FILE_TOO_LARGE(limit=MAX_CONTROL_FILE_BYTES))
    document = _load(text)
    totals = _member(document, "totals", dict)
    return ControlFile(
        business_date=_member(document, "business_date", str),
        source=_member(document, "source", str),
        sha256=_member(document, "sha256", str).lower(),
        rows=_count(document),
        totals={currency: _sums(currency, sums, total_columns, decimal_columns) for currency, sums in totals.items()},
    )


def _load(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_no_doubles, parse_float=_read_decimal)
    except UnicodeDecodeError as error:
        raise UnreadableControlFile(reasons.CONTROL_FILE_NOT_UTF8(byte=error.start)) from None
    except json.JSONDecodeError as error:
        reason = reasons.CONTROL_FILE_NOT_JSON(line=error.lineno, column=error.colno, fault=error.msg)
        raise UnreadableControlFile(reason) from None
    except UnreadableControlFile:
        raise
    except ValueError:
        raise UnreadableControlFile(reasons.CONTROL_FILE_NUMBER_TOO_LONG()) from None
    except RecursionError:
        raise UnreadableControlFile(reasons.CONTROL_FILE_NESTED_TOO_DEEP()) from None
    if not isinstance(document, dict):
        raise UnreadableControlFile(reasons.CONTROL_FILE_NOT_OBJECT(value=_shown(document)))
    return document


def _read_decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        # As json does for a whole number with too many digits.
        raise ValueError from None


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if any(holds_card_number(name) for name, _ in pairs):
        raise UnreadableControlFile(reasons.MEMBER_NAME_WITHHELD(withheld=REDACTED))
    doubled = sorted(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    if doubled:
        raise UnreadableControlFile(reasons.MEMBER_DOUBLED(member=_shown(doubled[0])))
    return dict(pairs)


def _member(document: dict[str, Any], name: str, kind: type) -> Any:  # noqa: ANN401 - JSON
    if name not in document:
        raise UnreadableControlFile(reasons.MEMBER_MISSING(member=name))
    if not isinstance(document[name], kind):
        reason = reasons.MEMBER_OF_OTHER_TYPE(member=name, wanted=_KINDS[kind], value=_shown(document[name]))
        raise UnreadableControlFile(reason)
    return document[name]


_KINDS = {str: "a string", dict: "an object", int: "an integer"}


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnreadableControlFile(reasons.NUMBER_NOT_INTEGER(name=name, value=_shown(value)))
    return value


def _count(document: dict[str, Any]) -> int:
    _member(document, "rows", int)
    rows = _whole(document["rows"], "member 'rows'")
    if rows < 0:
        raise UnreadableControlFile(reasons.ROWS_NEGATIVE(rows=redact_number(rows)))
    if rows > _MOST_ROWS:
        raise UnreadableControlFile(reasons.ROWS_TOO_MANY(limit=_MOST_ROWS))
    return rows


def _decimal(value: object, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise UnreadableControlFile(reasons.NUMBER_NOT_DECIMAL(name=name, value=_shown(value)))
    exact = Decimal(value)
    _, digits, exponent = exact.as_tuple()
    if max(len(digits), abs(exact.adjusted()), abs(int(exponent))) > _MOST_DIGITS:
        raise UnreadableControlFile(reasons.NUMBER_TOO_LONG(name=name, limit=_MOST_DIGITS))
    # Without an exponent: 1e2 is shown and kept as 100.
    return Decimal(f"{exact:f}")


def _sums(currency: str, sums: object, columns: Sequence[str], decimal_columns: Collection[str]) -> dict[str, Amount]:
    if not currency.isprintable():  # such a name can be neither shown nor stored
        raise UnreadableControlFile(reasons.CURRENCY_UNPRINTABLE(currency=_shown(currency)))
    if holds_card_number(currency):
        raise UnreadableControlFile(reasons.CURRENCY_WITHHELD(withheld=REDACTED))
    if not isinstance(sums, dict):
        raise UnreadableControlFile(reasons.TOTALS_NOT_OBJECT(currency=_shown(currency), value=_shown(sums)))
    missing = [c for c in columns if c not in sums]
    if missing:
        raise UnreadableControlFile(reasons.TOTAL_MISSING(currency=_shown(currency), column=missing[0]))
    return {
        c: (_decimal if c in decimal_columns else _whole)(sums[c], f"total {c!r} of {_shown(currency)}")
        for c in columns
    }


def add_amounts(first: Amount, second: Amount) -> Amount:
    """Return the exact sum of two amounts; Python's own sum of decimals would round."""
    if isinstance(first, int) and isinstance(second, int):
        return first + second
    return _EXACT.add(Decimal(first), Decimal(second))


def recorded_totals(totals: Totals) -> dict[str, dict[str, int | str]]:
    """Return totals as JSON values that lose no digit: whole numbers as they are, decimal numbers as text."""
    return {
        currency: {c: v if isinstance(v, int) else f"{v:f}" for c, v in sums.items()}
        for currency, sums in totals.items()
    }


def totals_on_record(recorded: Mapping[str, Mapping[str, int | str]]) -> dict[str, dict[str, Amount]]:
    """Return totals from their JSON values."""
    return {
        currency: {c: v if isinstance(v, int) else Decimal(v) for c, v in sums.items()}
        for currency, sums in recorded.items()
    }


def add_totals(parts: Iterable[Totals]) -> dict[str, dict[str, Amount]]:
    """Return the sum of totals by currency and column; the order of the parts does not matter."""
    result: dict[str, dict[str, Amount]] = {}
    for part in parts:
        for currency, sums in part.items():
            into = result.setdefault(currency, {})
            for column, value in sums.items():
                into[column] = add_amounts(into.get(column, 0), value)
    return result


def compare_totals(declared: Totals, measured: Totals, *, tolerance: Amount = 0) -> list[Reason]:
    """Return every disagreement beyond `tolerance`, in the unit of the totals; none when the totals agree."""
    differences = []
    for currency in sorted(set(declared) | set(measured)):
        shown = redact(currency)
        if currency not in measured:
            differences.append(reasons.CURRENCY_WITHOUT_ROWS(currency=shown))
        elif currency not in declared:
            differences.append(reasons.CURRENCY_UNDECLARED(currency=shown))
        else:
            differences += [
                _difference(shown, column, declared[currency][column], value)
                for column, value in sorted(measured[currency].items())
                if magnitude(subtract_amounts(value, declared[currency][column])) > tolerance
            ]
    return differences


def subtract_amounts(first: Amount, second: Amount) -> Amount:
    """Return the exact difference of two amounts."""
    return add_amounts(first, second.copy_negate() if isinstance(second, Decimal) else -second)


def magnitude(amount: Amount) -> Amount:
    """Return an amount without its sign, with every digit."""
    return amount.copy_abs() if isinstance(amount, Decimal) else abs(amount)


def _difference(currency: str | None, column: str, declared: Amount, measured: Amount) -> Reason:
    difference = subtract_amounts(measured, declared)
    numbers = [redact_number(n) for n in (declared, measured, difference)]
    if REDACTED in numbers:  # any two of the three give the third
        return reasons.TOTAL_DIFFERS_WITHHELD(currency=currency, column=column, withheld=REDACTED)
    return reasons.TOTAL_DIFFERS(
        currency=currency, column=column, declared=numbers[0], measured=numbers[1], difference=difference
    )


def find_disagreements(declaration: ControlFile, *, business_date: date, source: str, sha256: str) -> list[Reason]:
    """Return where the control file describes another delivery than the one beside it."""
    expected = {"business_date": business_date.isoformat(), "source": source, "sha256": sha256}
    said = {
        "business_date": declaration.business_date,
        "source": declaration.source,
        "sha256": declaration.sha256,
    }
    return [
        reasons.DECLARED_DIFFERS(field=name, declared=_beginning(said[name]), actual=repr(actual[:_CHARACTERS_SHOWN]))
        for name, actual in expected.items()
        if said[name] != actual
    ]


def _beginning(value: str) -> str:
    return REDACTED if holds_card_number(value) else repr(value[:_CHARACTERS_SHOWN])


def _shown(value: object) -> str:
    if isinstance(value, dict | list):  # digits could be spread over its items
        return "an object" if isinstance(value, dict) else "an array"
    if isinstance(value, str) and holds_card_number(value):  # before `repr` rewrites what parts the digits
        return REDACTED
    if isinstance(value, Decimal):
        return redact(str(value), 40) or ""
    text = repr(value) if isinstance(value, str) else json.dumps(value)  # null and true, not None and True
    return redact(text, 40) or ""
