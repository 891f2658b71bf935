"""A series of business dates: how many transactions each source delivers on each date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from settlement_platform.sample_data.transactions import SourceDay

SOURCES = ("visa", "mastercard", "amex")

# The numbers of a file's rows are held in memory, 8 bytes each.
_MOST_ROWS = 50_000_000

# Company cards are used on working days, so amex has the smaller share of a weekend. Monday first.
_MASTERCARD_PER_MILLE = (345, 343, 345, 347, 352, 360, 358)
_AMEX_PER_MILLE = (160, 162, 160, 155, 143, 125, 130)
_SEASON_PERCENT = (104, 98, 97, 100, 116, 112, 73)


@dataclass(frozen=True, kw_only=True)
class Series:
    """Dates of `rows` transactions over all sources: exactly, or if `seasonal` on average over a week.

    Raises:
        ValueError: fewer than 0 rows, or more than 50 million.
    """

    rows: int
    seed: int
    seasonal: bool

    def __post_init__(self) -> None:
        """Require a possible number of rows."""
        if not 0 <= self.rows <= _MOST_ROWS:
            raise ValueError(f"rows must be 0 to {_MOST_ROWS}, not {self.rows}; 0 writes files with only a header")

    def content(self, business_date: date, source: str) -> SourceDay:
        """Return the delivery of one source for one date, without a flaw.

        Raises:
            ValueError: the source is unknown.
        """
        if source not in SOURCES:
            raise ValueError(f"there is no source {source!r}; choose from {', '.join(SOURCES)}")
        return SourceDay(
            business_date=business_date,
            source=source,
            seed=self.seed,
            rows=self._by_source(business_date.weekday())[source],
            rows_on_every_date=min(self._by_source(weekday)[source] for weekday in range(7)),
        )

    def _by_source(self, weekday: int) -> Mapping[str, int]:
        total = self.rows * _SEASON_PERCENT[weekday] // 100 if self.seasonal else self.rows
        mastercard = total * _MASTERCARD_PER_MILLE[weekday] // 1000
        amex = total * _AMEX_PER_MILLE[weekday] // 1000
        return {"visa": total - mastercard - amex, "mastercard": mastercard, "amex": amex}
