"""Deliveries for a date that was generated before: of a late source, or of a correction."""

from datetime import date
from pathlib import Path

from settlement_platform.sample_data.delivery import SampleDelivery, deliver, open_engine
from settlement_platform.sample_data.flaws import corrected
from settlement_platform.sample_data.series import Series


def deliver_late(
    landing: Path,
    *,
    business_date: date,
    source: str = "mastercard",
    rows: int,
    seed: int = 7,
    seasonal: bool = False,
) -> SampleDelivery:
    """Write the files of a `late` source, with the bytes that it would have delivered in time.

    `rows`, `seed` and `seasonal` are those given to `generate`.

    Raises:
        ValueError: an unknown source, or a number of rows out of range.
        OSError: the folder cannot be written.
    """
    content = Series(rows=rows, seed=seed, seasonal=seasonal).content(business_date, source)
    with open_engine() as engine:
        return deliver(engine, landing, content)


def deliver_correction(
    landing: Path,
    *,
    business_date: date,
    source: str = "mastercard",
    rows: int,
    seed: int = 7,
    seasonal: bool = False,
) -> SampleDelivery:
    """Write `cards.2.csv` and its control file beside a delivery that was generated before.

    Up to three amounts differ, one row is removed and one is added at the end. `rows`, `seed` and `seasonal` are
    those given to `generate`.

    Raises:
        ValueError: an unknown source, rows out of range, or fewer than 8 of this source on that date.
        OSError: the folder cannot be written.
    """
    content = corrected(Series(rows=rows, seed=seed, seasonal=seasonal).content(business_date, source))
    with open_engine() as engine:
        return deliver(engine, landing, content, version=2)
