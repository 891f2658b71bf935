"""Landing files for a range of business dates, with flaws on some of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from settlement_platform.sample_data import flaws
from settlement_platform.sample_data.delivery import SampleDelivery, deliver, open_engine
from settlement_platform.sample_data.series import SOURCES, Series
from settlement_platform.sample_data.transactions import SourceDay

_EARLIEST = date(1971, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The flaw of one source on one business date.

    - `late`: nothing is delivered until `deliver_late`.
    - `corrupt`: up to three amounts are written as `12.50`; the control file agrees with the bytes.
    - `duplicated`: up to three transactions are in the file twice, the second time after the last row; the
      control file counts and sums them, so only a check for duplicates finds them.
    - `corrected`: the delivery is valid, and `deliver_correction` can correct it.
    """

    business_date: date
    kind: Literal["late", "corrupt", "duplicated", "corrected"]
    source: str = "mastercard"


@dataclass(frozen=True, kw_only=True)
class GeneratedSummary:
    """The deliveries in order, and the `late` and `corrected` scenarios that still lack a delivery."""

    deliveries: tuple[SampleDelivery, ...]
    half_done: tuple[Scenario, ...]

    @property
    def rows(self) -> int:
        """Return the number of data rows in all files."""
        return sum(delivery.rows for delivery in self.deliveries)

    @property
    def bytes(self) -> int:
        """Return the size of all data files, in bytes."""
        return sum(delivery.bytes for delivery in self.deliveries)


def generate(
    landing: Path,
    *,
    first: date,
    days: int,
    rows: int,
    seed: int = 7,
    seasonal: bool = False,
    scenarios: Sequence[Scenario] = (),
    on_date: Callable[[date], None] | None = None,
) -> GeneratedSummary:
    """Write `{date}/{source}/cards.csv` and `cards.control.json` for every calendar day from `first`.

    A date's bytes depend on the date, `rows`, `seed`, `seasonal` and its own scenarios, and on nothing else.
    A chargeback, its reversal and a refund carry the merchant, card, currency and authorization time of a
    sale of the same source on an earlier date, perhaps before `first`; a chargeback is minus its amount.

    Args:
        landing: the folder of the landing zone. It is made when missing; files of the same key are replaced.
        first: the first business date, not before 1971.
        days: the number of calendar days, at least 1.
        rows: rows per date over all sources; the average over a week if `seasonal`. Rows that a `duplicated`
            scenario repeats are added.
        seed: any integer; another one gives other transactions under the same ids.
        seasonal: whether the number of rows follows the weekday.
        scenarios: the flaws, at most one for a source on a date.
        on_date: called after each date.

    Raises:
        ValueError: a number is out of range, or a scenario is impossible; nothing is written.
        OSError: the folder cannot be written.
    """
    series = Series(rows=rows, seed=seed, seasonal=seasonal)
    dates = _dates(first, days)
    special = _special_contents(series, dates, scenarios, landing)
    deliveries: list[SampleDelivery] = []
    with open_engine() as engine:
        for business_date in dates:
            for source in SOURCES:
                key = (business_date, source)
                content = special[key] if key in special else series.content(business_date, source)
                if content is not None:
                    deliveries.append(deliver(engine, landing, content))
            if on_date is not None:
                on_date(business_date)
    half_done = tuple(scenario for scenario in scenarios if scenario.kind in ("late", "corrected"))
    return GeneratedSummary(deliveries=tuple(deliveries), half_done=half_done)


def _dates(first: date, days: int) -> Sequence[date]:
    if days < 1:
        raise ValueError(f"days must be at least 1, not {days}")
    if first < _EARLIEST or days > (date.max - first).days + 1:
        raise ValueError(
            f"{days} days from {first} are not within {_EARLIEST} to {date.max}; choose another first date"
        )
    return [first + timedelta(days=number) for number in range(days)]


def _special_contents(
    series: Series, dates: Sequence[date], scenarios: Sequence[Scenario], landing: Path
) -> Mapping[tuple[date, str], SourceDay | None]:
    contents: dict[tuple[date, str], SourceDay | None] = {}
    for scenario in scenarios:
        key = (scenario.business_date, scenario.source)
        if key in contents:
            raise ValueError(f"{scenario.source} on {scenario.business_date} has two flaws; keep one of them")
        if not dates[0] <= scenario.business_date <= dates[-1]:
            raise ValueError(
                f"{scenario.kind} {scenario.business_date} ({scenario.source}) is outside the generated dates, "
                f"{dates[0]} to {dates[-1]}; choose one of these"
            )
        contents[key] = _special_content(scenario, series.content(*key), landing)
    return contents


def _special_content(scenario: Scenario, content: SourceDay, landing: Path) -> SourceDay | None:
    match scenario.kind:
        case "late":
            _require_nothing_delivered(landing / scenario.business_date.isoformat() / scenario.source)
            return None
        case "corrupt":
            return flaws.corrupt(content)
        case "duplicated":
            return flaws.duplicated(content)
        case "corrected":
            flaws.corrected(content)
            return content
        case _:
            raise ValueError(f"there is no flaw {scenario.kind!r}; choose from late, corrupt, duplicated, corrected")


def _require_nothing_delivered(folder: Path) -> None:
    if any(folder.glob("cards.*")):
        raise ValueError(f"{folder} already has a delivery, so it cannot be late; choose another landing folder")
