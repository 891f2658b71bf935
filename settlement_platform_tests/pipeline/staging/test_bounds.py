"""A delivery that nobody should send costs no more than any other, and is refused with a short reason."""

from pathlib import Path

import pytest

from settlement_platform.pipeline.validation import measures
from settlement_platform_tests.deliveries import COLUMNS, Delivery, a_row, some_rows, totals_of
from settlement_platform_tests.pipeline.heavy_deliveries import DAY, HEAVY, peak_while_settling, write_heavy
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.quarantine import refused
from settlement_platform_tests.processes import SPAWN, run_all
from settlement_platform_tests.slowness import slow_but

KEY = f"{DAY}/visa/cards.csv"
SAID = {
    "records of too few fields": ("records_well_formed", f"{KEY}: 300,000 malformed records; first: line 2"),
    "one line": ("columns_as_declared", f"{KEY}: the header cannot be parsed (longer than 2,000,000 characters)"),
    "one line after a header": ("records_well_formed", "longer than 2,000,000 bytes"),
    "one line among records": ("records_well_formed", "first: line 3 (longer than 2,000,000 bytes)"),
    "a header of 100,000 columns": ("columns_as_declared", "100,011 columns, more than the limit of 1,000"),
    "a header of 450 doubled columns": ("columns_added", "and 892 more"),
    "400,000 currencies": ("totals_as_declared", f"{KEY}: 400,000 distinct values of currency"),
}
OFTEN = ("one line", "a header of 100,000 columns", "400,000 currencies")
"""The others take seconds too, and are slow tests."""
MOST_BYTES = 250_000_000
"""Of which DuckDB's buffers and what it groups by take the most; kept record by record it would be gigabytes."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel does not tell a process its peak")
@pytest.mark.parametrize("what", slow_but(OFTEN, HEAVY))
def test_memory_and_message_stay_small(tmp_path: Path, what: str) -> None:
    """Neither the text nor what is wrong with it is kept record by record."""
    write_heavy(tmp_path, what)

    ((grown, failed),) = run_all(peak_while_settling, [(str(tmp_path),)], SPAWN)

    check, words = SAID[what]
    assert words in failed[check]
    assert all(len(message) < 2_000 for message in failed.values())
    assert grown < MOST_BYTES


def test_a_header_of_a_thousand_columns_is_read(installation: Installation) -> None:
    """Added columns only warn, and the warning stays short."""
    day = installation.fresh_date()
    added = [f"added_{n}" for n in range(1_000 - len(COLUMNS))]
    rows = some_rows(day, "visa")
    text = "".join(",".join([*fields, *added]) + "\n" for fields in [COLUMNS, *(r.values() for r in rows)])
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows, data=text.encode()))

    concluded = installation.run(day)

    assert concluded.verdict is not None
    assert concluded.verdict.passed
    (warning,) = [c for c in concluded.verdict.warnings if c.name == "columns_added"]
    assert "column added_7 is not declared" in warning.message
    assert warning.message.endswith("; and 981 more")


def test_totals_are_exact_up_to_the_bound_and_for_every_other_source(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source with too many currencies takes nothing from what is said of the others."""
    monkeypatch.setattr(measures, "MAX_CURRENCIES", 3)
    day = installation.fresh_date()
    rows = [a_row(day, "visa", n, currency=f"X{n}") for n in range(1, 12)]
    amex = Delivery(business_date=day, source="amex", rows=some_rows(day, "amex"))
    wrong = totals_of(amex.rows) | {"EUR": {"amount_minor": 1, "fee_minor": 13}}
    installation.deliver(
        day,
        visa=Delivery(business_date=day, source="visa", rows=rows),
        amex=Delivery(business_date=day, source="amex", rows=amex.rows, declared={"totals": wrong}),
    )

    failures = refused(installation, day)

    assert failures["totals_as_declared"].message == (
        f"{day}/visa/cards.csv: 11 distinct values of currency, too many to be real; totals not compared; "
        f"{day}/amex/cards.csv: EUR amount_minor: declared 1, measured 1,003 (off by +1,002)"
    )
    assert failures["currency_isin"].measured == "11"


def test_as_many_currencies_as_the_bound_are_summed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three sources may have as many each."""
    monkeypatch.setattr(measures, "MAX_CURRENCIES", 3)
    day = installation.fresh_date()
    installation.deliver(day)

    concluded = installation.run(day)

    assert concluded.verdict is not None
    assert concluded.verdict.passed
