"""Casts of delivered text to typed values, as SQL: strict, and null for a value that is not of its declared type."""

from collections.abc import Callable
from datetime import date

from settlement_platform.control.card_numbers import (
    CARDS_IN_ROW,
    COULD_BE_PARTED,
    COULD_HOLD_CARD_NUMBER,
    DIGIT_GROUPS,
    DIGITS_OF_IBAN,
    ISSUED_NUMBER,
    ISSUED_RUN,
    LETTERS_AND_DIGITS,
    SHORTEST_CARD_NUMBER,
    UUID,
)
from settlement_platform.datasets.contract import Column
from settlement_platform.storage.engines.duckdb_engine import quote_identifier

_INTEGER = "-?[0-9]+"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_OFFSET = r"(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)"
_MOMENT = rf"{_DATE}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]+)?{_OFFSET}"

_MOMENT_PARTS = (
    r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})T([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2}))?)?(?:[.,]([0-9]+))?"
    rf"({_OFFSET})"
)

_COMMON_MOMENT = "[0-9]???-??-??T[0-9]?:??:?[0-9]Z"


def _integer(text: str) -> str:
    cast = f"TRY_CAST({text} AS BIGINT)"
    return (
        # A value that casts back to its own text needs no regular expression.
        f"CASE WHEN {cast}::VARCHAR = {text} THEN {cast} WHEN regexp_full_match({text}, '{_INTEGER}') THEN {cast} END"
    )


def _date(text: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, '{_DATE}') THEN TRY_CAST({text} AS DATE) END"


def _timestamp(text: str) -> str:
    """Cast ISO 8601 with an offset, trying the cheapest form first; the rare short and basic forms are rewritten."""
    rare = f"WHEN regexp_full_match({text}, '{_MOMENT_PARTS}') THEN {_rewrite_timestamp(text)} END"
    return f"{_common_timestamp(text).removesuffix('END')}{rare}"


def _common_timestamp(text: str) -> str:
    """Cast the common form, matched by a mask at half the cost of a regular expression, and the extended form.

    The mask requires digits where DuckDB would skip white space or a sign; elsewhere DuckDB is strict enough.
    """
    return (
        f"CASE WHEN {text} GLOB '{_COMMON_MOMENT}' THEN TRY_CAST({text} AS TIMESTAMPTZ) "
        f"WHEN regexp_full_match({text}, '{_MOMENT}') THEN TRY_CAST({text} AS TIMESTAMPTZ) END"
    )


def _rewrite_timestamp(text: str) -> str:
    """Cast any form of ISO 8601 by rewriting it as the extended form; a fraction belongs to the last part given."""

    def group(number: int) -> str:
        return f"regexp_extract({text}, '^{_MOMENT_PARTS}$', {number})"

    minute, second, fraction = (f"coalesce(nullif({group(n)}, ''), '00')" for n in (5, 6, 7))
    clock = f"{group(4)} || ':' || {minute} || ':' || {second}"
    whole = f"{group(1)} || '-' || {group(2)} || '-' || {group(3)} || ' ' || {clock} || {group(8)}"
    unit = f"CASE WHEN {group(6)} <> '' THEN 1000000 WHEN {group(5)} <> '' THEN 60000000 ELSE 3600000000 END"
    rest = f"trunc(('0.' || left({fraction}, 9))::DECIMAL(10, 9) * ({unit})::BIGINT)::BIGINT"
    return f"TRY_CAST({whole} AS TIMESTAMPTZ) + to_microseconds({rest})"


def _text(text: str) -> str:
    return text


def holds_card_number_sql(text: str) -> str:
    """Return the SQL of `holds_card_number`: whether a card number stands anywhere in a value."""
    rest = f"regexp_replace({text}, '{UUID}', '#', 'g')"
    runs = f"list_filter(regexp_extract_all({rest}, '{LETTERS_AND_DIGITS}'), lambda r: NOT ({_is_iban('r')}))"
    digits = f"list_transform({runs} || {_cards_in_rows(rest)}, lambda n: regexp_replace(n, '[^0-9]', '', 'g'))"
    found = f"len(list_filter({digits}, lambda n: {_is_card_number('n')})) > 0"
    # The list functions cost most, even for one value in thousands: cheap tests come first.
    parted = f"regexp_matches({text}, '{COULD_BE_PARTED}')"
    return (
        f"CASE WHEN NOT regexp_matches({text}, '{COULD_HOLD_CARD_NUMBER}') THEN false "
        f"WHEN NOT regexp_matches({text}, '{ISSUED_RUN}') AND NOT {parted} THEN false ELSE {found} END"
    )


