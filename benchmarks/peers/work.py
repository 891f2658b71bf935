"""The work of every orchestrator here for one business date: wait, stage, validate, publish.

The bodies are those of the plain script, so only the orchestrator differs. The landing folder and the folder for
results come from the environment, as the orchestrators start the processes.
"""

import json
import os
import random
import time
from pathlib import Path

import duckdb

from benchmarks import plain_script

LANDING, OUT, FIRST = "BENCHMARK_LANDING", "BENCHMARK_OUT", "BENCHMARK_FIRST_DATE"
SOURCES = ("visa", "mastercard", "amex")
EVENTS = "published.jsonl"
LOCK_SECONDS = 300.0


def files_are_there(day: str) -> bool:
    """Return whether the control file of every source has arrived."""
    return all((_landing() / day / source / "cards.control.json").exists() for source in SOURCES)


def wait_for_files(day: str) -> None:
    """Return once the date is complete; the benchmark delivers before its request, so one scan is enough."""
    while not files_are_there(day):
        time.sleep(1.0)


def stage(day: str) -> None:
    """Convert CSV to Parquet."""
    folder = _out() / "staging"
    folder.mkdir(parents=True, exist_ok=True)
    plain_script.stage(_landing(), day, folder)


def validate(day: str) -> None:
    """Check rows, keys, dates and nulls of the staged file."""
    plain_script.validate(day, _staged(day))


def publish(day: str) -> None:
    """Replace the date in the warehouse in one transaction, then note the time.

    One process at a time can open a DuckDB file, so the others try again, for up to five minutes.

    Raises:
        duckdb.IOException: the file could not be opened in that time.
    """
    ends = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            plain_script.publish(day, _staged(day), _out() / "warehouse.duckdb")
            break
        except duckdb.IOException:
            if time.monotonic() > ends:
                raise
            time.sleep(random.uniform(0.02, 0.07))
    _note(day)


def settle(day: str) -> None:
    """Run all four steps, for orchestrators that want one function."""
    wait_for_files(day)
    stage(day)
    validate(day)
    publish(day)


def _note(day: str) -> None:
    """Append one line in one write, so that the lines of processes do not mix."""
    line = json.dumps({"business_date": day, "at": time.time()}) + "\n"
    with (_out() / EVENTS).open("ab", buffering=0) as events:
        events.write(line.encode())


def _staged(day: str) -> Path:
    return _out() / "staging" / f"{day}.parquet"


def _landing() -> Path:
    return Path(os.environ[LANDING])


def _out() -> Path:
    return Path(os.environ[OUT])
