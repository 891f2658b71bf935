"""The plan of a backfill, for people and programs: dates, runs, bytes, time, and the dates left out."""

from collections.abc import Sequence, Sized
from datetime import date, timedelta
from statistics import median_low
from typing import Any

from rich.console import Console

from settlement_platform.control.durations import format_duration
from settlement_platform.control.policies import date_spans
from settlement_platform.control.queue.run_sizing import (
    MEGABYTE,
    RUN_SIZING,
    dates_per_run,
    estimated_seconds,
    mart_dates_per_run,
    split_into_runs,
)
from settlement_platform.pipeline.backfills.plan import BackfillPlan, BackfillSelection

_MART_SHARE = 0.5
"""Seconds for a date of a mart, at most, as a share of its dataset's."""

_MAX_RANGES = 5
_SIZES_NOTE = "planned with the sizes of today; a running code location uses them after a reload"


def chunk_size(plan: BackfillPlan) -> int:
    """Return the dates per run, from the typical size of a date or else from the delivered sizes."""
    delivered = [size for size in plan.sizes.values() if size]
    return dates_per_run(plan.typical_bytes or (median_low(delivered) if delivered else None))


def _runs(plan: BackfillPlan) -> int:
    size = chunk_size(plan)
    marts = {days for days in plan.marts.values() if days}
    return len(split_into_runs(plan.choice.dates, size)) + sum(
        len(split_into_runs(d, mart_dates_per_run(size))) for d in marts
    )


def _seconds(plan: BackfillPlan) -> float:
    typical = plan.typical_bytes or 0
    sizes = [plan.sizes.get(day, typical) for day in plan.choice.dates]
    built = [plan.sizes.get(day, typical) for days in plan.marts.values() for day in days]
    return estimated_seconds(sizes, _runs(plan)) + _MART_SHARE * sum(RUN_SIZING.seconds_for(size) for size in built)


def plan_document(plan: BackfillPlan, selection: BackfillSelection) -> dict[str, Any]:
    """Return the plan as a JSON document."""
    return {
        "dataset": plan.name,
        "from": selection.first,
        "to": selection.last,
        "only": selection.only,
        "dates": plan.choice.dates,
        "marts": [{"dataset": name, "dates": days} for name, days in plan.marts.items()],
        "left_out": [{"reason": reason, "dates": days} for reason, days in plan.choice.left_out.items()],
        "lacking_files": plan.lacking,
        "dates_per_run": chunk_size(plan),
        "runs": _runs(plan),
        "bytes": sum(plan.sizes.values()),
        "estimated_seconds": round(_seconds(plan)),
    }


def print_plan(console: Console, plan: BackfillPlan, selection: BackfillSelection) -> None:
    """Print the plan for people."""
    dates = plan.choice.dates
    console.print(f"{plan.name}, {selection.first} to {selection.last}, {selection.only}", markup=False)
    if plan.empty:
        console.print("  nothing to do", markup=False)
    else:
        megabytes = sum(plan.sizes.values()) / MEGABYTE
        size = f", {megabytes:,.1f} MB delivered" if plan.sizes else ""
        console.print(f"  {_count_text(dates)}{size}: {_ranges_text(dates)}", markup=False)
        for name, days in plan.marts.items():
            console.print(f"  {_count_text(days)} of {name}", markup=False)
        about, number = _minutes_text(_seconds(plan)), _runs(plan)
        runs = "1 run" if number == 1 else f"{number:,} runs"
        console.print(f"  {runs} of up to {chunk_size(plan)} dates, {about}", markup=False)
        console.print(f"  {_SIZES_NOTE}", markup=False)
    if plan.lacking:
        console.print(f"  files missing, will wait: {_ranges_text(plan.lacking)}", markup=False)
    for reason, days in plan.choice.left_out.items():
        console.print(f"  left out, {_count_text(days)} ({reason}): {_ranges_text(days)}", markup=False)


def _count_text(days: Sized) -> str:
    return "1 date" if len(days) == 1 else f"{len(days):,} dates"


def _ranges_text(dates: Sequence[date]) -> str:
    """Return the first few ranges of the dates as text."""
    ranges = date_spans(dates)
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in ranges[:_MAX_RANGES]]
    return ", ".join(texts) + (f" and {len(ranges) - _MAX_RANGES} more ranges" if len(ranges) > _MAX_RANGES else "")


def _minutes_text(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"about {format_duration(timedelta(minutes=minutes))}" if minutes else "less than a minute"
