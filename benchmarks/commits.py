"""The commit alone (lock, transaction, records), on a lake that already holds many partitions."""

import argparse
import statistics
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.measure import record
from settlement_platform.catalog import load_catalog
from settlement_platform.control.facts import Check, SourceUsed, Verdict
from settlement_platform.control.publishing.gate import DecisionInputs
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.open_platform import Stores, open_platform
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.publishing.candidates import gate_decision
from settlement_platform.pipeline.publishing.publish import Candidate, publish

FIRST = date(2020, 1, 1)
REQUEST = Request(actor="benchmark", reason="measuring commits")
SMALL, LARGE = 100, 5_000_000


def measure_commits(*, partitions: int, commits: int) -> None:
    """Fill a lake, then time first publications of small and large files, and restatements."""
    with tempfile.TemporaryDirectory(prefix="settlement-commits-") as name:
        platform = fresh_platform(Path(name))
        filled = _days(0, partitions)
        filling = [publish_rows(platform, day, SMALL, "filled") for day in filled]
        results = {
            f"first publication, {SMALL:,} rows": [
                publish_rows(platform, day, SMALL, "first") for day in _days(partitions, commits)
            ],
            f"first publication, {LARGE:,} rows": [
                publish_rows(platform, day, LARGE, "first") for day in _days(partitions + commits, commits // 4)
            ],
            f"restatement, {SMALL:,} rows": [publish_rows(platform, day, SMALL, "again") for day in filled[:commits]],
            f"restatement, {LARGE:,} rows": [
                publish_rows(platform, day, LARGE, "again") for day in _days(partitions + commits, commits // 4)
            ],
        }
    _show({f"while filling, up to {partitions:,} partitions": filling, **results}, partitions)
    Console().print(f"written to {record('commits', results)}")


def fresh_platform(home: Path) -> Platform:
    """Open empty stores in a folder."""
    stores = Stores(
        home=home,
        landing_url=str(home / "landing"),
        staging_url=str(home / "staging"),
        lake_url=str(home / "lake"),
        catalog_url=f"sqlite:///{home}/lake/catalog.sqlite",
        ledger_url=f"sqlite:///{home}/ledger.sqlite",
        catalog=load_catalog(),
        first_date=FIRST,
    )
    return open_platform(stores, duckdb.connect(), clock=lambda: datetime.now(UTC))


def _days(start: int, count: int) -> list[date]:
    return [FIRST + timedelta(days=n) for n in range(start, start + count)]


def publish_rows(platform: Platform, day: date, rows: int, content: str, *, files: int = 1) -> float:
    """Return the seconds of one publication; its Parquet files, each of so many rows, are made beforehand."""
    paths = tuple(_staged(platform, day, rows) for _ in range(files))
    digest = f"{content}-{day}-{rows}"
    check = Check(name="rows_as_declared", passed=True, message="as declared", measured=str(rows))
    verdict = Verdict(
        dataset=CARD_SETTLEMENTS.name,
        business_date=day,
        content_hash=digest,
        checks=tuple(check for _ in range(20)),
        decided_at=platform.clock(),
        rows=rows,
    )
    candidate = Candidate(
        name=CARD_SETTLEMENTS.name,
        business_date=day,
        content_hash=digest,
        decide=gate_decision(content_hash=digest, waiting=(), verdict=verdict, inputs=DecisionInputs()),
        files=paths,
        rows=rows * files,
        sources=(SourceUsed(source="visa", key=f"{day}/visa/cards.csv", sha256=digest, bytes=rows, rows=rows),),
        verdict=verdict,
    )
    began = time.perf_counter()
    publish(platform, candidate, REQUEST)
    return time.perf_counter() - began


def _staged(platform: Platform, day: date, rows: int) -> str:
    values = {"BIGINT": "i", "DATE": f"DATE '{day}'", "TIMESTAMPTZ": "now()", "DECIMAL(38, 0)": "i::DECIMAL(38, 0)"}
    columns = ", ".join(
        f"{values.get(kind, f'''{name!r} || i''')} AS {name}"
        for name, kind in CARD_SETTLEMENTS.contract.published_columns
    )
    draft, final = platform.staging.draft(CARD_SETTLEMENTS.name, day, "visa")
    cursor = platform.lake.cursor()
    cursor.execute(f"COPY (SELECT {columns} FROM range({rows}) t(i)) TO '{draft}' (FORMAT parquet, COMPRESSION zstd)")
    cursor.close()
    platform.staging.finalize(draft, final)
    return final


def _show(results: dict[str, list[float]], partitions: int) -> None:
    table = Table(title=f"commits on a lake of {partitions:,} partitions, ms", title_justify="left", box=None)
    for column in ("what", "median", "95%", "highest", "commits"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, seconds in results.items():
        ordered = sorted(s * 1000 for s in seconds)
        table.add_row(
            name,
            f"{statistics.median(ordered):.0f}",
            f"{ordered[int(len(ordered) * 0.95) - 1]:.0f}",
            f"{ordered[-1]:.0f}",
            str(len(ordered)),
        )
    Console().print(table)


def main() -> None:
    """Measure with the given numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=1000)
    parser.add_argument("--commits", type=int, default=20)
    chosen = parser.parse_args()
    measure_commits(partitions=chosen.partitions, commits=chosen.commits)


if __name__ == "__main__":
    main()
