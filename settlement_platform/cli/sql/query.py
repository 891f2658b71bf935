"""`settlement sql`: read-only SQL over published data, now or as of a past moment."""

from datetime import datetime
from typing import Any

import duckdb

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DONE, WrongUsage
from settlement_platform.cli.console.output import err, json_value, out, print_json, table
from settlement_platform.cli.console.stores import parse_moment, probe_ledger, require_home, s3_credentials, utc_now
from settlement_platform.cli.sql.read_only_sql import require_read_only
from settlement_platform.control.failures import PermanentFailure
from settlement_platform.control.maintenance.retention import RETENTION
from settlement_platform.control.reasons.reason import rfc3339
from settlement_platform.pipeline.open_platform import scratch_folder
from settlement_platform.settings import Settings, load_settings
from settlement_platform.storage.engines.duckdb_engine import (
    EngineLimits,
    connect_engine,
    prepare_engine,
    quote_literal,
)
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.files import lake_snapshots
from settlement_platform.storage.lake.lake import Lake
from settlement_platform.storage.lake.open import extensions_for, read_lake
from settlement_platform.storage.ledger.ledger import Ledger

MAX_ROWS = 500

_ERRORS_OF_QUERIES = (
    duckdb.ProgrammingError,
    duckdb.DataError,
    duckdb.NotSupportedError,
    duckdb.PermissionException,
    duckdb.InternalException,
)
_STACK_TRACE = "\n\nStack Trace:"


def run_sql(query: str, *, as_of: str | None, json: bool) -> int:
    """Run a query and print its rows."""
    settings = load_settings()
    moment = parse_moment(as_of, "--as-of") if as_of else None
    columns, rows = _query(settings, query, moment, most=None if json else MAX_ROWS + 1)
    if json:
        print_json({"columns": columns, "rows": rows}, with_codes=False)
        return DONE
    out.print(table(columns, [[_cell_value(v) for v in row] for row in rows[:MAX_ROWS]]))
    if len(rows) > MAX_ROWS:
        err.print(f"Only the first {MAX_ROWS} rows are shown; --json prints all.")
    return DONE


def run_query(settings: Settings, query: str, as_of: str | None) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns and rows of a query over published data, now or as of a moment."""
    return _query(settings, query, parse_moment(as_of, "--as-of") if as_of else None)


def _cell_value(value: Any) -> Any:  # noqa: ANN401 - any SQL value
    shown = json_value(value)
    return shown if isinstance(shown, str | int | bool) or shown is None else str(shown)


def _query(
    settings: Settings, query: str, moment: datetime | None, *, most: int | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    _require_read_only(query)
    require_home(settings)
    connection = connect_engine()
    try:
        _attach_confined(connection, settings, moment)
        with translate_errors("Running the query"):
            return _rows(connection, query, most)
    finally:
        connection.close()


def _require_read_only(query: str) -> None:
    try:
        require_read_only(query)
    except duckdb.Error as error:
        raise _query_error(error) from error


def _rows(connection: duckdb.DuckDBPyConnection, query: str, most: int | None) -> tuple[list[str], list[Any]]:
    """Return columns and rows; only errors of the query itself become wrong usage.

    DuckDB reports as internal what its own tables can do and a lake's cannot, such as `txid_current()`.
    """
    try:
        result = connection.execute(query)
        rows = result.fetchall() if most is None else result.fetchmany(most)
    except _ERRORS_OF_QUERIES as error:
        raise _query_error(error) from error
    columns = result.description or []
    return [column[0] for column in columns], [_with_infinities(row, columns) for row in rows]


def _query_error(error: duckdb.Error) -> WrongUsage:
    remedy = "Tables are in the schemas published and final; SHOW ALL TABLES lists them."
    return WrongUsage(f"The query failed: {str(error).partition(_STACK_TRACE)[0]}", remedy=remedy)


def _with_infinities(row: tuple[Any, ...], columns: list[Any]) -> tuple[Any, ...]:
    """Return a row with its infinite times as text: DuckDB gives Python's first or last time, without an offset."""
    return tuple(
        ("infinity" if value.year > 1 else "-infinity")
        if isinstance(value, datetime) and value.tzinfo is None and str(column[1]) == "TIMESTAMP WITH TIME ZONE"
        else value
        for value, column in zip(row, columns, strict=True)
    )


def _attach(connection: duckdb.DuckDBPyConnection, settings: Settings, moment: datetime | None) -> Lake:
    return read_lake(
        connection,
        catalog_url=settings.catalog_url,
        data_url=settings.lake_url,
        tables=load_catalog().published_columns,
        now=utc_now(),
        as_of=moment,
        was_there=probe_ledger(settings, Ledger.has_publications),
    )


def _before_oldest_snapshot(connection: duckdb.DuckDBPyConnection, settings: Settings, moment: datetime) -> WrongUsage:
    with translate_errors("Reading the lake's catalog"), _attach(connection, settings, None).cursor() as cursor:
        oldest = lake_snapshots(cursor)[0]
    if oldest.number == 0:
        return WrongUsage(f"The lake did not exist at {moment}.", remedy="Give a later time with --as-of.")
    message = f"The data of {moment} is expired: the lake keeps {RETENTION.description}."
    remedy = f"Give --as-of {rfc3339(oldest.committed_at)} or later; records of publications never expire."
    return WrongUsage(message, remedy=remedy)


def _attach_confined(connection: duckdb.DuckDBPyConnection, settings: Settings, moment: datetime | None) -> None:
    """Attach the lake read-only, then disable every other way to read or write."""
    prepare_engine(
        connection,
        extensions=extensions_for(settings.catalog_url, s3=settings.uses_s3),
        limits=EngineLimits(spill_folder=str(scratch_folder())),
        s3=s3_credentials(settings),
    )
    try:
        _attach(connection, settings, moment)
    except PermanentFailure as error:
        if moment is None or "No snapshot found" not in error.message:
            raise
        raise _before_oldest_snapshot(connection, settings, moment) from error
    with translate_errors("Preparing DuckDB for a query"):
        connection.execute("USE lake")
        buckets = [f"{u.rstrip('/')}/" for u in (settings.lake_url, settings.staging_url) if u.startswith("s3://")]
        folders = ", ".join(quote_literal(folder) for folder in [f"{settings.lake_url.rstrip('/')}/", *buckets])
        connection.execute("SET python_enable_replacements = false")
        connection.execute(f"SET allowed_directories = [{folders}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
