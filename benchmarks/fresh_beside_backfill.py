"""The time of a fresh run from request to publication, on an idle platform and during a backfill."""

import argparse
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dagster._core.execution.backfill import BulkActionStatus
from rich.console import Console
from rich.table import Table

from benchmarks.measure import record
from settlement_platform.sample_data.generate import generate
from settlement_platform_tests.orchestration.dagster_home import NAME, DagsterHome
from settlement_platform_tests.scenarios.queue_daemon import (
    Daemon,
    backfill_status,
    begin_backfill,
    daemon,
    published,
    running_runs,
    wait_until,
)

PATIENCE_SECONDS = 600
console = Console(width=120)


def seconds_to_publish(home: DagsterHome, working: Daemon, business_date: date) -> float:
    """Return the seconds from the creation of a run to the publication of its date."""
    run_id = working.launch(business_date)
    wait_until(lambda: _ended(home, run_id), f"the end of the run of {business_date}", PATIENCE_SECONDS)
    record_of_run = home.instance.get_run_record_by_id(run_id)
    assert record_of_run is not None
    of_date = f"dataset = '{NAME}' AND business_date = DATE '{business_date}'"
    ((at,),) = home.query(f"SELECT published_at FROM lake.published.publications WHERE {of_date}")
    created = record_of_run.create_timestamp
    return (at - created.replace(tzinfo=created.tzinfo or UTC)).total_seconds()


def _ended(home: DagsterHome, run_id: str) -> bool:
    run = home.instance.get_run_by_id(run_id)
    return run is not None and run.is_finished


def measure(dates: int, rows: int) -> dict[str, float]:
    """Return the seconds of a fresh run alone, and of another during a backfill of so many dates."""
    today = datetime.now(UTC).date()
    alone, beside = today - timedelta(days=1), today
    first = today - timedelta(days=dates + 2)
    variable = {"SETTLEMENT_FIRST_DATE": first.isoformat()}
    with tempfile.TemporaryDirectory(prefix="settlement-fresh-") as name:
        home = DagsterHome(Path(name) / "home", **variable)
        generate(home.landing, first=first, days=dates + 3, rows=rows)
        with daemon(home, **variable) as working:
            seconds_to_publish(home, working, today - timedelta(days=2))  # loads what a first run has to make
            idle = seconds_to_publish(home, working, alone)
            begin_backfill(home, [first + timedelta(days=n) for n in range(dates)])
            wait_until(lambda: len(running_runs(home)) > 1, "in the middle of the backfill", PATIENCE_SECONDS)
            found = {"idle": idle, "beside": seconds_to_publish(home, working, beside)}
            assert backfill_status(home) is BulkActionStatus.REQUESTED, "the backfill is too short"
            found["backfill dates published by then"] = published(home)
        home.close()
    return found


def main() -> None:
    """Measure with the given numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=int, default=365)
    parser.add_argument("--rows", type=int, default=10_000)
    chosen = parser.parse_args()
    found = measure(chosen.dates, chosen.rows)
    table = Table(title=f"A fresh run, beside a backfill of {chosen.dates} dates", title_justify="left", box=None)
    for column in ("idle s", "beside the backfill s", "1.3 of idle + 5 s", "ratio"):
        table.add_column(column, justify="right")
    idle, beside = found["idle"], found["beside"]
    table.add_row(f"{idle:.1f}", f"{beside:.1f}", f"{1.3 * idle + 5:.1f}", f"{beside / idle:.2f}")
    console.print(table)
    console.print(f"written to {record('fresh_beside_backfill', found)}")


if __name__ == "__main__":
    main()
