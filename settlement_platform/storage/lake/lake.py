"""The lake: reading publications, and the one transaction that publishes."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Any

import duckdb

from settlement_platform.control.facts import CurrentPublication, Publication, SourceUsed, State, Verdict
from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.storage.engines.duckdb_engine import quote_identifier
from settlement_platform.storage.errors import translator_for
from settlement_platform.storage.lake.schema import TableColumns, is_current, migrate, unfit_tables
from settlement_platform.storage.lake.writer import LakeWriter, read_current_publications
from settlement_platform.storage.locks import LockHandle, Locks
from settlement_platform.storage.serialization import CONVERTER

translate_errors = translator_for("lake")
LOCK_TIMEOUT_SECONDS = 120.0

_COLUMNS = (
    "dataset, business_date, generation, state, content_hash, rows, sources, run_id, code_version, published_at, "
    "actor, reason, missing, completeness"
)


class Lake:
    """The lake of everything published, in DuckLake.

    Readers use `cursor()` and are never blocked. Writers use `publishing()`, one at a time per lake.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, data_url: str, locks: Locks) -> None:
        self._connection = connection
        self._locks = locks
        self._cached: dict[str, dict[date, CurrentPublication]] = {}
        self.data_url = data_url

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a separate connection to the same engine, for one thread, with times in UTC."""
        cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    @contextmanager
    def publishing(self, *, timeout_seconds: float | None = None) -> Iterator[LakeWriter]:
        """Take the lake's lock, then begin a transaction that commits if the `with` block ends without an error.

        Raises:
            LockTimeout: another process held the lock for longer than `timeout_seconds`.
            TransientFailure: the catalog did not answer, or the lock was lost before the commit.
        """
        timeout = LOCK_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
        with self._locks.hold("lake", timeout_seconds=timeout) as lock, translate_errors("Publishing to the lake"):
            cursor = self.cursor()
            # After the lock, never before: two snapshots taken before it could both insert the same date.
            cursor.execute("BEGIN")
            try:
                seen = _current_snapshot(cursor)
                yield LakeWriter(cursor, data_url=self.data_url)
                self._require_unchanged(lock, seen)
                cursor.execute("COMMIT")
            except BaseException:
                # The error that came first is the one to report, whatever comes of the rollback.
                roll_back(cursor)
                raise
            finally:
                cursor.close()

    @contextmanager
    def snapshot(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a cursor on which all reads of the `with` block see one snapshot.

        Raises:
            TransientFailure: the catalog did not answer.
        """
        with self.cursor() as cursor:
            with translate_errors("Reading the lake"):
                cursor.execute("BEGIN")
            try:
                yield cursor
            finally:
                roll_back(cursor)

    def _require_unchanged(self, lock: LockHandle, seen: int) -> None:
        """Check that nothing was committed meanwhile and the lock is held: DuckLake lets two writers insert a date.

        The lock is checked after the snapshot, so that its answer covers everything read before.
        """
        with self.cursor() as cursor:
            latest = _current_snapshot(cursor)
        if latest == seen and lock.still_held():
            return
        cause = "the lock was lost" if latest == seen else f"snapshot {latest} was committed after its own, {seen}"
        message = f"Publishing to the lake was aborted before its commit: {cause}."
        raise TransientFailure(message, remedy="Nothing was published; it is safe to try again.")

    def ensure_schema(self, tables: TableColumns, *, now: datetime) -> None:
        """Create or migrate the schema if needed; a current schema is only read.

        Raises:
            PermanentFailure: a newer program wrote the lake, or a published column does not fit its declaration.
        """
        with translate_errors("Opening the lake"):
            cursor = self.cursor()
            current = is_current(cursor, tables)
        if not current:
            with self.publishing() as transaction:
                migrate(transaction.cursor, tables, now=now)

    def unfit_tables(self, tables: TableColumns) -> dict[str, PermanentFailure]:
        """Return, per declared table that does not fit what is published of it, why it does not."""
        with translate_errors("Reading the lake"), self.cursor() as cursor:
            return unfit_tables(cursor, tables)

    def publications(
        self, dataset: str, first: date, last: date, *, cursor: duckdb.DuckDBPyConnection | None = None
    ) -> dict[date, Publication]:
        """Return the current publication of each date in a range that has one, as `cursor` sees it if given."""
        found = self._read("AND business_date BETWEEN ? AND ?", [dataset, first, last], cursor)
        return {p.business_date: p for p in found}

    def current_publications(self, dataset: str) -> dict[date, CurrentPublication]:
        """Return the current publication of each business date of a dataset."""
        self._cached |= self.current_publications_of([dataset])
        return dict(self._cached[dataset])

    def current_publications_of(self, datasets: Sequence[str]) -> dict[str, dict[date, CurrentPublication]]:
        """Return the current publications per dataset and business date, with one query."""
        with translate_errors("Reading the lake"), self.cursor() as cursor:
            return read_current_publications(cursor, datasets)

    def cached_publications(self, dataset: str) -> dict[date, CurrentPublication]:
        """Return the current publications as this process last saw them; publishing reads them again in the lock."""
        known = self._cached.get(dataset)
        return self.current_publications(dataset) if known is None else dict(known)

    def cache_publications(self, publications: Mapping[date, CurrentPublication], dataset: str) -> None:
        """Cache the current publications that were read inside the lock."""
        self._cached[dataset] = dict(publications)

    def history(self, dataset: str, business_date: date) -> list[Publication]:
        """Return every generation of a business date, oldest first."""
        return self._read("AND business_date = ?", [dataset, business_date])

    def publications_made_from(self, contents: Iterable[str]) -> list[Publication]:
        """Return every generation, of any dataset or mart, that used one of these files (sha256) or contents."""
        query = (
            f"SELECT {_COLUMNS} FROM lake.published.publications "
            "WHERE list_has_any(json_extract_string(sources, '$[*].sha256'), ?::VARCHAR[]) "
            "ORDER BY dataset, business_date, generation"
        )
        with translate_errors("Reading the lake"):
            rows = self.cursor().execute(query, [sorted(set(contents))]).fetchall()
        return [publication_from_row(row) for row in rows]

    def verdict_of(self, publication: Publication) -> dict[str, Any]:
        """Return the verdict recorded with a publication as JSON values; empty if there is none."""
        query = (
            "SELECT verdict FROM lake.published.publications WHERE dataset = ? AND business_date = ? AND generation = ?"
        )
        key = [publication.dataset, publication.business_date, publication.generation]
        with translate_errors("Reading the lake"):
            row = self.cursor().execute(query, key).fetchone()
        return json.loads(row[0]) if row and row[0] else {}

    def published_verdict(self, publication: Publication) -> Verdict | None:
        """Return the verdict recorded with a publication; None if there is none."""
        recorded = self.verdict_of(publication)
        return CONVERTER.structure(recorded, Verdict) if recorded else None

    def watermark(self, dataset: str) -> tuple[date | None, datetime | None]:
        """Return the watermark of a dataset, and when it last advanced; None for both before the first."""
        with translate_errors("Reading the lake"):
            query = "SELECT watermark, published_at FROM lake.published.watermarks WHERE dataset = ?"
            row = self.cursor().execute(query, [dataset]).fetchone()
        return (row[0], row[1]) if row else (None, None)

    def _read(
        self, condition: str, parameters: Sequence[Any], cursor: duckdb.DuckDBPyConnection | None = None
    ) -> list[Publication]:
        query = (
            f"SELECT {_COLUMNS} FROM lake.published.publications WHERE dataset = ? {condition} "
            "ORDER BY business_date, generation"
        )
        with translate_errors("Reading the lake"):
            rows = (cursor or self.cursor()).execute(query, list(parameters)).fetchall()
        return [publication_from_row(row) for row in rows]


def roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    """End the transaction of a cursor, if it has one, whatever the catalog answers.

    A cursor that is closed within a transaction rolls back where no error can be caught: with PostgreSQL gone, DuckDB
    would end the process.
    """
    with suppress(duckdb.Error):
        cursor.execute("ROLLBACK")


def published_rows(table: str, business_date: date, *, snapshot: int | None = None) -> str:
    """Return SQL that selects a date's rows from a published table, as of a snapshot if given."""
    at = f" AT (VERSION => {snapshot})" if snapshot is not None else ""
    return f"SELECT * FROM lake.published.{quote_identifier(table)}{at} WHERE business_date = DATE '{business_date}'"


def _current_snapshot(cursor: duckdb.DuckDBPyConnection) -> int:
    """Return the snapshot that the transaction began with, or the latest one outside a transaction."""
    row = cursor.execute("FROM ducklake_current_snapshot('lake')").fetchone()
    return int(row[0]) if row else 0


def publication_from_row(row: Sequence[Any]) -> Publication:
    """Return the publication in a row of `published.publications`, whose columns are those of `_COLUMNS`."""
    names = [name.strip() for name in _COLUMNS.split(",")]
    values = dict(zip(names, row, strict=True))
    sources = CONVERTER.structure(json.loads(values["sources"]), tuple[SourceUsed, ...])
    missing = tuple(json.loads(values["missing"] or "[]"))
    # Records from before these columns existed are of complete dates.
    completeness = 1.0 if values["completeness"] is None else values["completeness"]
    read = {"sources": sources, "state": State(values["state"]), "missing": missing, "completeness": completeness}
    return Publication(**{**values, **read})
