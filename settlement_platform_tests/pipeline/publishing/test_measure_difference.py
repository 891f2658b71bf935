"""The effect of a restatement is on record beside it, exactly as an independent computation finds it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import ibis.expr.datatypes as dt
import pytest

from settlement_platform.control.policies import Restating
from settlement_platform.control.publishing.gate import Action
from settlement_platform_tests.deliveries import SOURCES, Delivery, Row, a_row, some_rows
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, happening
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.operating import (
    a_visa,
    expected_counts,
    expected_effects,
    history,
    query,
    recorded_counts,
    recorded_effects,
    run,
)
from settlement_platform_tests.pipeline.payments import Bank, Payment, a_dataset, a_payment
from settlement_platform_tests.pipeline.published_rows import expected_rows


class Broken(Exception):
    """DateEnd for whatever ends a process inside the transaction."""


class Huge(Payment):
    """Amounts as large as decimals get."""

    amount: dt.Decimal(38, 0)


def _restate(installation: Installation, day: date, before: list[Row], after: list[Row]) -> tuple[int, int, int]:
    """Publish a date, then a correction of visa; holds the record against Python, and gives the counts."""
    first, second = (Delivery(business_date=day, source="visa", rows=rows) for rows in (before, after))
    delivered = installation.deliver(day, visa=first)
    run(installation.platform, day)
    second.write(installation.landing)
    old, new = [first, *delivered[1:]], [second, *delivered[1:]]
    counts = expected_counts(old, new)

    concluded = run(installation.platform, day)

    assert concluded.decision.action is Action.PUBLISH
    assert installation.rows(day) == expected_rows(new)
    assert recorded_counts(installation, day, 2) == [(1, *counts)]
    assert recorded_effects(installation, day, 2) == expected_effects(old, new)
    assert concluded.difference is not None
    assert (concluded.difference.rows_added, concluded.difference.rows_removed) == counts[:2]
    return counts


def test_rows_added_removed_and_changed_and_the_effect_of_each_merchant_are_on_record(
    staffed: Installation,
) -> None:
    """A mixture of all, over several merchants and currencies."""
    day = staffed.fresh_date()
    before = some_rows(day, "visa", 12)
    after = [
        *before[2:6],
        a_row(day, "visa", 7, amount_minor="900000"),
        a_row(day, "visa", 8, merchant_id="m-new"),
        a_row(day, "visa", 9, currency="CHF"),
        *before[9:],
        *(a_row(day, "visa", n) for n in range(40, 45)),
    ]

    assert _restate(staffed, day, before, after) == (5, 2, 3)


def test_rows_in_another_order_are_no_change(staffed: Installation) -> None:
    """Another content, and a restatement, that moves nothing; it is on record as such."""
    day = staffed.fresh_date()
    rows = some_rows(day, "visa", 6)

    assert _restate(staffed, day, rows, rows[::-1]) == (0, 0, 0)
    assert recorded_effects(staffed, day, 2) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("merchant_id", "m-9"),
        ("card_token", "tok_other"),
        ("currency", "CHF"),
        ("amount_minor", "7"),
        ("fee_minor", "-7"),
        ("transaction_type", "fee"),
        ("authorized_at", "2026-01-01T00:00:01Z"),
        ("settled_at", "2026-01-01T00:00:01+05:30"),
    ],
)
def test_a_change_of_any_column_is_a_changed_row(staffed: Installation, column: str, value: str) -> None:
    day = staffed.fresh_date()
    before = some_rows(day, "visa", 3)

    assert _restate(staffed, day, before, [{**before[0], column: value}, *before[1:]]) == (0, 0, 1)


def test_effects_are_exact_beyond_64_bits(staffed: Installation) -> None:
    """Sums of amounts and fees at the ends of their range."""
    day = staffed.fresh_date()
    highest = {"currency": "EUR", "merchant_id": "big", "amount_minor": str(2**63 - 1), "fee_minor": str(-(2**63))}
    lowest = {**highest, "amount_minor": str(-(2**63)), "fee_minor": str(2**63 - 1), "transaction_type": "refund"}
    before = [a_row(day, "visa", n, **highest) for n in range(5)]

    _restate(staffed, day, before, [a_row(day, "visa", n, **lowest) for n in range(5)])

    assert abs(recorded_effects(staffed, day, 2)[0][-1]) > 2**66


def test_a_restatement_to_no_rows_removes_them_all(staffed: Installation) -> None:
    day = staffed.fresh_date()

    assert _restate(staffed, day, some_rows(day, "visa", 4), []) == (0, 4, 0)


def test_a_restatement_of_a_final_date_without_rows_is_on_record_too(staffed: Installation) -> None:
    """Readers took nothing for the answer: what they read now was added."""
    day = staffed.fresh_date()
    empty = {s: Delivery(business_date=day, source=s) for s in SOURCES}
    staffed.deliver(day, **empty)
    run(staffed.platform, day)
    correction = a_visa(day)
    correction.write(staffed.landing)

    concluded = run(staffed.platform, day)

    assert [p.state.value for p in history(staffed, day)] == ["final", "restated"]
    assert concluded.difference is not None
    assert recorded_counts(staffed, day, 2) == [(1, 5, 0, 0)]
    assert recorded_effects(staffed, day, 2) == expected_effects([], [correction])


def test_a_first_publication_restates_nothing(own_staffed: Installation) -> None:
    day = own_staffed.fresh_date()
    own_staffed.deliver(day)

    concluded = run(own_staffed.platform, day)

    assert concluded.difference is None
    assert query(own_staffed, "SELECT count(*) FROM lake.published.restatements") == [(0,)]
    assert query(own_staffed, "SELECT count(*) FROM lake.published.restatement_effects") == [(0,)]


def test_each_restatement_is_held_against_the_generation_before_it(staffed: Installation) -> None:
    """Three corrections leave three records, each with its own counts."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day)

    for rows in (5, 4, 9):
        a_visa(day, rows).write(staffed.landing)
        run(staffed.platform, day)

    found = [recorded_counts(staffed, day, n) for n in (2, 3, 4)]
    assert found == [[(1, 2, 0, 0)], [(2, 0, 1, 0)], [(3, 5, 0, 0)]]


