"""A year of daily publishing with and without tidying: files, bytes, snapshots, and the time of reads."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.commits import FIRST, REQUEST, fresh_platform, publish_rows
from benchmarks.measure import record
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.maintenance.tidy import tidy
from settlement_platform.pipeline.platform import Platform

SOURCES = 3
RESTATED_EVERY, TIDIED_EVERY = 20, 7
TABLE = f"lake.published.{CARD_SETTLEMENTS.name}"
TIMES = 5


@dataclass(frozen=True, kw_only=True)
class Left:
    """The state after a year: Parquet files and bytes, and the CPU milliseconds of two reads and a restatement."""

    files: int
    bytes: int
    catalog_bytes: int
    read_all: float
    read_one: float
    restate_one: float


def measure_a_year(*, dates: int, rows: int) -> None:
    """Publish so many dates of three sources, a twentieth of them twice; once with a weekly tidying, once without."""
    results = {name: _year(dates, rows, tidied=tidied) for name, tidied in (("as published", False), ("tidied", True))}
    table = Table("", *results, title=f"{dates} dates of {SOURCES} x {rows:,} rows", title_justify="left", box=None)
    for name in asdict(results["tidied"]):
        table.add_row(name, *(f"{getattr(left, name):,.0f}" for left in results.values()))
    Console().print(table)
    Console().print(f"written to {record('tidy', {name: asdict(left) for name, left in results.items()})}")


def _year(dates: int, rows: int, *, tidied: bool) -> Left:
    with tempfile.TemporaryDirectory(prefix="settlement-tidy-") as folder:
        platform = fresh_platform(Path(folder))
        for number in range(dates):
            day = FIRST + timedelta(days=number)
            publish_rows(platform, day, rows, "first", files=SOURCES)
            if number % RESTATED_EVERY == 0:
                publish_rows(platform, day, rows, "again", files=SOURCES)
            if tidied and number % TIDIED_EVERY == TIDIED_EVERY - 1:
                tidy(platform, REQUEST, nobody_reads=True)
        if tidied:
            after_the_grace = replace(platform, clock=lambda: datetime.now(UTC) + timedelta(days=2))
            tidy(after_the_grace, REQUEST, nobody_reads=True)
        return _measure(platform, Path(folder), rows, FIRST + timedelta(days=dates // 2))


def _measure(platform: Platform, home: Path, rows: int, day: date) -> Left:
    files = list((home / "lake").rglob("*.parquet"))
    query = f"SELECT count(*), sum(net_minor) FROM {TABLE}"
    read_all = _median(lambda: _read(platform, query))
    read_one = _median(lambda: _read(platform, f"{query} WHERE business_date = DATE '{day}'"))
    return Left(
        files=len(files),
        bytes=sum(f.stat().st_size for f in files),
        catalog_bytes=(home / "lake" / "catalog.sqlite").stat().st_size,
        read_all=read_all,
        read_one=read_one,
        restate_one=_cpu(lambda: publish_rows(platform, day, rows, "last", files=SOURCES)),
    )


def _read(platform: Platform, query: str) -> None:
    with platform.lake.cursor() as cursor:
        cursor.execute(query).fetchall()


def _median(act: Callable[[], object]) -> float:
    return statistics.median(_cpu(act) for _ in range(TIMES))


def _cpu(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return (time.process_time() - began) * 1000


def main() -> None:
    """Measure with the given numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=int, default=365)
    parser.add_argument("--rows", type=int, default=100)
    chosen = parser.parse_args()
    measure_a_year(dates=chosen.dates, rows=chosen.rows)


if __name__ == "__main__":
    main()
