"""The lake's snapshots and files: listing them from its catalog, merging small files, and expiring snapshots."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import duckdb

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.control.maintenance.retention import DataFile, RetentionPolicy, Snapshot
from settlement_platform.storage.engines.duckdb_engine import quote_identifier, quote_literal
from settlement_platform.storage.lake.lake import Lake

_CATALOG = "__ducklake_metadata_lake"

_SNAPSHOT_COLUMN = "_ducklake_internal_snapshot_id"
"""The column in which DuckLake stores, per row of a merged file, the snapshot that added the row."""


@dataclass(frozen=True, kw_only=True)
class LakeTable:
    """A current table of the lake; `folder` is where DuckLake writes its files, with a slash at the end."""

    schema: str
    name: str
    table_id: int
    folder: str

    @property
    def qualified_name(self) -> str:
        """The name with its schema, such as "published.card_settlements"."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, kw_only=True)
class MergeResult:
    """The result of a merge: the files that were merged, and the size of the new file in bytes."""

    files: Sequence[DataFile]
    bytes: int


def isolates_readers(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Return whether a reader of the catalog sees one state of it while others commit.

    Readers of a SQLite catalog that is attached read-only have no transaction: during a merge, a query can find the old
    files missing without seeing the new one.
    """
    row = cursor.execute("SELECT catalog_type FROM ducklake_settings('lake')").fetchone()
    return row is not None and row[0] != "sqlite"


def lake_tables(lake: Lake, cursor: duckdb.DuckDBPyConnection) -> list[LakeTable]:
    """Return every table of the lake."""
    rows = cursor.execute(
        f"SELECT s.schema_name, t.table_name, t.table_id, s.path || t.path FROM {_CATALOG}.ducklake_table t "
        f"JOIN {_CATALOG}.ducklake_schema s USING (schema_id) "
        "WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL ORDER BY ALL"
    ).fetchall()
    base = lake.data_url.rstrip("/")
    return [LakeTable(schema=s, name=t, table_id=n, folder=f"{base}/{path}") for s, t, n, path in rows]


def lake_snapshots(cursor: duckdb.DuckDBPyConnection) -> list[Snapshot]:
    """Return every snapshot that can be read, oldest first."""
    rows = cursor.execute("SELECT snapshot_id, snapshot_time FROM ducklake_snapshots('lake') ORDER BY ALL").fetchall()
    return [Snapshot(number=number, committed_at=moment) for number, moment in rows]


def data_files(cursor: duckdb.DuckDBPyConnection, table: LakeTable) -> list[DataFile]:
    """Return the files with the current rows of a table, in the order in which they were published."""
    rows = cursor.execute(
        f"SELECT f.data_file_id, f.path, f.path_is_relative, f.begin_snapshot, f.file_size_bytes, "
        f"(SELECT max(v.schema_version) FROM {_CATALOG}.ducklake_schema_versions v "
        "WHERE v.table_id = f.table_id AND v.begin_snapshot <= f.begin_snapshot), "
        f"EXISTS (SELECT 1 FROM {_CATALOG}.ducklake_delete_file d WHERE d.data_file_id = f.data_file_id) "
        f"FROM {_CATALOG}.ducklake_data_file f WHERE f.table_id = ? AND f.end_snapshot IS NULL "
        "ORDER BY f.begin_snapshot, f.row_id_start, f.data_file_id",
        [table.table_id],
    ).fetchall()
    changed = _files_with_inlined_deletes(cursor, table)
    return [
        DataFile(
            location=f"{table.folder}{path}" if relative else path,
            since=since,
            bytes=size,
            layout=layout or 0,
            changed=deleted or number in changed,
        )
        for number, path, relative, since, size, layout, deleted in rows
    ]


def _files_with_inlined_deletes(cursor: duckdb.DuckDBPyConnection, table: LakeTable) -> set[int]:
    """Return the ids of the files with so few deleted rows that the catalog itself keeps these."""
    # The catalog creates the table with the first such deletion.
    with suppress(duckdb.CatalogException):
        rows = cursor.execute(f"SELECT DISTINCT file_id FROM {_CATALOG}.ducklake_inlined_delete_{table.table_id}")
        return {row[0] for row in rows.fetchall()}
    return set()


def known_file_names(cursor: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names, without folders, of all files that a snapshot needs or that await removal."""
    referring = ("ducklake_data_file", "ducklake_delete_file", "ducklake_files_scheduled_for_deletion")
    rows = cursor.execute(" UNION ALL ".join(f"SELECT path FROM {_CATALOG}.{name}" for name in referring)).fetchall()
    return {path.rpartition("/")[2] for (path,) in rows}


def discarded_file_names(cursor: duckdb.DuckDBPyConnection, before: datetime) -> dict[datetime, list[str]]:
    """Return the names of the files that no snapshot has needed since `before`, by the time they were discarded."""
    rows = cursor.execute(
        f"SELECT schedule_start::TIMESTAMPTZ AS discarded_at, list(path) "
        f"FROM {_CATALOG}.ducklake_files_scheduled_for_deletion WHERE schedule_start::TIMESTAMPTZ < ? "
        "GROUP BY ALL ORDER BY ALL",
        [before],
    ).fetchall()
    return {moment: [path.rpartition("/")[2] for path in paths] for moment, paths in rows}


def remove_discarded_files(cursor: duckdb.DuckDBPyConnection, before: datetime) -> int:
    """Remove the files that no snapshot has needed since `before`; return how many."""
    return len(cursor.execute("CALL ducklake_cleanup_old_files('lake', older_than => ?)", [before]).fetchall())


def expire_snapshots(cursor: duckdb.DuckDBPyConnection, numbers: Sequence[int]) -> int:
    """Expire snapshots, and discard the files that no other snapshot needs; return how many were expired."""
    listed = ", ".join(str(number) for number in numbers)
    return len(cursor.execute(f"CALL ducklake_expire_snapshots('lake', versions => [{listed}])").fetchall())


def merge_table_files(
    cursor: duckdb.DuckDBPyConnection, table: LakeTable, planned: Sequence[Sequence[DataFile]], policy: RetentionPolicy
) -> MergeResult:
    """Merge one of the planned groups into one file, inside the caller's transaction; time travel is unchanged.

    Raises:
        PermanentFailure: the new file does not equal any group, row for row and snapshot for snapshot.
    """
    cursor.execute(f"SET ducklake_target_file_size = '{policy.merged_bytes}B'")
    before = _merged_files(cursor, table)
    cursor.execute(
        f"CALL ducklake_merge_adjacent_files('lake', {quote_literal(table.name)}, "
        f"schema => {quote_literal(table.schema)}, max_compacted_files => 1, max_file_size => {policy.small_bytes})"
    ).fetchall()
    merged = sorted(_merged_files(cursor, table) - before)
    columns = _columns(cursor, table)
    for group in planned:
        expected = {file.location: file.since for file in group}
        if len(merged) == 1 and _same_rows(cursor, columns, {merged[0]: group[0].since}, expected):
            return MergeResult(files=group, bytes=_size(cursor, merged[0]))
    message = (
        f"Merging files of {table.qualified_name} was aborted: {merged or 'no file'} does not match any planned group."
    )
    raise PermanentFailure(message, remedy="Nothing was changed. Check the published files with settlement doctor.")


def _merged_files(cursor: duckdb.DuckDBPyConnection, table: LakeTable) -> set[str]:
    pattern = f"{table.folder}ducklake-*.parquet"
    return {row[0] for row in cursor.execute(f"SELECT file FROM glob({quote_literal(pattern)})").fetchall()}


def _size(cursor: duckdb.DuckDBPyConnection, location: str) -> int:
    row = cursor.execute(f"SELECT file_size_bytes FROM parquet_file_metadata({quote_literal(location)})").fetchone()
    assert row is not None  # noqa: S101 - one row per file, and this one was just read
    return int(row[0])


def _columns(cursor: duckdb.DuckDBPyConnection, table: LakeTable) -> dict[str, str]:
    rows = cursor.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = 'lake' AND schema_name = ? AND table_name = ?",
        [table.schema, table.name],
    ).fetchall()
    return dict(rows)


