"""The schema of the lake: its own tables and views, and the migrations from older versions."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import duckdb

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.engines.duckdb_engine import quote_identifier, quote_literal
from settlement_platform.storage.schema_versions import pending_migrations, refuse_newer

PUBLICATIONS = """
CREATE TABLE lake.published.publications (
    dataset VARCHAR, business_date DATE, generation INTEGER, state VARCHAR, content_hash VARCHAR, rows BIGINT,
    sources JSON, run_id VARCHAR, code_version VARCHAR, verdict JSON, published_at TIMESTAMPTZ, actor VARCHAR,
    reason VARCHAR
)
"""

WATERMARK_MOVES = """
CREATE TABLE lake.platform.watermark_moves (
    dataset VARCHAR, watermark DATE, published_at TIMESTAMPTZ, state VARCHAR
)
"""

# Adding a row costs a commit half as much as replacing one. The view names no catalog, because clients attach the lake
# under names of their own.
WATERMARKS = """
CREATE VIEW lake.published.watermarks AS
SELECT
    dataset,
    arg_max(watermark, (published_at, watermark)) AS watermark,
    max(published_at) AS published_at,
    arg_max(state, (published_at, watermark)) AS state
FROM platform.watermark_moves
GROUP BY dataset
"""


def _create(cursor: duckdb.DuckDBPyConnection) -> None:
    """Version 1: publications and watermarks."""
    cursor.execute("CREATE SCHEMA lake.published")
    cursor.execute(PUBLICATIONS)
    cursor.execute(WATERMARK_MOVES)
    cursor.execute(WATERMARKS)


RESTATEMENTS = """
CREATE TABLE lake.published.restatements (
    dataset VARCHAR, business_date DATE, generation INTEGER, previous_generation INTEGER, rows_added BIGINT,
    rows_removed BIGINT, rows_changed BIGINT, published_at TIMESTAMPTZ
)
"""

RESTATEMENT_EFFECTS = """
CREATE TABLE lake.published.restatement_effects (
    dataset VARCHAR, business_date DATE, generation INTEGER, merchant_id VARCHAR, currency VARCHAR,
    net_before DECIMAL(38, 0), net_after DECIMAL(38, 0), net_effect DECIMAL(38, 0)
)
"""


def _add_corrections(cursor: duckdb.DuckDBPyConnection) -> None:
    """Version 2: provisional publications, restatements, and a schema with final dates only."""
    cursor.execute("ALTER TABLE lake.published.publications ADD COLUMN missing JSON")
    cursor.execute("ALTER TABLE lake.published.publications ADD COLUMN completeness DOUBLE")
    cursor.execute(RESTATEMENTS)
    cursor.execute(RESTATEMENT_EFFECTS)
    cursor.execute("CREATE SCHEMA lake.final")
    for (name,) in cursor.execute(_PUBLISHED_TABLES).fetchall():
        if name not in _RECORDS:
            cursor.execute(_final_view(name))


_RECORDS = {"publications", "restatements", "restatement_effects"}
_PUBLISHED_TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'published'"

_PUBLISHED_COLUMNS = (
    "SELECT table_name, column_name, data_type FROM duckdb_columns() "
    "WHERE database_name = 'lake' AND schema_name = 'published' ORDER BY table_name, column_index"
)


def _final_view(table: str) -> str:
    """Return SQL for a view of a published table without its provisional dates."""
    return f"""
    CREATE OR REPLACE VIEW lake.final.{quote_identifier(table)} AS
    SELECT * FROM published.{quote_identifier(table)} WHERE business_date NOT IN (
        SELECT business_date FROM published.publications WHERE dataset = {quote_literal(table)}
        GROUP BY business_date HAVING arg_max(state, generation) = 'provisional'
    )
    """


MIGRATIONS: tuple[Callable[[duckdb.DuckDBPyConnection], None], ...] = (_create, _add_corrections)
"""Migration n leads from version n to n + 1; new ones are only appended."""

TableColumns = Mapping[str, Sequence[tuple[str, str]]]
"""Per published table, its columns as (name, SQL type) in order."""


def version_of(cursor: duckdb.DuckDBPyConnection) -> int:
    """Return the schema version of the attached lake; 0 for an empty one.

    Raises:
        PermanentFailure: a newer program wrote it.
    """
    known = cursor.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'platform'"
    ).fetchone()
    if not known or not known[0]:
        return 0
    row = cursor.execute("SELECT coalesce(max(version), 0) FROM lake.platform.schema_versions").fetchone()
    version = int(row[0]) if row else 0
    refuse_newer("lake", version, len(MIGRATIONS))
    return version


def missing_columns(cursor: duckdb.DuckDBPyConnection, tables: TableColumns) -> dict[str, list[tuple[str, str]]]:
    """Return, per declared table that lacks any, the missing columns; all of them if there is no table yet.

    Raises:
        PermanentFailure: a published column is no longer declared, or has another type in the declaration.
    """
    found = _published_columns(cursor)
    missing = {}
    for name, columns in tables.items():
        known = found.get(name, {})
        _require_compatible_columns(cursor, name, known, columns)
        lacking = [(column, kind) for column, kind in columns if column not in known]
        if lacking:
            missing[name] = lacking
    return missing


def unfit_tables(cursor: duckdb.DuckDBPyConnection, tables: TableColumns) -> dict[str, PermanentFailure]:
    """Return, per declared table that does not fit what is published of it, why it does not."""
    found, unfit = _published_columns(cursor), {}
    for name, columns in tables.items():
        try:
            _require_compatible_columns(cursor, name, found.get(name, {}), columns)
        except PermanentFailure as failure:
            unfit[name] = failure
    return unfit


def _published_columns(cursor: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Return the type of each published column, by table and column."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in cursor.execute(_PUBLISHED_COLUMNS).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def _require_compatible_columns(
    cursor: duckdb.DuckDBPyConnection, table: str, known: Mapping[str, str], columns: Sequence[tuple[str, str]]
) -> None:
    declared = _duckdb_types(cursor, columns)
    for column, kind in known.items():
        _require_compatible_column(table, column, kind, declared.get(column))


def _duckdb_types(cursor: duckdb.DuckDBPyConnection, columns: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the types of declared columns by their names in DuckDB, where TIMESTAMPTZ has a longer name."""
    names = [name for name, _ in columns]
    kinds = cursor.execute(f"SELECT {', '.join(f'typeof(NULL::{kind})' for _, kind in columns)}").fetchone()
    return dict(zip(names, kinds or (), strict=True))


