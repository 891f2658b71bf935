"""How many business dates does one run of a backfill take?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median_low

from settlement_platform.control.facts import Arrival
from settlement_platform.control.landing.arrival_history import latest_arrivals
from settlement_platform.control.policies import date_range, date_spans

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class RunSizing:
    """A run is to take about `aim_seconds`, so that its start costs little, and a cancel or a kill loses little.

    A date costs `date_seconds` and `megabyte_seconds` for each megabyte that is delivered for it. These are three
    times what two idle cores and local files need (0.1 s; 0.007 s): two chunks and the day's runs share the cores, and
    a bucket is slower than a disk. Never more than `most`, a quarter of a year, so that half a year still keeps two
    slots busy to its end; as many where no size is known.
    """

    aim_seconds: float = 90.0
    date_seconds: float = 0.3
    megabyte_seconds: float = 0.02
    start_seconds: float = 2.5
    most: int = 92

    def seconds_for(self, date_bytes: int) -> float:
        """What one business date of that size costs, in seconds."""
        return self.date_seconds + self.megabyte_seconds * date_bytes / MEGABYTE


RUN_SIZING = RunSizing()


def dates_per_run(typical_bytes: int | None, policy: RunSizing = RUN_SIZING) -> int:
    """The business dates that one run takes, at least one; `typical_bytes` are delivered for one of them."""
    if typical_bytes is None:
        return policy.most
    return max(1, min(policy.most, int(policy.aim_seconds / policy.seconds_for(typical_bytes))))


def mart_dates_per_run(dataset_dates: int) -> int:
    """The dates that one run of a mart takes: twice those of what it reads, as one costs less than half.

    Another size also gives marts runs of their own, so that a refused date keeps back only its own marts.
    """
    return 2 * dataset_dates


def typical_date_bytes(arrivals: Iterable[Arrival]) -> int | None:
    """The median of what was delivered for a business date, in bytes over all sources; None if nothing was."""
    by_date: dict[date, list[Arrival]] = {}
    for arrival in arrivals:
        by_date.setdefault(arrival.business_date, []).append(arrival)
    sizes = [sum(a.bytes for a in latest_arrivals(history).values()) for history in by_date.values()]
    return median_low(sizes) if sizes else None


def split_into_runs(dates: Iterable[date], most: int) -> list[tuple[date, date]]:
    """Dates as unbroken ranges of at most so many, in order: what a run each takes."""
    ranges = (date_range(first, last) for first, last in date_spans(dates))
    return [(days[n], days[n : n + most][-1]) for days in ranges for n in range(0, len(days), most)]


def estimated_seconds(sizes: Sequence[int], runs: int, policy: RunSizing = RUN_SIZING) -> float:
    """What runs over dates of these sizes, in bytes, cost one after the other, in seconds."""
    return runs * policy.start_seconds + sum(policy.seconds_for(size) for size in sizes)
