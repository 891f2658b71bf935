"""Deliveries for tests: a source's data file of one business date, and the control file that declares it."""

import gzip
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

SOURCES = ("visa", "mastercard", "amex")
COLUMNS = (
    "transaction_id",
    "network",
    "merchant_id",
    "card_token",
    "currency",
    "amount_minor",
    "fee_minor",
    "transaction_type",
    "authorized_at",
    "settled_at",
    "business_date",
)

Row = Mapping[str, str]
Quoted = Callable[[int, int], bool]
"""A function that says if the field in a record (0 is the header) and a column is quoted; fields that need quotes have
them anyway."""


def never(_record: int, _column: int) -> bool:
    """Quote only what has to be."""
    return False


def always(_record: int, _column: int) -> bool:
    """Quote every field, also in the header."""
    return True


def every_other(record: int, column: int) -> bool:
    """Quote fields like the black squares of a chess board."""
    return (record + column) % 2 == 0


def a_row(business_date: date, source: str, number: int, /, **values: str) -> dict[str, str]:
    """One valid sale with a key that no other date, source or number has; `values` replace its fields."""
    usual = {
        "transaction_id": f"{source}-{business_date:%Y%m%d}-{number:06d}",
        "network": source,
        "merchant_id": f"m-{number % 3}",
        "card_token": f"tok_{source}_{number}",
        "currency": ("EUR", "USD", "JPY")[number % 3],
        "amount_minor": str(1000 + number),
        "fee_minor": str(10 + number),
        "transaction_type": "sale",
        "authorized_at": f"{business_date}T10:00:00Z",
        "settled_at": f"{business_date}T22:30:00+02:00",
        "business_date": business_date.isoformat(),
    }
    return usual | values


def some_rows(business_date: date, source: str, count: int = 3) -> list[dict[str, str]]:
    """Valid rows of one source."""
    return [a_row(business_date, source, number) for number in range(1, count + 1)]


@dataclass(frozen=True, kw_only=True)
class CsvForm:
    """How records are written as text, and the text as bytes."""

    columns: Sequence[str] = COLUMNS
    header: Sequence[str] | None = None
    quoted: Quoted = never
    line_ends: Sequence[str] = ("\n",)
    last_line_end: bool = True
    byte_order_mark: bool = False
    encoding: str = "utf-8"

    def render(self, rows: Iterable[Row]) -> bytes:
        """The bytes of a file with these records; line ends take turns."""
        records = [list(self.header or self.columns), *([row[c] for c in self.columns] for row in rows)]
        ends = [self.line_ends[n % len(self.line_ends)] for n in range(len(records))]
        if not self.last_line_end:
            ends[-1] = ""
        text = "".join(self._record(n, fields) + end for n, (fields, end) in enumerate(zip(records, ends, strict=True)))
        return (("\ufeff" if self.byte_order_mark else "") + text).encode(self.encoding)

    def _record(self, number: int, fields: Sequence[str]) -> str:
        return ",".join(_field(value, quoted=self.quoted(number, at)) for at, value in enumerate(fields))


def _field(value: str, *, quoted: bool) -> str:
    if quoted or any(c in value for c in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def members(*parts: bytes) -> bytes:
    """A gzip file with one member per part."""
    return b"".join(gzip.compress(part, mtime=0) for part in parts)


def totals_of(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """The sums that a control file declares; text that is no whole number of 64 bits counts as 0."""
    totals: dict[str, dict[str, int]] = {}
    for row in rows:
        sums = totals.setdefault(row["currency"], {"amount_minor": 0, "fee_minor": 0})
        for column in sums:
            sums[column] += _whole(row[column])
    return totals


def _whole(text: str) -> int:
    number = int(text) if re.fullmatch("-?[0-9]+", text) else 0
    return number if -(2**63) <= number < 2**63 else 0


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One source's delivery; `write` puts the data file there first and its control file after it.

    `data` stands in for the rendered rows. `declared` replaces members of the control file, `undeclared` leaves some
    out, and `control` stands in for all of it.
    """

    business_date: date
    source: str
    rows: Sequence[Row] = ()
    form: CsvForm = field(default_factory=CsvForm)
    version: int = 1
    gzipped: bool = False
    data: bytes | None = None
    declared: Mapping[str, Any] = field(default_factory=dict)
    undeclared: Sequence[str] = ()
    control: bytes | None = None

    def data_path(self, landing: Path) -> Path:
        """Where the data file is delivered."""
        return landing / self.data_key

    def control_path(self, landing: Path) -> Path:
        """Where the control file is delivered."""
        return landing / self._folder / f"{self._stem}.control.json"

    @property
    def data_key(self) -> str:
        """The data file's path in the landing zone."""
        return f"{self._folder}/{self._stem}.csv{'.gz' if self.gzipped else ''}"

    @property
    def data_bytes(self) -> bytes:
        """The data file as delivered."""
        if self.data is not None:
            return self.data
        text = self.form.render(self.rows)
        return gzip.compress(text, mtime=0) if self.gzipped else text

    @property
    def control_bytes(self) -> bytes:
        """The control file as delivered."""
        if self.control is not None:
            return self.control
        document = {
            "business_date": self.business_date.isoformat(),
            "source": self.source,
            "sha256": hashlib.sha256(self.data_bytes).hexdigest(),
            "rows": len(self.rows),
            "totals": totals_of(self.rows),
        } | dict(self.declared)
        return json.dumps({k: v for k, v in document.items() if k not in self.undeclared}).encode()

    def write(self, landing: Path) -> Path:
        """Deliver both files; returns the path of the data file."""
        path = self.write_data(landing)
        self.write_control(landing)
        return path

    def write_data(self, landing: Path) -> Path:
        """Deliver the data file alone."""
        return _appear(self.data_path(landing), self.data_bytes)

    def write_control(self, landing: Path) -> Path:
        """Deliver the control file alone."""
        return _appear(self.control_path(landing), self.control_bytes)

    @property
    def _folder(self) -> str:
        return f"{self.business_date}/{self.source}"

    @property
    def _stem(self) -> str:
        return "cards" if self.version == 1 else f"cards.{self.version}"


def _appear(path: Path, content: bytes) -> Path:
    """Write a file under another name first, as a careful provider does; its change is never mistaken for none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    if path.exists():
        newer = max(draft.stat().st_mtime_ns, path.stat().st_mtime_ns + 1_000_000)
        os.utime(draft, ns=(newer, newer))
    draft.replace(path)
    return path


def deliver_date(landing: Path, business_date: date, **sources: Delivery) -> dict[str, Delivery]:
    """Deliver all required sources of a date: the given ones, and three valid rows of each of the others."""
    usual = {s: Delivery(business_date=business_date, source=s, rows=some_rows(business_date, s)) for s in SOURCES}
    delivered = usual | sources
    for delivery in delivered.values():
        delivery.write(landing)
    return delivered
