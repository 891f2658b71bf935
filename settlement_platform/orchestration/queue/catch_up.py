"""Catching up after an outage: dates that closed before they were published come back a few at a time."""

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
"""Runs of older dates of a dataset that are asked for and have not ended: what keeps the queue from being flooded."""


@dataclass(frozen=True, kw_only=True)
class CatchUpSelection:
    """Which dates are asked for now, those of them that closed long ago, and what is said of the others."""

    requested: list[date]
    older: frozenset[date] = frozenset()
    notes: list[str] = field(default_factory=list)


def select_catch_up(
    instance: dg.DagsterInstance, dataset: Dataset, dates: Sequence[date], *, now: datetime
) -> CatchUpSelection:
    """All dates that are open, and of the older ones, in their order, as many as have room and are in no run yet.

    The queue takes runs of critical datasets ahead of others, so that all datasets together come back in that order.
    """
    older = [day for day in dates if now >= closes_at(day, dataset.recompute_window)]
    if not older:
        return CatchUpSelection(requested=list(dates))
    at_work = RunIndex(instance, now)
    key, jobs = published_key(dataset.name), [f"daily_{dataset.name}"]
    idle = [day for day in older if not at_work.is_running(key, day.isoformat(), jobs)]
    chosen = idle[: max(0, MAX_RUNS - at_work.with_tag(CATCH_UP_TAG, dataset.name))]
    told = (
        [f"{len(older) - len(idle):,} older dates are in runs or backfills already"] if len(idle) < len(older) else []
    )
    if left := idle[len(chosen) :]:
        command = f"settlement backfill {dataset.name} --from {min(left)} --to {max(left)} --only-missing"
        told.append(
            f"{len(left):,} older dates are left to be caught up, {MAX_RUNS} at a time and the latest first; "
            f"{command} takes them in fewer runs"
        )
    return CatchUpSelection(
        requested=[day for day in dates if day not in older or day in chosen], older=frozenset(chosen), notes=told
    )
