"""The queries that `settlement sql` allows: one statement that reads published data and nothing else.

DuckDB's own parser gives the syntax of a query. Attaching the lake read-only is not enough: functions of extensions
run any SQL on the catalog's database, and COPY could overwrite the files that a query reads.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

from settlement_platform.cli.console.exit_codes import WrongUsage

_TABLE_FUNCTIONS = frozenset(
    {"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest", "histogram_values"}
    | {"duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_schemas", "duckdb_tables", "duckdb_types"}
    | {"duckdb_views", "icu_calendar_names", "pg_timezone_names"}
)

_REACHING = re.compile(
    r"(postgres|sqlite|mysql|ducklake|pragma|read|write|parquet|http|iceberg|pandas|arrow|python)_.*"
    r"|pg_(read|ls|stat|sleep|terminate|cancel|file|write|execute).*|lo_.*|dblink.*"
    r"|.*_scan|scan_.*|getenv|getvariable|current_setting|glob|query|query_table|sniff_csv|which_secret|checkpoint"
    r"|json_execute_serialized_sql|from_substrait.*|nextval|setseed|sleep_ms|add_parquet_key|copy_database"
)

_CATALOGS = frozenset({"", "lake"})
_SCHEMAS = frozenset({"", "lake", "published", "final", "platform", "main", "information_schema"})
_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_EXPLAIN = re.compile(r"^\s*EXPLAIN(\s+ANALYZE)?\s", re.IGNORECASE)
_ONLY_READS = "Use one SELECT, FROM, PIVOT … IN, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN."
_TABLES = "Read the tables of the schemas published and final; SHOW ALL TABLES lists them."


def require_read_only(query: str) -> None:
    """Require that a query only reads published data, before it runs.

    Raises:
        WrongUsage: it is empty, has several statements, or does more than read published data.
        duckdb.Error: it cannot be parsed.
    """
    statements = duckdb.extract_statements(query)
    if not statements:
        raise WrongUsage("The query is empty.", remedy="Write one, such as FROM published.watermarks.")
    written = [s for s in statements if s.query.strip()]
    if len(written) > 1:
        message = f"The query has {len(written)} statements; only the rows of the last would be shown."
        raise WrongUsage(message, remedy="Run one at a time, or combine them with UNION ALL.")
    tree = _parsed(query)
    if tree is None:
        message = f"{statements[-1].type.name} is refused: settlement sql only reads."
        if not written:
            message = "PIVOT without a list of values is refused: DuckDB would create a type first."
        raise WrongUsage(message, remedy=_ONLY_READS)
    for node in _nodes(tree):
        _require_allowed(node)


def _parsed(query: str) -> Any:  # noqa: ANN401 - JSON
    """Return the syntax of a query, None if it is not a SELECT; for EXPLAIN, that of the explained query."""
    with duckdb.connect(":memory:") as parser:
        text = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [_EXPLAIN.sub("", query, count=1)]).fetchone()
    tree = json.loads(text[0]) if text else {"error": True}
    return None if tree["error"] else tree


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    stack = [tree]
    while stack:
        found = stack.pop()
        if isinstance(found, dict):
            yield found
            stack += found.values()
        elif isinstance(found, list):
            stack += found


def _require_allowed(node: dict[str, Any]) -> None:
    kind = str(node.get("type", ""))
    if kind.endswith("_NODE") and kind not in _NODES:
        message = f"{kind.removesuffix('_NODE')} is refused: settlement sql only reads."
        raise WrongUsage(message, remedy=_ONLY_READS)
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in _TABLE_FUNCTIONS:
            raise _refused(f"The table function {name or 'without a name'}")
    if "function_name" in node and _REACHING.fullmatch(str(node["function_name"]).lower()):
        raise _refused(f"The function {node['function_name']}")
    if kind in ("BASE_TABLE", "SHOW_REF"):
        _require_allowed_table(node)


def _require_allowed_table(node: dict[str, Any]) -> None:
    catalog, schema = (str(node.get(part) or "").lower() for part in ("catalog_name", "schema_name"))
    table = str(node.get("table_name") or "").lower()
    where = ".".join(part for part in (catalog, schema, table) if part)
    if catalog not in _CATALOGS or schema not in _SCHEMAS:
        raise _refused(where)
    # DuckDB could take such a name for a file.
    if re.search(r"[./\\:*?\[]", table) or _REACHING.fullmatch(table):
        raise _refused(table)


def _refused(subject: str) -> WrongUsage:
    return WrongUsage(f"{subject} is refused: settlement sql reads published data only.", remedy=_TABLES)
