"""All declarations of an installation, checked together: a faulty one is taken out of service alone."""

import ast
import importlib
import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from settlement_platform.control.reasons import declarations as faults
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.declaration_check import check_dataset, describe_error, guarded
from settlement_platform.marts.declaration_check import check_mart
from settlement_platform.marts.mart import Mart
from settlement_platform.storage.engines.duckdb_engine import connect_engine, quote_identifier


@dataclass(frozen=True, kw_only=True)
class FailedImport:
    """The place in a list of declarations of one whose module cannot be imported."""

    name: str
    module: str
    error: str


@dataclass(frozen=True, kw_only=True)
class OutOfService:
    """A dataset or a mart that nothing runs or publishes until its declaration is corrected.

    `name` and `owner` are as declared, where that can be read. What is published of it stays.
    """

    name: str
    kind: str
    owner: str
    faults: tuple[Reason, ...]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Every fault, as the reason why it is out of service."""
        return tuple(faults.OUT_OF_SERVICE(fault=fault) for fault in self.faults)


@dataclass(frozen=True, kw_only=True)
class CheckedDeclarations:
    """The datasets and marts that are in service, in the order of their declaration, and all others."""

    datasets: tuple[Dataset, ...]
    marts: tuple[Mart, ...]
    out_of_service: tuple[OutOfService, ...]


def import_list(module: str, name: str) -> tuple[Any, ...]:
    """Return a list of declarations, with a `FailedImport` for each one whose module cannot be imported.

    If the list does not load, its statements are run one by one: one that fails leaves the names that it would bind to
    its failure, so that all others still count.
    """
    try:
        return tuple(getattr(importlib.import_module(module), name))
    except Exception as error:  # noqa: BLE001 - the module of a declaration can fail in every way
        return _import_piecewise(module, name, error)


def _import_piecewise(module: str, name: str, error: Exception) -> tuple[Any, ...]:
    whole = (FailedImport(name=name.lower(), module=module, error=describe_error(error)),)
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return whole
    bound: dict[str, Any] = {"__name__": module}
    try:
        for statement in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
            _run_statement(statement, bound, spec.origin)
        return tuple(bound[name])
    except Exception:  # noqa: BLE001 - the list itself is wrong, and `error` says how
        return whole


def _run_statement(statement: ast.stmt, bound: dict[str, Any], origin: str) -> None:
    try:
        exec(compile(ast.Module([statement], []), origin, "exec"), bound)  # noqa: S102 - the project's own module
    except Exception as error:
        if not isinstance(statement, ast.ImportFrom):
            raise
        for alias in statement.names:
            local = alias.asname or alias.name
            module = statement.module or ""
            bound[local] = FailedImport(name=local.lower(), module=module, error=describe_error(error))


def check_declarations(datasets: Iterable[Any], marts: Iterable[Any]) -> CheckedDeclarations:
    """Return which declarations are in service, and why the others are not; nothing is raised.

    Of two with one name, the later is faulty: it must not take the earlier out of service.
    """
    with closing(connect_engine()) as engine:
        good: dict[str, Dataset] = {}
        out: list[OutOfService] = []
        for entry in datasets:
            found = _entry_faults(entry, Dataset, good) or faults_of(entry, engine=engine)
            if found:
                out.append(_out_of_service(entry, "dataset", found))
            else:
                good[entry.name] = entry
        known: dict[str, Dataset | None] = dict.fromkeys(each.name for each in out) | good
        served: dict[str, Mart] = {}
        for entry in marts:
            found = _entry_faults(entry, Mart, {**good, **served}) or faults_of(entry, known, engine=engine)
            if found:
                out.append(_out_of_service(entry, "mart", found))
            else:
                served[entry.name] = entry
    return CheckedDeclarations(datasets=(*good.values(),), marts=(*served.values(),), out_of_service=tuple(out))


def faults_of(
    declared: Dataset | Mart,
    datasets: Mapping[str, Dataset | None] | None = None,
    *,
    engine: duckdb.DuckDBPyConnection | None = None,
) -> tuple[Reason, ...]:
    """Return every fault of one declaration, its SQL included; empty if it can be served.

    A mart is checked against the `datasets` by name; None stands for one that is out of service.
    """
    if engine is None:
        with closing(connect_engine()) as own:
            return faults_of(declared, datasets, engine=own)
    if isinstance(declared, Dataset):
        return check_dataset(declared) or guarded(lambda: _dataset_sql_faults(declared, engine))
    inputs = datasets or {}
    return check_mart(declared, inputs) or guarded(lambda: _mart_sql_faults(declared, inputs, engine))


def _entry_faults(entry: Any, kind: type, taken: Mapping[str, object]) -> tuple[Reason, ...]:  # noqa: ANN401 - whatever the list has
    if isinstance(entry, FailedImport):
        return (faults.NOT_IMPORTED(module=entry.module, error=entry.error),)
    if not isinstance(entry, kind):
        return (faults.NOT_A_DECLARATION(found=type(entry).__name__, kind=kind.__name__),)
    name = entry.name  # type: ignore[attr-defined]
    return (faults.NAME_TAKEN(name=name),) if name in taken else ()


def _out_of_service(entry: Any, kind: str, found: tuple[Reason, ...]) -> OutOfService:  # noqa: ANN401 - as above
    name, owner = getattr(entry, "name", None), getattr(entry, "owner", None)
    return OutOfService(
        name=name if isinstance(name, str) and name else f"unnamed {kind}",
        kind=kind,
        owner=owner if isinstance(owner, str) else "",
        faults=found,
    )


def _dataset_sql_faults(dataset: Dataset, engine: duckdb.DuckDBPyConnection) -> Iterator[Reason]:
    """Bind derived columns and rules as staging and validation use them."""
    contract = dataset.contract
    delivered = [(c.name, c.sql_type) for c in contract.columns]
    if unfit := list(_unbound("the types of its columns", _empty_relation(contract.published_columns), engine)):
        yield from unfit
        return
    rows = f"({_empty_relation([*delivered, ('source_row_number', 'BIGINT')])})"
    names = ", ".join(quote_identifier(name) for name, _ in delivered)
    earlier: list[str] = []
    for column in contract.derived:
        for sql in filter(None, (column.narrow_sql, column.sql)):
            listed = ", ".join([names, *earlier, f"{sql} AS {quote_identifier(column.name)}"])
            found = list(_unbound(f"the column {column.name}", f"SELECT {listed} FROM {rows}", engine))
            yield from found or _type_faults(column.name, column.sql_type, f"SELECT {listed} FROM {rows}", engine)
        earlier.append(f"NULL::{column.sql_type} AS {quote_identifier(column.name)}")
    staged = f"({_empty_relation(contract.published_columns)})"
    for rule in contract.rules:
        yield from _unbound(f"the check {rule.name}", f"SELECT {rule.violates} FROM {staged}", engine)


def _mart_sql_faults(
    mart: Mart, datasets: Mapping[str, Dataset | None], engine: duckdb.DuckDBPyConnection
) -> Iterator[Reason]:
    """Bind the query and the reconciled sums as building and checking use them."""
    inputs = {name: _empty_relation(datasets[name].published_columns) for name in mart.inputs if datasets[name]}  # type: ignore[union-attr]
    columns = ", ".join(f"{quote_identifier(n)}::{kind} AS {quote_identifier(n)}" for n, kind in mart.published_columns)
    named = ", ".join(f"{quote_identifier(name)} AS ({rows})" for name, rows in inputs.items())
    yield from _unbound(f"{mart.name}.sql", f"WITH {named} SELECT {columns} FROM ({mart.sql})", engine)
    for column, expression in mart.reconciles.items():
        query = f"SELECT sum({expression})::HUGEINT FROM ({inputs[mart.inputs[0]]})"
        yield from _unbound(f"reconciles of {column}", query, engine)
    rows = f"({_empty_relation(mart.published_columns)})"
    for rule in mart.contract.rules:
        yield from _unbound(f"the check {rule.name}", f"SELECT {rule.violates} FROM {rows}", engine)


def _unbound(subject: str, query: str, engine: duckdb.DuckDBPyConnection) -> Iterator[Reason]:
    try:
        _bound_types(engine, query)
    except _UnboundSql as error:
        yield faults.SQL_NOT_BOUND(subject=subject, error=str(error))


def _type_faults(name: str, declared: str, query: str, engine: duckdb.DuckDBPyConnection) -> Sequence[Reason]:
    """Return the fault of an expression whose values the declared type cannot hold as they are."""
    wanted, found = _bound_types(engine, f"SELECT NULL::{declared}")[0], _bound_types(engine, query)[-1]
    if _family(wanted) == _family(found):
        return ()
    return (faults.SQL_TYPE_DIFFERS(column=name, sql_type=declared, found=found),)


_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")


def _family(sql_type: str) -> str:
    """Return the kind of a type; integers of 64 bits and fewer are one kind, decimals of one scale another."""
    if sql_type in _WHOLE:
        return "whole"
    return f"decimal {sql_type.rpartition(',')[2]}" if sql_type.startswith("DECIMAL") else sql_type


class _UnboundSql(Exception):
    """SQL that the engine cannot bind; the message is its first line."""


def _empty_relation(columns: Iterable[tuple[str, str]]) -> str:
    """Return SQL of a relation with these columns, as (name, SQL type), and no rows."""
    typed = ", ".join(f"NULL::{kind} AS {quote_identifier(name)}" for name, kind in columns)
    return f"SELECT {typed} WHERE false"


def _bound_types(engine: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """Return the types of a query's columns; the query is parsed and typed, and never run.

    Raises:
        _UnboundSql: it is no query, or names what is not there.
    """
    try:
        statements = engine.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            message = "it is not one SELECT"
            raise _UnboundSql(message)
        return [str(kind) for kind in engine.sql(query).types]
    except duckdb.Error as error:
        raise _UnboundSql(str(error).strip().splitlines()[0]) from None
