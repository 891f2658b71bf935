"""A pandera model becomes a contract whose fingerprint speaks of all that it demands."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from settlement_platform.control.landing.deliveries import SourcePattern
from settlement_platform.control.policies import DeliveryLimits, Timeliness
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.catalog import DATASETS
from settlement_platform.datasets.contract import Column, DerivedColumn, Rule, compile_contract
from settlement_platform.datasets.dataset import Dataset


class Payout(pa.DataFrameModel):
    """One payout to a merchant."""

    payout_id: str
    currency: str = pa.Field(isin=["EUR", "USD"])
    amount_minor: int = pa.Field(ge=0)
    rate: dt.Decimal(18, 6) = pa.Field(nullable=True)
    share: float
    paid_at: dt.Timestamp(timezone="UTC")
    business_date: date


PAYOUTS = Dataset(
    name="payouts",
    description="What was paid out to merchants.",
    owner="finance@example.com",
    criticality="normal",
    schema=Payout,
    sources=(SourcePattern(source="bank", stem="{business_date}/{source}/payouts"),),
    key=("payout_id",),
    control_totals=("amount_minor",),
    timeliness=Timeliness(expected_by=time(3, 0), target=time(6, 0), deadline=time(9, 0)),
)


class Lenient(Payout):
    """A payout whose rate may have more zeros than decimals."""

    rate: dt.Decimal(18, 6) = pa.Field(nullable=True, metadata={"extra_zeros": True})


class Changed(Payout):
    """A contract with another rule."""

    amount_minor: int = pa.Field(ge=1)


def a_payouts_dataset(**changes: Any) -> Dataset:  # noqa: ANN401 - any field
    """The toy dataset, changed."""
    return Dataset(**{**{name: getattr(PAYOUTS, name) for name in PAYOUTS.__dataclass_fields__}, **changes})


def test_a_dataset_is_declared_in_twenty_lines() -> None:
    """A model and a declaration are all that the platform needs to know."""
    contract = PAYOUTS.contract

    assert [(column.name, column.kind, column.sql_type) for column in contract.columns] == [
        ("payout_id", "text", "VARCHAR"),
        ("currency", "text", "VARCHAR"),
        ("amount_minor", "integer", "BIGINT"),
        ("rate", "decimal", "DECIMAL(18, 6)"),
        ("share", "float", "DOUBLE"),
        ("paid_at", "timestamp", "TIMESTAMPTZ"),
        ("business_date", "date", "DATE"),
    ]
    assert [column.name for column in contract.columns if column.nullable] == ["rate"]


def test_the_rules_of_a_declared_dataset_run_on_the_engine() -> None:
    """Each built-in check of pandera becomes a condition of its own."""
    conditions = [rule.violates for rule in PAYOUTS.contract.rules]

    with duckdb.connect(":memory:") as engine:
        engine.execute(
            "CREATE TABLE staged AS FROM (VALUES ('EUR', 0), ('GBP', 5), ('USD', -1)) AS t(currency, amount_minor)"
        )
        found = [engine.execute(f"FROM staged WHERE {condition}").fetchall() for condition in conditions]

    assert found == [[("GBP", 5)], [("USD", -1)]]


@pytest.mark.parametrize("kind", [bool, bytes, datetime, dt.Timestamp(timezone="Europe/Oslo")])
def test_a_column_of_a_type_that_no_text_becomes_is_refused(kind: Any) -> None:  # noqa: ANN401 - a type
    """The message names the column and the types that are read."""
    model = type("Odd", (pa.DataFrameModel,), {"__annotations__": {"odd": kind}})

    with pytest.raises(TypeError, match=r"Column odd has the type .* Use str, int"):
        compile_contract(model)


class UniqueColumn(pa.DataFrameModel):
    """Demands what pandera's ibis backend does not look at."""

    payout_id: str = pa.Field(unique=True)


class UniqueTogether(pa.DataFrameModel):
    """A contract that is unique over two columns."""

    payout_id: str
    currency: str

    class Config:
        """As pandera wants it."""

        unique = ["payout_id", "currency"]  # noqa: RUF012 - pandera's form


@pytest.mark.parametrize("model", [UniqueColumn, UniqueTogether])
def test_a_demand_for_unique_values_is_refused(model: type[pa.DataFrameModel]) -> None:
    """It would be ignored; a dataset declares its key instead."""
    with pytest.raises(ValueError, match=r"unique on payout_id.* is not enforced\. Declare these columns as the key"):
        compile_contract(model)


