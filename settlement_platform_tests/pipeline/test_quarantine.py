"""Every fault of a delivery quarantines its date, with a reason that names it, and nothing of the date is published."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest

from settlement_platform.control.facts import Check
from settlement_platform.control.publishing import Move
from settlement_platform_tests.deliveries import (
    COLUMNS,
    SOURCES,
    CsvForm,
    Delivery,
    Row,
    a_row,
    always,
    members,
    some_rows,
    totals_of,
)
from settlement_platform_tests.pipeline.installation import Installation

HEADER = ",".join(COLUMNS)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What the verdict must say: the failing check, words of its message, and where."""

    check: str
    words: Sequence[str] = ()
    line: int | None = None
    column: str | None = None


def refused(installation: Installation, day: date) -> dict[str, Check]:
    """Run the date; the checks that refused it, after making sure that nothing of it can be seen."""
    concluded = installation.run(day)

    assert concluded.decision.move is Move.REFUSE, concluded.decision
    assert concluded.verdict is not None
    assert concluded.publication is None
    assert installation.rows(day) == []
    assert installation.platform.lake.history("card_settlements", day) == []
    failures = {c.name: c for c in concluded.verdict.failures}
    assert all(f"{c.name}: {c.message}" in concluded.decision.reasons for c in failures.values())
    return failures


def assert_quarantined(installation: Installation, delivery: Delivery, fault: Fault) -> None:
    """Deliver it beside valid files of the other sources; the date must be refused for exactly this fault."""
    installation.deliver(delivery.business_date, visa=delivery)

    failures = refused(installation, delivery.business_date)

    assert list(failures) == [fault.check], {n: c.message for n, c in failures.items()}
    check = failures[fault.check]
    for word in (delivery.data_key.removesuffix(".csv").removesuffix(".csv.gz"), *fault.words):
        assert word in check.message
    if fault.line is not None:
        assert [s.line for s in check.samples][:1] == [fault.line]
    if fault.column is not None:
        assert fault.column in {s.column for s in check.samples} or fault.column in check.message


def second_of_three(day: date, **values: str) -> list[Row]:
    """Three rows, the second of which, on line 3, has these values."""
    return [a_row(day, "visa", 1), a_row(day, "visa", 2, **values), a_row(day, "visa", 3)]


UNREADABLE = {
    **{
        f"amount {v!r}": ("amount_minor", v)
        for v in ("1.0", "1e3", " 1", "1 ", "+1", "--1", "-", "0x1", "1_000", "1,0")
    },
    **{
        f"fee {v!r}": ("fee_minor", v)
        for v in ("9223372036854775808", "-9223372036854775809", "NULL", "NaN", "１", "²", "1\n")
    },
    **{
        f"business date {v!r}": ("business_date", v)
        for v in (
            "2026-02-30",
            "2026-13-01",
            "20260101",
            "2026-1-1",
            "01/02/2026",
            "2026-01-01T00:00:00Z",
            " 2026-01-01",
        )
    },
    **{
        f"moment {v!r}": ("authorized_at", v)
        for v in (
            "2026-01-01T10:00:00",
            "2026-01-01 10:00:00Z",
            "2026-01-01",
            "2026-01-01T25:00:00Z",
            "2026-01-01T10:60:00Z",
            "2026-02-30T10:00:00Z",
            "2026-01-01T10:00:00+24:00",
            "2026-01-01T10:00:00+5:00",
            "2026-01-01T10:00:00 Europe/Paris",
            "2026-01-01T10:00:00.Z",
            "10:00:00Z",
            "1767261600",
            "now",
            "infinity",
            "\t026-01-01T10:00:00Z",
            "2026-01-01T\t0:00:00Z",
            "2026-01-01T10:00:00Z\n",
            "-026-01-01T10:00:00Z",
        )
    },
}


