"""The header of a delivered CSV text, and how its columns match the declared ones."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from settlement_platform.control.card_numbers import redact
from settlement_platform.control.facts import Check, Sample, Severity
from settlement_platform.datasets.contract import Column
from settlement_platform.pipeline.staging.csv_structure import MAX_RECORD_CHARACTERS, MAX_SAMPLES, strict_records
from settlement_platform.storage.landing.zone import ReceivedFile, text_lines

MAX_COLUMNS = 1_000


_NAMES_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Header:
    """The columns of a file in its own order, and what is wrong with them."""

    names: tuple[str, ...]
    missing: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    undeclared: tuple[str, ...] = ()
    fault: str = ""

    @property
    def usable(self) -> bool:
        """Whether every declared column is there exactly once."""
        return not (self.missing or self.duplicated or self.fault)

    def checks(self, key: str) -> tuple[Check, Check]:
        """The two checks on columns: declared ones are there, and others only warn."""
        faults = [self.fault] if self.fault else []
        faults += [f"column {name} is missing" for name in self.missing]
        faults += _shorten(f"column {redact(name)} stands in the header more than once" for name in self.duplicated)
        if self.missing and self.undeclared:
            faults.append(f"not declared: {', '.join(_shorten(redact(n) or '' for n in self.undeclared))} (renamed?)")
        at = [Sample(key=key, line=1, column=redact(name)) for name in (*self.missing, *self.duplicated)]
        declared = Check(
            name="columns_as_declared",
            passed=self.usable,
            message=_join_faults(faults, key),
            samples=tuple(at[:MAX_SAMPLES]),
        )
        extra = _shorten(f"column {redact(name)} is not declared and is not published" for name in self.undeclared)
        added = Check(name="columns_added", passed=not extra, message=_join_faults(extra, key), severity=Severity.WARN)
        return declared, added


def _join_faults(faults: Sequence[str], key: str) -> str:
    return f"{key}: {'; '.join(faults)}" if faults else "as declared"


def _shorten(parts: Iterable[str]) -> list[str]:
    """The first few of what a header gives reason to say, and how many more there are."""
    said = list(parts)
    return [*said[:_NAMES_SHOWN], *([f"and {len(said) - _NAMES_SHOWN:,} more"] if len(said) > _NAMES_SHOWN else [])]


def read_header(received: ReceivedFile, columns: Sequence[Column]) -> Header:
    """Read the first record and match it with the declared columns, by name and in any order."""
    try:
        with text_lines(received.path) as text:
            names = next(strict_records(text, MAX_RECORD_CHARACTERS), [])
    except (csv.Error, UnicodeDecodeError) as error:
        return Header(names=(), fault=f"its header cannot be read ({error})")
    if len(names) > MAX_COLUMNS:
        return Header(names=(), fault=f"it has {len(names):,} columns, more than the {MAX_COLUMNS:,} that are read")
    if not any(names):
        return Header(names=(), fault="it has no header")
    declared = {c.name: None for c in columns}
    times = Counter(names)
    return Header(
        names=tuple(names),
        missing=tuple(n for n in declared if n not in times),
        duplicated=tuple(sorted(n for n, count in times.items() if count > 1)),
        undeclared=tuple(n for n in names if n not in declared),
    )
