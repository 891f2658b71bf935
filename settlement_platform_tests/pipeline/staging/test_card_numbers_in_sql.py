"""One definition of a card number: the gate's SQL and the redaction of findings agree on every text."""

import sys
import unicodedata

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.card_numbers import is_card_number
from settlement_platform.pipeline.staging.casts import is_card_number_sql

TEXTS = {
    "4111111111111111": True,
    "4111 1111 1111 1111": True,
    "4111-1111-1111-1111": True,
    "4111.1111.1111.1111": False,
    "3782.822463.10005": False,
    "4111\u00a01111\u20111111\u20131111": True,
    " 4111111111111111\n": True,
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1": True,
    "4222222222222": True,
    "6304000000000000000": True,
    "4111111111111112": False,
    "4111.1111.1111.1112": False,
    "41111111.11111111": False,
    "4111.11111111.1111": False,
    "4111 1111.1111 1111": False,
    "4,111,111,111,111,111": False,
    "4111_1111_1111_1111": False,
    "x4111111111111111": False,
    "4111111111111111x": False,
    "411111111111": False,
    "41111111111111110000": False,
    "\u0664111111111111111": False,
    "": False,
}


@pytest.fixture(scope="module")
def cursor() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def in_sql(cursor: duckdb.DuckDBPyConnection, text: str) -> bool:
    found = cursor.execute(f"SELECT {is_card_number_sql('text')} FROM (SELECT ?::VARCHAR AS text)", [text]).fetchone()
    assert found is not None
    return bool(found[0])


@pytest.mark.parametrize(("text", "is_one"), TEXTS.items())
def test_python_and_sql_agree_on_what_a_card_number_is(
    cursor: duckdb.DuckDBPyConnection, text: str, is_one: bool
) -> None:
    assert (is_card_number(text), in_sql(cursor, text)) == (is_one, is_one)


@given(text=st.from_regex(r"\A[0-9 .,\u00a0\u2010\u2212_-]{12,24}\Z") | st.text(alphabet="0123456789 -.", max_size=30))
def test_python_and_sql_agree_on_any_text(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    assert is_card_number(text) == in_sql(cursor, text)


def test_every_blank_and_hyphen_of_unicode_may_part_the_digits(cursor: duckdb.DuckDBPyConnection) -> None:
    """The definition spells them out, so a newer Unicode may add some."""
    parts = [c for c in map(chr, range(sys.maxunicode)) if unicodedata.category(c) in {"Zs", "Zl", "Zp", "Pd"}]

    texts = [f"41111111{part}11111111" for part in parts]

    assert [t for t in texts if not is_card_number(t)] == []
    assert [t for t in texts if not in_sql(cursor, t)] == []