@pytest.mark.parametrize(("column", "text"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_value_that_is_not_of_its_type_is_named(installation: Installation, column: str, text: str) -> None:
    """Values are read strictly; the finding gives file, line, column and value."""
    day = installation.fresh_date()
    rows = second_of_three(day, **{column: text})
    delivery = Delivery(business_date=day, source="visa", rows=rows)
    words = ("line 3", f"column {column}", repr(text))

    assert_quarantined(installation, delivery, Fault(check="values_readable", words=words, line=3, column=column))


RULES: dict[str, tuple[dict[str, str], str, str]] = {
    **{
        f"the currency {v!r}": ({"currency": v}, "currency_isin", "currency")
        for v in ("eur", "Eur", "XYZ", "EU", "EURO", " EUR", "DEM", "978", "€")
    },
    **{
        f"the type {v!r}": (
            {"transaction_type": v, "amount_minor": "0"},
            "transaction_type_isin",
            "transaction_type",
        )
        for v in ("Sale", "SALE", "payout", " sale", "sale ", "0")
    },
    **{
        f"a {t} of {a}": ({"transaction_type": t, "amount_minor": a}, "amount_sign_fits_type", "at least 0")
        for t, a in (("sale", "-1"), ("chargeback_reversal", "-1"), ("refund", "1"), ("chargeback", "1"))
    },
    "the network of another source": ({"network": "amex"}, "network_is_source", "network"),
    "the network in capitals": ({"network": "VISA"}, "network_is_source", "network"),
}


@pytest.mark.parametrize(("values", "check", "word"), RULES.values(), ids=RULES.keys())
def test_a_row_that_breaks_a_rule_is_named(
    installation: Installation, values: dict[str, str], check: str, word: str
) -> None:
    """Every rule of the contract closes the gate on a single row."""
    day = installation.fresh_date()
    delivery = Delivery(business_date=day, source="visa", rows=second_of_three(day, **values))

    assert_quarantined(installation, delivery, Fault(check=check, words=("line 3", word), line=3))


@pytest.mark.parametrize("days", [-1, 1, 365])
def test_a_row_of_another_business_date_is_named(installation: Installation, days: int) -> None:
    """A row belongs to the date of its folder."""
    day = installation.fresh_date()
    other = str(day + timedelta(days=days))
    delivery = Delivery(business_date=day, source="visa", rows=second_of_three(day, business_date=other))

    assert_quarantined(
        installation,
        delivery,
        Fault(check="business_date_is_partition", words=("line 3", other), line=3, column="business_date"),
    )


@pytest.mark.parametrize("quoted", [False, True], ids=["bare", "quoted"])
@pytest.mark.parametrize("column", COLUMNS)
def test_an_empty_field_is_named(installation: Installation, column: str, quoted: bool) -> None:
    """An empty field is null, quoted or not, and no column may be null."""
    day = installation.fresh_date()
    rows = second_of_three(day, **{column: ""})
    form = CsvForm(quoted=always) if quoted else CsvForm()
    totals = totals_of(rows)
    totals.pop("", None)
    delivery = Delivery(business_date=day, source="visa", rows=rows, form=form, declared={"totals": totals})
    installation.deliver(day, visa=delivery)

    failures = refused(installation, day)

    assert list(failures) == ["null_rates"] or (
        column == "currency" and set(failures) == {"null_rates", "totals_as_declared"}
    )
    assert f"{column}: 1 of 9 are empty" in failures["null_rates"].message
    assert delivery.data_key in failures["null_rates"].message


def _renamed(name: str) -> list[str]:
    return [f"{c}_x" if c == name else c for c in COLUMNS]


HEADERS = {
    "without its second column": ([*COLUMNS[:1], *COLUMNS[2:]], "column network is missing"),
    "without its last column": (list(COLUMNS[:-1]), "column business_date is missing"),
    "with a renamed column": (_renamed("currency"), "column currency is missing"),
    "with a name in capitals": ([c.upper() for c in COLUMNS], "column transaction_id is missing"),
    "with a blank behind a name": ([*COLUMNS[:-1], "business_date "], "column business_date is missing"),
    "with a doubled column": ([*COLUMNS, "currency"], "column currency stands in the header more than once"),
    "with a doubled undeclared column": (
        [*COLUMNS, "x", "x"],
        "column x stands in the header more than once",
    ),
    "with semicolons": ([";".join(COLUMNS)], "column transaction_id is missing"),
    "without any name": ([""] * len(COLUMNS), "it has no header"),
}


@pytest.mark.parametrize(("names", "words"), HEADERS.values(), ids=HEADERS.keys())
def test_a_header_that_cannot_be_matched_is_named(installation: Installation, names: list[str], words: str) -> None:
    """A missing, renamed or doubled column is refused."""
    day = installation.fresh_date()
    rows = [[a_row(day, "visa", n).get(c, "x") for c in names] for n in (1, 2)]
    text = "".join(",".join(fields) + "\n" for fields in [names, *rows])
    delivery = Delivery(business_date=day, source="visa", data=text.encode())

    assert_quarantined(installation, delivery, Fault(check="columns_as_declared", words=(words,)))


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
        "12 fields instead of 11",
    ),
    "a field too few": (lambda d: _raw(d, ",".join(_fields(d)[:-1]) + "\n"), 3, "10 fields instead of 11"),
    "a comma at the end": (lambda d: _raw(d, ",".join(_fields(d)) + ",\n"), 3, "12 fields instead of 11"),
    "a comma at the end and CRLF": (
        lambda d: _raw(d, ",".join(_fields(d)) + ",\n").replace(b"\n", b"\r\n"),
        3,
        "12 fields instead of 11",
    ),
    "an empty quoted field too many": (
        lambda d: _raw(d, ",".join(_fields(d)) + ',""\n'),
        3,
        "12 fields instead of 11",
    ),
    "a comma at the end of every record": (
        lambda d: _raw(d).replace(b"\n", b",\n").replace(f"{HEADER},".encode(), HEADER.encode()),
        2,
        "12 fields instead of 11",
    ),
    "a comma at the end of the last record, without a line end": (
        lambda d: _raw(d).removesuffix(b"\n") + b",",
        3,
        "12 fields instead of 11",
    ),
    "one word": (lambda d: _raw(d, "TRAILER\n"), 3, "1 fields instead of 11"),
    "an empty line in the middle": (lambda d: _raw(d, "\n"), 3, "an empty line"),
    "an empty line in the middle, CRLF": (
        lambda d: _raw(d, "\n").replace(b"\n", b"\r\n"),
        3,
        "an empty line",
    ),
    "an empty line at the end": (lambda d: _raw(d) + b"\n", 4, "an empty line"),
    "a line of blanks": (lambda d: _raw(d, "   \n"), 3, "1 fields instead of 11"),
    "a quote that is never closed": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='"open')) + "\n"),
        3,
        "a quote that is never closed",
    ),
    "a quote that is closed two lines on": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='"open')) + "\n", 'x"\n'),
        3,
        "3 fields instead of 11",
    ),
    "text after a closing quote": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='"a"b')) + "\n"),
        3,
        "a quote where none may stand",
    ),
    "a blank after a closing quote": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='"a" ')) + "\n"),
        3,
        "a quote where none may stand",
    ),
    "a blank before an opening quote": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id=' "a"')) + "\n"),
        3,
        "a quote where none may stand",
    ),
    "quotes within bare text": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='a "b" c')) + "\n"),
        3,
        "a quote where none may stand",
    ),
    "a quote escaped by a backslash": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id='"a\\"b"')) + "\n"),
        3,
        "a quote",
    ),
    "a bare carriage return": (
        lambda d: _raw(d, ",".join(_fields(d, merchant_id="a\rb")) + "\n"),
        3,
        "a lone carriage return",
    ),
    "a carriage return at the very end": (
        lambda d: _raw(d).removesuffix(b"\n") + b"\r",
        3,
        "a lone carriage return",
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


TEXTS: dict[str, tuple[Callable[[bytes], bytes], tuple[str, ...]]] = {
    "Latin-1": (lambda b: b.replace(b"m-1", "café".encode("latin-1")), ("line 2", "not UTF-8 (byte 0xe9)")),
    "Windows-1252": (lambda b: b.replace(b"m-2", "€".encode("cp1252")), ("line 3", "not UTF-8")),
    "UTF-16": (lambda b: b.decode().encode("utf-16"), ("UTF-16",)),
    "UTF-16 big-endian": (lambda b: b"\xfe\xff" + b.decode().encode("utf-16-be"), ("UTF-16",)),
    "UTF-16 without a byte-order mark": (lambda b: b.decode().encode("utf-16-le"), ("NUL",)),
    "UTF-32": (lambda b: b.decode().encode("utf-32"), ()),
    "an overlong form": (lambda b: b.replace(b"m-1", b"\xc0\xaf"), ("line 2", "not UTF-8")),
    "a surrogate": (lambda b: b.replace(b"m-1", b"\xed\xa0\x80"), ("line 2", "not UTF-8")),
    "a character cut off at the end": (lambda b: b.removesuffix(b"\n") + b"\xe2\x82", ("not UTF-8",)),
    "a NUL": (lambda b: b.replace(b"m-1", b"m\x001"), ("line 2", "NUL")),
    "a NUL as the last byte": (lambda b: b + b"\0", ("line 5", "NUL")),
    "CR alone as line ends": (lambda b: b.replace(b"\n", b"\r"), ("carriage return",)),
}


@pytest.mark.parametrize("gzipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(("spoil", "words"), TEXTS.values(), ids=TEXTS.keys())
def test_text_in_another_encoding_is_refused(
    installation: Installation, spoil: Callable[[bytes], bytes], words: tuple[str, ...], gzipped: bool
) -> None:
    """Only UTF-8 is accepted, and nothing is guessed."""
    day = installation.fresh_date()
    rows = some_rows(day, "visa")
    data = spoil(CsvForm().render(rows))
    delivery = Delivery(
        business_date=day, source="visa", rows=rows, data=members(data) if gzipped else data, gzipped=gzipped
    )

    assert_quarantined(installation, delivery, Fault(check="file_readable", words=words))


FILES: dict[str, tuple[Callable[[bytes], bytes], bool, str, str]] = {
    "an empty file": (lambda _: b"", False, "columns_as_declared", "it has no header"),
    "nothing but a line end": (lambda _: b"\n", False, "columns_as_declared", "it has no header"),
    "nothing but a byte-order mark": (
        lambda _: b"\xef\xbb\xbf",
        False,
        "columns_as_declared",
        "it has no header",
    ),
    "an empty gzip file": (lambda _: b"", True, "file_readable", "gzip"),
    "a gzip file of nothing": (lambda _: members(b""), True, "columns_as_declared", "it has no header"),
    "a truncated gzip file": (lambda b: members(b)[:-9], True, "file_readable", "gzip"),
    "a gzip file without its last byte": (lambda b: members(b)[:-1], True, "file_readable", "gzip"),
    "a gzip file with a wrong checksum": (
        lambda b: members(b)[:-8] + b"\0\0\0\0" + members(b)[-4:],
        True,
        "file_readable",
        "gzip",
    ),
    "a gzip file with text behind it": (lambda b: members(b) + b"more", True, "file_readable", "gzip"),
    "a gzip file with half a second member": (lambda b: members(b, b)[:-20], True, "file_readable", "gzip"),
    "garbage that is called gzip": (lambda _: b"\x07" * 500, True, "file_readable", "gzip"),
    "plain text that is called gzip": (lambda b: b, True, "file_readable", "gzip"),
    "gzip that is called plain": (members, False, "file_readable", ""),
    "a JSON document": (lambda _: b'{"a": 1}\n', False, "columns_as_declared", "missing"),
}


@pytest.mark.parametrize(("spoil", "gzipped", "check", "word"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_csv_is_refused(
    installation: Installation, spoil: Callable[[bytes], bytes], gzipped: bool, check: str, word: str
) -> None:
    """A file that was damaged or misnamed on its way is never half read."""
    day = installation.fresh_date()
    rows = some_rows(day, "visa")
    data = spoil(CsvForm().render(rows))
    delivery = Delivery(business_date=day, source="visa", rows=rows, data=data, gzipped=gzipped)

    assert_quarantined(installation, delivery, Fault(check=check, words=(word,)))


def test_a_plain_and_a_compressed_file_at_once_are_refused(installation: Installation) -> None:
    """Nothing says which of the two counts."""
    day = installation.fresh_date()
    delivery = Delivery(business_date=day, source="visa", rows=some_rows(day, "visa"))
    replace(delivery, gzipped=True).write_data(installation.landing)

    assert_quarantined(installation, delivery, Fault(check="file_readable", words=("cards.csv.gz", "both")))


def _without(*names: str) -> dict[str, Any]:
    return {"undeclared": names}


def _declaring(**members_: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"declared": members_}


EUR = {"EUR": {"amount_minor": 1003, "fee_minor": 13}}
TOTALS = EUR | {
    "USD": {"amount_minor": 1001, "fee_minor": 11},
    "JPY": {"amount_minor": 1002, "fee_minor": 12},
}
CONTROLS: dict[str, tuple[dict[str, Any], str, str]] = {
    "that is empty": ({"control": b""}, "control_file_readable", "not JSON"),
    "that is no JSON": ({"control": b"rows=3"}, "control_file_readable", "not JSON"),
    "that is cut off": ({"control": b'{"rows": 3'}, "control_file_readable", "not JSON"),
    "that is a list": ({"control": b"[]"}, "control_file_readable", "object"),
    "that is null": ({"control": b"null"}, "control_file_readable", "object"),
    "in UTF-16": ({"control": json.dumps({}).encode("utf-16")}, "control_file_readable", "UTF-8"),
    "that is nested without end": ({"control": b"[" * 100_000}, "control_file_readable", ""),
    "with a number of 5,000 digits": (
        {"control": b'{"rows": ' + b"9" * 5000 + b"}"},
        "control_file_readable",
        "",
    ),
    "without a business date": (_without("business_date"), "control_file_readable", "business_date"),
    "without a source": (_without("source"), "control_file_readable", "source"),
    "without a sha256": (_without("sha256"), "control_file_readable", "sha256"),
    "without rows": (_without("rows"), "control_file_readable", "rows"),
    "without totals": (_without("totals"), "control_file_readable", "totals"),
    "with rows as text": (_declaring(rows="3"), "control_file_readable", "rows"),
    "with rows as a decimal": (_declaring(rows=3.0), "control_file_readable", "rows"),
    "with rows as a boolean": (_declaring(rows=True), "control_file_readable", "rows"),
    "with negative rows": (_declaring(rows=-1), "control_file_readable", "rows"),
    "with rows of null": (_declaring(rows=None), "control_file_readable", "rows"),
    "with totals as a list": (_declaring(totals=[]), "control_file_readable", "totals"),
    "with a total that is no object": (_declaring(totals={"EUR": 1}), "control_file_readable", "EUR"),
    "with a total as text": (
        _declaring(totals={"EUR": {"amount_minor": "1", "fee_minor": 1}}),
        "control_file_readable",
        "amount_minor",
    ),
    "with a total as a decimal": (
        _declaring(totals={"EUR": {"amount_minor": 1.5, "fee_minor": 1}}),
        "control_file_readable",
        "amount_minor",
    ),
    "with half a total": (
        _declaring(totals={"EUR": {"amount_minor": 1}}),
        "control_file_readable",
        "fee_minor",
    ),
    "with a sha256 that is a number": (_declaring(sha256=1), "control_file_readable", "sha256"),
    "with another sha256": (_declaring(sha256="0" * 64), "control_file_agrees", "sha256"),
    "with another business date": (
        _declaring(business_date="2020-01-01"),
        "control_file_agrees",
        "business_date",
    ),
    "with another source": (_declaring(source="amex"), "control_file_agrees", "source"),
    "with a row too many": (_declaring(rows=4), "rows_as_declared", "declared 4 rows, has 3"),
    "with a row too few": (_declaring(rows=2), "rows_as_declared", "declared 2 rows, has 3"),
    "with no totals at all": (
        _declaring(totals={}),
        "totals_as_declared",
        "EUR: has rows, but is not declared",
    ),
    "with a currency too few": (
        _declaring(totals=EUR),
        "totals_as_declared",
        "USD: has rows, but is not declared",
    ),
    "with a currency too many": (
        _declaring(totals=TOTALS | {"GBP": {"amount_minor": 0, "fee_minor": 0}}),
        "totals_as_declared",
        "GBP: declared, but no row has it",
    ),
    **{
        f"with a wrong {column} in {currency}": (
            _declaring(totals=TOTALS | {currency: TOTALS[currency] | {column: TOTALS[currency][column] + 1}}),
            "totals_as_declared",
            f"{currency} {column}",
        )
        for currency in TOTALS
        for column in ("amount_minor", "fee_minor")
    },
    "with totals exchanged between currencies": (
        _declaring(totals=TOTALS | {"EUR": TOTALS["USD"], "USD": TOTALS["EUR"]}),
        "totals_as_declared",
        "EUR amount_minor",
    ),
    "with totals beyond 128 bits": (
        _declaring(totals=TOTALS | {"EUR": {"amount_minor": 10**60, "fee_minor": 13}}),
        "totals_as_declared",
        "EUR amount_minor",
    ),
}


@pytest.mark.parametrize(("control", "check", "word"), CONTROLS.values(), ids=CONTROLS.keys())
def test_a_control_file_is_refused(installation: Installation, control: dict[str, Any], check: str, word: str) -> None:
    """Sum, count and identity are all held against the control file, currency by currency."""
    day = installation.fresh_date()
    delivery = Delivery(business_date=day, source="visa", rows=some_rows(day, "visa"), **control)

    assert_quarantined(installation, delivery, Fault(check=check, words=(word,)))


def test_a_date_with_a_fault_in_every_source_names_them_all(installation: Installation) -> None:
    """The first fault does not hide the others."""
    day = installation.fresh_date()
    rows = {s: some_rows(day, s) for s in SOURCES}
    rows["mastercard"][0]["currency"] = "eur"
    installation.deliver(
        day,
        visa=Delivery(business_date=day, source="visa", rows=rows["visa"], data=b"\xff"),
        mastercard=Delivery(business_date=day, source="mastercard", rows=rows["mastercard"]),
        amex=Delivery(business_date=day, source="amex", rows=rows["amex"], declared={"rows": 7}),
    )

    failures = refused(installation, day)

    assert set(failures) == {"file_readable", "currency_isin", "rows_as_declared"}


@dataclass(frozen=True, kw_only=True)
class Tricky:
    """A file in which earlier records span lines, and the line of the one at fault."""

    earlier: Sequence[str]
    line: int
    form: CsvForm = field(default_factory=CsvForm)


SPANNING = {
    "one line feed before": Tricky(earlier=["a\nb"], line=4),
    "one line feed before and no last line end": Tricky(earlier=["a\nb"], line=4, form=CsvForm(last_line_end=False)),
    "many line feeds before": Tricky(earlier=["a\n\n\nb", "c", "\n"], line=9),
    "CRLF in quotes and between records": Tricky(
        earlier=["a\r\nb", "c\r\n\r\nd"], line=7, form=CsvForm(line_ends=("\r\n",))
    ),
    "both kinds of line ends": Tricky(earlier=["a\nb"], line=4, form=CsvForm(line_ends=("\n", "\r\n"))),
    "a byte-order mark": Tricky(earlier=["a\nb"], line=4, form=CsvForm(byte_order_mark=True)),
    "a header over two lines and no last line end": Tricky(
        earlier=["a"], line=4, form=CsvForm(columns=(*COLUMNS, "x\ny"), last_line_end=False)
    ),
}


@pytest.mark.parametrize("tricky", SPANNING.values(), ids=SPANNING.keys())
def test_the_line_of_an_unreadable_value_is_exact(installation: Installation, tricky: Tricky) -> None:
    """Lines are those that an editor shows, also where records before it span several."""
    day = installation.fresh_date()
    texts = [*tricky.earlier, "last"]
    rows = [a_row(day, "visa", n, merchant_id=text) | {"x\ny": "z"} for n, text in enumerate(texts, start=1)]
    rows[-1]["authorized_at"] = "yesterday"
    delivery = Delivery(business_date=day, source="visa", rows=rows, form=tricky.form)

    assert_quarantined(
        installation,
        delivery,
        Fault(check="values_readable", words=(f"line {tricky.line}",), line=tricky.line, column="authorized_at"),
    )


@pytest.mark.parametrize("tricky", SPANNING.values(), ids=SPANNING.keys())
def test_the_line_of_a_broken_rule_is_exact_or_left_out(installation: Installation, tricky: Tricky) -> None:
    """Where records span lines the record's number says where it stands; a wrong line is never given."""
    day = installation.fresh_date()
    texts = [*tricky.earlier, "last"]
    rows = [a_row(day, "visa", n, merchant_id=text) | {"x\ny": "z"} for n, text in enumerate(texts, start=1)]
    rows[-1]["currency"] = "eur"
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows, form=tricky.form))

    failures = refused(installation, day)

    sample = failures["currency_isin"].samples[0]
    assert sample.record == len(rows)
    assert sample.line in (tricky.line, None)


@pytest.mark.parametrize("tricky", SPANNING.values(), ids=SPANNING.keys())
def test_the_line_of_a_malformed_record_is_exact(installation: Installation, tricky: Tricky) -> None:
    """A record that begins after others which span lines is found where it begins."""
    day = installation.fresh_date()
    texts = [*tricky.earlier, "last"]
    rows = [a_row(day, "visa", n, merchant_id=text) | {"x\ny": "z"} for n, text in enumerate(texts, start=1)]
    data = tricky.form.render(rows)
    data = data.removesuffix(b"\r\n") if data.endswith(b"\r\n") else data.removesuffix(b"\n")
    delivery = Delivery(business_date=day, source="visa", data=data + b",x\n")

    assert_quarantined(
        installation,
        delivery,
        Fault(check="records_well_formed", words=(f"line {tricky.line}",), line=tricky.line),
    )
