"""Delivered CSV text judged as text: its structure, and where a record stands."""

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
"""Bytes; DuckDB holds buffers of sixteen times as many."""


def strict_records(text: TextIO, most: float = math.inf) -> Iterator[list[str]]:
    """Python's strict reading, of at most so many characters."""
    csv.field_size_limit(MAX_RECORD_CHARACTERS)
    return csv.reader(_pieces(text, most), strict=True)


def _pieces(text: TextIO, most: float = math.inf) -> Iterator[str]:
    """The lines of a text; of one that is far too long for a record a part, for a whole text may be one line."""
    while piece := text.readline(2 * MAX_RECORD_CHARACTERS):
        most -= len(piece)
        if most < 0:
            message = f"it is longer than {MAX_RECORD_CHARACTERS:,} characters"
            raise csv.Error(message)
        yield piece


@dataclass(frozen=True, kw_only=True)
class StructureFault:
    """A record that is no RFC 4180 record of this file."""

    line: int
    record: int
    problem: str


def needs_strict_reading(path: Path) -> bool:
    """Whether a lenient reader could read over a defect in the text, so that every record has to be held up strictly.

    Quotes that open a field follow a comma or a line end, quotes that close one are followed by such; anything else
    is no RFC 4180, as is a lone carriage return outside quotes. A last field of `""` may be one too many.
    """
    inside, before = 0, b"\n"
    with path.open("rb", buffering=0) as stream:
        rest = stream.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
        while chunk := stream.read(CHUNK_BYTES):
            # What follows a quote or a carriage return decides about it, so such an end waits for the next chunk.
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
    """Hold every record strictly against RFC 4180: how many are at fault, and the first few of them.

    Slow, in Python: for files in which a fast reader could read over a defect, and for those it gave up on. A stray or
    unclosed quote ends the search, because nothing after it can be told apart.
    """
    found: list[StructureFault] = []
    count = 0
    for number, (line, record) in enumerate(_raw_records(path)):
        why, lost = _fault_of(record, width)
        if why:
            count += 1
            found += [StructureFault(line=line, record=number, problem=why)] if count <= MAX_SAMPLES else []
        if lost:
            break
    return count, found


def _raw_records(path: Path) -> Iterator[tuple[int, str]]:
    """Each record as it stands in the text, with its first line; inside an open quote a line end ends nothing."""
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


def _fault_of(record: str, width: int) -> tuple[str, bool]:
    """What is wrong with a record, if anything, and whether the records after it are lost."""
    if not record.strip("\r\n"):
        return "an empty line", False
    if len(record.encode()) > MAX_RECORD_CHARACTERS:
        why = (
            "a quote that is never closed" if record.count('"') % 2 else f"longer than {MAX_RECORD_CHARACTERS:,} bytes"
        )
        return why, True
    if not _RECORD.fullmatch(record):
        if record.count('"') % 2:
            return "a quote that is never closed", True
        if '"' in record:
            return "a quote where none may stand", True
        return "a lone carriage return", False
    fields = re.sub(_QUOTED, "", record).count(",") + 1
    return (f"{fields} fields instead of {width}" if fields != width else ""), False


def rewrite_quoted(source: Path, target: Path) -> None:
    """Write the same records with every field quoted and one kind of line end."""
    with text_lines(source) as text, target.open("w", encoding="utf-8", newline="") as copy:
        csv.writer(copy, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(strict_records(text))


def find_record_lines(received: ReceivedFile, records: Sequence[int]) -> dict[int, int]:
    """The line, from 1, on which each of the given records (from 1) begins."""
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
