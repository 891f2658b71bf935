"""What a dataset promises and tolerates, as values that decisions take."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from settlement_platform.control.failures import PermanentFailure


@dataclass(frozen=True, kw_only=True)
class RecurringLateness:
    """Lateness that is known and does not page: on this weekday files come later by as much as `by`.

    `weekday` counts from Monday, 0, on the day on which the files are due. `sources` are those it is known of; none
    named means all.
    """

    weekday: int
    by: timedelta
    sources: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Timeliness:
    """Clock times in UTC on the day after the business date, unless `days_after` says otherwise.

    `expected_by` is when files are usually there: after it the owner is warned. `sensor_timeout` is when waiting stops
    to be ordinary and is escalated (the deadline if not given). `target` is when readers were promised the date, and
    at `deadline` the late-data branch is taken. Known lateness moves the first two, never what readers were promised.
    """

    expected_by: time
    target: time
    deadline: time
    sensor_timeout: time | None = None
    days_after: int = 1
    known_lateness: tuple[RecurringLateness, ...] = ()

    def moment(self, business_date: date, clock: time) -> datetime:
        """The moment, in UTC, at which `clock` falls due for `business_date`."""
        return datetime.combine(business_date + timedelta(days=self.days_after), clock, UTC)

    def allowance(self, business_date: date, source: str = "") -> RecurringLateness | None:
        """The longest lateness that is known of a source, or of any if none is named, on the day its file is due."""
        weekday = (business_date + timedelta(days=self.days_after)).weekday()
        known = [
            k
            for k in self.known_lateness
            if k.weekday == weekday and (not source or not k.sources or source in k.sources)
        ]
        return max(known, key=lambda k: k.by, default=None)

    def expected_moment(self, business_date: date, source: str = "") -> datetime:
        """When the files of `business_date` are there, known lateness included."""
        known = self.allowance(business_date, source)
        return self.moment(business_date, self.expected_by) + (known.by if known else timedelta(0))

    def escalation_moment(self, business_date: date, source: str = "") -> datetime:
        """When waiting for `business_date` stops to be ordinary, known lateness included."""
        known = self.allowance(business_date, source)
        clock = self.deadline if self.sensor_timeout is None else self.sensor_timeout
        return self.moment(business_date, clock) + (known.by if known else timedelta(0))

    def target_moment(self, business_date: date) -> datetime:
        """When the watermark should have reached `business_date`."""
        return self.moment(business_date, self.target)

    def deadline_moment(self, business_date: date) -> datetime:
        """When the late-data branch is taken for `business_date`."""
        return self.moment(business_date, self.deadline)


@dataclass(frozen=True, kw_only=True)
class ProvisionalCut:
    """At the deadline, publish what is there, labelled provisional, if at least `minimum_sources` are."""

    minimum_sources: int = 1


@dataclass(frozen=True, kw_only=True)
class Restating:
    """What a restatement changes, and above what it waits for an operator's approval.

    `measure`, a column in minor units, is compared per `merchant` and `currency`. A limit that is None never holds
    anything: `rows_share` is the share of the published rows that may be added, removed or changed, in [0, 1],
    `net_effect` the minor units by which the sum of any one currency may move.
    """

    measure: str
    merchant: str = "merchant_id"
    currency: str = "currency"
    rows_share: float | None = None
    net_effect: int | None = None


@dataclass(frozen=True, kw_only=True)
class BreakerPolicy:
    """Open after `failures` in a row for `cooldown`, twice as long after each probe that fails, up to `longest`.

    After `handed_over` openings in a row it is an operator's turn: the storm of retries is cut.
    """

    failures: int = 5
    cooldown: timedelta = timedelta(minutes=10)
    longest: timedelta = timedelta(hours=4)
    handed_over: int = 3


@dataclass(frozen=True, kw_only=True)
class VolumeTolerance:
    """How far the rows of a date may lie from the median of the same weekday's history before it warns."""

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
        """Seconds to wait before retry number `retry` (from 1); `jitter` lies in [0, 1)."""
        # The exponent is bounded because 2.0 ** 1024 overflows.
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** min(retry - 1, 64))
        return ceiling / 2 * (1 + jitter)


def date_range(first: date, last: date) -> list[date]:
    """Every calendar day from `first` to `last`, both included.

    Raises:
        PermanentFailure: `last` lies before `first`.
    """
    if last < first:
        message = f"The range ends on {last}, before it begins on {first}."
        raise PermanentFailure(message, remedy="Give the earlier date first.")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def date_spans(days: Iterable[date]) -> list[tuple[date, date]]:
    """The first and last day of every unbroken range that some dates make up, in order."""
    found: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
