"""The deliveries of a soak: random valid rows, and corrections small enough that no limit holds them back."""

from dataclasses import replace
from datetime import date
from random import Random

from settlement_platform_tests.deliveries import SOURCES, Delivery, a_row

Delivered = tuple[Delivery, ...]
"""The deliveries of a date, one per source."""

_LARGE = 1_000_000
"""An amount beside which a changed fee is below every limit of materiality."""


def first_deliveries(day: date, random: Random) -> Delivered:
    """Valid deliveries of every source of a date."""
    return tuple(_delivery(day, source, random, rows=random.randint(3, 6)) for source in SOURCES)


def correction(
    delivered: Delivered, random: Random, *, every_source: bool = False, declares_too_many: bool = False
) -> Delivered:
    """Return the deliveries with other fees in one or every source.

    With `declares_too_many`, a control file declares a row more than there is.
    """
    at = random.randrange(len(delivered))
    found = [
        _with_other_fees(each, random) if every_source or n == at else replace(each, declared={})
        for n, each in enumerate(delivered)
    ]
    if declares_too_many:
        found[at] = replace(found[at], declared={"rows": len(found[at].rows) + 1})
    return tuple(found)


def _with_other_fees(delivery: Delivery, random: Random) -> Delivery:
    rows = [{**row, "fee_minor": str(random.randint(1, 4_000))} for row in delivery.rows]
    return replace(delivery, rows=rows, declared={})


def _delivery(day: date, source: str, random: Random, *, rows: int) -> Delivery:
    found = [
        a_row(day, source, n, amount_minor=str(_LARGE + n), fee_minor=str(random.randint(1, 4_000)))
        for n in range(1, rows + 1)
    ]
    return Delivery(business_date=day, source=source, rows=found)
