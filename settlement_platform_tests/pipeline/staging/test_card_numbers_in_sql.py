"""One definition of a card number: the gate's SQL and the redaction of findings agree on every text."""

import uuid

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.card_numbers import holds_card_number
from settlement_platform.datasets.contract import Column
from settlement_platform.pipeline.staging.casts import cast_strict, holds_card_number_sql

TEXTS = {
    "4111111111111111": True,
    "4111 1111 1111 1111": True,
    "4111-1111-1111-1111": True,
    "4111.1111.1111.1111": True,
    "4111\u00a01111\u00a01111\u00a01111": True,
    "3782 822463 10005": True,
    "3056-930902-5904": True,
    "6304 0000 0000 0000 000": True,
    "4222222222222": True,
    "tok 4111111111111111 exp 12/29": True,
    "tok_4111111111111111": True,
    "x4111111111111111y": True,
    "2026-11-05 4111111111111111": True,
    "4111111111111112 or 5555555555554444": True,
    " 4111111111111111\n": True,
    "4111111111111112": False,
    "4111 1111 1111 1112": False,
    "9999999999999995": False,
    "411111111111": False,
    "41111111111111110000": False,
    "12 4111 1111 1111 1111": True,
    "2026-11-05 4111 1111 1111 1111": True,
    "4111 1111 1111 1111 12/29": True,
    "4111 1111 1111 1111 123": True,
    "4111-1111-1111-1111-12345": True,
    "4111 1111 1111 1111 12 4111": True,
    "12345 4111 1111 1111 1111": True,
    "3782 822463 10005 1234": True,
    "1234 3782 822463 10005": True,
    "6304 0000 0000 0000 000 12": True,
    "12 6304 0000 0000 0000 000": True,
    "12 4111 1111 1111 1111 12": False,
    "1111 4111 1111 1111 1111": False,
    "4111 1111 1111 1111 1111 12": False,
    "4111 1111 1111 1111 12345 1": True,
    "AT AT 61 4111 1111 1111 1111": True,
    "AT70 4111 1111 1111 1111": False,
    "AT71 4111 1111 1111 1111": True,
    "4111 1111 1111 1111 1111": False,
    "4111  1111  1111  1111": False,
    "4111,1111,1111,1111": False,
    "41111111-11111111": False,
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1": False,
    "\u0664111111111111111": False,
    "vi20261105-000000624": False,
    "abcdefab-4111-1111-1111-1111abcdefab": False,
    "abcdefab-4111-1111-1111-1111abcdefab_abcdefab-4111-1111-1111-1111abcdefab": False,
    "id_abcdefab-4111-1111-1111-1111abcdefab abcdefab-4111-1111-1111-1111abcdefab": False,
    "20261129-1234-0001-0002-4111111111111111": True,
    "4111111111111111-4111-1111-1111-123456789012": True,
    "4111111111111111-abcd-abcd-abcd-123456789012_": True,
    "\u00e9abcdefab-4111-1111-1111-1111abcdefab\u00e9": False,
    "DE89370400440532013000": False,
    "BE68539007547034": False,
    "FI2112345600000785": False,
    "NO9386011117947": False,
    "": False,
}


@pytest.fixture(scope="module")
def cursor() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def in_sql(cursor: duckdb.DuckDBPyConnection, text: str) -> bool:
    query = f"SELECT {holds_card_number_sql('text')} FROM (SELECT ?::VARCHAR AS text)"
    found = cursor.execute(query, [text]).fetchone()
    assert found is not None
    return bool(found[0])


def is_staged(cursor: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Return whether a column of text keeps the value."""
    column = Column(name="text", kind="text", sql_type="VARCHAR", nullable=False)
    found = cursor.execute(f"SELECT {cast_strict(column)} FROM (SELECT ?::VARCHAR AS text)", [text]).fetchone()
    assert found is not None
    return bool(found[0] == text)


@pytest.mark.parametrize(("text", "holds_one"), TEXTS.items())
def test_python_and_sql_agree_on_what_a_card_number_is(
    cursor: duckdb.DuckDBPyConnection, text: str, holds_one: bool
) -> None:
    assert (holds_card_number(text), in_sql(cursor, text), is_staged(cursor, text)) == (
        holds_one,
        holds_one,
        not holds_one,
    )


_PARTS = st.sampled_from(
    [
        *("4111 1111 1111 1111", "3782 822463 10005", "6304-0000-0000-0000-000", "AT70", "123"),
        *("4111", "1111", "411111", "11111", "4", "0", "12", "4111111111111111", "x", "FI", "\u00e9"),
        *(" ", "-", ".", "\u00a0", "_", ",", "20261129-1234-0001-0002-", "abcdefab-4111-1111-1111-1111abcdefab"),
    ]
)


@given(text=st.lists(_PARTS, max_size=12).map("".join) | st.text(alphabet="0123456789 -.aA_", max_size=40))
def test_python_and_sql_agree_on_any_text(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    held = holds_card_number(text)

    assert (in_sql(cursor, text), is_staged(cursor, text)) == (held, not held)


@given(text=st.uuids().map(str))
def test_a_uuid_is_no_card_number(text: str) -> None:
    assert uuid.UUID(text)
    assert not holds_card_number(text)
