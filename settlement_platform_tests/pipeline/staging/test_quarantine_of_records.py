"""A header or a record that is none quarantines its date, with its line."""

from collections.abc import Callable
from datetime import date

import pytest

from settlement_platform_tests.deliveries import (
    COLUMNS,
    CsvForm,
    Delivery,
    a_row,
    members,
)
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.quarantine import Fault, assert_quarantined

HEADER = ",".join(COLUMNS)


def _renamed(name: str) -> list[str]:
    return [f"{c}_x" if c == name else c for c in COLUMNS]


HEADERS = {
    "without its second column": ([*COLUMNS[:1], *COLUMNS[2:]], "column network is missing"),
    "without its last column": (list(COLUMNS[:-1]), "column business_date is missing"),
    "with a renamed column": (_renamed("currency"), "column currency is missing"),
    "with a name in capitals": ([c.upper() for c in COLUMNS], "column transaction_id is missing"),
    "with a blank behind a name": (
        [*COLUMNS[:-1], "business_date "],
        "the header has blanks around business_date; deliver",
    ),
    "with blanks around every name": (
        [f" {c} " for c in COLUMNS],
        "cards.csv: the header has blanks around transaction_id, network, merchant_id",
    ),
    "with a doubled column": ([*COLUMNS, "currency"], "column currency appears more than once"),
    "with semicolons": ([";".join(COLUMNS)], "column transaction_id is missing"),
    "without any name": ([""] * len(COLUMNS), "the header is missing"),
}


@pytest.mark.parametrize(("names", "words"), HEADERS.values(), ids=HEADERS.keys())
def test_a_header_that_cannot_be_matched_is_named(installation: Installation, names: list[str], words: str) -> None:
    """A missing, renamed or doubled column is refused."""
    day = installation.fresh_date()
    rows = [[a_row(day, "visa", n).get(c, "x") for c in names] for n in (1, 2)]
    text = "".join(",".join(fields) + "\n" for fields in [names, *rows])
    delivery = Delivery(business_date=day, source="visa", data=text.encode())

    assert_quarantined(installation, delivery, Fault(check="columns_as_declared", words=(words,)))


@pytest.mark.parametrize("names", [("x", "x"), ("", ""), ("", "x", "")])
def test_undeclared_columns_may_share_a_name_or_have_none(installation: Installation, names: tuple[str, ...]) -> None:
    """They are not published, so nothing depends on telling them apart."""
    day = installation.fresh_date()
    rows = [a_row(day, "visa", n) for n in (1, 2)]
    records = [[*COLUMNS, *names], *([*row.values(), *names] for row in rows)]
    text = "".join(",".join(fields) + "\n" for fields in records).encode()
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows, data=text))

    concluded = installation.run(day)

    assert concluded.verdict is not None
    assert [c.name for c in concluded.verdict.checks if not c.passed] == ["columns_added"]
    assert ("a column without a name" in concluded.verdict.warnings[0].message) == ("" in names)
    assert len(installation.rows(day)) == 8


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_one_empty_line_at_the_end_is_no_record(installation: Installation, line_end: str, packed: bool) -> None:
    """Lines keep their numbers, in a compressed file too, and the padding of that is no part of it."""
    day = installation.fresh_date()
    rows = [a_row(day, "visa", n) for n in (1, 2)]
    text = CsvForm(line_ends=[line_end]).render(rows) + line_end.encode()
    data = members(text) + bytes(512) if packed else text
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows, data=data, gzipped=packed))

    concluded = installation.run(day)

    assert concluded.verdict is not None
    assert concluded.verdict.passed
    assert len(installation.rows(day)) == 8
    assert all(s.one_line_records for s in concluded.stagings)


def _raw(day: date, *lines: str) -> bytes:
    """A header, a good record on line 2, then these lines, then a good record."""
    good = [",".join(a_row(day, "visa", n).values()) for n in (1, 9)]
    return "".join([HEADER, "\n", good[0], "\n", *lines, good[1], "\n"]).encode()


