"""Policies: the declared times, limits and tolerances of a dataset, as values that decisions take."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from settlement_platform.control.failures import PermanentFailure


@dataclass(frozen=True, kw_only=True)
class RecurringLateness:
    """Known lateness that alerts nobody: on this weekday files come later by as much as `by`.

    `weekday` counts from Monday, 0, on the day on which the files are due. It applies to `sources`, or to all where
    none is named.
    """

    weekday: int
    by: timedelta
    sources: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Timeliness:
    """The declared times of a dataset: clock times in UTC on the day after the business date, or `days_after` it.

    `expected_by` is when files usually are there; after it the owner is warned. `sensor_timeout` is when waiting is
    escalated (the deadline if not given). `target` is when readers were promised the date. At `deadline` a provisional
    publication is due where one is declared. Known lateness moves the first two, never the target or the deadline.
    """

    expected_by: time
    target: time
    deadline: time
    sensor_timeout: time | None = None
    days_after: int = 1
    known_lateness: tuple[RecurringLateness, ...] = ()

    def moment(self, business_date: date, clock: time) -> datetime:
        """Return the moment, in UTC, of a clock time for `business_date`."""
        return datetime.combine(business_date + timedelta(days=self.days_after), clock, UTC)

    def allowance(self, business_date: date, source: str = "") -> RecurringLateness | None:
        """Return the longest known lateness of a source, or of any if none is named, on the day its file is due."""
        weekday = (business_date + timedelta(days=self.days_after)).weekday()
        known = [
            k
            for k in self.known_lateness
            if k.weekday == weekday and (not source or not k.sources or source in k.sources)
        ]
        return max(known, key=lambda k: k.by, default=None)

    def expected_moment(self, business_date: date, source: str = "") -> datetime:
        """Return when the files of `business_date` are expected, known lateness included."""
        known = self.allowance(business_date, source)
        return self.moment(business_date, self.expected_by) + (known.by if known else timedelta(0))

    def escalation_moment(self, business_date: date, source: str = "") -> datetime:
        """Return when waiting for `business_date` is escalated, known lateness included."""
        known = self.allowance(business_date, source)
        clock = self.deadline if self.sensor_timeout is None else self.sensor_timeout
        return self.moment(business_date, clock) + (known.by if known else timedelta(0))

    def target_moment(self, business_date: date) -> datetime:
        """Return when the watermark should reach `business_date`."""
        return self.moment(business_date, self.target)

    def deadline_moment(self, business_date: date) -> datetime:
        """Return the deadline of `business_date`."""
        return self.moment(business_date, self.deadline)


@dataclass(frozen=True, kw_only=True)
class DeliveryLimits:
    """The largest file that one source may deliver, and its longest line, in bytes after decompression."""

    most_bytes: int = 10_000_000_000
    most_line_bytes: int = 2_000_000


@dataclass(frozen=True, kw_only=True)
class ProvisionalCut:
    """The policy of provisional publications: at the deadline, publish what is there if `minimum_sources` are."""

    minimum_sources: int = 1


@dataclass(frozen=True, kw_only=True)
class Restating:
    """The policy of restatements: how a change is measured, and above which limits it needs approval.

    `measure`, a column of integers or decimals, is compared per `merchant` and `currency`. A limit of None never
    applies. `rows_share` is the share of the published rows that may be added, removed or changed, in [0, 1];
    `net_effect` is by how much the sum of any one currency may change, in the unit of the measure.
    """

    measure: str
    merchant: str = "merchant_id"
    currency: str = "currency"
    rows_share: float | None = None
    net_effect: int | Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class BreakerPolicy:
    """The policy of a circuit breaker: open after `failures` in a row for `cooldown`, up to `longest`.

    Each failed probe doubles the cooldown. After `handed_over` openings in a row an operator must act, and the storm of
    retries ends.
    """

    failures: int = 5
    cooldown: timedelta = timedelta(minutes=10)
    longest: timedelta = timedelta(hours=4)
    handed_over: int = 3


@dataclass(frozen=True, kw_only=True)
class VolumeTolerance:
    """The tolerated distance of a date's rows from the median of the same weekday's history before it warns."""

    history_weeks: int = 8
    minimum_history: int = 3
    lowest_ratio: float = 0.5
    highest_ratio: float = 2.0


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Capped exponential backoff with jitter, in seconds, for transient failures only."""

    max_retries: int = 3
    base_seconds: float = 2.0
    cap_seconds: float = 60.0

    def delay_seconds(self, retry: int, jitter: float) -> float:
        """Return the seconds to wait before retry number `retry` (from 1); `jitter` lies in [0, 1)."""
        # The exponent is bounded because 2.0 ** 1024 overflows.
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** min(retry - 1, 64))
        return ceiling / 2 * (1 + jitter)


def date_range(first: date, last: date) -> list[date]:
    """Return every calendar day from `first` to `last`, both included.

    Raises:
        PermanentFailure: `last` lies before `first`.
    """
    if last < first:
        message = f"The range ends on {last}, before it begins on {first}."
        raise PermanentFailure(message, remedy="Give the earlier date first.")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def date_spans(days: Iterable[date]) -> list[tuple[date, date]]:
    """Return the first and last day of every unbroken range in these dates, in order."""
    found: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
