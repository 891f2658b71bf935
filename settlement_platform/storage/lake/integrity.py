"""The integrity of the lake's files: they are where the catalog says."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from settlement_platform.storage.engines.duckdb_engine import quote_literal
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import Lake

_TABLES = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'lake' ORDER BY ALL"


def missing_files(lake: Lake) -> dict[str, list[str]]:
    """Return, per table of the lake, the missing files of its current rows; only tables with any.

    Raises:
        TransientFailure: the catalog or the bucket did not answer.
    """
    with translate_errors("Listing the lake's files"):
        cursor = lake.cursor()
        listed = {
            table: [file for row in _listed(cursor, schema, table) for file in row if file]
            for schema, table in cursor.execute(_TABLES).fetchall()
        }
        present = _present(cursor, listed)
    missing = {table: [file for file in files if file not in present] for table, files in listed.items()}
    return {table: files for table, files in missing.items() if files}


def _listed(cursor: duckdb.DuckDBPyConnection, schema: str, table: str) -> Sequence[tuple[str | None, str | None]]:
    return cursor.execute(
        f"SELECT data_file, delete_file FROM "
        f"ducklake_list_files('lake', {quote_literal(table)}, schema => {quote_literal(schema)})"
    ).fetchall()


def _present(cursor: duckdb.DuckDBPyConnection, listed: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the files that exist; a bucket is listed once, instead of one request per file."""
    files = {file for each in listed.values() for file in each}
    remote = {file for file in files if file.startswith("s3://")}
    buckets = {file.removeprefix("s3://").partition("/")[0] for file in remote}
    found = {file for file in files - remote if Path(file).exists()}
    for bucket in buckets:
        rows = cursor.execute(f"SELECT file FROM glob({quote_literal(f's3://{bucket}/**/*.parquet')})").fetchall()
        found |= {row[0] for row in rows}
    return found