class SameColumnCheck(pa.DataFrameModel):
    """Two checks that would be one rule."""

    amount_minor: int

    @pa.check("amount_minor", name="bounded")
    def at_least(cls, data: pa.IbisData) -> ibis.expr.types.BooleanColumn:  # noqa: N805 - pandera's form
        """A lower bound."""
        return data.table.amount_minor > 0

    @pa.check("amount_minor", name="bounded")
    def at_most(cls, data: pa.IbisData) -> ibis.expr.types.BooleanColumn:  # noqa: N805 - as above
        """An upper bound."""
        return data.table.amount_minor < 9


class SameRowCheck(pa.DataFrameModel):
    """A check over rows with the name that a column's check gets."""

    amount_minor: int = pa.Field(ge=0)

    @pa.dataframe_check(name="amount_minor_greater_than_or_equal_to")
    def whatever(cls, data: pa.IbisData) -> ibis.expr.types.BooleanColumn:  # noqa: N805 - as above
        """Another rule."""
        return data.table.amount_minor < 9


@pytest.mark.parametrize("model", [SameColumnCheck, SameRowCheck])
def test_two_checks_of_one_name_are_refused(model: type[pa.DataFrameModel]) -> None:
    """One of them would take the place of the other."""
    with pytest.raises(ValueError, match=r"both named amount_minor_.*another name"):
        compile_contract(model)


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    """Python orders sets by a seed of each process, and no content hash may depend on it."""
    program = (
        "from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS; "
        "print(CARD_SETTLEMENTS.contract.fingerprint)"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2026")
    ]

    fingerprints = {child.communicate()[0].strip() for child in children}

    assert fingerprints == {CARD_SETTLEMENTS.contract.fingerprint}


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (
            Column(name="a", kind="text", sql_type="VARCHAR", nullable=False),
            "Column(name='a', kind='text', sql_type='VARCHAR', nullable=False, not_card_numbers='')",
        ),
        (
            DerivedColumn(name="a", sql_type="BIGINT", sql="b + 1"),
            "DerivedColumn(name='a', sql_type='BIGINT', sql='b + 1', narrow_sql='')",
        ),
        (
            Rule(name="a", column=None, violates="a > 1", description="a must be 1"),
            "Rule(name='a', column=None, violates='a > 1', description='a must be 1')",
        ),
    ],
    ids=["column", "derived column", "rule"],
)
def test_the_parts_of_a_fingerprint_keep_their_names(part: object, text: str) -> None:
    """Another name would give every contract another fingerprint, as if its rules had changed."""
    assert str(part) == text


@pytest.mark.parametrize(
    "change",
    [
        {"schema": Changed},
        {"key": ("payout_id", "currency")},
        {"totals_tolerance": 1},
        {"null_thresholds": {"rate": 0.5}},
        {"minimum_rows": 1},
        {"control_totals": ()},
        {"derived": (DerivedColumn(name="double", sql_type="BIGINT", sql="2 * amount_minor"),)},
        {"schema": Lenient},
        {"limits": DeliveryLimits(most_bytes=1)},
        {"totals_tolerance": Decimal("0.5")},
    ],
    ids=lambda change: " ".join(f"{name} {getattr(value, '__name__', value)}" for name, value in change.items()),
)
def test_what_changes_a_verdict_changes_the_fingerprint(change: dict[str, Any]) -> None:
    """Content that was judged under other rules is staged and judged again."""
    changed = a_payouts_dataset(**change)

    assert changed.contract.fingerprint != PAYOUTS.contract.fingerprint


@pytest.mark.parametrize("change", [{"description": "Payouts."}, {"owner": "someone@example.com"}])
def test_what_changes_no_verdict_keeps_the_fingerprint(change: dict[str, Any]) -> None:
    """Another owner is no reason to publish everything again."""
    changed = a_payouts_dataset(**change)

    assert changed.contract.fingerprint == PAYOUTS.contract.fingerprint


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_every_declared_dataset_is_whole(dataset: Dataset) -> None:
    """Keys, totals and thresholds speak of columns that there are, and the owner can be reached."""
    columns = {column.name: column for column in dataset.contract.columns}

    named = {
        *dataset.key,
        *dataset.control_totals,
        dataset.totals_by,
        *dataset.null_thresholds,
        "business_date",
    }

    assert named <= columns.keys()
    assert all(columns[name].nullable for name in dataset.null_thresholds)
    assert dataset.sources
    assert "@" in dataset.owner


def test_the_word_for_a_repeated_time_changes_the_fingerprint_and_is_checked() -> None:
    column = DerivedColumn(name="paid", sql_type="TIMESTAMPTZ", sql="paid_at")
    words = ["", "earlier", "later"]

    prints = {a_payouts_dataset(derived=(replace(column, repeated_time=w),)).contract.fingerprint for w in words}

    assert len(prints) == 3
    with pytest.raises(ValueError, match="repeated_time of paid is 'latest'"):
        replace(column, repeated_time="latest")
