"""Every valid form of a delivery is published, with exactly the rows that an independent reading finds in it."""

import gzip
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from settlement_platform.control.facts import State
from settlement_platform.control.publishing.gate import Action
from settlement_platform.storage.landing import zone
from settlement_platform_tests.deliveries import (
    COLUMNS,
    CsvForm,
    Delivery,
    Row,
    a_row,
    always,
    every_other,
    members,
    some_rows,
)
from settlement_platform_tests.pipeline.installation import Installation, an_installation
from settlement_platform_tests.pipeline.published_rows import expected_rows

SMALLEST, LARGEST = -(2**63), 2**63 - 1

FORMS = {
    "as usual": CsvForm(),
    "columns backwards": CsvForm(columns=COLUMNS[::-1]),
    "columns sorted by name": CsvForm(columns=sorted(COLUMNS)),
    "every field quoted": CsvForm(quoted=always),
    "every other field quoted": CsvForm(quoted=every_other),
    "only the header quoted": CsvForm(quoted=lambda record, _: record == 0),
    "only the last column quoted": CsvForm(quoted=lambda _, column: column == len(COLUMNS) - 1),
    "CRLF": CsvForm(line_ends=("\r\n",)),
    "CRLF and every field quoted": CsvForm(line_ends=("\r\n",), quoted=always),
    "LF and CRLF in turns": CsvForm(line_ends=("\n", "\r\n")),
    "CRLF and LF in turns": CsvForm(line_ends=("\r\n", "\n")),
    "LF and CRLF in turns, quoted": CsvForm(line_ends=("\n", "\r\n"), quoted=always),
    "CRLF in the header only": CsvForm(line_ends=("\r\n", "\n", "\n", "\n", "\n", "\n")),
    "no last line end": CsvForm(last_line_end=False),
    "no last line end, quoted": CsvForm(last_line_end=False, quoted=always),
    "CRLF without the last": CsvForm(line_ends=("\r\n",), last_line_end=False),
    "a byte-order mark": CsvForm(byte_order_mark=True),
    "a byte-order mark before a quoted header": CsvForm(byte_order_mark=True, quoted=always),
    "a byte-order mark, CRLF, quoted and no last line end": CsvForm(
        byte_order_mark=True, quoted=always, line_ends=("\r\n",), last_line_end=False
    ),
}

MERCHANTS = {
    "a comma": "Smith, Jones",
    "a quote": 'The "Grand" Hotel',
    "nothing but a quote": '"',
    "nothing but two quotes": '""',
    "quotes at both ends": '"x"',
    "a quote, then a comma": 'a",b',
    "nothing but a comma": ",",
    "a line feed": "first\nsecond",
    "a CRLF": "first\r\nsecond",
    "a carriage return": "first\rsecond",
    "line feeds at both ends": "\nx\n",
    "an empty line inside": "first\n\nsecond",
    "a line that ends in a comma": "first,\nsecond",
    "a quote, a blank and a line feed": 'say "x" \n"y"',
    "what looks like two records": 'x\n1,2,3,4,5,6,7,8,9,10,11\n"',
    "blanks at both ends": "  x  ",
    "a single blank": " ",
    "a tab": "a\tb",
    "NULL": "NULL",
    "null": "null",
    "NaN": "NaN",
    "None": "None",
    "a backslash and N": "\\N",
    "a backslash before a quote": 'a\\"b',
    "a last backslash": "a\\",
    "true": "true",
    "a number with leading zeros": "000123",
    "a number beyond 64 bits": "99999999999999999999999",
    "scientific notation": "1e5",
    "a date": "2026-01-01",
    "Greek": "Καφενείο",
    "Chinese": "北京烤鸭店",
    "Arabic": "مقهى",
    "an emoji of several code points": "👩‍👩‍👧‍👦",
    "a combining accent": "Cafe\u0301",
    "a no-break space": "a\u00a0b",
    "a byte-order mark inside": "a\ufeffb",
    "a line separator of Unicode": "a\u2028b",
    "a next line of Unicode": "a\u0085b",
    "a form feed and a vertical tab": "a\x0c\x0bb",
    "file and record separators": "a\x1c\x1d\x1e\x1fb",
    "an escape character": "\x1b[31mred",
    "a replacement character": "\ufffd",
    "the highest code point": "\U0010ffff",
    "SQL": "'); DROP TABLE lake.published.card_settlements; --",
    "an SQL comment": "x -- y /* z",
    "a single quote": "O'Neill",
    "a formula": "=1+1",
    "a command formula": "=cmd|' /C calc'!A0",
    "at, plus and minus": "@+-x",
    "a glob": "*?[a-z]{b}",
    "a path": "../../../etc/passwd",
    "a URL": "s3://bucket/key?x=1&y=2",
    "a format string": "{0} %s ${HOME}",
    "a comment sign": "# no comment",
    "a semicolon and a pipe": "a;b|c",
    "markup": "<script>alert(1)</script>",
    "64 kB of text": "m" * 65_536,
    "a megabyte of text": "n" * 1_000_000,
}

