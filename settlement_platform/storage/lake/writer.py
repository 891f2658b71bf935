"""The lake's writer: changes to rows, records and watermarks within one transaction of `Lake.publishing`."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from settlement_platform.control.facts import CurrentPublication, Publication, State, Verdict
from settlement_platform.control.landing.control_files import Amount
from settlement_platform.control.publishing.restatement import Difference
from settlement_platform.storage.engines.duckdb_engine import quote_identifier, quote_literal
from settlement_platform.storage.serialization import CONVERTER, require_aware


class LakeWriter:
    """Reads and changes of the lake within one transaction, under the lake's lock; the caller commits it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, *, data_url: str) -> None:
        self.cursor = cursor
        self.data_url = data_url

    def current_publications(self, dataset: str) -> dict[date, CurrentPublication]:
        """Return the current publication of each business date of a dataset."""
        return read_current_publications(self.cursor, [dataset])[dataset]

    def remove_date(self, table: str, business_date: date) -> None:
        """Delete a date's rows from the table; earlier snapshots keep them."""
        self.cursor.execute(
            f"DELETE FROM lake.published.{quote_identifier(table)} WHERE business_date = ?", [business_date]
        )

    def register_files(self, table: str, paths: Sequence[str]) -> None:
        """Add Parquet files to a table without copying them; the lake owns them from now on."""
        if paths:
            files = ", ".join(quote_literal(path) for path in paths)
            self.cursor.execute(
                # Otherwise a folder such as `business_date=…` in a path would replace the column of that name.
                f"CALL ducklake_add_data_files('lake', {quote_literal(table)}, [{files}], schema => 'published', "
                "hive_partitioning => false)"
            )

    def count_rows(self, table: str, business_date: date) -> int:
        """Count the rows of a date as they will be visible after this commit."""
        query = f"SELECT count(*) FROM lake.published.{quote_identifier(table)} WHERE business_date = ?"
        row = self.cursor.execute(query, [business_date]).fetchone()
        return int(row[0]) if row else 0

    def record_publication(self, publication: Publication, verdict: Verdict | None) -> None:
        """Record a publication beside its rows."""
        values: list[Any] = [
            publication.dataset,
            publication.business_date,
            publication.generation,
            publication.state,
            publication.content_hash,
            publication.rows,
            json.dumps(CONVERTER.unstructure(publication.sources)),
            publication.run_id,
            publication.code_version,
            json.dumps(CONVERTER.unstructure(verdict)) if verdict else None,
            require_aware(publication.published_at),
            publication.actor,
            publication.reason,
            json.dumps(publication.missing),
            publication.completeness,
        ]
        marks = ", ".join("?" * len(values))
        self.cursor.execute(f"INSERT INTO lake.published.publications VALUES ({marks})", values)
        self.cursor.execute("CALL lake.set_commit_message(?, ?)", [publication.actor, _commit_message(publication)])

    def record_restatement(self, publication: Publication, difference: Difference) -> None:
        """Record the difference of a publication to the generation before it."""
        key = [publication.dataset, publication.business_date, publication.generation]
        counts = [difference.rows_added, difference.rows_removed, difference.rows_changed]
        self.cursor.execute(
            "INSERT INTO lake.published.restatements VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [*key, difference.previous_generation, *counts, require_aware(publication.published_at)],
        )
        if difference.effects:
            decimals = self._keep_decimals(_decimals_of(difference))
            # As text: an integer of Python may need more bits than DuckDB binds.
            lists = [
                [e.merchant for e in difference.effects],
                [e.currency for e in difference.effects],
                *([f"{n:f}" if isinstance(n, Decimal) else str(n) for n in numbers] for numbers in _sums(difference)),
            ]
            unnested = ", ".join(["unnest(?)"] * 2 + [f"unnest(?)::DECIMAL(38, {decimals})"] * 3)
            self.cursor.execute(
                f"INSERT INTO lake.published.restatement_effects SELECT ?, ?::DATE, ?, {unnested}", [*key, *lists]
            )

    def _keep_decimals(self, decimals: int) -> int:
        """Give the columns of effects at least so many decimals, and return how many they have.

        They begin without any, for measures in minor units; the lake changes no decimal's type in place.
        """
        row = self.cursor.execute(
            "SELECT numeric_scale FROM duckdb_columns() WHERE database_name = 'lake' AND schema_name = 'published' "
            "AND table_name = 'restatement_effects' AND column_name = 'net_effect'"
        ).fetchone()
        present = int(row[0]) if row else 0
        if decimals <= present:
            return present
        table = "lake.published.restatement_effects"
        for column in ("net_before", "net_after", "net_effect"):
            self.cursor.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO former_{column}")
            self.cursor.execute(f"ALTER TABLE {table} ADD COLUMN {column} DECIMAL(38, {decimals})")
            self.cursor.execute(f"UPDATE {table} SET {column} = former_{column}")
            self.cursor.execute(f"ALTER TABLE {table} DROP COLUMN former_{column}")
        return decimals

    def watermark(self, dataset: str) -> tuple[date | None, State | None]:
        """Return the stored watermark of a dataset and the state of that date; None for both before the first."""
        query = "SELECT watermark, state FROM lake.published.watermarks WHERE dataset = ?"
        row = self.cursor.execute(query, [dataset]).fetchone()
        return (row[0], State(row[1])) if row else (None, None)

    def set_watermark(self, dataset: str, watermark: date, state: State, *, now: datetime) -> None:
        """Set the watermark of a dataset, with the state of that date."""
        self.cursor.execute(
            "INSERT INTO lake.platform.watermark_moves VALUES (?, ?, ?, ?)",
            [dataset, watermark, require_aware(now), state],
        )


