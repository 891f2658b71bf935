"""Lakes for tests, and what other processes do to one while a test looks on."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb
import sqlalchemy as sa

from settlement_platform.control.facts import Publication, State
from settlement_platform.storage.engines.duckdb_engine import (
    EngineLimits,
    S3Credentials,
    connect_engine,
    load_extension,
    prepare_engine,
)
from settlement_platform.storage.lake.lake import Lake
from settlement_platform.storage.lake.open import attach_lake, extensions_for
from settlement_platform.storage.lake.schema import TableColumns
from settlement_platform.storage.lake.writer import LakeWriter
from settlement_platform_tests.builders import DAY, NOW, a_publication, a_verdict, day

TABLE = "cards"
COLUMNS = (("transaction_id", "VARCHAR"), ("amount_minor", "BIGINT"), ("business_date", "DATE"))
TABLES: TableColumns = {TABLE: COLUMNS}

WHAT_READERS_COMPARE = f"""
    WITH current AS (
        FROM lake.published.publications WHERE dataset = '{TABLE}'
        QUALIFY row_number() OVER (PARTITION BY business_date ORDER BY generation DESC) = 1
    )
    SELECT
        (SELECT count(*) FROM lake.published.{TABLE}),
        (SELECT coalesce(sum(rows), 0)::BIGINT FROM current),
        (SELECT max(watermark) FROM lake.published.watermarks WHERE dataset = '{TABLE}'),
        (SELECT max(business_date) FROM current)
"""
"""Rows, rows according to the record, watermark and last date: each pair is equal whenever one may look."""


@contextmanager
def engine(catalog_url: str, s3: S3Credentials | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine that can attach a lake."""
    with connect_engine() as connection:
        limits = EngineLimits(memory="256MB", threads=1)
        yield prepare_engine(connection, extensions=extensions_for(catalog_url, s3=bool(s3)), limits=limits, s3=s3)


@contextmanager
def open_lake(catalog_url: str, data_url: str, *, s3: S3Credentials | None = None) -> Iterator[Lake]:
    """A current lake, made if need be."""
    with engine(catalog_url, s3) as connection:
        lake = attach_lake(connection, catalog_url=catalog_url, data_url=data_url)
        lake.ensure_schema(TABLES, now=NOW)
        yield lake


@contextmanager
def read_lake(catalog_url: str, data_url: str, *, as_of: datetime | None = None) -> Iterator[Lake]:
    """A lake as a reader attaches it, now or as it was."""
    with engine(catalog_url) as connection:
        yield attach_lake(connection, catalog_url=catalog_url, data_url=data_url, as_of=as_of, read_only=True)


def write_rows(folder: str, business_date: date, rows: int, *, amount: int = 1) -> str:
    """A Parquet file of that many rows, under a path that was never used; where it is."""
    path = Path(folder) / f"{uuid.uuid4().hex}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(":memory:") as writer:
        writer.execute(
            "COPY (SELECT 't-' || n AS transaction_id, ?::BIGINT AS amount_minor, ?::DATE AS business_date "
            f"FROM range(?) r(n)) TO '{path}' (FORMAT parquet)",
            [amount, business_date, rows],
        )
    return str(path)


def a_card_publication(business_date: date = DAY, generation: int = 1, rows: int = 3) -> Publication:
    """The record of publishing that many rows."""
    return a_publication(
        dataset=TABLE,
        business_date=business_date,
        generation=generation,
        rows=rows,
        content_hash=f"content-{business_date}-{generation}",
    )


def change(lake: LakeWriter, publication: Publication, path: str) -> None:
    """All that publishing does inside the transaction."""
    if publication.generation > 1:
        lake.remove_date(TABLE, publication.business_date)
    lake.register_files(TABLE, [path])
    lake.record_publication(publication, a_verdict(publication.content_hash))
    if publication.generation == 1:
        when = NOW + (publication.business_date - DAY)
        lake.set_watermark(TABLE, publication.business_date, State.FINAL, now=when)


def publish(lake: Lake, publication: Publication, *, amount: int = 1) -> None:
    """Publish as many rows as the publication says."""
    path = write_rows(lake.data_url, publication.business_date, publication.rows, amount=amount)
    with lake.publishing() as transaction:
        change(transaction, publication, path)


def open_and_count(catalog_url: str, data_url: str) -> int:
    """Open the lake, making it if nobody has; how many publications there are."""
    with open_lake(catalog_url, data_url) as lake:
        return len(lake.current_publications(TABLE))


def publish_dates(catalog_url: str, data_url: str, first: int, count: int) -> None:
    """Publish as many dates, three rows each."""
    with open_lake(catalog_url, data_url) as lake:
        for number in range(first, first + count):
            publish(lake, a_card_publication(day(number)))


def hang_before_commit(connection: Connection, catalog_url: str, data_url: str) -> None:
    """Do all that publishing does, and never commit."""
    with open_lake(catalog_url, data_url) as lake:
        path = write_rows(data_url, day(1), 5)
        with lake.publishing() as transaction:
            change(transaction, a_card_publication(day(1), rows=5), path)
            change(transaction, a_card_publication(DAY, 2, rows=9), write_rows(data_url, DAY, 9))
            connection.send("all but committed")
            time.sleep(600)


def watch(connection: Connection, catalog_url: str) -> None:
    """Read with nothing but DuckDB until something is heard; then say what was seen how often."""
    kind, _, where = catalog_url.partition("://")
    with duckdb.connect(":memory:") as reader:
        for name in ("ducklake", "sqlite_scanner" if kind == "sqlite" else "postgres_scanner"):
            load_extension(reader, name)
        source = f"sqlite:{where.removeprefix('/')}" if kind == "sqlite" else f"postgres:{catalog_url}"
        reader.execute(f"ATTACH 'ducklake:{source}' AS lake (READ_ONLY)")
        seen = Counter(reader.execute(WHAT_READERS_COMPARE).fetchall())
        connection.send("reading")
        while not connection.poll():
            seen.update(reader.execute(WHAT_READERS_COMPARE).fetchall())
    connection.send(dict(seen))


def lose_the_catalog(catalog_url: str, data_url: str, within: str) -> str:
    """Lose every session of the catalog within a transaction; return the error that the transaction ends with."""
    try:
        with open_lake(catalog_url, data_url) as lake, getattr(lake, within)() as found:
            cursor = found if within == "snapshot" else found.cursor
            cursor.execute(f"SELECT count(*) FROM lake.published.{TABLE}").fetchall()
            end_every_session(catalog_url)
            raise ArithmeticError  # noqa: TRY301 - the error of the transaction
    except Exception as error:  # noqa: BLE001 - its name is the answer
        return type(error).__name__


def end_every_session(catalog_url: str) -> None:
    """End the sessions of a database as a server that dies does."""
    engine = sa.create_engine(sa.make_url(catalog_url).set(drivername="postgresql+psycopg2"), poolclass=sa.NullPool)
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    with engine.connect() as connection:
        assert connection.execute(sa.text(query + "pg_backend_pid()")).fetchall()
