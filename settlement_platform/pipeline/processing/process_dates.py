"""Processing of many business dates: staged ahead on a few threads, then published one by one in order.

A date that fails stops no other until a breaker opens. An interruption stops all and leaves each date as it was.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial

from settlement_platform.control.failures import PermanentFailure, SettlementError, TransientFailure
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.attempt_log import interruption_behind
from settlement_platform.pipeline.launching.launch_permission import retry_refusals
from settlement_platform.pipeline.marts.build_mart import build_mart
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.processing.process_date import (
    PreparedDate,
    prepare,
    publish_validated,
    validate_and_publish,
)

STAGING_THREADS = 2

MAX_PREPARED = 2 * STAGING_THREADS
"""Dates that are staged ahead, so that the threads do not wait while one is published."""


@dataclass(frozen=True, kw_only=True)
class FailedDate:
    """A date whose attempt failed; the other dates continue.

    `defect` is the unforeseen error behind `failure`, with its traceback.
    """

    business_date: date
    failure: SettlementError
    defect: Exception | None = None


def failed_date(business_date: date, error: Exception) -> FailedDate:
    """Return the failed date for an error; one that is neither transient nor permanent failure is a defect."""
    if isinstance(error, SettlementError):
        return FailedDate(business_date=business_date, failure=error)
    remedy = "This is a defect of the program: the run's log on the Dagster instance has the traceback."
    failure = PermanentFailure(f"{type(error).__name__}: {error}", remedy=remedy)
    return FailedDate(business_date=business_date, failure=failure, defect=error)


def process_dates(
    platform: Platform, dataset: Dataset, dates: Iterable[date], request: Request, *, publishing: bool = True
) -> Iterator[DateOutcome | FailedDate]:
    """Land, stage, validate and publish each date, in order; a date that fails or is refused stops no other."""
    return _in_order(
        platform, dataset, dates, request, lambda prepared: validate_and_publish(prepared, publishing=publishing)
    )


def publish_dates(
    platform: Platform, dataset: Dataset, dates: Iterable[date], request: Request
) -> Iterator[DateOutcome | FailedDate]:
    """Publish dates whose delivered content has a passing verdict on record; validates nothing itself."""
    return _in_order(platform, dataset, dates, request, publish_validated)


def build_mart_dates(
    platform: Platform, mart: Mart, dates: Iterable[date], request: Request
) -> Iterator[DateOutcome | FailedDate]:
    """Build and publish each date of a mart, in order."""
    opened: tuple[str, ...] = ()
    for day in dates:
        if opened:
            yield _not_tried(day, opened)
            continue
        outcome = _end(day, partial(build_mart, platform, mart, day, request))
        yield outcome
        opened = _opened(platform, mart.name, outcome)


def _in_order(
    platform: Platform,
    dataset: Dataset,
    dates: Iterable[date],
    request: Request,
    end: Callable[[PreparedDate], DateOutcome],
) -> Iterator[DateOutcome | FailedDate]:
    """Stage a few dates ahead: staging reads a file on one thread, so two dates at once keep two cores busy."""
    remaining = deque(sorted(dates))
    # A lone date has its sources staged side by side instead.
    threads = STAGING_THREADS if len(remaining) == 1 else 1
    ahead: deque[tuple[date, Future[PreparedDate]]] = deque()
    opened: tuple[str, ...] = ()
    with ThreadPoolExecutor(STAGING_THREADS, thread_name_prefix="staging") as pool:
        try:
            while ahead or (remaining and not opened):
                while remaining and len(ahead) < MAX_PREPARED and not opened:
                    day = remaining.popleft()
                    ahead.append((day, pool.submit(prepare, platform, dataset, day, request, threads=threads)))
                day, future = ahead.popleft()
                if opened and future.cancel():
                    yield _not_tried(day, opened)
                    continue
                outcome = _end(day, partial(_conclude, future, end))
                yield outcome
                opened = opened or _opened(platform, dataset.name, outcome)
            yield from (_not_tried(day, opened) for day in remaining)
        finally:
            for _, future in ahead:
                _abandon(future)


def _conclude(future: Future[PreparedDate], end: Callable[[PreparedDate], DateOutcome]) -> DateOutcome:
    return end(future.result())


def _end(day: date, work: Callable[[], DateOutcome]) -> DateOutcome | FailedDate:
    try:
        return work()
    except Exception as error:
        # A defect in one date must not stop the others; a signal is meant for all of them.
        if interruption := interruption_behind(error):
            raise interruption from error
        return failed_date(day, error)


def _opened(platform: Platform, name: str, outcome: DateOutcome | FailedDate) -> tuple[str, ...]:
    """Return why no further date is tried, if a store failed and a breaker opened; empty if the ledger is down too."""
    if not isinstance(outcome, FailedDate):
        return ()
    if outcome.failure.dependency or isinstance(outcome.failure, TransientFailure):
        with suppress(SettlementError):
            return retry_refusals(platform, name)
    return ()


def _not_tried(day: date, opened: tuple[str, ...]) -> FailedDate:
    remedy = "A later run tries it once the breaker allows one."
    return FailedDate(business_date=day, failure=TransientFailure(f"Not tried: {'; '.join(opened)}.", remedy=remedy))


def _abandon(future: Future[PreparedDate]) -> None:
    """Free the lock of a date that was staged ahead and will not be published."""
    if not future.cancel() and future.exception() is None:
        future.result().lock.close()