MOMENTS = {
    "UTC": ("2026-01-31T04:05:06Z", "2026-01-31T04:05:06Z"),
    "an offset": ("2026-01-31T04:05:06+02:00", "2026-01-31T02:05:06Z"),
    "a negative offset": ("2026-01-31T04:05:06-05:30", "2026-01-31T09:35:06Z"),
    "an offset of zero": ("2026-01-31T04:05:06+00:00", "2026-01-31T04:05:06Z"),
    "a negative offset of zero": ("2026-01-31T04:05:06-00:00", "2026-01-31T04:05:06Z"),
    "an offset without a colon": ("2026-01-31T04:05:06+0530", "2026-01-30T22:35:06Z"),
    "an offset of hours": ("2026-01-31T04:05:06-08", "2026-01-31T12:05:06Z"),
    "an offset of 14 hours, to the day before": ("2026-01-01T00:30:00+14:00", "2025-12-31T10:30:00Z"),
    "an offset to the day after": ("2026-12-31T23:30:00-12:00", "2027-01-01T11:30:00Z"),
    "an offset over the end of February": ("2028-02-29T23:59:59-01:00", "2028-03-01T00:59:59Z"),
    "milliseconds": ("2026-01-31T04:05:06.789Z", "2026-01-31T04:05:06.789Z"),
    "one decimal": ("2026-01-31T04:05:06.7+01:00", "2026-01-31T03:05:06.7Z"),
    "microseconds": ("2026-01-31T04:05:06.789012Z", "2026-01-31T04:05:06.789012Z"),
    "nanoseconds, of which microseconds are kept": (
        "2026-01-31T04:05:06.789012999Z",
        "2026-01-31T04:05:06.789012Z",
    ),
    "a decimal comma": ("2026-01-31T04:05:06,5Z", "2026-01-31T04:05:06.5Z"),
    "the basic form": ("20260131T040506Z", "2026-01-31T04:05:06Z"),
    "the basic form with an offset": ("20260131T040506+0200", "2026-01-31T02:05:06Z"),
    "the basic form with a fraction": ("20260131T040506.25-0100", "2026-01-31T05:05:06.25Z"),
    "no seconds": ("2026-01-31T04:05Z", "2026-01-31T04:05:00Z"),
    "no seconds in the basic form": ("20260131T0405+01", "2026-01-31T03:05:00Z"),
    "hours only": ("2026-01-31T04Z", "2026-01-31T04:00:00Z"),
    "a fraction of a minute": ("2026-01-31T04:05.5Z", "2026-01-31T04:05:30Z"),
    "a fraction of an hour": ("2026-01-31T04,25+01:00", "2026-01-31T03:15:00Z"),
    "midnight as the end of the day": ("2026-01-31T24:00:00Z", "2026-02-01T00:00:00Z"),
    "long ago": ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    "before 1970": ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
    "far ahead": ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
}

NUMBERS = {
    "the smallest amount": {"transaction_type": "refund", "amount_minor": str(SMALLEST)},
    "the largest amount": {"amount_minor": str(LARGEST)},
    "a net of 65 bits": {"amount_minor": str(LARGEST), "fee_minor": str(SMALLEST)},
    "a negative net of 65 bits": {
        "transaction_type": "refund",
        "amount_minor": str(SMALLEST),
        "fee_minor": str(LARGEST),
    },
    "leading zeros": {"amount_minor": "0000000000000000000000000012", "fee_minor": "-007"},
    "minus zero as a sale": {"amount_minor": "-0", "fee_minor": "-0"},
    "minus zero as a refund": {"transaction_type": "refund", "amount_minor": "-0"},
    "zero of every type": {"transaction_type": "chargeback", "amount_minor": "0"},
    "a negative adjustment": {"transaction_type": "adjustment", "amount_minor": "-5"},
    "a positive adjustment": {"transaction_type": "adjustment", "amount_minor": "5"},
    "a negative fee": {"transaction_type": "fee", "amount_minor": "-5", "fee_minor": "-5"},
    "a positive chargeback reversal": {"transaction_type": "chargeback_reversal", "amount_minor": "5"},
    "a negative chargeback": {"transaction_type": "chargeback", "amount_minor": "-5"},
    "a currency without minor units": {"currency": "JPY"},
    "a currency of three decimals": {"currency": "KWD"},
    "a fund code of ISO 4217": {"currency": "CHW"},
}

