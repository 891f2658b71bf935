"""A second reading of landing files, by the standard library alone."""

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Landed:
    """A data file and its control file: declared, and counted again from the bytes."""

    source: str
    business_date: str
    rows: Sequence[Row]
    control: Mapping[str, object]
    sha256: str

    @property
    def totals(self) -> Mapping[str, Mapping[str, int]]:
        """Sums of the rows in Python's unbounded integers."""
        sums: dict[str, dict[str, int]] = defaultdict(lambda: {"amount_minor": 0, "fee_minor": 0})
        for row in self.rows:
            for column in ("amount_minor", "fee_minor"):
                sums[row["currency"]][column] += int(row[column])
        return dict(sums)


def read_landed(data: Path) -> Landed:
    """Read a data file with the csv module, and the control file beside it."""
    with data.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text, strict=True))
    control = data.with_name(data.name.removesuffix(".csv") + ".control.json")
    return Landed(
        source=data.parent.name,
        business_date=data.parent.parent.name,
        rows=rows,
        control=json.loads(control.read_text(encoding="utf-8")),
        sha256=hashlib.sha256(data.read_bytes()).hexdigest(),
    )


def digests(landing: Path) -> dict[str, str]:
    """Every file below a folder with the sha256 of its bytes."""
    return {
        path.relative_to(landing).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(landing.rglob("*"))
        if path.is_file()
    }
