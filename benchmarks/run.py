"""The platform beside a bare script and the floor of the machine: seconds, ratios and peak memory, in one run."""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.commits import measure_commits
from benchmarks.measure import Cost, cost_of, record
from settlement_platform.sample_data.generate import generate

FIRST = date(2026, 1, 1)
SETTLEMENT = str(Path(sys.executable).with_name("settlement"))
console = Console(width=None if sys.stdout.isatty() else 140)

Contender = Callable[[Path, Path, int], Cost]


def plain(landing: Path, out: Path, dates: int) -> Cost:
    """Return the command of the bare script."""
    del dates
    return cost_of([sys.executable, "-m", "benchmarks.plain_script", str(landing), str(out)])


def floor(landing: Path, out: Path, dates: int) -> Cost:
    """Return the command that reads CSV and writes Parquet, once."""
    del dates
    return cost_of([sys.executable, "-m", "benchmarks.floor", str(landing), str(out)])


def settlement(landing: Path, out: Path, dates: int) -> Cost:
    """Return the command `settlement materialize`, of the dataset alone: the others build no marts."""
    last = FIRST + timedelta(days=dates - 1)
    command = [SETTLEMENT, "materialize", "card_settlements", "--from", str(FIRST), "--to", str(last), "--no-marts"]
    return cost_of(command, {"SETTLEMENT_HOME": str(out), "SETTLEMENT_LANDING_URL": str(landing)})


CONTENDERS: dict[str, Contender] = {"plain": plain, "settlement": settlement, "floor": floor}


def compare(rows: int, dates: int, rounds: int, work: Path) -> dict[str, list[Cost]]:
    """Let the contenders work in turns over the same files."""
    landing = work / f"landing-{rows}"
    console.print(f"[bold]{dates} dates of {rows:,} rows[/bold]: writing files")
    generate(landing, first=FIRST, days=dates, rows=rows)
    subprocess.run(["sync"], check=True)
    costs: dict[str, list[Cost]] = {name: [] for name in CONTENDERS}
    for number in range(rounds):
        for name, contender in CONTENDERS.items():
            out = work / f"{name}-{rows}-{number}"
            costs[name].append(contender(landing, out, dates))
            console.print(f"  round {number + 1}: {name:10s} {costs[name][-1].wall:8.2f} s")
            shutil.rmtree(out)
    shutil.rmtree(landing)
    return costs


def show(rows: int, dates: int, costs: dict[str, list[Cost]]) -> None:
    """Print medians, and the median of the ratios within a round."""
    table = Table(title=f"{dates} dates of {rows:,} rows", title_justify="left", box=None)
    for column in ("contender", "wall s", "s a date", "CPU s", "peak MiB", "of plain", "of floor"):
        table.add_column(column, justify="left" if column == "contender" else "right")
    for name, found in costs.items():
        wall = statistics.median(c.wall for c in found)
        table.add_row(
            name,
            f"{wall:.2f}",
            f"{wall / dates:.3f}",
            f"{statistics.median(c.cpu for c in found):.2f}",
            f"{max(c.peak_mib for c in found):.0f}",
            f"{_ratio(found, costs['plain']):.2f}",
            f"{_ratio(found, costs['floor']):.2f}",
        )
    console.print(table)


def _ratio(ours: list[Cost], theirs: list[Cost]) -> float:
    return statistics.median(a.wall / b.wall for a, b in zip(ours, theirs, strict=True))


def main() -> None:
    """Measure the requested sizes, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, action="append", help="rows a date; default 10,000 and 1,000,000")
    parser.add_argument("--dates", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one-large-date", type=int, help="rows of a single date; default 10,000,000")
    chosen = parser.parse_args()
    everything = not (chosen.rows or chosen.one_large_date)
    with tempfile.TemporaryDirectory(prefix="settlement-bench-") as name:
        work, results = Path(name), []
        for rows in chosen.rows or ((10_000, 1_000_000) if everything else ()):
            costs = compare(rows, chosen.dates, chosen.rounds, work)
            show(rows, chosen.dates, costs)
            results.append({"rows": rows, "dates": chosen.dates, "costs": costs})
        large = chosen.one_large_date or (10_000_000 if everything else 0)
        if large:
            costs = compare(large, 1, 1, work)
            show(large, 1, costs)
            results.append({"rows": large, "dates": 1, "costs": costs})
    console.print(f"written to {record('run', results)}")
    if everything:
        measure_commits(partitions=1000, commits=20)


if __name__ == "__main__":
    main()