def _require_compatible_column(table: str, column: str, published: str, declared: str | None) -> None:
    if declared == published:
        return
    where = f"{quote_identifier(column)} of published.{table}"
    if declared is None:
        message = f"The column {where} is published, but no longer declared."
        remedy = "Declare it again, or drop it from the lake with ALTER TABLE … DROP COLUMN once nobody reads it."
    else:
        message = f"The column {where} is published as {published}, but declared as {declared}."
        remedy = "Declare the published type, and add a column with another name for the new type."
    raise PermanentFailure(message, remedy=remedy)


def is_current(cursor: duckdb.DuckDBPyConnection, tables: TableColumns) -> bool:
    """Return whether the attached lake has this program's version and all declared tables and columns.

    Raises:
        PermanentFailure: a newer program wrote it, or a published column does not fit its declaration.
    """
    return version_of(cursor) == len(MIGRATIONS) and not missing_columns(cursor, tables)


def migrate(cursor: duckdb.DuckDBPyConnection, tables: TableColumns, *, now: datetime) -> None:
    """Migrate the attached lake, and create its missing tables and columns, inside the caller's transaction."""
    version = version_of(cursor)
    if version == 0:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS lake.platform")
        cursor.execute("CREATE TABLE lake.platform.schema_versions (version INTEGER, applied_at TIMESTAMPTZ)")
    for number, migration in pending_migrations(MIGRATIONS, version):
        migration(cursor)
        cursor.execute("INSERT INTO lake.platform.schema_versions VALUES (?, ?)", [number, now])
    present = {name for (name,) in cursor.execute(_PUBLISHED_TABLES).fetchall()}
    for name, columns in missing_columns(cursor, tables).items():
        table = f"lake.published.{quote_identifier(name)}"
        listed = [f"{quote_identifier(column)} {kind}" for column, kind in columns]
        if name not in present:
            cursor.execute(f"CREATE TABLE {table} ({', '.join(listed)})")
        else:
            for column in listed:
                cursor.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
        # A view keeps the columns that its table had when the view was created.
        cursor.execute(_final_view(name))
