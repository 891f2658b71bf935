"""Catch-up after an outage: dates that closed before they were published are requested a few at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import dagster as dg

from settlement_platform.control.timeliness.recompute_window import closes_at
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.orchestration.keys import published_key
from settlement_platform.orchestration.queue.run_index import RunIndex
from settlement_platform.orchestration.tags import CATCH_UP_TAG

MAX_RUNS = 8
"""The most unfinished catch-up runs of a dataset, so that they do not flood the queue."""


@dataclass(frozen=True, kw_only=True)
class CatchUpSelection:
    """The dates to request now, the closed ones among them (`older`), and notes on the rest."""

    requested: list[date]
    older: frozenset[date] = frozenset()
    notes: list[str] = field(default_factory=list)


def select_catch_up(
    instance: dg.DagsterInstance, dataset: Dataset, dates: Sequence[date], *, now: datetime
) -> CatchUpSelection:
    """Return all open dates, and as many closed ones, in their order, as there is room for and no run covers.

    The queue starts runs of critical datasets first, so all datasets together catch up in that order.
    """
    older = [day for day in dates if now >= closes_at(day, dataset.recompute_window)]
    if not older:
        return CatchUpSelection(requested=list(dates))
    index = RunIndex(instance, now)
    key, jobs = published_key(dataset.name), [f"daily_{dataset.name}"]
    idle = [day for day in older if not index.is_running(key, day.isoformat(), jobs)]
    chosen = idle[: max(0, MAX_RUNS - index.with_tag(CATCH_UP_TAG, dataset.name))]
    notes = (
        [f"{len(older) - len(idle):,} older dates are already in runs or backfills"] if len(idle) < len(older) else []
    )
    if left := idle[len(chosen) :]:
        command = f"settlement backfill {dataset.name} --from {min(left)} --to {max(left)} --only-missing"
        notes.append(
            f"{len(left):,} older dates are not requested yet; they follow {MAX_RUNS} at a time, the latest first. "
            f"To process them in fewer runs: {command}"
        )
    return CatchUpSelection(
        requested=[day for day in dates if day not in older or day in chosen], older=frozenset(chosen), notes=notes
    )