def test_the_record_of_a_restatement_is_visible_with_its_rows_or_not_at_all(staffed: Installation) -> None:
    """A process that ends inside the transaction leaves neither; the snapshot that has the one has the other."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day)
    a_visa(day).write(staffed.landing)

    def end() -> None:
        raise Broken

    inside = replace(BOUNDARIES["after the publication is recorded"], name="record_restatement")
    with pytest.raises(Broken), happening(inside, end):
        run(staffed.platform, day)
    left = recorded_counts(staffed, day, 2), recorded_effects(staffed, day, 2), len(staffed.rows(day))
    run(staffed.platform, day)

    snapshots = query(
        staffed,
        "SELECT snapshot_id FROM ducklake_snapshots('lake') WHERE commit_message = ?",
        f"card_settlements {day} #2",
    )
    ((snapshot,),) = snapshots
    seen = [
        query(
            staffed,
            f"SELECT count(*) FROM lake.published.{table} AT (VERSION => {version}) "
            "WHERE business_date = ? AND generation = 2",
            day,
        )[0][0]
        for version in (snapshot - 1, snapshot)
        for table in ("publications", "restatements", "restatement_effects")
    ]
    assert left == ([], [], 9)
    assert seen[:3] == [0, 0, 0]
    assert seen[3:5] == [1, 1]
    assert seen[5] == len(recorded_effects(staffed, day, 2)) > 0


def test_the_effect_of_a_decimal_measure_is_exact(own_staffed: Installation) -> None:
    """Effects in minor units, on record before, keep their values and their form."""
    day, first = own_staffed.fresh_date(), own_staffed.fresh_date()
    own_staffed.deliver(first)
    run(own_staffed.platform, first)
    a_visa(first, 7).write(own_staffed.landing)
    run(own_staffed.platform, first)
    before = recorded_effects(own_staffed, first, 2)
    bank = Bank(installation=own_staffed, dataset=a_dataset("restated_payments", restating=Restating(measure="amount")))
    bank.settle(day, [a_payment(day, amount="1.40"), a_payment(day, 3, amount="7.00")])

    outcome = bank.settle(day, [a_payment(day, amount="1.80"), a_payment(day, 3, amount="7.00")])

    assert outcome.decision.action is Action.PUBLISH
    assert outcome.difference is not None
    assert outcome.difference.summary().endswith("net effect: EUR +0.40")
    effects = query(
        own_staffed,
        "SELECT net_before, net_after, net_effect FROM lake.published.restatement_effects "
        "WHERE dataset = 'restated_payments'",
    )
    assert effects == [(Decimal("8.40"), Decimal("8.80"), Decimal("0.40"))]
    assert len(before) > 0
    assert recorded_effects(own_staffed, first, 2) == before
    a_visa(first, 9).write(own_staffed.landing)
    run(own_staffed.platform, first)
    assert len(recorded_effects(own_staffed, first, 3)) > 0


def test_effects_of_decimals_are_exact_to_38_digits(own_staffed: Installation) -> None:
    day = own_staffed.fresh_date()
    dataset = a_dataset("huge_payments", Huge, restating=Restating(measure="amount"))
    bank = Bank(installation=own_staffed, dataset=dataset)
    bank.settle(day, [a_payment(day, n, amount="9" * 37, merchant_id="m") for n in range(3)])

    outcome = bank.settle(day, [a_payment(day, n, amount="-" + "9" * 36 + "8", merchant_id="m") for n in range(2)])

    assert outcome.difference is not None
    assert [(e.before, e.after) for e in outcome.difference.effects] == [(3 * (10**37 - 1), -2 * (10**37 - 2))]