TOKENS = {
    "16 digits that fail the Luhn sum": "4111111111111112",
    "13 digits that fail the Luhn sum": "4222222222223",
    "12 digits that meet the Luhn sum": "400000000006",
    "20 digits that meet the Luhn sum": "40000000000000000002",
    "16 digits of no issuer": "1111111111111117",
}

CARD_NUMBERS = {
    "behind a prefix": ("card_token", "tok_4111111111111111"),
    "in a longer text": ("card_token", "4111111111111111x"),
    "with dots": ("card_token", "4111.1111.1111.1111"),
    "as a key": ("transaction_id", "4111111111111111"),
    "in free text": ("merchant_id", "4111 1111 1111 1111"),
}


def _one_row(day: date, **values: str) -> list[Row]:
    """A row between two ordinary ones."""
    return [a_row(day, "visa", 1), a_row(day, "visa", 2, **values), a_row(day, "visa", 3)]


def _assert_published(installation: Installation, day: date, delivery: Delivery) -> None:
    """Publish the delivery beside two ordinary ones and compare what readers see with an independent reading."""
    delivered = installation.deliver(day, visa=delivery)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.PUBLISH, concluded.decision.reasons
    assert concluded.decision.state is State.FINAL
    assert installation.rows(day) == expected_rows(delivered)


@pytest.mark.parametrize("in_place", [True, False], ids=["read in place", "read from a copy"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_file_is_published_in_whatever_form_rfc_4180_allows(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, form: CsvForm, in_place: bool
) -> None:
    """Order of columns, quotes, line ends and byte-order mark change nothing about the rows."""
    day = installation.fresh_date()
    monkeypatch.setattr(zone, "STABLE_SECONDS", -1.0 if in_place else 1e9)
    rows = _one_row(day, merchant_id='Smith, "Jones"')

    _assert_published(installation, day, Delivery(business_date=day, source="visa", rows=rows, form=form))


@pytest.mark.parametrize("merchant", MERCHANTS.values(), ids=MERCHANTS.keys())
def test_a_merchant_is_published_as_it_was_delivered(installation: Installation, merchant: str) -> None:
    """Any text is a merchant, and no text is ever run, expanded, trimmed or taken for null."""
    day = installation.fresh_date()
    rows = _one_row(day, merchant_id=merchant)

    _assert_published(installation, day, Delivery(business_date=day, source="visa", rows=rows))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_text_with_line_ends_is_published_in_every_form(installation: Installation, form: CsvForm) -> None:
    """Line ends inside quotes do not mix with those between records."""
    day = installation.fresh_date()
    texts = ("one\ntwo", "one\r\ntwo", "plain", 'quote"\r\n\n"')
    rows = [a_row(day, "visa", n, merchant_id=text) for n, text in enumerate(texts)]

    _assert_published(installation, day, Delivery(business_date=day, source="visa", rows=rows, form=form))


@pytest.mark.parametrize(("text", "utc"), MOMENTS.values(), ids=MOMENTS.keys())
def test_a_moment_is_published_in_utc(installation: Installation, text: str, utc: str) -> None:
    """Every form of ISO 8601 with an offset means one moment."""
    day = installation.fresh_date()
    rows = _one_row(day, authorized_at=text)
    meant = _one_row(day, authorized_at=utc)
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows))
    oracle = expected_rows([Delivery(business_date=day, source="visa", rows=meant)])

    concluded = installation.run(day)

    assert concluded.decision.action is Action.PUBLISH, concluded.decision.reasons
    assert [row for row in installation.rows(day) if row[-2] == "visa"] == oracle


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS.keys())
def test_a_number_is_published_exactly(installation: Installation, values: dict[str, str]) -> None:
    """Amounts and fees keep every digit, and their difference has the bits that it needs."""
    day = installation.fresh_date()

    _assert_published(installation, day, Delivery(business_date=day, source="visa", rows=_one_row(day, **values)))


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_a_token_that_is_no_card_number_is_published(installation: Installation, token: str) -> None:
    """A card number has 13 to 19 digits, meets the Luhn sum, and begins as those of an issuer."""
    day = installation.fresh_date()

    _assert_published(
        installation, day, Delivery(business_date=day, source="visa", rows=_one_row(day, card_token=token))
    )


@pytest.mark.parametrize(("column", "text"), CARD_NUMBERS.values(), ids=CARD_NUMBERS.keys())
def test_a_card_number_in_any_text_column_closes_the_gate(installation: Installation, column: str, text: str) -> None:
    """Readers see nothing of the date, and the finding shows nothing of the number."""
    day = installation.fresh_date()
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=_one_row(day, **{column: text})))

    concluded = installation.run(day)

    assert concluded.decision.action is Action.REFUSE
    assert concluded.verdict is not None
    assert [check.name for check in concluded.verdict.failures] == ["no_card_numbers"]
    assert not any("1111" in reason for reason in concluded.decision.reasons)
    assert installation.rows(day) == []


