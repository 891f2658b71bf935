"""Every rule of card settlements refuses a row that breaks it, and lets good rows be."""

from collections.abc import Mapping

import duckdb
import pytest

from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS

CONTRACT = CARD_SETTLEMENTS.contract
RULES = {rule.name: rule for rule in CONTRACT.rules}

Row = Mapping[str, str | int | None]


def a_row(**changes: str | int | None) -> dict[str, str | int | None]:
    """A valid sale, as it is staged."""
    usual = {
        "transaction_id": "t-1",
        "network": "visa",
        "merchant_id": "m-1",
        "card_token": "tok_1",
        "currency": "EUR",
        "amount_minor": 1000,
        "fee_minor": 20,
        "transaction_type": "sale",
        "authorized_at": "2026-11-20 10:00:00+00",
        "settled_at": "2026-11-20 22:00:00+00",
        "business_date": "2026-11-20",
        "source": "visa",
    }
    return {**usual, **changes}


def broken_rules(row: Row) -> set[str]:
    """The rules that a staged row violates, as DuckDB sees it."""
    types = {column.name: column.sql_type for column in CONTRACT.columns} | {"source": "VARCHAR"}
    columns = ", ".join(f'CAST(? AS {types[name]}) AS "{name}"' for name in row)
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute(f"CREATE TABLE staged AS SELECT {columns}", list(row.values()))
        return {
            name
            for name, rule in RULES.items()
            if engine.execute(f"SELECT count(*) FROM staged WHERE {rule.violates}").fetchall() == [(1,)]
        }


BAD_ROWS = [
    ("currency_isin", a_row(currency="EURO")),
    ("currency_isin", a_row(currency="eur")),
    ("currency_isin", a_row(currency="DEM")),
    ("currency_isin", a_row(currency="BGN", business_date="2026-05-09")),
    ("transaction_type_isin", a_row(transaction_type="payout")),
    ("transaction_type_isin", a_row(transaction_type="Sale")),
    ("network_is_source", a_row(network="amex")),
    ("amount_sign_fits_type", a_row(amount_minor=-1)),
    ("amount_sign_fits_type", a_row(transaction_type="chargeback_reversal", amount_minor=-1)),
    ("amount_sign_fits_type", a_row(transaction_type="refund", amount_minor=1)),
    ("amount_sign_fits_type", a_row(transaction_type="chargeback", amount_minor=1)),
]


@pytest.mark.parametrize(("rule", "row"), BAD_ROWS)
def test_a_bad_row_breaks_its_rule_and_no_other(rule: str, row: Row) -> None:
    """The finding points at what is wrong."""
    assert broken_rules(row) == {rule}


def test_every_rule_is_shown_to_fail() -> None:
    """A rule that nothing can break would check nothing."""
    assert {rule for rule, _ in BAD_ROWS} == set(RULES)


@pytest.mark.parametrize(
    "row",
    [
        a_row(),
        a_row(amount_minor=0),
        a_row(transaction_type="chargeback_reversal"),
        a_row(transaction_type="refund", amount_minor=-1000),
        a_row(transaction_type="refund", amount_minor=0),
        a_row(transaction_type="chargeback", amount_minor=-1000),
        a_row(transaction_type="fee", amount_minor=5),
        a_row(transaction_type="fee", amount_minor=-5),
        a_row(transaction_type="adjustment", amount_minor=5),
        a_row(transaction_type="adjustment", amount_minor=-5),
        a_row(fee_minor=-20),
        a_row(amount_minor=2**63 - 1, fee_minor=-(2**63)),
        a_row(currency="JPY"),
        a_row(currency="KWD"),
        a_row(currency="BGN", business_date="2025-12-30"),
        a_row(currency="XCG", business_date="2025-04-01"),
    ],
)
def test_a_good_row_breaks_no_rule(row: Row) -> None:
    """Every sign and currency that the declaration allows is let through."""
    assert broken_rules(row) == set()


@pytest.mark.parametrize("column", [column.name for column in CONTRACT.columns])
def test_a_null_breaks_no_value_rule(column: str) -> None:
    """Nulls are counted on their own, so that one empty field is one finding."""
    assert broken_rules(a_row(**{column: None})) == set()


def test_the_columns_are_those_that_land() -> None:
    """The declared columns, in the order of the delivered file, and how each is kept."""
    assert {column.name: column.sql_type for column in CONTRACT.columns} == {
        "transaction_id": "VARCHAR",
        "network": "VARCHAR",
        "merchant_id": "VARCHAR",
        "card_token": "VARCHAR",
        "currency": "VARCHAR",
        "amount_minor": "BIGINT",
        "fee_minor": "BIGINT",
        "transaction_type": "VARCHAR",
        "authorized_at": "TIMESTAMPTZ",
        "settled_at": "TIMESTAMPTZ",
        "business_date": "DATE",
    }


def test_no_column_may_be_null() -> None:
    """Every field of a card settlement is filled."""
    assert not any(column.nullable for column in CONTRACT.columns)


def test_every_text_is_searched_for_card_numbers() -> None:
    """No column is exempted."""
    texts = [column.name for column in CONTRACT.columns if column.kind == "text"]

    assert [column.name for column in CONTRACT.columns if column.refuses_card_numbers] == texts


def test_the_net_amount_of_the_extremes_fits() -> None:
    """The difference of two 64-bit amounts needs 65 bits."""
    (net,) = CONTRACT.derived

    with duckdb.connect(":memory:") as engine:
        least_and_most = engine.execute(
            f"SELECT CAST({net.sql} AS {net.sql_type})::VARCHAR FROM (VALUES "
            "('-9223372036854775808'::BIGINT, 9223372036854775807), "
            "(9223372036854775807, '-9223372036854775808'::BIGINT)) AS t(amount_minor, fee_minor)"
        ).fetchall()

    assert least_and_most == [(str(-(2**64) + 1),), (str(2**64 - 1),)]


def test_readers_see_where_each_row_came_from() -> None:
    """Source and record number follow the delivered and the derived columns."""
    names = [name for name, _ in CONTRACT.published_columns]

    assert names[-3:] == ["net_minor", "source", "source_row_number"]
