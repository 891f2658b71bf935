"""Checks of a mart's declaration against the datasets that are in service."""

from collections.abc import Iterator, Mapping

from settlement_platform.control.policies import Timeliness
from settlement_platform.control.queue.write_budget import WriteLimits
from settlement_platform.control.reasons import declarations as faults
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.roles import Roles
from settlement_platform.datasets.contract import Contract
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.declaration_check import (
    column_faults,
    common_faults,
    compiled,
    describe_error,
    guarded,
    rule_faults,
    type_faults,
    unfit_amounts,
    unknown_columns,
)
from settlement_platform.marts.mart import Mart

MART_CHECKS = frozenset({"unique_key", "no_nulls", "reconciles_with_input"})
"""The checks that a verdict on any mart has."""

_POLICIES = {"description": str, "timeliness": Timeliness, "roles": Roles, "write_limits": WriteLimits}


def check_mart(mart: Mart, datasets: Mapping[str, Dataset | None]) -> tuple[Reason, ...]:
    """Return every fault of a declaration that shows without running its SQL; empty if there is none.

    `datasets` gives each dataset by its name, or None where it is out of service.
    """
    return guarded(lambda: _mart_faults(mart, datasets))


def _mart_faults(mart: Mart, datasets: Mapping[str, Dataset | None]) -> Iterator[Reason]:
    yield from common_faults(mart)
    yield from type_faults(mart, _POLICIES)
    yield from _input_faults(mart, datasets)
    try:
        mart.sql  # noqa: B018 - it is read from its file
    except (OSError, ValueError) as error:
        yield faults.SQL_NOT_BOUND(subject=f"{mart.name}.sql", error=describe_error(error))
    contract = compiled(mart)
    if isinstance(contract, Reason):
        yield contract
        return
    yield from column_faults(mart.published_columns)
    yield from rule_faults(contract, MART_CHECKS)
    yield from _named_column_faults(mart, contract)


def _input_faults(mart: Mart, datasets: Mapping[str, Dataset | None]) -> Iterator[Reason]:
    if not mart.inputs:
        yield faults.FIELD_INVALID(field="inputs", value="", expected="the datasets that it is built from")
    for name in sorted({name for name in mart.inputs if mart.inputs.count(name) > 1}):
        yield faults.NAMED_TWICE(field="inputs", name=name)
    for name in dict.fromkeys(mart.inputs):
        if name not in datasets:
            yield faults.INPUT_UNKNOWN(input=name, known=sorted(datasets))
        elif datasets[name] is None:
            yield faults.INPUT_OUT_OF_SERVICE(input=name)


def _named_column_faults(mart: Mart, contract: Contract) -> Iterator[Reason]:
    columns = {c.name: c.sql_type for c in contract.columns}
    if not mart.key:
        yield faults.FIELD_INVALID(field="key", value="", expected="the columns that tell rows apart")
    yield from unknown_columns("key", mart.key, columns)
    if not mart.reconciles:
        expected = "a column and the expression over the input with the same sum"
        yield faults.FIELD_INVALID(field="reconciles", value="", expected=expected)
    yield from unknown_columns("reconciles", mart.reconciles, columns)
    yield from unfit_amounts("reconciles", mart.reconciles, columns)
    if any(c.name == "business_date" and c.nullable for c in contract.columns):
        expected = "date, never null"
        yield faults.COLUMN_TYPE_UNFIT(column="business_date", sql_type="nullable", expected=expected)
