"""Installations to be tidied, in every form of the stores, and what must not change when they are."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from settlement_platform.control.maintenance.retention import RetentionPolicy, Snapshot
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.maintenance import tidy as pipeline_tidy
from settlement_platform.pipeline.maintenance.steps import TidyStep
from settlement_platform.pipeline.open_platform import Stores, open_platform
from settlement_platform.pipeline.platform import Platform
from settlement_platform.storage.engines.duckdb_engine import connect_engine
from settlement_platform.storage.lake import files as lake_files
from settlement_platform.storage.lake.integrity import missing_files
from settlement_platform.storage.staging.inventory import stored_files
from settlement_platform_tests.deliveries import SOURCES, Delivery, some_rows
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, Installation, stores_in
from settlement_platform_tests.pipeline.operating import EVERYONE, a_visa, run
from settlement_platform_tests.servers import PostgresServer, S3Server

# Tests read between the steps, never within one.
tidy = partial(pipeline_tidy.tidy, nobody_reads=True)
plan_tidying = partial(pipeline_tidy.plan_tidy, nobody_reads=True)

TABLES = (
    f"published.{NAME}",
    *(f"published.{mart.name}" for mart in MARTS),
    "published.publications",
    "published.restatements",
    "published.restatement_effects",
    "platform.watermark_moves",
)
EAGER = RetentionPolicy(snapshots=timedelta(days=30), fewest_files=2)
"""Merges whatever can be merged."""

MANY_ROWS = 12
"""More than the catalog itself keeps: ten inserted or deleted rows need no file."""

Read = dict[tuple[int, str], tuple[Any, ...]]


def local_stores(home: Path) -> Stores:
    """Everything in one folder."""
    return stores_in(home)


def grown_up_stores(home: Path, postgres: PostgresServer, s3: S3Server) -> Stores:
    """Catalog and ledger in PostgreSQL, staging and lake in a bucket."""
    url, prefix = postgres.new_database(), s3.new_prefix()
    return replace(
        stores_in(home),
        staging_url=f"{prefix}/staging",
        lake_url=f"{prefix}/lake",
        catalog_url=url,
        ledger_url=url,
        s3=s3.access,
    )


def opened(stores: Stores) -> Installation:
    """An installation on which everyone is an operator."""
    platform = open_platform(stores, connect_engine(), clock=lambda: datetime.now(UTC))
    return Installation(home=stores.home, platform=replace(platform, members=EVERYONE))


def days(count: int) -> list[date]:
    """The first business dates."""
    return [FIRST_DATE + timedelta(days=number) for number in range(count)]


def publish(installation: Installation, *dates: date, rows: int = MANY_ROWS) -> None:
    """Publish dates and their marts."""
    for day in dates:
        sources = {s: Delivery(business_date=day, source=s, rows=some_rows(day, s, rows)) for s in SOURCES}
        installation.deliver(day, **sources)
        run(installation.platform, day)
        for mart in MARTS:
            installation.build(mart, day)


def restate(installation: Installation, day: date, rows: int) -> None:
    """Publish a correction of a date, and its marts."""
    a_visa(day, rows).write(installation.landing)
    run(installation.platform, day)
    for mart in MARTS:
        installation.build(mart, day)


def later(installation: Installation, **by: float) -> Platform:
    """The platform some time from now."""
    return replace(installation.platform, clock=lambda: datetime.now(UTC) + timedelta(**by))


def snapshots(installation: Installation) -> list[Snapshot]:
    """Every snapshot that is kept."""
    with installation.platform.lake.cursor() as cursor:
        return lake_files.lake_snapshots(cursor)


def as_of_every_snapshot(installation: Installation, first: int = 1) -> Read:
    """Every table as every snapshot from the first one on shows it: how many rows, and a sum over all their values."""
    numbers = [s.number for s in snapshots(installation) if s.number >= first]
    with installation.platform.lake.cursor() as cursor:
        return {
            (number, table): cursor.execute(
                f"SELECT count(*), sum(hash(t)) FROM (FROM lake.{table} AT (VERSION => {number})) t"
            ).fetchall()[0]
            for number in numbers
            for table in TABLES
        }


def as_of_moments(installation: Installation, moments: Iterable[datetime]) -> list[Any]:
    """The dataset's rows as of moments, down to the last value."""
    with installation.platform.lake.cursor() as cursor:
        return [
            cursor.execute(
                f"SELECT count(*), sum(hash(t)) FROM (FROM lake.published.{NAME} AT (TIMESTAMP => ?)) t", [moment]
            ).fetchall()
            for moment in moments
        ]


def files_of(installation: Installation) -> set[str]:
    """Every file of the lake and of staging, whoever needs it, without the folders that a database is kept in."""
    platform = installation.platform
    urls = (platform.lake.data_url, platform.staging.url)
    found = {f.location for url in urls for f in stored_files(url, s3=platform.s3)}
    return {location for location in found if "parquet" in location}


def missing(installation: Installation) -> dict[str, list[str]]:
    """Files that readers need and that are not there."""
    return missing_files(installation.platform.lake)


def live_files(installation: Installation) -> int:
    """How many files hold the rows of the dataset as it is now."""
    with installation.platform.lake.cursor() as cursor:
        tables = lake_files.lake_tables(installation.platform.lake, cursor)
        return sum(len(lake_files.data_files(cursor, t)) for t in tables if t.name == NAME)


def effective(steps: Iterable[TidyStep]) -> list[TidyStep]:
    """The steps that have something to do."""
    return [step for step in steps if not step.idle]


def amounts(steps: Iterable[TidyStep]) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Files, files made and snapshots of every step that has something to do."""
    return {(s.step, s.table): (s.files, s.made, s.snapshots) for s in effective(steps)}
