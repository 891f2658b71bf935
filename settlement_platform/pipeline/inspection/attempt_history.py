"""The attempts on a business date, from the record of their steps."""

from datetime import date

from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reliability.attempts import (
    STORM_WINDOW,
    AttemptSummary,
    RetryStorm,
    detect_retry_storm,
    fold_attempts,
)
from settlement_platform.pipeline.date_lock import lock_date
from settlement_platform.pipeline.platform import LedgerAccess


def attempt_summaries(platform: LedgerAccess, dataset: str, business_date: date) -> tuple[AttemptSummary, ...]:
    """Return every attempt on a business date, oldest first.

    A free lock means that no process works on the date: a lock ends with its process.
    """
    try:
        with lock_date(platform.locks, dataset, business_date, timeout_seconds=0.0):
            return _stories(platform, dataset, business_date, idle=True)
    except TransientFailure:
        return _stories(platform, dataset, business_date, idle=False)


def _stories(platform: LedgerAccess, dataset: str, business_date: date, *, idle: bool) -> tuple[AttemptSummary, ...]:
    declared = platform.catalog.find_dataset(dataset)
    sources = tuple(s.source for s in declared.sources) if declared else ()
    ledger = platform.ledger
    return fold_attempts(
        ledger.attempts(dataset, business_date, business_date),
        ledger.stagings(dataset, business_date, business_date),
        platform.clock(),
        sources=sources,
        idle=idle,
    )


def describe_last_attempt(platform: LedgerAccess, dataset: str, business_date: date) -> tuple[Reason, ...]:
    """Return how far the last attempt on a business date got; empty if there was none."""
    stories = attempt_summaries(platform, dataset, business_date)
    return stories[-1].reasons if stories else ()


def current_retry_storm(platform: LedgerAccess) -> RetryStorm:
    """Return the retries of the last hour, over all datasets."""
    now = platform.clock()
    return detect_retry_storm(platform.ledger.attempts_after(now - STORM_WINDOW), now)
