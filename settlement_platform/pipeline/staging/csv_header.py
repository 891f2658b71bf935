"""The header of a delivered CSV file, matched with the declared columns by name."""

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
_MAX_LISTED = 8


@dataclass(frozen=True, kw_only=True)
class Header:
    """The column names of a file in its own order, and how they differ from the declared ones.

    `missing` are declared and absent, `duplicated` are declared and appear more than once, `undeclared` are not
    declared. `fault` says why the header could not be read at all; it is empty otherwise.
    """

    names: tuple[str, ...]
    missing: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    undeclared: tuple[str, ...] = ()
    fault: str = ""

    @property
    def usable(self) -> bool:
        """Return whether every declared column appears exactly once."""
        return not (self.missing or self.duplicated or self.fault)

    def checks(self, key: str) -> tuple[Check, Check]:
        """Return the checks of the file `key`: `columns_as_declared`, and `columns_added`, which only warns."""
        faults = [self.fault] if self.fault else []
        faults += [f"column {name} is missing" for name in self.missing if name not in self._padded]
        if self._padded:
            names = ", ".join(_shorten(redact(n) or "" for n in self._padded))
            faults.append(f"the header has blanks around {names}; deliver the names without")
        faults += _shorten(f"column {redact(name)} appears more than once" for name in self.duplicated)
        renamed = [n for n in self.undeclared if n.strip() not in self._padded]
        if set(self.missing) - set(self._padded) and renamed:
            names = ", ".join(_shorten(redact(n) or "" for n in renamed))
            faults.append(f"undeclared: {names} (renamed?)")
        at = [Sample(key=key, line=1, column=redact(name)) for name in (*self.missing, *self.duplicated)]
        declared = Check(
            name="columns_as_declared",
            passed=self.usable,
            message=_join_faults(faults, key),
            samples=tuple(at[:MAX_SAMPLES]),
        )
        extra = _shorten(f"{_named(name)} is not declared, so it is not published" for name in self.undeclared)
        added = Check(name="columns_added", passed=not extra, message=_join_faults(extra, key), severity=Severity.WARN)
        return declared, added

    @property
    def _padded(self) -> tuple[str, ...]:
        """Return the missing columns whose names are there with blanks around them."""
        stripped = {name.strip() for name in self.undeclared}
        return tuple(name for name in self.missing if name in stripped)


def _named(name: str) -> str:
    return f"column {redact(name)}" if name else "a column without a name"


def _join_faults(faults: Sequence[str], key: str) -> str:
    return f"{key}: {'; '.join(faults)}" if faults else "the columns match the declaration"


def _shorten(parts: Iterable[str]) -> list[str]:
    """Return the first few parts, and how many more there are."""
    listed = list(parts)
    more = len(listed) - _MAX_LISTED
    return [*listed[:_MAX_LISTED], *([f"and {more:,} more"] if more > 0 else [])]


def read_header(received: ReceivedFile, columns: Sequence[Column]) -> Header:
    """Read the first record of a file, and match it with the declared columns by name, in any order."""
    try:
        with text_lines(received.path) as text:
            names = next(strict_records(text, MAX_RECORD_CHARACTERS), [])
    except (csv.Error, UnicodeDecodeError) as error:
        return Header(names=(), fault=f"the header cannot be parsed ({error})")
    if len(names) > MAX_COLUMNS:
        return Header(names=(), fault=f"{len(names):,} columns, more than the limit of {MAX_COLUMNS:,}")
    if not any(names):
        return Header(names=(), fault="the header is missing")
    declared = {c.name: None for c in columns}
    times = Counter(names)
    return Header(
        names=tuple(names),
        missing=tuple(n for n in declared if n not in times),
        duplicated=tuple(sorted(n for n, count in times.items() if count > 1 and n in declared)),
        undeclared=tuple(n for n in names if n not in declared),
    )