def _commit_message(publication: CurrentPublication) -> str:
    """Return the commit message of a publication's snapshot, by which it is found again."""
    return f"{publication.dataset} {publication.business_date} #{publication.generation}"


def find_snapshot(
    cursor: duckdb.DuckDBPyConnection, publication: CurrentPublication, successor: CurrentPublication
) -> int | None:
    """Return a snapshot that shows a generation which `successor` replaced; None if none is retained.

    It is the snapshot of the publication or, if that has expired, the last one before the replacement.
    """
    query = (
        "SELECT coalesce(max(snapshot_id) FILTER (commit_message = ?), max(snapshot_id) FILTER (snapshot_id < ("
        "SELECT max(snapshot_id) FROM ducklake_snapshots('lake') WHERE commit_message = ?))) "
        "FROM ducklake_snapshots('lake')"
    )
    row = cursor.execute(query, [_commit_message(publication), _commit_message(successor)]).fetchone()
    snapshot = row[0] if row else None
    return snapshot if snapshot is not None and _shows(cursor, snapshot, publication) else None


def _shows(cursor: duckdb.DuckDBPyConnection, snapshot: int, publication: CurrentPublication) -> bool:
    row = cursor.execute(
        f"SELECT max(generation) FROM lake.published.publications AT (VERSION => {snapshot}) "
        "WHERE dataset = ? AND business_date = ?",
        [publication.dataset, publication.business_date],
    ).fetchone()
    return bool(row and row[0] == publication.generation)


def _decimals_of(difference: Difference) -> int:
    """Return the most decimals that a sum of the difference has."""
    numbers = [n for numbers in _sums(difference) for n in numbers if isinstance(n, Decimal)]
    return max((-int(n.as_tuple().exponent) for n in numbers), default=0)


def _sums(difference: Difference) -> list[list[Amount]]:
    """Return the sums before, the sums after, and their differences, each for every effect."""
    return [
        [e.before for e in difference.effects],
        [e.after for e in difference.effects],
        [e.net for e in difference.effects],
    ]


def read_current_publications(
    cursor: duckdb.DuckDBPyConnection, datasets: Sequence[str]
) -> dict[str, dict[date, CurrentPublication]]:
    """Return the current publication of every business date per dataset, as the connection sees it."""
    if not datasets:
        return {}
    # With a single dataset, IN becomes an equality, which skips the files of others.
    rows = cursor.execute(
        "SELECT dataset, business_date, generation, state, content_hash, rows FROM lake.published.publications "
        f"WHERE dataset IN ({', '.join('?' * len(datasets))}) ORDER BY business_date, generation",
        list(datasets),
    ).fetchall()
    found: dict[str, dict[date, CurrentPublication]] = {name: {} for name in datasets}
    for name, day, generation, state, content, count in rows:
        found[name][day] = CurrentPublication(
            dataset=name,
            business_date=day,
            generation=generation,
            state=State(state),
            content_hash=content,
            rows=count,
        )
    return found
