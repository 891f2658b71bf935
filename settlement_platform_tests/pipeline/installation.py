"""A whole installation in a folder, and the few things that a test does with it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from settlement_platform.catalog import load_catalog
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.marts.build_mart import build_mart
from settlement_platform.pipeline.open_platform import Stores, open_platform
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform.storage.engines.duckdb_engine import connect_engine, load_extension
from settlement_platform_tests.deliveries import Delivery, deliver_date
from settlement_platform_tests.pipeline.published_rows import PUBLISHED_COLUMNS

NAME = CARD_SETTLEMENTS.name
FIRST_DATE = date(2026, 1, 1)
REQUEST = Request(actor="tester", reason="a test", run_id="run-1")
DAYS_APART = 10
"""Beyond the duplicate window, and never on the same weekday within the history of volumes."""


def stores_in(home: Path) -> Stores:
    """The default stores, all below one folder."""
    return Stores(
        home=home,
        landing_url=str(home / "landing"),
        staging_url=str(home / "staging"),
        lake_url=str(home / "lake"),
        catalog_url=f"sqlite:///{quote(str(home))}/lake/catalog.sqlite",
        ledger_url=f"sqlite:///{quote(str(home))}/ledger.sqlite",
        catalog=load_catalog(),
        first_date=FIRST_DATE,
    )


def open_home(home: Path) -> Platform:
    """Open every store of a folder as a process of the platform does."""
    return open_platform(stores_in(home), connect_engine(), clock=lambda: datetime.now(UTC))


def plain_reader(home: Path, catalog_url: str = "sqlite") -> duckdb.DuckDBPyConnection:
    """A DuckDB client that knows nothing of this platform, with the lake attached read-only."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name in ("sqlite_scanner", "postgres_scanner", "ducklake"):
        load_extension(connection, name)
    if catalog_url.startswith("postgresql"):
        connection.execute(f"ATTACH 'ducklake:postgres:{catalog_url}' AS lake (READ_ONLY)")
        return connection
    catalog = str(home / "lake" / "catalog.sqlite").replace("'", "''")
    connection.execute(
        f"ATTACH 'ducklake:sqlite:{catalog}' AS lake (READ_ONLY, META_JOURNAL_MODE 'WAL', META_BUSY_TIMEOUT 30000)"
    )
    return connection


def rows_on(connection: duckdb.DuckDBPyConnection, business_date: date) -> list[tuple[Any, ...]]:
    """The published rows of a date, ordered by source and record."""
    return _rows(connection, "WHERE business_date = ?", [business_date])


def all_rows(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """All published rows, ordered by date, source and record."""
    return _rows(connection, "", [])


def _rows(connection: duckdb.DuckDBPyConnection, condition: str, values: list[Any]) -> list[tuple[Any, ...]]:
    columns = ", ".join(PUBLISHED_COLUMNS)
    found = connection.execute(
        f"SELECT {columns} FROM lake.published.{NAME} {condition} ORDER BY business_date, source, source_row_number",
        values,
    ).fetchall()
    return [
        tuple(int(v) if name == "net_minor" else v for name, v in zip(PUBLISHED_COLUMNS, row, strict=True))
        for row in found
    ]


@dataclass
class Installation:
    """An opened platform; `fresh_date` gives dates that do not touch each other, so that tests may share it."""

    home: Path
    platform: Platform
    _dates: Iterator[int] = field(default_factory=count)

    @property
    def landing(self) -> Path:
        """The folder of the landing zone."""
        return self.home / "landing"

    def fresh_date(self) -> date:
        """A business date that no other test uses, nor any date near it."""
        return FIRST_DATE + timedelta(days=DAYS_APART * next(self._dates))

    def deliver(self, business_date: date, **sources: Delivery) -> list[Delivery]:
        """Deliver all sources of a date, valid ones unless given."""
        return list(deliver_date(self.landing, business_date, **sources).values())

    def run(self, business_date: date) -> DateOutcome:
        """Take a date through the pipeline."""
        return validate_and_publish(prepare(self.platform, CARD_SETTLEMENTS, business_date, REQUEST))

    def build(self, mart: Mart, business_date: date) -> DateOutcome:
        """Build a mart's date."""
        return build_mart(self.platform, mart, business_date, REQUEST)

    def rows(self, business_date: date) -> list[tuple[Any, ...]]:
        """The published rows of a date."""
        cursor = self.platform.lake.cursor()
        try:
            return rows_on(cursor, business_date)
        finally:
            cursor.close()


def an_installation(home: Path) -> Installation:
    """Open a fresh installation."""
    return Installation(home=home, platform=open_home(home))