def test_a_gzip_file_is_published(installation: Installation) -> None:
    """A file may come compressed."""
    day = installation.fresh_date()

    _assert_published(
        installation,
        day,
        Delivery(business_date=day, source="visa", rows=some_rows(day, "visa"), gzipped=True),
    )


@pytest.mark.parametrize("cut", [1, 5, 100, 300])
def test_a_gzip_file_of_several_members_is_published(installation: Installation, cut: int) -> None:
    """Members may end anywhere, also within a record, and may be empty."""
    day = installation.fresh_date()
    rows = some_rows(day, "visa")
    text = CsvForm(byte_order_mark=True).render(rows)
    data = members(text[:cut], b"", text[cut:])

    _assert_published(installation, day, Delivery(business_date=day, source="visa", rows=rows, gzipped=True, data=data))


def test_an_added_column_warns_and_is_not_published(installation: Installation) -> None:
    """A provider may add columns at any time."""
    day = installation.fresh_date()
    rows = [r | {"acquirer": "a", "Amount_Minor": "x"} for r in some_rows(day, "visa")]
    form = CsvForm(columns=("acquirer", *COLUMNS, "Amount_Minor"))
    delivered = installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows, form=form))

    concluded = installation.run(day)

    assert concluded.decision.action is Action.PUBLISH, concluded.decision.reasons
    assert concluded.verdict is not None
    assert [c.name for c in concluded.verdict.warnings] == ["columns_added"]
    assert "acquirer" in concluded.verdict.warnings[0].message
    assert "Amount_Minor" in concluded.verdict.warnings[0].message
    assert installation.rows(day) == expected_rows(delivered)


@pytest.mark.parametrize(
    "name",
    ["", " ", "a,b", 'a"b', "a\nb", "source", "source_row_number", "net_minor", "c0", "TRANSACTION_ID"],
)
def test_an_added_column_may_have_any_name(installation: Installation, name: str) -> None:
    """Also the names of columns that the platform adds itself."""
    day = installation.fresh_date()
    rows = [r | {name: "x"} for r in some_rows(day, "visa")]
    form = CsvForm(columns=(*COLUMNS[:4], name, *COLUMNS[4:]))

    _assert_published(installation, day, Delivery(business_date=day, source="visa", rows=rows, form=form))


@pytest.mark.parametrize("text", [b"%s\n", b"%s", b"%s\r\n", b"\xef\xbb\xbf%s\n"])
def test_a_header_alone_is_a_valid_delivery(installation: Installation, text: bytes) -> None:
    """Nothing settled is something to say."""
    day = installation.fresh_date()
    data = text.replace(b"%s", ",".join(COLUMNS).encode())

    _assert_published(installation, day, Delivery(business_date=day, source="visa", data=data))


def test_a_date_on_which_nothing_settled_at_all_is_published_without_rows(installation: Installation) -> None:
    """Three headers make a final date."""
    day = installation.fresh_date()
    empty = {s: Delivery(business_date=day, source=s) for s in ("visa", "mastercard", "amex")}
    installation.deliver(day, **empty)

    concluded = installation.run(day)

    assert concluded.decision.state is State.FINAL
    assert concluded.publication is not None
    assert concluded.publication.rows == 0
    assert installation.rows(day) == []


@pytest.mark.parametrize(
    "in_place",
    [True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["read in place", "read from a copy"],
)
@pytest.mark.parametrize("name", ["a b", "a[b]c", "a*b", "a?b", "it's", 'say "x"', "ünï", "a%20b", "a#b", "{x}"])
def test_folders_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, in_place: bool) -> None:
    """A folder's name is no pattern, no URL and no SQL."""
    monkeypatch.setattr(zone, "STABLE_SECONDS", -1.0 if in_place else 1e9)
    (tmp_path / "aXb").mkdir()
    installation = an_installation(tmp_path / name)
    day = installation.fresh_date()

    _assert_published(
        installation,
        day,
        Delivery(
            business_date=day,
            source="visa",
            rows=some_rows(day, "visa"),
            form=CsvForm(line_ends=("\n", "\r\n")),
        ),
    )


def test_the_bytes_of_a_delivery_are_never_changed(installation: Installation) -> None:
    """The landing zone is only read."""
    day = installation.fresh_date()
    delivery = Delivery(business_date=day, source="visa", rows=some_rows(day, "visa"), gzipped=True)
    installation.deliver(day, visa=replace(delivery, gzipped=True))

    installation.run(day)

    path = delivery.data_path(installation.landing)
    assert path.read_bytes() == delivery.data_bytes
    assert gzip.decompress(path.read_bytes()) == delivery.form.render(delivery.rows)
    assert sorted(p.name for p in path.parent.iterdir()) == ["cards.control.json", "cards.csv.gz"]
