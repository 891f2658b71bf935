"""A value that is not of its type or breaks a rule quarantines its date, with a reason that names it."""

from datetime import timedelta

import pytest

from settlement_platform_tests.deliveries import (
    COLUMNS,
    CsvForm,
    Delivery,
    always,
    totals_of,
)
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.quarantine import Fault, assert_quarantined, refused, second_of_three

UNREADABLE = {
    **{
        f"amount {v!r}": ("amount_minor", v)
        for v in ("1.0", "1e3", " 1", "1 ", "+1", "--1", "-", "0x1", "1_000", "1,0")
    },
    **{
        f"fee {v!r}": ("fee_minor", v)
        for v in ("9223372036854775808", "-9223372036854775809", "NULL", "NaN", "\uff11", "\u00b2", "1\n")
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
    words = (f"{column}: 1 value is not a valid", "first: line 3", repr(text))

    assert_quarantined(installation, delivery, Fault(check="values_readable", words=words, line=3, column=column))


def test_several_unreadable_values_are_counted_with_the_first_of_each_column(installation: Installation) -> None:
    """The message names the file, the rule, and where the first value is."""
    day = installation.fresh_date()
    rows = second_of_three(day, amount_minor="26.26", business_date="today")
    rows[2]["amount_minor"] = "x"
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows, declared={"totals": {}}))

    check = refused(installation, day)["values_readable"]

    assert check.measured == "3"
    assert check.message == (
        f"{day}/visa/cards.csv: amount_minor: 2 values are not valid 64-bit integers; first: line 3, '26.26'; "
        "business_date: 1 value is not a valid date (YYYY-MM-DD); first: line 3, 'today'"
    )


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


@pytest.mark.parametrize(("rows", "counted"), [([2], "1 row violates"), ([2, 3], "2 rows violate")])
def test_violations_are_counted_with_the_first_row(installation: Installation, rows: list[int], counted: str) -> None:
    """The message names the rule, the file, the line and the value."""
    day = installation.fresh_date()
    delivered = second_of_three(day)
    for row in rows:
        delivered[row - 1]["network"] = "amex"
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=delivered))

    check = refused(installation, day)["network_is_source"]

    assert check.message == (
        f"{counted}: network must name the source that delivered the row; first: {day}/visa/cards.csv line 3"
    )


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
    assert f"{column}: 1 of 9 fields are empty" in failures["null_rates"].message
    assert f"first: {delivery.data_key} line 3" in failures["null_rates"].message
    assert [(s.line, s.record, s.column) for s in failures["null_rates"].samples] == [(3, 2, column)]


def test_an_empty_field_below_records_of_several_lines_is_named_by_its_record(installation: Installation) -> None:
    """The staged rows no longer know on which line a record began."""
    day = installation.fresh_date()
    rows = second_of_three(day, card_token="")
    rows[0]["merchant_id"] = "a\nb"
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows))

    (check,) = refused(installation, day).values()

    assert f"first: {day}/visa/cards.csv record 2" in check.message


def test_empty_fields_beside_unreadable_ones_name_the_file_alone(installation: Installation) -> None:
    """Both are null, so that the first of them may be the other."""
    day = installation.fresh_date()
    rows = second_of_three(day, settled_at="")
    rows[0]["settled_at"] = "never"
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows))

    check = refused(installation, day)["null_rates"]

    assert check.message.endswith(f"first: {day}/visa/cards.csv")
    assert [(s.line, s.record) for s in check.samples] == [(None, None)]
