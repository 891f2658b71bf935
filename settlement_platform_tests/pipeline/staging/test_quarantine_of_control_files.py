"""A control file that cannot be read or disagrees quarantines its date."""

import json
from typing import Any

import pytest

from settlement_platform.control.reasons.landing import (
    CONTROL_FILE_NOT_JSON,
    CURRENCY_UNDECLARED,
    CURRENCY_WITHOUT_ROWS,
)
from settlement_platform_tests.deliveries import (
    SOURCES,
    Delivery,
    some_rows,
)
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.quarantine import Fault, assert_quarantined, refused


def _without(*names: str) -> dict[str, Any]:
    return {"undeclared": names}


def _declaring(**members_: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"declared": members_}


NOT_JSON = CONTROL_FILE_NOT_JSON(line=1, column=1, fault="Expecting value")
CUT_OFF = CONTROL_FILE_NOT_JSON(line=1, column=11, fault="Expecting ',' delimiter")
EUR = {"EUR": {"amount_minor": 1003, "fee_minor": 13}}
TOTALS = EUR | {
    "USD": {"amount_minor": 1001, "fee_minor": 11},
    "JPY": {"amount_minor": 1002, "fee_minor": 12},
}
CONTROLS: dict[str, tuple[dict[str, Any], str, str]] = {
    "that is empty": ({"control": b""}, "control_file_readable", NOT_JSON),
    "that is no JSON": ({"control": b"rows=3"}, "control_file_readable", NOT_JSON),
    "that is cut off": ({"control": b'{"rows": 3'}, "control_file_readable", CUT_OFF),
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
    "with a row too many": (_declaring(rows=4), "rows_as_declared", "3 rows, 4 declared"),
    "with a row too few": (_declaring(rows=2), "rows_as_declared", "3 rows, 2 declared"),
    "with no totals at all": (
        _declaring(totals={}),
        "totals_as_declared",
        CURRENCY_UNDECLARED(currency="EUR"),
    ),
    "with a currency too few": (
        _declaring(totals=EUR),
        "totals_as_declared",
        CURRENCY_UNDECLARED(currency="USD"),
    ),
    "with a currency too many": (
        _declaring(totals=TOTALS | {"GBP": {"amount_minor": 0, "fee_minor": 0}}),
        "totals_as_declared",
        CURRENCY_WITHOUT_ROWS(currency="GBP"),
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
