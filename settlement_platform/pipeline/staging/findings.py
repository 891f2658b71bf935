"""Findings on delivered text: malformed records, unreadable values and card numbers."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from settlement_platform.control.card_numbers import redact
from settlement_platform.control.facts import Check, Sample
from settlement_platform.datasets.contract import Column, Contract
from settlement_platform.pipeline.staging.casts import decimal_size
from settlement_platform.pipeline.staging.csv_structure import MAX_SAMPLES, StructureFault, find_record_lines
from settlement_platform.pipeline.staging.csv_to_parquet import (
    ConvertedText,
    TextSource,
    UnreadableValue,
    unreadable_values,
)
from settlement_platform.pipeline.staging.derived_columns import FailedColumn
from settlement_platform.storage.landing.zone import ReceivedFile

_EXPECTED = {
    "integer": ("a valid 64-bit integer", "valid 64-bit integers"),
    "date": ("a valid date (YYYY-MM-DD)", "valid dates (YYYY-MM-DD)"),
    "timestamp": ("a valid ISO 8601 time with an offset", "valid ISO 8601 times with an offset"),
    "decimal": ("a valid decimal number {size}", "valid decimal numbers {size}"),
}
"""Per kind of column, the name of a value that can be read, for one and for several."""

_Unread = dict[str, tuple[int, list[UnreadableValue]]]
"""Per column, how many values became null, and the first few of them."""


def structure_check(key: str, count: int, faults: Sequence[StructureFault]) -> Check:
    """Return the check `records_well_formed` of the file `key`, in which `count` records are malformed."""
    samples = tuple(Sample(key=key, line=f.line, value=f.problem) for f in faults)
    message = "every record has one field per column"
    if count:
        first = faults[0]
        message = f"{key}: {quantity(count, 'malformed record')}; first: line {first.line} ({first.problem})"
    return counted_check("records_well_formed", count, message, samples)


def value_checks(
    cursor: duckdb.DuckDBPyConnection,
    text: TextSource,
    received: ReceivedFile,
    contract: Contract,
    converted: ConvertedText,
    key: str,
) -> tuple[dict[str, int], tuple[Check, Check]]:
    """Return the empty fields per column, and the checks `values_readable` and `no_card_numbers` of the file `key`.

    Derived columns that cannot be computed count as unreadable. This costs nothing while no value became null;
    otherwise it reads the columns with nulls again.
    """
    with_nulls = [c.name for c in contract.columns if converted.nulls.get(c.name)]
    found = unreadable_values(cursor, text, contract, with_nulls) if with_nulls else {}
    nulls = {name: converted.nulls[name] - found[name][0] for name in with_nulls}
    columns = {c.name: c for c in contract.columns}
    unreadable = {n: f for n, f in found.items() if f[0] and not columns[n].refuses_card_numbers}
    card_numbers = {n: f for n, f in found.items() if f[0] and columns[n].refuses_card_numbers}
    described = [(columns[n], f) for n, f in unreadable.items()]
    records = [u.record for _, sample in found.values() for u in sample]
    records += [record for column in converted.failed for record, _ in column.failing.rows]
    lines = _lines(received, converted, records)
    readable = _readable_check(key, described, converted.failed, lines)
    return nulls, (readable, _card_number_check(key, card_numbers, lines))


def one_line_records(received: ReceivedFile, converted: ConvertedText) -> bool:
    """Return whether record n is on line n + 1: neither a record nor the header contains a line end."""
    lines = received.text.lines - received.text.ends_with_empty_line
    return lines == converted.rows + _ends_with_line_end(received.path)


def _ends_with_line_end(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 1))
        return stream.read() == b"\n"


def _lines(received: ReceivedFile, converted: ConvertedText, found: Sequence[int]) -> dict[int, int]:
    records = sorted(set(found))
    if not records or one_line_records(received, converted):
        return {r: r + 1 for r in records}
    return find_record_lines(received, records)


def _samples(key: str, found: _Unread, lines: dict[int, int], *, show: bool) -> tuple[Sample, ...]:
    values = [v for _, sample in found.values() for v in sample]
    return tuple(
        Sample(
            key=key,
            line=lines.get(v.record),
            record=v.record,
            column=v.column,
            value=redact(v.text) if show else "[withheld]",
        )
        for v in values[:MAX_SAMPLES]
    )


def _readable_check(
    key: str,
    found: Sequence[tuple[Column, tuple[int, list[UnreadableValue]]]],
    failed: Sequence[FailedColumn],
    lines: dict[int, int],
) -> Check:
    parts = [_describe_unreadable(column, *unread, lines) for column, unread in found]
    parts += [_describe_failed(column, lines) for column in failed]
    samples = _samples(key, {column.name: unread for column, unread in found}, lines, show=True)
    samples += tuple(
        Sample(key=key, line=lines.get(record), record=record, column=column.name, value=column.values[record])
        for column in failed
        for record, _ in column.failing.rows
    )
    count = sum(unread[0] for _, unread in found) + sum(len(column.failing.rows) for column in failed)
    message = f"{key}: {'; '.join(parts)}" if parts else "every value has its declared type"
    return counted_check("values_readable", count, message, samples[:MAX_SAMPLES])


def _describe_unreadable(column: Column, count: int, values: list[UnreadableValue], lines: dict[int, int]) -> str:
    """Return, for example, "amount_minor: 3 values are not valid 64-bit integers; first: line 435, '26.26'"."""
    one, several = (words.format(size=_size(column)) for words in _EXPECTED.get(column.kind, ("valid text",) * 2))
    verdict = f"1 value is not {one}" if count == 1 else f"{count:,} values are not {several}"
    return f"{column.name}: {verdict}; first: line {lines.get(values[0].record)}, {redact(values[0].text)!r}"


def _size(column: Column) -> str:
    """Return the size of a decimal column, and what else it accepts."""
    if column.kind != "decimal":
        return ""
    digits, scale = decimal_size(column)
    zeros = "; zeros after these are accepted" if column.extra_zeros else ""
    return f"with at most {quantity(digits - scale, 'digit')} before the point and {scale} after it{zeros}"


def _describe_failed(column: FailedColumn, lines: dict[int, int]) -> str:
    """Return, for example, "paid_at: 1 row fails; first: line 3, an unknown time zone: created '2026', zone 'PDT'"."""
    record, problem = column.failing.rows[0]
    rows = "row" if column.failing.count == "1" else "rows"
    inputs = ", ".join(column.inputs)
    return (
        f"{column.name}: cannot be computed from {inputs} in {column.failing.count} {rows}; first: "
        f"line {lines.get(record)}, {problem}: {column.values[record]}"
    )


def _card_number_check(key: str, found: _Unread, lines: dict[int, int]) -> Check:
    samples = _samples(key, found, lines, show=False)
    message = "no card number in any text"
    if samples:
        parts = ", ".join(f"{name} ({quantity(count, 'row')})" for name, (count, _) in found.items())
        message = (
            f"{key}: card numbers in {parts}; first: line {samples[0].line}. Ask the provider to deliver tokens, and "
            "delete every copy of the file."
        )
    return counted_check("no_card_numbers", sum(count for count, _ in found.values()), message, samples)


def counted_check(name: str, count: int, message: str, samples: Iterable[Sample] = ()) -> Check:
    """Return a check that passes while `count`, which it reports as measured, is 0."""
    return Check(
        name=name, passed=not count, message=message, measured=str(count), threshold="0", samples=tuple(samples)
    )


def quantity(count: int, noun: str) -> str:
    """Return a count with its noun, such as "1 row" or "1,234 rows"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def describe_violations(count: int, rule: str) -> str:
    """Return how many rows violate a rule, such as "1 row violates: currency must be one of EUR, USD"."""
    return f"{quantity(count, 'row')} {'violates' if count == 1 else 'violate'}: {rule}"
