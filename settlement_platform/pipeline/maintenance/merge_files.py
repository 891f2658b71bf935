"""Merge small files of the lake's tables, one merge at a time, while nobody publishes.

The bytes it writes count against the table's write budget for maintenance.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from settlement_platform.control.maintenance.retention import DataFile, plan_merges, why_unmerged
from settlement_platform.control.queue.service_classes import ServiceClass
from settlement_platform.control.queue.write_budget import WriteLimits
from settlement_platform.pipeline.date_lock import date_lock_name
from settlement_platform.pipeline.launching.write_throttle import wait_for_budget, write_fact
from settlement_platform.pipeline.maintenance.steps import TidyContext, TidyStep, busy_reason
from settlement_platform.pipeline.platform import Request
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake import files as lake_files
from settlement_platform.storage.lake.files import LakeTable
from settlement_platform.storage.locks import LockTimeout

_SHOWN_DATES = 5
Groups = Sequence[Sequence[DataFile]]


def plan_merging(work: TidyContext) -> list[TidyStep]:
    """Plan per table which files would be merged, and why others would not."""
    found, safe = _mergeable_files(work)
    if not safe:
        return [_unsafe(work, table, files) for table, files in found]
    return [_step(work, table, plan_merges(files, work.policy), files) for table, files in found]


def merge_tables(work: TidyContext) -> list[TidyStep]:
    """Merge table by table; skip one with a date that is being processed.

    Raises:
        PermanentFailure: a merged file differs from the files that it would replace; it changed nothing.
    """
    found, safe = _mergeable_files(work)
    if not safe:
        return [_unsafe(work, table, files) for table, files in found]
    return [_merge_table(work, table, files) for table, files in found]


def _mergeable_files(work: TidyContext) -> tuple[list[tuple[LakeTable, list[DataFile]]], bool]:
    """Return the files of every table that has any, and whether merging them is safe for readers."""
    with translate_errors("Reading the lake's catalog", dependency="lake"), work.platform.lake.cursor() as cursor:
        tables = lake_files.lake_tables(work.platform.lake, cursor)
        found = [(table, lake_files.data_files(cursor, table)) for table in tables]
        safe = work.nobody_reads or lake_files.isolates_readers(cursor)
    return [(table, files) for table, files in found if files], safe


def _unsafe(work: TidyContext, table: LakeTable, files: Sequence[DataFile]) -> TidyStep:
    count = sum(len(group) for group in plan_merges(files, work.policy))
    why = (
        f"{count} small files: in a SQLite catalog a reader could find the table empty while they are merged; "
        "--nobody-reads merges them"
    )
    return TidyStep(
        step="merge", table=table.qualified_name, left=(why,) if count else why_unmerged(files, work.policy)
    )


def _merge_table(work: TidyContext, table: LakeTable, files: Sequence[DataFile]) -> TidyStep:
    done: list[Sequence[DataFile]] = []
    for _ in plan_merges(files, work.policy):
        wait_for_budget(work.platform, table.name, _limits(work, table), _as_maintenance(work))
        try:
            merged, busy = _merge_once(work, table)
        except LockTimeout as failure:
            return _given_up(_step(work, table, done, files), busy_reason(failure))
        if busy:
            return _given_up(_step(work, table, done, files), busy)
        if not merged:
            break
        done.append(merged)
    return _step(work, table, done, files)


def _merge_once(work: TidyContext, table: LakeTable) -> tuple[Sequence[DataFile], str]:
    """Merge one group of files; return the merged files, or which process holds the table."""
    # What is due was decided before: the files that are left may be too few to begin with.
    policy = replace(work.policy, fewest_files=2)
    with work.changing() as lake:
        if busy := _busy(work, table):
            return (), busy
        groups = plan_merges(lake_files.data_files(lake.cursor, table), policy)
        if not groups:
            return (), ""
        began = work.platform.clock()
        merged = lake_files.merge_table_files(lake.cursor, table, groups, policy)
        # Before the commit: whatever becomes of that, the bytes are written.
        _on_record(work, table, merged.bytes, began)
        detail = json.dumps({"reason": work.request.reason, "run_id": work.request.run_id})
        message = f"tidy: {len(merged.files)} files of {table.qualified_name} merged"
        lake.cursor.execute(
            "CALL lake.set_commit_message(?, ?, extra_info => ?)", [work.request.actor, message, detail]
        )
        return merged.files, ""


def _limits(work: TidyContext, table: LakeTable) -> WriteLimits:
    """Return the declared limits; a table without a declaration, such as `publications`, has the usual ones."""
    declared = work.platform.catalog.find(table.name)
    return declared.write_limits if declared else WriteLimits()


def _on_record(work: TidyContext, table: LakeTable, size: int, began: datetime) -> None:
    write = write_fact(work.platform, _as_maintenance(work), table.name, began.date(), size, began=began)
    work.platform.ledger.append(write)
    # A merged file is large: the next one looks again at what is owed.
    work.platform.write_budgets.pop((table.name, write.service_class), None)


def _as_maintenance(work: TidyContext) -> Request:
    return replace(work.request, service_class=ServiceClass.MAINTENANCE)


def _busy(work: TidyContext, table: LakeTable) -> str:
    """Return the dates of a table in process; one that starts now cannot publish before this step ends."""
    if table.name not in work.platform.catalog.names:
        return ""
    days = {date_lock_name(table.name, day): day for day in work.platform.lake.current_publications(table.name)}
    held = work.platform.locks.held_among(days)
    named = ", ".join(str(days[lock]) for lock in held[:_SHOWN_DATES])
    more = f" and {len(held) - _SHOWN_DATES} more" if len(held) > _SHOWN_DATES else ""
    return f"somebody works on {named}{more}" if held else ""


def _step(work: TidyContext, table: LakeTable, groups: Groups, files: Sequence[DataFile]) -> TidyStep:
    merged = [file for group in groups for file in group]
    small = f"below {work.policy.small_bytes:,} bytes each; every snapshot reads the same rows from the merged file"
    return TidyStep(
        step="merge",
        table=table.qualified_name,
        files=len(merged),
        made=len(groups),
        bytes=sum(file.bytes for file in merged),
        reasons=(small,) if merged else (),
        left=why_unmerged(files, work.policy),
    )


def _given_up(step: TidyStep, why: str) -> TidyStep:
    return replace(step, left=(why, *step.left), busy=True)
