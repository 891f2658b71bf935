"""The lock of one business date: one attempt at a time works on it."""

from contextlib import AbstractContextManager
from datetime import date

from settlement_platform.storage.locks import LockHandle, Locks

LOCK_TIMEOUT_SECONDS = 900.0
"""The time that an attempt waits for another one on the same date."""


def date_lock_name(name: str, business_date: date) -> str:
    """Return the name of the lock of a date of a dataset or mart."""
    return f"{name}-{business_date}"


def lock_date(
    locks: Locks, name: str, business_date: date, *, timeout_seconds: float | None = None
) -> AbstractContextManager[LockHandle]:
    """Hold the date of a dataset or mart for the length of a `with` block.

    Raises:
        TransientFailure: another attempt held it for longer than `timeout_seconds`, by default `LOCK_TIMEOUT_SECONDS`.
    """
    timeout = LOCK_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
    return locks.hold(date_lock_name(name, business_date), timeout_seconds=timeout)
