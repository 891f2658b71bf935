"""Findings on delivered text: malformed records, and values that cannot be read as declared."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from settlement_platform.control.card_numbers import redact
from settlement_platform.control.facts import Check, Sample
from settlement_platform.datasets.contract import Contract
from settlement_platform.pipeline.staging.csv_structure import MAX_SAMPLES, StructureFault, find_record_lines
from settlement_platform.pipeline.staging.csv_to_parquet import (
    ConvertedText,
    TextSource,
    UnreadableValue,
    unreadable_values,
)
from settlement_platform.storage.landing.zone import ReceivedFile

_EXPECTED = {
    "integer": "a whole number of at most 64 bits, such as -1234",
    "date": "a date such as 2026-01-31",
    "timestamp": "an ISO 8601 time with an offset, such as 2026-01-31T04:00:00Z",
    "decimal": "a decimal number such as -12.34",
}


def structure_check(key: str, count: int, faults: Sequence[StructureFault]) -> Check:
    """Whether every record of a file is an RFC 4180 record with as many fields as its header."""
    samples = tuple(Sample(key=key, line=f.line, value=f.problem) for f in faults)
    message = "every record has a field per column"
    if count:
        first = faults[0]
        message = f"{key}: {count:,} malformed records, the first on line {first.line} ({first.problem})"
    return counted_check("records_well_formed", count, message, samples)


def value_checks(
    cursor: duckdb.DuckDBPyConnection,
    text: TextSource,
    received: ReceivedFile,
    contract: Contract,
    copied: ConvertedText,
    key: str,
) -> tuple[dict[str, int], tuple[Check, Check]]:
    """The empty fields per column, and whether all else could be read and holds no card number.

    Costs nothing while no value became null; otherwise the columns that have nulls are read again.
    """
    suspects = [c.name for c in contract.columns if copied.nulls.get(c.name)]
    found = unreadable_values(cursor, text, contract, suspects) if suspects else {}
    nulls = {name: copied.nulls[name] - found[name][0] for name in suspects}
    kinds = {c.name: c for c in contract.columns}
    unreadable = {n: f for n, f in found.items() if f[0] and not kinds[n].refuses_card_numbers}
    leaked = {n: f for n, f in found.items() if f[0] and kinds[n].refuses_card_numbers}
    wanted = {n: _EXPECTED.get(kinds[n].kind, "text") for n in unreadable}
    lines = _lines(received, copied, [u for _, sample in found.values() for u in sample])
    return nulls, (_readable_check(key, unreadable, wanted, lines), _card_number_check(key, leaked, lines))


def one_line_records(received: ReceivedFile, copied: ConvertedText) -> bool:
    """Whether record n stands on line n + 1: no record, nor the header, holds a line end."""
    return received.text.lines == copied.rows + _ends_with_line_end(received.path)


def _ends_with_line_end(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 1))
        return stream.read() == b"\n"


def _lines(received: ReceivedFile, copied: ConvertedText, values: Sequence[UnreadableValue]) -> dict[int, int]:
    records = sorted({v.record for v in values})
    if not records or one_line_records(received, copied):
        return {r: r + 1 for r in records}
    return find_record_lines(received, records)


def _samples(
    key: str, found: dict[str, tuple[int, list[UnreadableValue]]], lines: dict[int, int], *, show: bool
) -> tuple[Sample, ...]:
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
    key: str, found: dict[str, tuple[int, list[UnreadableValue]]], wanted: dict[str, str], lines: dict[int, int]
) -> Check:
    samples = _samples(key, found, lines, show=True)
    parts = [f"{name}: {count:,} values are not {wanted[name]}" for name, (count, _) in found.items()]
    message = "every value can be read as declared"
    if samples:
        first = samples[0]
        message = f"{key}: {'; '.join(parts)}; first on line {first.line}, column {first.column}: {first.value!r}"
    return counted_check("values_readable", sum(count for count, _ in found.values()), message, samples)


def _card_number_check(key: str, found: dict[str, tuple[int, list[UnreadableValue]]], lines: dict[int, int]) -> Check:
    samples = _samples(key, found, lines, show=False)
    message = "no card number where only free text may look like one"
    if samples:
        parts = ", ".join(f"{name} ({count:,} rows)" for name, (count, _) in found.items())
        message = (
            f"{key}: card numbers in {parts}, the first on line {samples[0].line}. Have the provider deliver tokens, "
            "and remove the file from wherever it lies."
        )
    return counted_check("no_card_numbers", sum(count for count, _ in found.values()), message, samples)


def counted_check(name: str, count: int, message: str, samples: Iterable[Sample] = ()) -> Check:
    """The outcome of a check that allows none of what it counts."""
    return Check(
        name=name, passed=not count, message=message, measured=str(count), threshold="0", samples=tuple(samples)
    )
