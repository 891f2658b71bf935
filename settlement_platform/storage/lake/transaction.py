"""What may be done inside the one transaction that publishes."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import duckdb

from settlement_platform.control.facts import CurrentPublication, Publication, State, Verdict
from settlement_platform.control.publishing.restatement import Difference
from settlement_platform.storage.engines.duckdb_engine import quote_identifier, quote_literal
from settlement_platform.storage.serialization import CONVERTER


class LakeTransaction:
    """The lake as the holder of its lock sees and changes it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, *, data_url: str) -> None:
        self.cursor = cursor
        self.data_url = data_url

    def current_publications(self, dataset: str) -> dict[date, CurrentPublication]:
        """What stands published for each business date of a dataset."""
        return read_current_publications(self.cursor, [dataset])[dataset]

    def remove_date(self, table: str, business_date: date) -> None:
        """Take a date's rows out of what readers see from this commit on; earlier snapshots keep them."""
        self.cursor.execute(
            f"DELETE FROM lake.published.{quote_identifier(table)} WHERE business_date = ?", [business_date]
        )

    def register_files(self, table: str, paths: Sequence[str]) -> None:
        """Make Parquet files part of a table without copying them; the lake owns them from now on."""
        if paths:
            files = ", ".join(quote_literal(path) for path in paths)
            self.cursor.execute(
                f"CALL ducklake_add_data_files('lake', {quote_literal(table)}, [{files}], schema => 'published')"
            )

    def count_rows(self, table: str, business_date: date) -> int:
        """The rows of a date as they will be visible when this transaction commits."""
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
            _require_aware(publication.published_at),
            publication.actor,
            publication.reason,
            json.dumps(publication.missing),
            publication.completeness,
        ]
        marks = ", ".join("?" * len(values))
        self.cursor.execute(f"INSERT INTO lake.published.publications VALUES ({marks})", values)
        self.cursor.execute("CALL lake.set_commit_message(?, ?)", [publication.actor, _commit_message(publication)])

    def record_restatement(self, publication: Publication, difference: Difference) -> None:
        """Record what a publication changed over the generation before it."""
        place = [publication.dataset, publication.business_date, publication.generation]
        counts = [difference.rows_added, difference.rows_removed, difference.rows_changed]
        self.cursor.execute(
            "INSERT INTO lake.published.restatements VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [*place, difference.previous_generation, *counts, _require_aware(publication.published_at)],
        )
        if difference.effects:
            # As text: Python's integers may need more bits than DuckDB's binding of them has.
            lists = [
                [e.merchant for e in difference.effects],
                [e.currency for e in difference.effects],
                *([str(n) for n in numbers] for numbers in _sums(difference)),
            ]
            unnested = ", ".join(["unnest(?)"] * 2 + ["unnest(?)::DECIMAL(38, 0)"] * 3)
            self.cursor.execute(
                f"INSERT INTO lake.published.restatement_effects SELECT ?, ?::DATE, ?, {unnested}", [*place, *lists]
            )

    def watermark(self, dataset: str) -> tuple[date | None, State | None]:
        """The watermark of a dataset as it is stored, and the state of that date."""
        query = "SELECT watermark, state FROM lake.published.watermarks WHERE dataset = ?"
        row = self.cursor.execute(query, [dataset]).fetchone()
        return (row[0], State(row[1])) if row else (None, None)

    def set_watermark(self, dataset: str, watermark: date, state: State, *, now: datetime) -> None:
        """Move the watermark of a dataset."""
        self.cursor.execute(
            "INSERT INTO lake.platform.watermark_moves VALUES (?, ?, ?, ?)",
            [dataset, watermark, _require_aware(now), state],
        )


def _commit_message(publication: CurrentPublication) -> str:
    """What the snapshot of a publication is called, so that it is found again."""
    return f"{publication.dataset} {publication.business_date} #{publication.generation}"


def find_snapshot(
    cursor: duckdb.DuckDBPyConnection, publication: CurrentPublication, next_one: CurrentPublication
) -> int | None:
    """A snapshot that shows a generation which `next_one` replaced; None when none is kept.

    That is the one that it was published in or, where that has expired, the last before it was replaced.
    """
    query = (
        "SELECT coalesce(max(snapshot_id) FILTER (commit_message = ?), max(snapshot_id) FILTER (snapshot_id < ("
        "SELECT max(snapshot_id) FROM ducklake_snapshots('lake') WHERE commit_message = ?))) "
        "FROM ducklake_snapshots('lake')"
    )
    row = cursor.execute(query, [_commit_message(publication), _commit_message(next_one)]).fetchone()
    snapshot = row[0] if row else None
    return snapshot if snapshot is not None and _shows(cursor, snapshot, publication) else None


def _shows(cursor: duckdb.DuckDBPyConnection, snapshot: int, publication: CurrentPublication) -> bool:
    row = cursor.execute(
        f"SELECT max(generation) FROM lake.published.publications AT (VERSION => {snapshot}) "
        "WHERE dataset = ? AND business_date = ?",
        [publication.dataset, publication.business_date],
    ).fetchone()
    return bool(row and row[0] == publication.generation)


def _sums(difference: Difference) -> list[list[int]]:
    """Before, after and net, each for every effect."""
    return [
        [e.before for e in difference.effects],
        [e.after for e in difference.effects],
        [e.after - e.before for e in difference.effects],
    ]


def _require_aware(moment: datetime) -> datetime:
    """Refuse a naive time: DuckDB would take it for one in the session's zone."""
    if moment.tzinfo is None:
        message = f"{moment} has no offset; every time in the lake is aware"
        raise ValueError(message)
    return moment


def read_current_publications(
    cursor: duckdb.DuckDBPyConnection, datasets: Sequence[str]
) -> dict[str, dict[date, CurrentPublication]]:
    """The latest generation of every business date of each dataset, as the connection sees it."""
    if not datasets:
        return {}
    # Of a single one, IN becomes an equality, by which files of others are left out.
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
