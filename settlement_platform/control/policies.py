"""What a dataset promises and tolerates, as values that decisions take."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from settlement_platform.control.failures import PermanentFailure


@dataclass(frozen=True, kw_only=True)
class Timeliness:
    """Clock times in UTC on the day after the business date, unless `days_after` says otherwise.

    `expected_by` is when files are usually there, `target` when readers were promised the date, and
    `deadline` when waiting stops to be ordinary.
    """

    expected_by: time
    target: time
    deadline: time
    days_after: int = 1

    def moment(self, business_date: date, clock: time) -> datetime:
        """The moment, in UTC, at which `clock` falls due for `business_date`."""
        return datetime.combine(business_date + timedelta(days=self.days_after), clock, UTC)

    def expected_moment(self, business_date: date) -> datetime:
        """When the files of `business_date` are usually there."""
        return self.moment(business_date, self.expected_by)

    def target_moment(self, business_date: date) -> datetime:
        """When the watermark should have reached `business_date`."""
        return self.moment(business_date, self.target)

    def deadline_moment(self, business_date: date) -> datetime:
        """When waiting for `business_date` stops to be ordinary."""
        return self.moment(business_date, self.deadline)


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """On which days a file is expected: by default on every calendar day, as card networks settle."""

    name: str = "every day"
    weekdays: frozenset[int] = frozenset(range(7))

    def expects(self, business_date: date) -> bool:
        """Whether files are expected for `business_date` (weekdays count from Monday, 0)."""
        return business_date.weekday() in self.weekdays


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
