"""Decimals and their totals are exact: what cannot be kept is a finding, and nothing is rounded."""

from decimal import Decimal
from typing import Any

import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from settlement_platform.control.card_numbers import redact
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.dataset import Dataset
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.payments import Bank, Payment, a_dataset, a_payment, failures


class Lenient(Payment):
    """Accepts zeros beyond the declared decimals, and a bare point."""

    amount: dt.Decimal(18, 2) = pa.Field(metadata={"extra_zeros": True, "bare_point": True})


class Wide(Payment):
    """Amounts whose sum needs more than 128 bits."""

    amount: dt.Decimal(38, 2)


class Whole(Payment):
    """Decimals without decimals, and a number to hash."""

    amount: dt.Decimal(18, 0) = pa.Field(metadata={"extra_zeros": True})
    reference: int


STRICT = a_dataset("strict_payments")
LENIENT = a_dataset("lenient_payments", Lenient)


REFUSED = ["254.0149", "0.005", "-0.057909", "1.255", "-3.000", "1.00000", ".11", "-.5", "5.", ".", "-", "1e2", "1,5"]
REFUSED += ["+1", "10000000000000000.00", "NaN", "0x1"]


@pytest.mark.parametrize("text", REFUSED)
def test_a_decimal_that_cannot_be_kept_exactly_is_a_finding(installation: Installation, text: str) -> None:
    """The finding gives line, column, value and the declared size."""
    day = installation.fresh_date()

    outcome = Bank(installation=installation, dataset=STRICT).settle(
        day, [a_payment(day, 1), a_payment(day, 2, amount=text)]
    )

    check = failures(outcome)["values_readable"]
    assert outcome.decision.action is Action.REFUSE
    assert [(s.line, s.column, s.value) for s in check.samples] == [(3, "amount", redact(text))]
    assert "a valid decimal number with at most 16 digits before the point and 2 after it" in check.message


@pytest.mark.parametrize(
    ("text", "amount"),
    [("-3.000", "-3.00"), ("254.01000", "254.01"), (".11", "0.11"), ("-.5", "-0.50"), ("5.", "5.00"), ("7", "7.00")],
)
def test_zeros_and_a_bare_point_are_read_where_they_are_declared(
    installation: Installation, text: str, amount: str
) -> None:
    day = installation.fresh_date()
    bank = Bank(installation=installation, dataset=LENIENT)

    outcome = bank.settle(day, [a_payment(day, amount=text)])

    assert outcome.decision.action is Action.PUBLISH
    assert bank.published(day, "amount") == [(Decimal(amount),)]


@pytest.mark.parametrize("text", ["1.255", "0.001", ".", "-", "1.2.3", ".1110"])
def test_more_decimals_than_declared_stay_a_finding_where_zeros_are_accepted(
    installation: Installation, text: str
) -> None:
    day = installation.fresh_date()

    outcome = Bank(installation=installation, dataset=LENIENT).settle(day, [a_payment(day, amount=text)])

    assert list(failures(outcome)) == ["values_readable"]


TOTALED = {"control_totals": ("amount",)}


@pytest.mark.parametrize(
    ("dataset", "amounts", "declared", "published"),
    [
        (a_dataset("totaled_payments", **TOTALED), ["100.99"], 100, False),
        (a_dataset("totaled_payments", **TOTALED), ["100.99"], 100.99, True),
        (a_dataset("totaled_payments", **TOTALED), ["100.10", "0.20"], 100.3, True),
        (a_dataset("totaled_payments", **TOTALED), ["100.10", "0.20"], 100.30000000000001, False),
        (a_dataset("totaled_payments", **TOTALED), ["9999999999999999.99"] * 20, "199999999999999999.80", True),
        (a_dataset("totaled_payments", **TOTALED), ["9999999999999999.99"] * 20, "199999999999999999.81", False),
        (a_dataset("tolerant_payments", totals_tolerance=Decimal("0.01"), **TOTALED), ["1.00"], 1.01, True),
        (a_dataset("tolerant_payments", totals_tolerance=Decimal("0.01"), **TOTALED), ["1.00"], 1.02, False),
        (a_dataset("wide_payments", Wide, **TOTALED), ["9" * 36 + ".99"] * 11, "10" + "9" * 36 + ".88", False),
        (a_dataset("wide_payments", Wide, **TOTALED), ["9" * 36 + ".99"] * 11, "10" + "9" * 36 + ".89", True),
    ],
)
def test_totals_of_decimals_are_compared_to_the_last_digit(
    installation: Installation, dataset: Dataset, amounts: list[str], declared: float | str, published: bool
) -> None:
    day = installation.fresh_date()
    rows = [a_payment(day, n, amount=amount) for n, amount in enumerate(amounts)]
    total = Decimal(declared) if isinstance(declared, str) else declared

    outcome = Bank(installation=installation, dataset=dataset).settle(day, rows, {"EUR": {"amount": total}})

    assert (outcome.decision.action is Action.PUBLISH) == published, outcome.decision.reasons
    if not published:
        assert list(failures(outcome)) == ["totals_as_declared"]


def test_a_finding_on_totals_names_both_sums_exactly(installation: Installation) -> None:
    day = installation.fresh_date()
    bank = Bank(installation=installation, dataset=a_dataset("totaled_payments", **TOTALED))

    outcome = bank.settle(day, [a_payment(day, amount="100.99")], {"EUR": {"amount": 100.1}})

    message = failures(outcome)["totals_as_declared"].message
    assert message.endswith("EUR amount: declared 100.1, measured 100.99 (off by +0.89)")


def test_whole_decimals_and_hash_totals_are_exact(installation: Installation) -> None:
    """The sum of references needs more than 64 bits."""
    day = installation.fresh_date()
    bank = Bank(
        installation=installation, dataset=a_dataset("whole_payments", Whole, control_totals=("amount", "reference"))
    )
    rows = [a_payment(day, n, amount="5.000", reference=str(2**63 - 1)) for n in range(3)]

    outcome = bank.settle(day, rows, {"EUR": {"amount": 15, "reference": 3 * (2**63 - 1)}})

    assert outcome.decision.action is Action.PUBLISH
    assert bank.published(day, "amount")[0] == (Decimal(5),)


@pytest.mark.parametrize("totals", [{}, {"": {}}, {"EUR": {}}])
def test_without_control_totals_none_are_compared(installation: Installation, totals: dict[str, Any]) -> None:
    day = installation.fresh_date()

    outcome = Bank(installation=installation, dataset=STRICT).settle(day, [a_payment(day)], totals)

    assert outcome.decision.action is Action.PUBLISH