def _cards_in_rows(text: str) -> str:
    """Return SQL for the list of the groupings of card numbers in a text; most rows of groups have none."""
    compact = "regexp_replace(g, '[^A-Za-z0-9]', '', 'g')"
    cheap = f"regexp_matches(g, '{COULD_BE_PARTED}')"
    one = f"CASE WHEN {cheap} THEN NOT ({_is_iban(compact)}) ELSE false END"
    rows = f"list_filter(regexp_extract_all({text}, '{DIGIT_GROUPS}'), lambda g: {one})"
    found = ", ".join(f"regexp_extract(g, '{grouping}', 1)" for grouping in CARDS_IN_ROW)
    return f"flatten(list_transform({rows}, lambda g: [{found}]))"


def _is_card_number(digits: str) -> str:
    """Return the SQL of `is_card_number`, over nothing but digits."""
    doubled = "CASE WHEN i % 2 = 0 THEN (2 * d::INTEGER) // 10 + (2 * d::INTEGER) % 10 ELSE d::INTEGER END"
    luhn = f"list_sum(list_transform(string_split(reverse({digits}), ''), lambda d, i: {doubled})) % 10 = 0"
    return f"CASE WHEN regexp_full_match({digits}, '{ISSUED_NUMBER}') THEN {luhn} ELSE false END"


def _is_iban(text: str) -> str:
    country = f"(ascii({text}[1]) - 55)::VARCHAR || (ascii({text}[2]) - 55)::VARCHAR"
    number = f"({text}[5:] || {country} || {text}[3:4])::HUGEINT"
    return f"CASE WHEN regexp_full_match({text}, '{DIGITS_OF_IBAN}') THEN {number} % 97 = 1 ELSE false END"


_SHORT_TEXT = 2 * SHORTEST_CARD_NUMBER - 1
"""In a text of at most so many bytes, every card number covers the character in the middle."""

_LETTER_IN_THE_MIDDLE = f"{'?' * (SHORTEST_CARD_NUMBER - 1)}[A-Za-z_]*"


def _without_card_number(text: str) -> str:
    """Return SQL for a text; null where it holds a card number. The regular expression comes last, as it costs most."""
    return (
        f"CASE WHEN strlen({text}) < {SHORTEST_CARD_NUMBER} THEN {text} "
        f"WHEN strlen({text}) <= {_SHORT_TEXT} AND {text} GLOB '{_LETTER_IN_THE_MIDDLE}' THEN {text} "
        f"WHEN NOT {holds_card_number_sql(text)} THEN {text} END"
    )


_CASTS: dict[str, Callable[[str], str]] = {
    "text": _text,
    "integer": _integer,
    "date": _date,
    "timestamp": _timestamp,
}


def cast_strict(column: Column) -> str:
    """Return SQL for the typed value of a column; null if its text is not of the type, or is a card number."""
    name = quote_identifier(column.name)
    if column.refuses_card_numbers:
        return _without_card_number(name)
    if column.kind == "decimal":
        # A cast rounds without a word, so the text decides which values have no more decimals than declared.
        shape = _decimal_shape(column)
        return f"CASE WHEN regexp_full_match({name}, '{shape}') THEN TRY_CAST({name} AS {column.sql_type}) END"
    return _CASTS[column.kind](name)


def _decimal_shape(column: Column) -> str:
    """Return the regular expression of the texts that a decimal column accepts."""
    _, scale = decimal_size(column)
    zeros = "0*" if column.extra_zeros else ""
    digits = f"[0-9]{{1,{scale}}}{zeros}" if scale else "0+"
    after = rf"\.{digits}" if scale or column.extra_zeros else ""
    if not column.bare_point:
        return f"-?[0-9]+(?:{after})?"
    whole = rf"[0-9]+(?:\.|{after})?" if after else r"[0-9]+\.?"
    return f"-?(?:{whole}|{after})" if scale else f"-?{whole}"


def decimal_size(column: Column) -> tuple[int, int]:
    """Return the digits of a decimal column in all, and those after the point."""
    precision, _, scale = column.sql_type.removeprefix("DECIMAL(").removesuffix(")").partition(", ")
    return int(precision), int(scale)


def cast_common(column: Column, business_date: date) -> str:
    """Return cheaper SQL for the typed value of common text; null also for text that `cast_strict` has to read."""
    name = quote_identifier(column.name)
    if column.kind == "date":
        expected = f"CASE WHEN {name} = '{business_date}' THEN DATE '{business_date}' "
        return f"{expected}{cast_strict(column).removeprefix('CASE ')}"
    return _common_timestamp(name) if column.kind == "timestamp" else cast_strict(column)


def needs_strict_cast(column: Column) -> bool:
    """Return whether `cast_common` gives null for text that `cast_strict` can read."""
    return column.kind == "timestamp"
