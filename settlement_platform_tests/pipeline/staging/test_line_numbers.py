"""Lines in findings are those that an editor shows, also where records span lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from settlement_platform_tests.deliveries import (
    COLUMNS,
    CsvForm,
    Delivery,
    a_row,
)
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.quarantine import Fault, assert_quarantined, refused


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
