"""Local times in derived columns: refused where they do not exist or exist twice, as DuckDB would guess a moment."""

from collections.abc import Mapping

import duckdb
import sqlglot
from sqlglot import exp

from settlement_platform.storage.engines.duckdb_engine import quote_identifier

NO_SUCH_TIME = "a local time that does not exist"
REPEATED_TIME = "a local time that exists twice"

# Every offset that a zone can have, and the longest step from one to the next, lie within these hours. No zone has
# changed its offset twice within both.
_HOURS_BEFORE, _HOURS_AFTER = 38, 36

_REPEATED = {
    "": f"error('{REPEATED_TIME}')",
    "earlier": "least({first}, {second})",
    "later": "greatest({first}, {second})",
}


def with_strict_local_times(
    cursor: duckdb.DuckDBPyConnection, sql: str, types: Mapping[str, str], repeated_time: str
) -> str:
    """Return the expression with every `AT TIME ZONE` of a local time made strict; others stay as they are.

    `types` gives the SQL type of each column that the expression may use. A time that exists twice becomes the moment
    that `repeated_time` names, or an error without it; a time that does not exist is an error.
    """
    if "time zone" not in sql.lower() and "timezone" not in sql.lower():
        return sql
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    # The innermost first: the type of an outer one depends on it.
    for node in reversed([n for n in tree.find_all(exp.AtTimeZone, exp.Anonymous) if _zone_of(n) is not None]):
        strict = _strict(cursor, node, types, repeated_time)
        if strict is not None and node is tree:
            tree = strict
        elif strict is not None:
            node.replace(strict)
    return tree.sql(dialect="duckdb")


def _zone_of(node: exp.Expression) -> exp.Expression | None:
    """Return the zone of a conversion between a local time and a moment; None for any other node."""
    if isinstance(node, exp.AtTimeZone):
        return node.args["zone"]  # type: ignore[no-any-return]
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "timezone" and len(node.expressions) > 1:
        return node.expressions[0]  # type: ignore[no-any-return]
    return None


def _strict(
    cursor: duckdb.DuckDBPyConnection, node: exp.Expression, types: Mapping[str, str], repeated_time: str
) -> exp.Expression | None:
    """Return the strict form of a conversion from a local time to a moment; None for the other direction."""
    columns = ", ".join(f"NULL::{kind} AS {quote_identifier(name)}" for name, kind in types.items())
    row = cursor.execute(f"SELECT typeof({node.sql(dialect='duckdb')}) FROM (SELECT {columns})").fetchone()
    if not row or row[0] != "TIMESTAMP WITH TIME ZONE":
        return None
    local = node.this if isinstance(node, exp.AtTimeZone) else node.expressions[1]
    zone = _zone_of(node)
    assert zone is not None  # noqa: S101 - only such nodes are passed
    text = _moment(f"({local.sql(dialect='duckdb')})::TIMESTAMP", f"({zone.sql(dialect='duckdb')})", repeated_time)
    return exp.paren(sqlglot.parse_one(text, dialect="duckdb"))


def _moment(local: str, zone: str, repeated_time: str) -> str:
    """Return SQL for the moment of a local time.

    Its offset is one of the two that the zone has well before and well after it. Where these differ, each is tried.
    """
    before = _offset(f"({local} - INTERVAL {_HOURS_BEFORE} HOUR)", zone)
    after = _offset(f"({local} + INTERVAL {_HOURS_AFTER} HOUR)", zone)
    first, second = (f"make_timestamptz(epoch_us({local} - {offset}))" for offset in (before, after))
    fits_first, fits_second = (f"({moment} AT TIME ZONE {zone}) = {local}" for moment in (first, second))
    twice = _REPEATED[repeated_time].format(first=first, second=second)
    return (
        f"CASE WHEN {local} IS NULL OR {zone} IS NULL THEN NULL WHEN {before} = {after} THEN {first} "
        f"WHEN {fits_first} AND {fits_second} THEN {twice} WHEN {fits_first} THEN {first} "
        f"WHEN {fits_second} THEN {second} ELSE error('{NO_SUCH_TIME}') END"
    )


def _offset(utc: str, zone: str) -> str:
    """Return SQL for the offset of a zone at a time in UTC."""
    return f"((make_timestamptz(epoch_us({utc})) AT TIME ZONE {zone}) - {utc})"
