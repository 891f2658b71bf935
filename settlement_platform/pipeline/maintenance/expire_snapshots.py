"""Expire snapshots: drop those beyond the retention, and remove files that no snapshot has needed for a while."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from settlement_platform.control.maintenance.retention import expirable_snapshots
from settlement_platform.control.reasons.maintenance import UNNEEDED_BY_SNAPSHOTS
from settlement_platform.pipeline.maintenance.steps import TidyContext, TidyStep, busy_reason
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake import files as lake_files
from settlement_platform.storage.locks import LockTimeout
from settlement_platform.storage.staging.inventory import stored_files

_SNAPSHOTS_A_STEP = 200
_FILES_A_STEP = 100


def plan_expiry(work: TidyContext) -> list[TidyStep]:
    """Plan which snapshots would expire, and from when on the past would stay readable."""
    with translate_errors("Reading the lake's catalog", dependency="lake"), work.platform.lake.cursor() as cursor:
        known = lake_files.lake_snapshots(cursor)
    numbers = expirable_snapshots(known, work.now, work.policy)
    left = [s for s in known if s.number not in set(numbers)]
    oldest = f", the oldest of {left[0].committed_at:%Y-%m-%d %H:%M} UTC" if left else ""
    why = f"no moment of the last {work.policy.description} is read from them"
    return [
        TidyStep(
            step="expire",
            snapshots=len(numbers),
            reasons=(why,) if numbers else (),
            left=(f"{len(left)} snapshots are kept{oldest}",),
        )
    ]


def expire_old_snapshots(work: TidyContext) -> list[TidyStep]:
    """Expire the planned snapshots, the oldest first, so that the readable past never has a gap."""
    (step,) = plan_expiry(work)
    with translate_errors("Reading the lake's catalog", dependency="lake"), work.platform.lake.cursor() as cursor:
        numbers = expirable_snapshots(lake_files.lake_snapshots(cursor), work.now, work.policy)
    done = 0
    try:
        for start in range(0, len(numbers), _SNAPSHOTS_A_STEP):
            with work.changing() as lake:
                done += lake_files.expire_snapshots(lake.cursor, numbers[start : start + _SNAPSHOTS_A_STEP])
    except LockTimeout as failure:
        return [_part(step, snapshots=done, why=busy_reason(failure))]
    return [step]


def plan_removal(work: TidyContext) -> list[TidyStep]:
    """Plan how many files that merging or expiry made unnecessary would be removed."""
    return [_removal(work, _discarded(work))]


def remove_discarded_files(work: TidyContext) -> list[TidyStep]:
    """Remove the unnecessary files, about a hundred for each time that the lake's lock is held."""
    discarded = _discarded(work)
    step, done = _removal(work, discarded), 0
    moments = list(discarded)
    try:
        while moments:
            count, last = 0, moments[0]
            while moments and count < _FILES_A_STEP:
                last = moments.pop(0)
                count += len(discarded[last])
            with work.changing() as lake:
                done += lake_files.remove_discarded_files(lake.cursor, last + timedelta(microseconds=1))
    except LockTimeout as failure:
        return [_part(step, files=done, why=busy_reason(failure))]
    return [step]


def _discarded(work: TidyContext) -> dict[datetime, list[str]]:
    with translate_errors("Reading the lake's catalog", dependency="lake"), work.platform.lake.cursor() as cursor:
        return lake_files.discarded_file_names(cursor, work.now - work.policy.grace)


def _removal(work: TidyContext, discarded: Mapping[datetime, list[str]]) -> TidyStep:
    names = {name for each in discarded.values() for name in each}
    if not names:
        return TidyStep(step="remove")
    files = stored_files(work.platform.lake.data_url, s3=work.platform.s3)
    return TidyStep(
        step="remove",
        files=len(names),
        bytes=sum(f.bytes for f in files if f.name in names),
        reasons=(UNNEEDED_BY_SNAPSHOTS(grace=work.policy.grace),),
    )


def _part(step: TidyStep, *, why: str, files: int = 0, snapshots: int = 0) -> TidyStep:
    return TidyStep(
        step=step.step,
        files=files,
        snapshots=snapshots,
        reasons=step.reasons,
        left=(why, *step.left),
        busy=True,
    )
