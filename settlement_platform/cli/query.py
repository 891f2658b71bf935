"""`settlement sql`: read-only SQL over what is published, now or as of a past moment."""

import re
from datetime import datetime
from typing import Any

import duckdb

from settlement_platform.cli.failing import DONE, WrongUsage
from settlement_platform.cli.output import err, out, plain, print_json, table
from settlement_platform.cli.stores import opened, parse_moment, s3_access
from settlement_platform.control.failures import PermanentFailure
from settlement_platform.settings import Settings, load_settings
from settlement_platform.storage.engine import EngineLimits, connect, literal, prepare
from settlement_platform.storage.lake_attachment import attach_lake, extensions_for
from settlement_platform.storage.workspaces import own_workspace

SHOWN_ROWS = 500

_EXPLAIN = re.compile(r"^\s*EXPLAIN(\s+ANALYZE)?\s", re.IGNORECASE)


def run_sql(query: str, *, as_of: str | None, json: bool) -> int:
    """Run a query and print its rows."""
    settings = load_settings()
    moment = parse_moment(as_of, "--as-of") if as_of else None
    with opened(settings):
        pass  # a fresh installation gets its empty lake, so that a first query has something to read
    columns, rows = _query(settings, query, moment)
    if json:
        print_json({"columns": columns, "rows": rows})
        return DONE
    out.print(table(columns, [[_shown(v) for v in row] for row in rows[:SHOWN_ROWS]]))
    if len(rows) > SHOWN_ROWS:
        err.print(f"{SHOWN_ROWS} of {len(rows):,} rows are shown; --json prints them all.")
    return DONE


def run_query(settings: Settings, query: str, as_of: str | None) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows of a query over what is published, now or as of a moment."""
    return _query(settings, query, parse_moment(as_of, "--as-of") if as_of else None)


def _shown(value: Any) -> Any:  # noqa: ANN401 - any SQL value
    shown = plain(value)
    return shown if isinstance(shown, str | int | bool) or shown is None else str(shown)


def _query(settings: Settings, query: str, moment: datetime | None) -> tuple[list[str], list[tuple[Any, ...]]]:
    connection = connect()
    try:
        _refuse_all_but_reading(query)
        _confine(connection, settings, moment)
        result = connection.execute(query)
        return [column[0] for column in result.description or ()], result.fetchall()
    except duckdb.Error as error:
        message = f"The query cannot be run: {error}"
        raise WrongUsage(message, remedy="Tables are in the schema published; SHOW ALL TABLES lists them.") from error
    finally:
        connection.close()


def _refuse_all_but_reading(query: str) -> None:
    """A read-only lake is not enough: COPY could still write over the Parquet files that a query has to read.

    Raises:
        WrongUsage: there is no statement, or one that does not only read.
    """
    statements = duckdb.extract_statements(query)
    if not statements:
        raise WrongUsage("The query is empty.", remedy="Write one, such as FROM published.watermarks.")
    for statement in statements:
        if not _reads(statement):
            message = f"{statement.type.name} is refused: settlement sql only reads."
            raise WrongUsage(message, remedy="Write it as SELECT, FROM, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN.")


def _reads(statement: duckdb.Statement) -> bool:
    if statement.type == duckdb.StatementType.EXPLAIN:
        explained = duckdb.extract_statements(_EXPLAIN.sub("", statement.query))
        return all(s.type == duckdb.StatementType.SELECT for s in explained)
    # DuckDB makes a CREATE without text of its own, and a SELECT, of a PIVOT.
    made_of_pivot = statement.type == duckdb.StatementType.CREATE and not statement.query
    return made_of_pivot or statement.type == duckdb.StatementType.SELECT


def _confine(connection: duckdb.DuckDBPyConnection, settings: Settings, moment: datetime | None) -> None:
    """Attach the lake read-only, then take from the engine every other way to read or write."""
    workspace = own_workspace(settings.home / "tmp")
    prepare(
        connection,
        extensions=extensions_for(settings.catalog_url, s3=settings.uses_s3),
        limits=EngineLimits(spill_folder=str(workspace / "spill")),
        s3=s3_access(settings),
    )
    try:
        attach_lake(
            connection, catalog_url=settings.catalog_url, data_url=settings.lake_url, as_of=moment, read_only=True
        )
    except PermanentFailure as error:
        if "No snapshot found" not in error.message:
            raise
        message = f"The lake did not exist at {moment}."
        raise WrongUsage(message, remedy="Give a later time with --as-of.") from error
    connection.execute("USE lake")
    readable = [f"{url.rstrip('/')}/" for url in (settings.lake_url, settings.staging_url) if url.startswith("s3://")]
    folders = ", ".join(literal(folder) for folder in [f"{settings.lake_url.rstrip('/')}/", *readable])
    connection.execute(f"SET allowed_directories = [{folders}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
