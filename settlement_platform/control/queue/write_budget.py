"""The write budget: how fast a service class may write to a table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from settlement_platform.control.facts import Write
from settlement_platform.control.reasons.queue import WRITE_BUDGET_SPENT

WRITE_WINDOW = timedelta(minutes=1)
"""The window in which writes count. So a single write makes others wait for a minute at most, even one of more than 9
GB at 150 MB/s."""

CLOCK_SKEW = timedelta(seconds=5)
"""The tolerated lead of another machine's clock. A write that began later than that was recorded before our clock was
set back; it is forgiven, since every write would wait until the clock has caught up."""

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class WriteLimits:
    """The limits in bytes of Parquet per second, per table and service class, over all processes together.

    A class without a limit of its own, such as a correction, has that of fresh data.
    """

    fresh: int = 500 * MEGABYTE
    backfill: int = 150 * MEGABYTE
    maintenance: int = 150 * MEGABYTE

    def of(self, service_class: str) -> int:
        """Return the limit of a class in bytes per second."""
        return int(getattr(self, service_class, self.fresh))


@dataclass(frozen=True, kw_only=True)
class WriteSlot:
    """The moment at which the next write of a class to a table may begin, and why not earlier."""

    at: datetime
    reasons: tuple[str, ...] = ()

    def wait(self, now: datetime) -> float:
        """Return the seconds from `now` until then, at least 0."""
        return max(0.0, (self.at - now).total_seconds())


def next_write_slot(writes: Iterable[Write], limit: int, now: datetime) -> WriteSlot:
    """Return when earlier writes are paid for at `limit` bytes per second; `writes` are those of one table and class.

    Writes are paid for one after the other from their beginning, so the rate stays at the limit however many processes
    write. A write is never split: it begins when nothing is owed.
    """
    ours = (w for w in writes if now - w.recorded_at < WRITE_WINDOW and w.started_at - now < CLOCK_SKEW)
    counted = sorted(ours, key=lambda w: (w.started_at, w.recorded_at))
    paid = now - WRITE_WINDOW
    for write in counted:
        # By a clock that is ahead of ours, a write may have begun later than now.
        paid = max(paid, min(write.started_at, now)) + timedelta(seconds=write.bytes / limit)
    if paid <= now:
        return WriteSlot(at=now)
    written = sum(w.bytes for w in counted)
    first = counted[0]
    reason = WRITE_BUDGET_SPENT(
        service_class=first.service_class,
        dataset=first.dataset,
        limit=_megabytes(limit),
        written=_megabytes(written),
        wait=(paid - now).total_seconds(),
    )
    return WriteSlot(at=paid, reasons=(reason,))


def _megabytes(size: int) -> str:
    found = size / MEGABYTE
    return f"{found:,.0f}" if found >= 10 else f"{found:.2g}"  # noqa: PLR2004 - two figures tell enough
