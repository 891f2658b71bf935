"""Write throttle: a write waits until the write budget of its table and class allows it."""

from datetime import date, datetime, timedelta

from settlement_platform.control.facts import Write
from settlement_platform.control.queue.write_budget import WRITE_WINDOW, WriteLimits, WriteSlot, next_write_slot
from settlement_platform.pipeline.platform import Platform, Request

BUDGET_CACHED_FOR = timedelta(seconds=1)
"""How long a free budget is assumed to stay free, so that small dates do not each read a minute of writes."""


def wait_for_budget(platform: Platform, table: str, limits: WriteLimits, request: Request) -> float:
    """Sleep until the request's class may write to the table, and return the seconds slept.

    Raises:
        TransientFailure: the ledger did not answer.
    """
    now, slept = platform.clock(), 0.0
    while seconds := _next_slot(platform, table, limits, request.service_class, now).wait(now):
        # Others keep writing meanwhile, and their writes count too.
        nap = min(seconds, BUDGET_CACHED_FOR.total_seconds())
        platform.sleep(nap)
        slept += nap
        # A clock that does not move must not hold a write for longer than it sleeps.
        now = max(platform.clock(), now + timedelta(seconds=nap))
    return slept


def why_throttled(platform: Platform, table: str, limits: WriteLimits, service_class: str) -> tuple[str, ...]:
    """Return why a write of a class to a table would wait now; empty if it would not."""
    now = platform.clock()
    writes = platform.ledger.writes(after=now - WRITE_WINDOW, table=table, service_class=service_class)
    return next_write_slot(writes, limits.of(service_class), now).reasons


def write_fact(
    platform: Platform, request: Request, table: str, business_date: date, size: int, *, began: datetime
) -> Write:
    """Return the fact that `size` bytes were written until now."""
    return Write(
        dataset=table,
        business_date=business_date,
        service_class=request.service_class,
        bytes=size,
        started_at=began,
        recorded_at=platform.clock(),
        run_id=request.run_id,
    )


def _next_slot(platform: Platform, table: str, limits: WriteLimits, service_class: str, now: datetime) -> WriteSlot:
    free = platform.write_budgets.get((table, service_class))
    if free and now - free.at < BUDGET_CACHED_FOR:
        return free
    writes = platform.ledger.writes(after=now - WRITE_WINDOW, table=table, service_class=service_class)
    slot = next_write_slot(writes, limits.of(service_class), now)
    if not slot.reasons:
        platform.write_budgets[table, service_class] = slot
    return slot