def _same_rows(
    cursor: duckdb.DuckDBPyConnection, columns: Mapping[str, str], one: Mapping[str, int], other: Mapping[str, int]
) -> bool:
    return _fingerprint(cursor, columns, one) == _fingerprint(cursor, columns, other)


def _fingerprint(
    cursor: duckdb.DuckDBPyConnection, columns: Mapping[str, str], files: Mapping[str, int]
) -> tuple[int, int | None]:
    """Return the number of rows in some files, and a sum over all values and the snapshots that added them."""
    listed = f"read_parquet([{', '.join(quote_literal(f) for f in files)}], union_by_name => true, filename => true)"
    present = {row[0] for row in cursor.execute(f"DESCRIBE SELECT * FROM {listed}").fetchall()}
    values = [f"{quote_identifier(name)}::{kind}" for name, kind in columns.items() if name in present]
    origin = f"coalesce({_SNAPSHOT_COLUMN}, since)" if _SNAPSHOT_COLUMN in present else "since"
    row = cursor.execute(
        f"SELECT count(*), sum(hash({', '.join([*values, f'{origin}::BIGINT'])})) FROM {listed} f "
        "JOIN (SELECT unnest(?) AS location, unnest(?) AS since) s ON s.location = f.filename",
        [list(files), list(files.values())],
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate returns a row
    return row
