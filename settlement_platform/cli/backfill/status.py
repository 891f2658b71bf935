"""`settlement backfill status` and `list`: progress, estimated end, and why a backfill waits."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

from settlement_platform.cli.console.exit_codes import DONE, WrongUsage
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import escape_controls, out, print_json, table
from settlement_platform.cli.console.stores import open_stores, utc_now
from settlement_platform.control.queue.backfill_progress import (
    BackfillConditions,
    BackfillProgress,
    BackfillRun,
    DateProgress,
    why_waiting,
)
from settlement_platform.control.queue.run_sizing import MEGABYTE
from settlement_platform.control.queue.service_classes import ServiceClass
from settlement_platform.orchestration.dagster_internals.instance import open_instance
from settlement_platform.orchestration.queue.backfill_launch import daemon_is_running
from settlement_platform.orchestration.queue.backfill_records import (
    BackfillRecord,
    find_backfill,
    latest_backfills,
    runs_of,
    slots_taken,
    unfinished_backfills,
)
from settlement_platform.pipeline.backfills.plan import backfill_progress
from settlement_platform.pipeline.launching.launch_permission import launch_refusals
from settlement_platform.pipeline.launching.write_throttle import why_throttled
from settlement_platform.pipeline.platform import Platform
from settlement_platform.settings import Settings, load_settings

LISTED = 20
WATCH_SECONDS = 5.0
_PROBLEMS = (DateProgress.REFUSED, DateProgress.FAILED, DateProgress.WAITING, DateProgress.BLOCKED)


@dataclass(frozen=True, kw_only=True)
class BackfillStatus:
    """The progress of a backfill, and why it waits."""

    backfill: BackfillRecord
    progress: Sequence[BackfillProgress]
    runs: Sequence[BackfillRun]
    why_waiting: tuple[str, ...]

    @property
    def ends_at(self) -> datetime | None:
        """Return when it is expected to end; None where that is unknown, or it has ended or is ending."""
        if self.backfill.over or self.backfill.ending:
            return None
        found = [w.ends_at for w in self.progress if w.left]
        return None if None in found else max((e for e in found if e), default=None)


def missing_instance_error(settings: Settings) -> WrongUsage:
    """Return the error for a backfill that is named where no instance exists."""
    message = f"There is no Dagster instance in {settings.dagster_home}."
    return WrongUsage(message, remedy="Set SETTLEMENT_HOME to the home of that backfill.")


@contextmanager
def open_existing_instance(settings: Settings) -> Iterator[dg.DagsterInstance | None]:
    """Open the instance to read it; None where none exists."""
    if not settings.dagster_home.is_dir():
        yield None
        return
    with open_instance(settings.dagster_home) as instance:
        yield instance


def assess_backfill(
    platform: Platform, instance: dg.DagsterInstance, record: BackfillRecord, now: datetime
) -> BackfillStatus:
    """Return the progress of one backfill, from its runs and from recorded attempts."""
    runs = runs_of(instance, record.backfill_id)
    ended = record.ended_at or now
    work = backfill_progress(platform, record.targets, runs, ended) if record.targets else []
    queued = sum(1 for run in runs if run.queued)
    held = why_waiting(
        BackfillConditions(
            over=record.over,
            daemon=daemon_is_running(instance, now),
            ending=record.ending,
            paused=record.paused,
            stopped=tuple({why: None for name in record.targets for why in launch_refusals(platform, name)}),
            queued=queued,
            started=sum(1 for run in runs if not run.queued and not run.ended),
            requested=record.requested,
            waiting=max((w.count(DateProgress.WAITING) for w in work), default=0),
            taken=slots_taken(instance, runs) if queued else "",
            throttled=tuple(why for name in record.targets for why in _throttled(platform, name)),
        )
    )
    return BackfillStatus(backfill=record, progress=work, runs=runs, why_waiting=held)


def _throttled(platform: Platform, name: str) -> tuple[str, ...]:
    return why_throttled(platform, name, find_declared(name).write_limits, ServiceClass.BACKFILL)


def run_status(backfill_id: str | None, *, watch: bool, json: bool) -> int:
    """Show one backfill, or all that are running."""
    if watch and json:
        message = "--watch and --json exclude each other."
        raise WrongUsage(message, remedy="Give one of them.")
    settings = load_settings()
    with open_stores(settings, reading=True) as platform, open_existing_instance(settings) as instance:
        if backfill_id and instance is None:
            raise missing_instance_error(settings)
        while True:
            found = _assess_chosen(platform, instance, backfill_id)
            if json:
                print_json({"backfills": [backfill_document(s) for s in found]})
            else:
                _print(found)
            if not watch or all(s.backfill.over for s in found):
                return DONE
            time.sleep(WATCH_SECONDS)


def _assess_chosen(
    platform: Platform, instance: dg.DagsterInstance | None, backfill_id: str | None
) -> list[BackfillStatus]:
    if instance is None:
        return []
    chosen = [find_backfill(instance, backfill_id)] if backfill_id else unfinished_backfills(instance)
    return [assess_backfill(platform, instance, each, utc_now()) for each in chosen]


def run_list(*, json: bool) -> int:
    """Show the latest backfills, newest first."""
    with open_existing_instance(load_settings()) as instance:
        found = latest_backfills(instance, limit=LISTED) if instance else []
    if json:
        print_json({"backfills": [_summary(each) for each in found]})
        return DONE
    if not found:
        out.print("No backfill is on record.")
    for record in found:
        _print_heading(record)
        number = _date_count(record)
        dates = "1 date" if number == 1 else f"{number:,} dates"
        out.print(f"  {dates}, launched at {record.launched_at:%Y-%m-%d %H:%M} UTC", markup=False)
    return DONE


def _status_text(record: BackfillRecord) -> str:
    return "paused" if record.paused and not record.over else record.status


def _date_count(record: BackfillRecord) -> int:
    return len({day for days in record.targets.values() for day in days})


def _summary(record: BackfillRecord) -> dict[str, Any]:
    return {
        "id": record.backfill_id,
        "title": record.title,
        "status": _status_text(record),
        "dates": _date_count(record),
        "launched_at": record.launched_at,
        "ended_at": record.ended_at,
        "actor": record.actor,
        "reason": record.reason,
        "priority": record.priority,
        "error": record.error,
    }


def backfill_document(status: BackfillStatus) -> dict[str, Any]:
    """Return one backfill as a JSON document."""
    return _summary(status.backfill) | {
        "estimated_end_at": status.ends_at,
        "held_back_by": status.why_waiting,
        "runs": {
            "queued": sum(1 for run in status.runs if run.queued),
            "started": sum(1 for run in status.runs if not run.queued and not run.ended),
            "ended": sum(1 for run in status.runs if run.ended),
        },
        "progress": [_progress(work) for work in status.progress],
    }


def _progress(work: BackfillProgress) -> dict[str, Any]:
    rate = None if work.bytes_per_second is None else round(work.bytes_per_second / MEGABYTE, 3)
    return {
        "dataset": work.name,
        "dates": len(work.progress),
        **{state.value: work.count(state) for state in DateProgress},
        "not_published": [
            day for day, state in work.progress.items() if state in {DateProgress.REFUSED, DateProgress.FAILED}
        ],
        "dates_per_minute": None if work.per_minute is None else round(work.per_minute, 2),
        "megabytes_per_second": rate,
        "estimated_end_at": work.ends_at,
    }


def _print(statuses: Sequence[BackfillStatus]) -> None:
    if not statuses:
        out.print("No backfill is running. settlement backfill list shows those that have ended.")
    for status in statuses:
        head = status.backfill
        _print_heading(head)
        _print_progress(status.progress)
        if not head.over:
            if not head.ending:
                end = f"{status.ends_at:%Y-%m-%d %H:%M} UTC" if status.ends_at else "unknown yet"
                out.print(f"  estimated end: {end}", markup=False)
            out.print(f"  why it waits: {'; '.join(status.why_waiting) or 'it does not wait'}", markup=False)
        if head.error:
            out.print(f"  error: {head.error}", markup=False)


def _print_heading(record: BackfillRecord) -> None:
    heading = f"{record.backfill_id}  {_status_text(record)}, priority {record.priority}  {record.title}"
    out.print(escape_controls(heading))
    if record.actor:
        out.print(escape_controls(f"  by {record.actor}: {record.reason}"))


def _print_progress(progress: Sequence[BackfillProgress]) -> None:
    """Print a table of dates by progress; it leaves out problems that no date has, to fit on 80 columns."""
    problems = [each for each in _PROBLEMS if any(work.count(each) for work in progress)]
    columns = ("", "dates", "done", *(each.value for each in problems), "remaining", "dates/min", "MB/s")
    out.print(table(columns, [_row(work, problems) for work in progress]))


def _row(work: BackfillProgress, problems: Sequence[DateProgress]) -> tuple[Any, ...]:
    counts = (work.count(each) for each in (DateProgress.DONE, *problems))
    minute = None if work.per_minute is None else f"{work.per_minute:.1f}"
    rate = None if not work.bytes_per_second else f"{work.bytes_per_second / MEGABYTE:.2f}"
    return (work.name, len(work.progress), *counts, work.left, minute, rate)