def _fields(day: date, **values: str) -> list[str]:
    return list(a_row(day, "visa", 5, **values).values())


STRUCTURES: dict[str, tuple[Callable[[date], bytes], int, str]] = {
    "a field too many": (
        lambda d: _raw(d, ",".join([*_fields(d), "x"]) + "\n"),
        3,
        "12 fields, expected 11",
    ),
    "a field too few": (lambda d: _raw(d, ",".join(_fields(d)[:-1]) + "\n"), 3, "10 fields, expected 11"),
    "a comma at the end": (lambda d: _raw(d, ",".join(_fields(d)) + ",\n"), 3, "12 fields, expected 11"),
    "a comma at the end and CRLF": (
        lambda d: _raw(d, ",".join(_fields(d)) + ",\n").replace(b"\n", b"\r\n"),
        3,
        "12 fields, expected 11",
    ),
    "an empty quoted field too many": (
        lambda d: _raw(d, ",".join(_fields(d)) + ',""\n'),
        3,
        "12 fields, expected 11",
    ),
    "a comma at the end of every record": (
        lambda d: _raw(d).replace(b"\n", b",\n").replace(f"{HEADER},".encode(), HEADER.encode()),
        2,
        "12 fields, expected 11",
    ),
    "a comma at the end of the last record, without a line end": (
        lambda d: _raw(d).removesuffix(b"\n") + b",",
        3,
        "12 fields, expected 11",
    ),
    "one word": (lambda d: _raw(d, "TRAILER\n"), 3, "1 field, expected 11"),
    "an empty line in the middle": (lambda d: _raw(d, "\n"), 3, "(empty line)"),
    "an empty line in the middle, CRLF": (
        lambda d: _raw(d, "\n").replace(b"\n", b"\r\n"),
        3,
        "(empty line)",
    ),
    "two empty lines at the end": (lambda d: _raw(d) + b"\n\n", 4, "(empty line)"),
    "a line of blanks": (lambda d: _raw(d, "   \n"), 3, "1 field, expected 11"),
    "a quote that is never closed": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='"open')) + "\n"),
        3,
        "unclosed quote",
    ),
    "a quote that is closed two lines on": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='"open')) + "\n", 'x"\n'),
        3,
        "3 fields, expected 11",
    ),
    "text after a closing quote": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='"a"b')) + "\n"),
        3,
        "misplaced quote",
    ),
    "a blank after a closing quote": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='"a" ')) + "\n"),
        3,
        "misplaced quote",
    ),
    "a blank before an opening quote": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id=' "a"')) + "\n"),
        3,
        "misplaced quote",
    ),
    "quotes within bare text": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='a "b" c')) + "\n"),
        3,
        "misplaced quote",
    ),
    "a quote escaped by a backslash": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='"a\\"b"')) + "\n"),
        3,
        "quote)",
    ),
    "a bare carriage return": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id="a\rb")) + "\n"),
        3,
        "carriage return without line feed",
    ),
    "a carriage return at the very end": (
        lambda d: _raw(d).removesuffix(b"\n") + b"\r",
        3,
        "carriage return without line feed",
    ),
    "a record of more than two million bytes": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id="m" * 1_500_000, card_token="t" * 600_000)) + "\n"),
        3,
        "longer than 2,000,000 bytes",
    ),
}


@pytest.mark.parametrize(("data", "line", "why"), STRUCTURES.values(), ids=STRUCTURES.keys())
def test_a_record_that_is_none_is_named(
    installation: Installation, data: Callable[[date], bytes], line: int, why: str
) -> None:
    """RFC 4180 to the letter: a reader that guesses could shift money between columns."""
    day = installation.fresh_date()
    delivery = Delivery(business_date=day, source="visa", data=data(day))

    assert_quarantined(
        installation, delivery, Fault(check="records_well_formed", words=(f"line {line}", why), line=line)
    )
