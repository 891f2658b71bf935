"""The structure of delivered CSV text: strict RFC 4180 records, and the line on which each begins."""

import codecs
import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from settlement_platform.storage.engines.object_store import CHUNK_BYTES
from settlement_platform.storage.landing.zone import ReceivedFile, text_lines

MAX_SAMPLES = 5

MAX_RECORD_CHARACTERS = 2_000_000
"""In bytes where DuckDB reads, whose buffers are sixteen times as long."""


def strict_records(text: TextIO, most: float = math.inf) -> Iterator[list[str]]:
    """Yield the records of a text as Python's strict CSV reader reads them.

    Raises:
        csv.Error: a record is malformed, or the text is longer than `most` characters.
    """
    csv.field_size_limit(MAX_RECORD_CHARACTERS)
    return csv.reader(_pieces(text, most), strict=True)


def _pieces(text: TextIO, most: float = math.inf) -> Iterator[str]:
    """Yield the lines of a text, and a line that is too long for a record in parts: a whole file may be one line."""
    while piece := text.readline(2 * MAX_RECORD_CHARACTERS):
        most -= len(piece)
        if most < 0:
            message = f"longer than {MAX_RECORD_CHARACTERS:,} characters"
            raise csv.Error(message)
        yield piece


@dataclass(frozen=True, kw_only=True)
class StructureFault:
    """A malformed record: its first line and its number, both from 1 (the header is record 0), and the problem."""

    line: int
    record: int
    problem: str


def needs_strict_reading(path: Path) -> bool:
    """Return whether a lenient CSV reader could miss a defect in the text, so that each record needs a strict check.

    RFC 4180 opens a quoted field after a comma or a line end, and closes it before one. Any other quote is suspicious,
    and so are a lone carriage return outside quotes and a last field of `""`, which may be one field too many.
    """
    inside, before = 0, b"\n"
    with path.open("rb", buffering=0) as stream:
        rest = stream.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
        while chunk := stream.read(CHUNK_BYTES):
            # The next character decides about a quote or a carriage return, so one at the end waits for the next chunk.
            text = rest + chunk
            whole = text.rstrip(b'"\r') if len(text) < MAX_RECORD_CHARACTERS + CHUNK_BYTES else text
            if _suspicious(before, whole, text[len(whole) :][:1], inside):
                return True
            inside ^= whole.count(b'"') & 1
            before, rest = whole[-1:] or before, text[len(whole) :]
    return rest.endswith(b"\r") or _suspicious(before, rest, b"\n", inside)


def _suspicious(before: bytes, text: bytes, after: bytes, inside: int) -> bool:
    if b'"' not in text and b"\r" not in text:
        return False
    joined = before + text + (after or b"\n")
    if b',""\n' in joined or b',""\r' in joined:
        return True
    codes = np.frombuffer(joined, dtype=np.uint8)
    quotes = np.flatnonzero(codes[1:-1] == ord('"')) + 1
    opening = (np.arange(len(quotes)) + inside) % 2 == 0
    previous, following = codes[quotes[opening] - 1], codes[quotes[~opening] + 1]
    if not _BEFORE_OPENING[previous].all() or not _AFTER_CLOSING[following].all():
        return True
    returns = np.flatnonzero(codes[1:-1] == ord("\r")) + 1
    lone = returns[codes[returns + 1] != ord("\n")]
    return bool(((np.searchsorted(quotes, lone) + inside) % 2 == 0).any())


_BEFORE_OPENING = np.isin(np.arange(256), list(b',\n"'))
_AFTER_CLOSING = np.isin(np.arange(256), list(b',\r\n"'))
_QUOTED = '"(?:[^"]|"")*+"'
_RECORD = re.compile(rf'(?:{_QUOTED}|[^",\r\n]*+)(?:,(?:{_QUOTED}|[^",\r\n]*+))*+(?:\r?\n)?')


def find_structure_faults(path: Path, width: int) -> tuple[int, list[StructureFault]]:
    """Return the number of records that violate RFC 4180 or have other than `width` fields, and the first few of them.

    This reads in Python, and is slow: use it where a fast reader could miss a defect, or gave up. The search ends at an
    unclosed quote, because the records after it cannot be separated. One empty line at the end is no record.
    """
    found: list[StructureFault] = []
    count = 0
    for number, (line, record) in enumerate(_without_last_empty_line(_raw_records(path))):
        problem, lost = _fault_of(record, width)
        if problem:
            count += 1
            found += [StructureFault(line=line, record=number, problem=problem)] if count <= MAX_SAMPLES else []
        if lost:
            break
    return count, found


def _raw_records(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each record with its first line (from 1); a line end inside quotes does not end a record."""
    with path.open(encoding="utf-8-sig", newline="\n") as text:
        first, record, quotes, length = 1, [], 0, 0
        for line, piece in enumerate(_pieces(text), start=1):
            record.append(piece)
            quotes += piece.count('"')
            length += len(piece)
            if quotes % 2 == 0 or length > MAX_RECORD_CHARACTERS:
                yield first, "".join(record)
                first, record, quotes, length = line + 1, [], 0, 0
        if record:
            yield first, "".join(record)


def _without_last_empty_line(records: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the records, and an empty line only if something follows it."""
    empty = None
    for line, record in records:
        if empty:
            yield empty
        empty = (line, record) if not record.strip("\r\n") and line > 1 else None
        if not empty:
            yield line, record


def _fault_of(record: str, width: int) -> tuple[str, bool]:
    """Return the problem of a record (empty for none), and whether the records after it cannot be separated."""
    if not record.strip("\r\n"):
        return "empty line", False
    if len(record.encode()) > MAX_RECORD_CHARACTERS:
        too_long = f"longer than {MAX_RECORD_CHARACTERS:,} bytes"
        return ("unclosed quote" if record.count('"') % 2 else too_long), True
    if not _RECORD.fullmatch(record):
        if record.count('"') % 2:
            return "unclosed quote", True
        if '"' in record:
            return "misplaced quote", True
        return "carriage return without line feed", False
    fields = re.sub(_QUOTED, "", record).count(",") + 1
    found = "1 field" if fields == 1 else f"{fields} fields"
    return (f"{found}, expected {width}" if fields != width else ""), False


def rewrite_quoted(source: Path, target: Path) -> None:
    """Copy the records of a file to `target`, with every field quoted and LF as the only line end."""
    with text_lines(source) as text, target.open("w", encoding="utf-8", newline="") as copy:
        writer = csv.writer(copy, quoting=csv.QUOTE_ALL, lineterminator="\n")
        # Python reads an empty line as a record without fields.
        writer.writerows(record for record in strict_records(text) if record)


def find_record_lines(received: ReceivedFile, records: Sequence[int]) -> dict[int, int]:
    """Return the line on which each of the given records begins; lines and records count from 1."""
    wanted, lines = set(records), {}
    with text_lines(received.path) as text:
        reader = strict_records(text)
        next(reader, None)
        line = reader.line_num  # type: ignore[attr-defined]
        for number, _ in enumerate(reader, start=1):
            if number in wanted:
                lines[number] = line + 1
                if len(lines) == len(wanted):
                    break
            line = reader.line_num  # type: ignore[attr-defined]
    return lines
