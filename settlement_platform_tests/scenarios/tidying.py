"""The work of processes on stores that are being tidied: tidy them, die at it, publish and read meanwhile."""

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb

from settlement_platform.pipeline.maintenance import merge_files
from settlement_platform.pipeline.maintenance.tidy import tidy
from settlement_platform.pipeline.open_platform import Stores
from settlement_platform.storage.engines.duckdb_engine import load_extension
from settlement_platform.storage.lake import files as lake_files
from settlement_platform.storage.staging.area import StagingArea
from settlement_platform_tests.pipeline.boundaries import Boundary, happening
from settlement_platform_tests.pipeline.installation import NAME
from settlement_platform_tests.pipeline.operating import ANA, run
from settlement_platform_tests.pipeline.tidying import EAGER, opened

MOMENTS = {
    "before a merge": Boundary(owner=lake_files, name="merge_table_files", after=False),
    "between a merge and its commit": Boundary(owner=lake_files, name="merge_table_files"),
    "after the commit of a merge": Boundary(owner=merge_files, name="_merge_once"),
    "between forgetting and its commit": Boundary(owner=lake_files, name="expire_snapshots"),
    "between a removal and its commit": Boundary(owner=lake_files, name="remove_discarded_files"),
    "after an orphan is removed": Boundary(owner=StagingArea, name="remove"),
}

WHAT_READERS_COMPARE = f"""
    SELECT coalesce(t.business_date, p.business_date), coalesce(t.n, 0), coalesce(p.rows, -1)
    FROM (SELECT business_date, count(*) n FROM lake.published.{NAME} GROUP BY ALL) t
    FULL JOIN (SELECT business_date, arg_max(rows, generation) AS rows
               FROM lake.published.publications WHERE dataset = '{NAME}' GROUP BY ALL) p USING (business_date)
"""


def tidy_stores(stores: Stores, days_later: float, *, nobody_reads: bool = True) -> None:
    """Tidy, so many days from now."""
    platform = opened(stores).platform
    later_on = replace(platform, clock=lambda: datetime.now(UTC) + timedelta(days=days_later))
    tidy(later_on, ANA, policy=EAGER, nobody_reads=nobody_reads)


def tidy_and_die(stores: Stores, days_later: float, moment: str) -> None:
    """Tidy up to a moment, and die there."""
    with happening(MOMENTS[moment], lambda: os.kill(os.getpid(), signal.SIGKILL)):
        tidy_stores(stores, days_later)


def tidy_until(stores: Stores, stop: Any, results: Any) -> None:  # noqa: ANN401 - an event and a queue
    """Tidy over and over, as the job does; reports how many files were merged, and what was wrong."""
    platform, merged, wrong = opened(stores).platform, 0, []
    while not stop.is_set():
        try:
            merged += sum(step.files for step in tidy(platform, ANA, policy=EAGER).done)
        except Exception as error:  # noqa: BLE001 - any error fails the test
            wrong.append(repr(error))
    results.put((merged, wrong))


def publish_dates_of(stores: Stores, days: Sequence[date]) -> None:
    """Take dates through the pipeline."""
    platform = opened(stores).platform
    for day in days:
        run(platform, day)


def reader_of(stores: Stores) -> duckdb.DuckDBPyConnection:
    """A DuckDB client that knows nothing of this platform, with the lake attached read-only."""
    reader, url = duckdb.connect(), stores.catalog_url
    kind, source = ("sqlite", url.removeprefix("sqlite:///")) if url.startswith("sqlite") else ("postgres", url)
    for name in (f"{kind}_scanner", "ducklake"):
        load_extension(reader, name)
    reader.execute(f"ATTACH 'ducklake:{kind}:{source}' AS lake (READ_ONLY)")
    return reader


def read_stores_until(stores: Stores, stop: Any, results: Any) -> None:  # noqa: ANN401 - an event and a queue
    """Compare rows and records of every date over and over; reports reads, and what was wrong."""
    reader, reads, wrong = reader_of(stores), 0, []
    while not stop.is_set():
        try:
            found = reader.execute(WHAT_READERS_COMPARE).fetchall()
        except Exception as error:  # noqa: BLE001 - any error of a reader fails the test
            wrong.append(repr(error))
            continue
        reads += 1
        wrong += [repr(row) for row in found if row[1] != row[2]]
    results.put((reads, wrong[:5]))
