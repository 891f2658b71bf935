"""Delivered CSV text judged as text: its header, its structure, and where a record stands."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from settlement_platform.control.facts import Check, Sample, Severity
from settlement_platform.datasets.contract import Column
from settlement_platform.storage.landing import Received, text_lines

SAMPLES = 5
LONGEST_FIELD = 2_000_000
"""Characters; as long as DuckDB's longest line."""

_LONG_NUMBER = re.compile(r"(?:[0-9][\s\u00a0\-\u2010-\u2015]*){13,}")


def presentable(value: str | None, limit: int = 60) -> str | None:
    """A value for a finding: shortened, and withheld where it could hold a card number."""
    if value is None:
        return None
    if _LONG_NUMBER.search(value):
        return "[withheld: it could be a card number]"
    return value if len(value) <= limit else value[: limit - 1] + "…"


@dataclass(frozen=True, kw_only=True)
class Header:
    """The columns of a file in its own order, and what is wrong with them."""

    names: tuple[str, ...]
    missing: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    fault: str = ""

    @property
    def usable(self) -> bool:
        """Whether every declared column is there exactly once."""
        return not (self.missing or self.doubled or self.fault)

    def checks(self, key: str) -> tuple[Check, Check]:
        """The two checks on columns: declared ones are there, and others only warn."""
        faults = [self.fault] if self.fault else []
        faults += [f"column {name} is missing" for name in self.missing]
        faults += [f"column {name} stands in the header more than once" for name in self.doubled]
        if self.missing and self.added:
            faults.append(f"not declared: {', '.join(presentable(n) or '' for n in self.added)} (renamed?)")
        at = [Sample(key=key, line=1, column=name) for name in (*self.missing, *self.doubled)]
        declared = Check(
            name="columns_as_declared", passed=self.usable, message=_and(faults, key), samples=tuple(at[:SAMPLES])
        )
        extra = [f"column {presentable(name)} is not declared and is not published" for name in self.added]
        added = Check(
            name="columns_added", passed=not extra, message=_and(extra, key), severity=Severity.WARN
        )
        return declared, added


def _and(faults: Sequence[str], key: str) -> str:
    return f"{key}: {'; '.join(faults)}" if faults else "as declared"


def read_header(received: Received, columns: Sequence[Column]) -> Header:
    """Read the first record and match it with the declared columns, by name and in any order."""
    try:
        with text_lines(received.path) as text:
            names = next(_records(text), [])
    except (csv.Error, UnicodeDecodeError) as error:
        return Header(names=(), fault=f"its header cannot be read ({error})")
    if not any(names):
        return Header(names=(), fault="it has no header")
    declared = [c.name for c in columns]
    return Header(
        names=tuple(names),
        missing=tuple(n for n in declared if n not in names),
        doubled=tuple(sorted({n for n in names if names.count(n) > 1})),
        added=tuple(n for n in names if n not in declared),
    )


def _records(text: Iterator[str]) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_FIELD)
    return csv.reader(text, strict=True)


@dataclass(frozen=True, kw_only=True)
class StructureFault:
    """A record that is no RFC 4180 record of this file."""

    line: int
    record: int
    why: str


def structure_faults(path: Path, width: int) -> tuple[int, list[StructureFault]]:
    """Read every record strictly: how many are at fault, and the first few of them.

    Slow, in Python: for files in which a fast reader could read over a defect, and for those it gave up on.
    """
    found: list[StructureFault] = []
    count = record = line = 0
    with text_lines(path) as text:
        reader = csv.reader(text, strict=True)
        csv.field_size_limit(LONGEST_FIELD)
        try:
            next(reader, None)
            line = reader.line_num
            for fields in reader:
                record += 1
                if len(fields) != width:
                    count += 1
                    why = f"{len(fields)} fields instead of {width}" if fields else "an empty line"
                    found += [StructureFault(line=line + 1, record=record, why=why)] if count <= SAMPLES else []
                line = reader.line_num
        except csv.Error as error:
            count += 1
            found.append(StructureFault(line=line + 1, record=record + 1, why=str(error)))
    return count, found


def rewrite_plainly(source: Path, target: Path) -> None:
    """Write the same records with every field quoted and one kind of line end."""
    with text_lines(source) as text, target.open("w", encoding="utf-8", newline="") as copy:
        csv.writer(copy, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(_records(text))


def lines_of_records(received: Received, records: Sequence[int]) -> dict[int, int]:
    """The line, from 1, on which each of the given records (from 1) begins."""
    wanted, lines = set(records), {}
    with text_lines(received.path) as text:
        reader = _records(text)
        next(reader, None)
        line = reader.line_num  # type: ignore[attr-defined]
        for number, _ in enumerate(reader, start=1):
            if number in wanted:
                lines[number] = line + 1
                if len(lines) == len(wanted):
                    break
            line = reader.line_num  # type: ignore[attr-defined]
    return lines
