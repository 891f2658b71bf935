"""The work of the processes of scenarios: publish dates, die at a boundary, read the lake as a plain client."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.policies import Restating
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.pipeline.open_platform import Stores, open_platform
from settlement_platform.pipeline.operators import actions
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform.pipeline.staging import stage
from settlement_platform.storage.engines.duckdb_engine import connect_engine
from settlement_platform_tests.pipeline.boundaries import ACTION_BOUNDARIES, BOUNDARIES, MART_BOUNDARIES, happening
from settlement_platform_tests.pipeline.installation import NAME, Installation, open_home, plain_reader
from settlement_platform_tests.pipeline.operating import ANA, EVERYONE, run
from settlement_platform_tests.processes import FORKING

LIMITED = replace(CARD_SETTLEMENTS, restating=Restating(measure="net_minor", rows_share=0.0))
"""A dataset of which every restatement that moves a row waits for approval."""


def started(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:  # noqa: ANN401 - what it takes
    """Start a process."""
    process = FORKING.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def run_to_end(target: Callable[..., None], *arguments: Any) -> int | None:  # noqa: ANN401 - what it takes
    """The exit code of a process, negative for a signal."""
    process = started(target, *arguments)
    process.join(60)
    return process.exitcode


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def publish_dates(home: Path, days: Sequence[date]) -> None:
    """Take dates through the pipeline."""
    installation = Installation(home=home, platform=open_home(home))
    for day in days:
        installation.run(day)


def publish_with_marts(stores: Stores, day: date) -> None:
    """Take a date through the pipeline, and build its marts."""
    platform = open_platform(stores, connect_engine(), clock=lambda: datetime.now(UTC))
    installation = Installation(home=stores.home, platform=platform)
    installation.run(day)
    for mart in MARTS:
        installation.build(mart, day)


def build_mart_of(home: Path, day: date) -> None:
    """Build a mart's date."""
    Installation(home=home, platform=open_home(home)).build(MERCHANT_DAILY_NET, day)


def publish_and_die(home: Path, day: date, boundary: str) -> None:
    """Take a date through the pipeline up to a boundary."""
    with happening(BOUNDARIES[boundary], _die):
        publish_dates(home, [day])


def build_mart_and_die(home: Path, day: date, boundary: str) -> None:
    """Build a mart's date up to a boundary."""
    with happening(MART_BOUNDARIES[boundary], _die):
        build_mart_of(home, day)


def _operate(home: Path, day: date, action: str) -> None:
    """Do to a date what an operator requests, on a home where everyone is one."""
    platform = replace(open_home(home), members=EVERYONE)
    if action == "rollback":
        roll_back(platform, CARD_SETTLEMENTS, day, 1, ANA)
    elif action == "skip":
        actions.skip(platform, CARD_SETTLEMENTS, day, ANA)
    elif action == "release":
        actions.release(platform, CARD_SETTLEMENTS, day, ("rows_as_declared",), ANA)
    else:
        actions.approve(platform, LIMITED, day, ANA)


def operate_on(home: Path, day: date, action: str) -> None:
    """An operator action in a process of its own; a refused one ends with code 3."""
    try:
        _operate(home, day, action)
    except ActionRefused:
        sys.exit(3)


def operate_and_die(home: Path, day: date, action: str, boundary: str) -> None:
    """Do to a date what an operator requests, up to a boundary."""
    with happening(ACTION_BOUNDARIES[boundary], _die):
        _operate(home, day, action)


def settle_under_limits(home: Path, day: date) -> None:
    """Take a date through the pipeline under limits that every restatement is beyond."""
    run(open_home(home), day, LIMITED)


def publish_and_die_while_writing(home: Path, day: date) -> None:
    """Take a date through the pipeline and die while DuckDB writes a Parquet file."""

    def watch(draft: Path) -> None:
        while not (draft.exists() and draft.stat().st_size):
            time.sleep(0.0005)
        _die()

    copy_text = stage.convert_to_parquet

    def watched(cursor: Any, text: Any, contract: Any, target: Path) -> Any:  # noqa: ANN401 - as what it wraps
        threading.Thread(target=watch, args=(target,), daemon=True).start()
        return copy_text(cursor, text, contract, target)

    stage.convert_to_parquet = watched
    publish_dates(home, [day])


def read_until(home: Path, stop: Any, results: Any) -> None:  # noqa: ANN401 - an event and a queue
    """Compare rows and records of every date in one snapshot, over and over; reports reads, and what was wrong."""
    reader = plain_reader(home)
    query = f"""
        SELECT coalesce(t.business_date, p.business_date), coalesce(t.n, 0), coalesce(p.rows, -1), p.records
        FROM (SELECT business_date, count(*) n FROM lake.published.{NAME} GROUP BY ALL) t
        FULL JOIN (SELECT business_date, max(rows) AS rows, count(*) AS records
                   FROM lake.published.publications WHERE dataset = '{NAME}' GROUP BY ALL) p USING (business_date)
    """
    reads, most, wrong = 0, 0, []
    while not stop.is_set():
        try:
            found = reader.execute(query).fetchall()
        except Exception as error:  # noqa: BLE001 - any error of a reader fails the test
            wrong.append(repr(error))
            continue
        reads += 1
        most = max(most, len(found))
        wrong += [repr(row) for row in found if row[1] != row[2] or row[3] != 1]
    results.put((reads, most, wrong[:5]))
