"""Marts follow what is published, and nothing else; their sums are those of an independent computation."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from settlement_platform.control.publishing.gate import Action
from settlement_platform.marts.catalog import MARTS
from settlement_platform.marts.mart import Mart
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.marts.network_fee_summary import NETWORK_FEE_SUMMARY
from settlement_platform_tests.deliveries import Delivery, a_row, some_rows
from settlement_platform_tests.pipeline.installation import Installation


def _read(installation: Installation, mart: Mart, day: date) -> list[tuple[Any, ...]]:
    cursor = installation.platform.lake.cursor()
    try:
        return cursor.execute(
            f"SELECT * EXCLUDE business_date FROM lake.published.{mart.name} WHERE business_date = ? ORDER BY 1, 2",
            [day],
        ).fetchall()
    finally:
        cursor.close()


def _sums(delivered: Sequence[Delivery], by: str) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Gross, fees and number per group and currency, in Python's unbounded integers."""
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in (row for delivery in delivered for row in delivery.rows):
        sums = found[row[by], row["currency"]]
        sums[0] += int(row["amount_minor"])
        sums[1] += int(row["fee_minor"])
        sums[2] += 1
    return {key: (gross, fee, count) for key, (gross, fee, count) in found.items()}


def _merchants(delivered: Sequence[Delivery]) -> list[tuple[Any, ...]]:
    return sorted(
        (merchant, currency, Decimal(gross), Decimal(fee), Decimal(gross - fee), count)
        for (merchant, currency), (gross, fee, count) in _sums(delivered, "merchant_id").items()
    )


def _networks(delivered: Sequence[Delivery]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            network,
            currency,
            Decimal(gross),
            Decimal(fee),
            count,
            float(Fraction(10_000 * fee, gross)) if gross else None,
        )
        for (network, currency), (gross, fee, count) in _sums(delivered, "network").items()
    )


def _assert_reconciled(installation: Installation, delivered: Sequence[Delivery], day: date) -> None:
    assert _read(installation, MERCHANT_DAILY_NET, day) == _merchants(delivered)
    networks = _read(installation, NETWORK_FEE_SUMMARY, day)
    expected = _networks(delivered)
    assert [row[:-1] for row in networks] == [row[:-1] for row in expected]
    assert [row[-1] for row in networks] == [pytest.approx(row[-1]) for row in expected]


def _built(installation: Installation, day: date) -> None:
    for mart in MARTS:
        assert installation.build(mart, day).decision.action is Action.PUBLISH


def test_marts_reconcile_with_an_independent_computation(installation: Installation) -> None:
    """Gross, fees, net and counts, per merchant and per network."""
    day = installation.fresh_date()
    delivered = installation.deliver(
        day, visa=Delivery(business_date=day, source="visa", rows=some_rows(day, "visa", 50))
    )
    installation.run(day)

    _built(installation, day)

    _assert_reconciled(installation, delivered, day)


def test_sums_beyond_64_bits_are_exact(installation: Installation) -> None:
    """Sums are of 128 bits."""
    day = installation.fresh_date()
    rows = [
        a_row(
            day,
            "visa",
            n,
            amount_minor=str(2**63 - 1),
            fee_minor=str(-(2**63)),
            currency="EUR",
            merchant_id="big",
        )
        for n in range(1, 8)
    ]
    delivered = installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows))
    installation.run(day)

    _built(installation, day)

    _assert_reconciled(installation, delivered, day)


def test_the_rate_of_a_gross_of_zero_is_null(installation: Installation) -> None:
    """A rate of nothing is no number."""
    day = installation.fresh_date()
    rows = [
        a_row(day, "visa", 1, amount_minor="5", currency="EUR"),
        a_row(day, "visa", 2, amount_minor="-5", currency="EUR", transaction_type="refund"),
    ]
    delivered = installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows))
    installation.run(day)

    _built(installation, day)

    _assert_reconciled(installation, delivered, day)
    assert _read(installation, NETWORK_FEE_SUMMARY, day)[-1][-1] is None


@pytest.mark.parametrize("mart", MARTS, ids=[m.name for m in MARTS])
def test_a_mart_of_a_date_that_is_not_published_waits(installation: Installation, mart: Mart) -> None:
    """Neither nothing delivered nor something quarantined makes a mart."""
    day = installation.fresh_date()
    nothing = installation.build(mart, day)
    spoiled = Delivery(business_date=day, source="visa", rows=some_rows(day, "visa"), declared={"rows": 9})
    installation.deliver(day, visa=spoiled)
    installation.run(day)

    concluded = installation.build(mart, day)

    assert nothing.decision.action is Action.WAIT
    assert concluded.decision.action is Action.WAIT
    assert "card_settlements" in concluded.decision.reasons[0]
    assert _read(installation, mart, day) == []


@pytest.mark.parametrize("mart", MARTS, ids=[m.name for m in MARTS])
def test_building_a_mart_again_changes_nothing(installation: Installation, mart: Mart) -> None:
    """One generation of the input always makes one and the same mart."""
    day = installation.fresh_date()
    installation.deliver(day)
    installation.run(day)
    installation.build(mart, day)

    concluded = installation.build(mart, day)

    assert concluded.decision.action is Action.ALREADY_PUBLISHED
    assert [p.generation for p in installation.platform.lake.history(mart.name, day)] == [1]


def test_a_mart_follows_the_generation_of_its_input_and_records_it(installation: Installation) -> None:
    """A restated input restates the mart; the record names the generation that it was built from."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    installation.run(day)
    _built(installation, day)
    correction = Delivery(business_date=day, source="visa", rows=some_rows(day, "visa", 9))
    correction.write(installation.landing)
    installation.run(day)

    _built(installation, day)

    _assert_reconciled(installation, [correction, *delivered[1:]], day)
    for mart in MARTS:
        history = installation.platform.lake.history(mart.name, day)
        assert [(p.generation, p.sources[0].source, p.sources[0].generation) for p in history] == [
            (1, "card_settlements", 1),
            (2, "card_settlements", 2),
        ]


def test_a_mart_never_sees_a_quarantined_correction(installation: Installation) -> None:
    """Beside a refused correction, the published rows stay the input."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    installation.run(day)
    spoiled = replace(Delivery(business_date=day, source="visa", rows=some_rows(day, "visa", 9)), declared={"rows": 1})
    spoiled.write(installation.landing)
    installation.run(day)

    _built(installation, day)

    _assert_reconciled(installation, delivered, day)


def test_a_date_without_rows_makes_marts_without_rows(installation: Installation) -> None:
    """They are published all the same, so that their watermark advances."""
    day = installation.fresh_date()
    installation.deliver(day, **{s: Delivery(business_date=day, source=s) for s in ("visa", "mastercard", "amex")})
    installation.run(day)

    _built(installation, day)

    for mart in MARTS:
        assert _read(installation, mart, day) == []
        assert [p.rows for p in installation.platform.lake.history(mart.name, day)] == [0]


def test_a_mart_has_a_watermark_of_its_own(own_installation: Installation) -> None:
    """It stands where the mart is complete, not where its input is."""
    lake, first = own_installation.platform.lake, own_installation.fresh_date()
    own_installation.deliver(first)
    own_installation.run(first)
    before = lake.watermark(MERCHANT_DAILY_NET.name)[0]

    concluded = own_installation.build(MERCHANT_DAILY_NET, first)

    assert before is None
    assert concluded.watermark == first
    assert lake.watermark(MERCHANT_DAILY_NET.name)[0] == first
    assert lake.watermark(NETWORK_FEE_SUMMARY.name)[0] is None
