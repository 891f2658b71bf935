"""The delivered files that all contenders work on, and the sums that they must reach."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from benchmarks.peers.work import SOURCES
from settlement_platform.sample_data.generate import generate


@dataclass(frozen=True, kw_only=True)
class Content:
    """The expected content of a published business date: rows, as many keys, and the sum of `amount_minor`."""

    rows: int
    keys: int
    amount_minor: int


@dataclass(frozen=True, kw_only=True)
class Files:
    """Generated files of consecutive business dates, in `folder/{date}/{source}/`."""

    folder: Path
    rows: int

    def make(self, days: Sequence[date]) -> None:
        """Generate the missing dates; the bytes of a date depend on the date and the rows alone."""
        for day in days:
            if not self._control(day, SOURCES[-1]).exists():
                generate(self.folder, first=day, days=1, rows=self.rows)

    def link(self, days: Sequence[date], landing: Path) -> None:
        """Deliver dates into a landing folder as hard links, the control file last."""
        for day in days:
            for source in SOURCES:
                made = self._control(day, source).parent
                target = landing / day.isoformat() / source
                target.mkdir(parents=True)
                for name in ("cards.csv", "cards.control.json"):
                    os.link(made / name, target / name)

    def content(self, day: date) -> Content:
        """Return the content of a date, as its sources declare it."""
        declared = [json.loads(self._control(day, source).read_text(encoding="utf-8")) for source in SOURCES]
        rows = sum(d["rows"] for d in declared)
        amount = sum(totals["amount_minor"] for d in declared for totals in d["totals"].values())
        return Content(rows=rows, keys=rows, amount_minor=amount)

    def _control(self, day: date, source: str) -> Path:
        return self.folder / day.isoformat() / source / "cards.control.json"


def dates(count: int, *, last: date) -> list[date]:
    """Return consecutive business dates up to the last one."""
    return [last - timedelta(days=n) for n in reversed(range(count))]
