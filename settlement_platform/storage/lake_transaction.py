"""What may be done inside the one transaction that publishes."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import duckdb

from settlement_platform.control.facts import Publication, State, Verdict
from settlement_platform.storage.engine import identifier, literal
from settlement_platform.storage.ledger import CONVERTER


class LakeTransaction:
    """The lake as the holder of its lock sees and changes it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, *, data_url: str) -> None:
        self.cursor = cursor
        self.data_url = data_url

    def states(self, dataset: str) -> dict[date, State]:
        """The published state of every business date of a dataset."""
        rows = self.cursor.execute(
            "SELECT business_date, arg_max(state, generation) FROM lake.published.publications "
            "WHERE dataset = ? GROUP BY business_date",
            [dataset],
        ).fetchall()
        return {day: State(state) for day, state in rows}

    def neighbours(self, dataset: str, first: date, last: date) -> dict[str, str]:
        """The content hash of each published date (ISO) in a range that has rows."""
        rows = self.cursor.execute(
            "SELECT business_date, arg_max(content_hash, generation) FROM lake.published.publications "
            "WHERE dataset = ? AND business_date BETWEEN ? AND ? GROUP BY business_date",
            [dataset, first, last],
        ).fetchall()
        return {day.isoformat(): content for day, content in rows}

    def generation(self, dataset: str, business_date: date) -> tuple[int, str] | None:
        """The current generation of a date and its content hash."""
        row = self.cursor.execute(
            "SELECT generation, content_hash FROM lake.published.publications "
            "WHERE dataset = ? AND business_date = ? ORDER BY generation DESC LIMIT 1",
            [dataset, business_date],
        ).fetchone()
        return (int(row[0]), str(row[1])) if row else None

    def remove_date(self, table: str, business_date: date) -> None:
        """Take a date's rows out of what readers see from this commit on; earlier snapshots keep them."""
        self.cursor.execute(
            f"DELETE FROM lake.published.{identifier(table)} WHERE business_date = ?", [business_date]
        )

    def register(self, table: str, paths: Sequence[str]) -> None:
        """Make Parquet files part of a table without copying them; the lake owns them from now on."""
        for path in paths:
            self.cursor.execute(
                f"CALL ducklake_add_data_files('lake', {literal(table)}, {literal(path)}, schema => 'published')"
            )

    def record(self, publication: Publication, verdict: Verdict | None) -> None:
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
            publication.published_at,
            publication.actor,
            publication.reason,
        ]
        marks = ", ".join("?" * len(values))
        self.cursor.execute(f"INSERT INTO lake.published.publications VALUES ({marks})", values)
        self.cursor.execute(
            "CALL lake.set_commit_message(?, ?)",
            [publication.actor, f"{publication.dataset} {publication.business_date} #{publication.generation}"],
        )

    def set_watermark(self, dataset: str, watermark: date, state: State, *, now: datetime) -> bool:
        """Move the watermark; returns whether it was elsewhere before."""
        query = "SELECT watermark FROM lake.published.watermarks WHERE dataset = ?"
        row = self.cursor.execute(query, [dataset]).fetchone()
        if row and row[0] == watermark:
            return False
        if row:
            self.cursor.execute("DELETE FROM lake.published.watermarks WHERE dataset = ?", [dataset])
        self.cursor.execute(
            "INSERT INTO lake.published.watermarks VALUES (?, ?, ?, ?)", [dataset, watermark, now, state]
        )
        return True
