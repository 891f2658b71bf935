"""Run sizing: how many business dates one run of a backfill takes."""

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
    """The policy of run sizes: a run takes about `aim_seconds`, so that starting costs little and a kill loses little.

    A date costs `date_seconds`, and `megabyte_seconds` for each megabyte delivered for it. Both are three times what
    two idle cores and local files need (0.1 s; 0.007 s): two runs and the day's runs share the cores, and a bucket is
    slower than a disk. `most` dates, a quarter of a year, is the maximum, so that half a year still keeps two slots
    busy; a run takes as many where no size is known.
    """

    aim_seconds: float = 90.0
    date_seconds: float = 0.3
    megabyte_seconds: float = 0.02
    start_seconds: float = 2.5
    most: int = 92

    def seconds_for(self, date_bytes: int) -> float:
        """Return the estimated seconds for one business date of this size in bytes."""
        return self.date_seconds + self.megabyte_seconds * date_bytes / MEGABYTE


RUN_SIZING = RunSizing()


def dates_per_run(typical_bytes: int | None, policy: RunSizing = RUN_SIZING) -> int:
    """Return how many business dates one run takes, at least 1; `typical_bytes` are delivered for one of them."""
    if typical_bytes is None:
        return policy.most
    return max(1, min(policy.most, int(policy.aim_seconds / policy.seconds_for(typical_bytes))))


def mart_dates_per_run(dataset_dates: int) -> int:
    """Return how many dates one run of a mart takes: twice those of its dataset, as one costs less than half.

    A different size also gives marts runs of their own, so that a refused date delays only its own marts.
    """
    return 2 * dataset_dates


def typical_date_bytes(arrivals: Iterable[Arrival]) -> int | None:
    """Return the median bytes delivered for a business date over all sources; None if nothing was delivered."""
    by_date: dict[date, list[Arrival]] = {}
    for arrival in arrivals:
        by_date.setdefault(arrival.business_date, []).append(arrival)
    sizes = [sum(a.bytes for a in latest_arrivals(history).values()) for history in by_date.values()]
    return median_low(sizes) if sizes else None


def split_into_runs(dates: Iterable[date], most: int) -> list[tuple[date, date]]:
    """Split dates into unbroken ranges of at most `most` dates, in order: one per run."""
    ranges = (date_range(first, last) for first, last in date_spans(dates))
    return [(days[n], days[n : n + most][-1]) for days in ranges for n in range(0, len(days), most)]


def estimated_seconds(sizes: Sequence[int], runs: int, policy: RunSizing = RUN_SIZING) -> float:
    """Return the estimated seconds of runs over dates of these sizes in bytes, one after the other."""
    return runs * policy.start_seconds + sum(policy.seconds_for(size) for size in sizes)
