"""Remove orphans: files left by dead processes in the lake's folders and in staging."""

from collections.abc import Mapping, Sequence
from datetime import date

from settlement_platform.control.maintenance.retention import (
    StoredFile,
    idle_files,
    orphan_files,
    unneeded_staging,
    why_suspicious,
)
from settlement_platform.control.reasons.maintenance import FILES_BECAUSE, ORPHANED_BEFORE_COMMIT
from settlement_platform.pipeline.date_lock import lock_date
from settlement_platform.pipeline.maintenance.steps import TidyContext, TidyStep, busy_reason
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake import files as lake_files
from settlement_platform.storage.locks import LockTimeout
from settlement_platform.storage.staging.inventory import stored_files

_FILES_A_STEP = 100
_PARTS = 3
Place = tuple[str, date]


def plan_orphans(work: TidyContext) -> list[TidyStep]:
    """Plan which files of the lake's folders would be removed."""
    found, doubt = _orphans(work)
    return [TidyStep(step="orphans", left=(doubt,)) if doubt else _orphan_step(found)]


def remove_orphans(work: TidyContext) -> list[TidyStep]:
    """Remove orphans; each is looked up again inside the lake's lock, where no process is about to register it."""
    found, doubt = _orphans(work)
    if doubt:
        return [TidyStep(step="orphans", left=(doubt,))]
    done: list[StoredFile] = []
    try:
        for start in range(0, len(found), _FILES_A_STEP):
            with work.changing() as lake:
                known = lake_files.known_file_names(lake.cursor)
                for file in orphan_files(found[start : start + _FILES_A_STEP], known, work.now, work.policy):
                    work.platform.staging.remove(file.location)
                    done.append(file)
    except LockTimeout as failure:
        return [_orphan_step(done, busy_reason(failure))]
    return [_orphan_step(done)]


def _orphans(work: TidyContext) -> tuple[tuple[StoredFile, ...], str | None]:
    """Return the orphans beneath the folders of tables, and any doubt about them.

    Other things may lie beside these folders.
    """
    platform = work.platform
    with translate_errors("Reading the lake's catalog", dependency="lake"), platform.lake.cursor() as cursor:
        folders = tuple(table.folder for table in lake_files.lake_tables(platform.lake, cursor))
        files = [f for f in stored_files(platform.lake.data_url, s3=platform.s3) if f.location.startswith(folders)]
        # The catalog is read last: what is published meanwhile is in it.
        known = lake_files.known_file_names(cursor)
    found = orphan_files(files, known, work.now, work.policy)
    return found, why_suspicious(found, known)


def _orphan_step(files: Sequence[StoredFile], busy: str = "") -> TidyStep:
    return TidyStep(
        step="orphans",
        files=len(files),
        bytes=sum(f.bytes for f in files),
        reasons=(ORPHANED_BEFORE_COMMIT(),) if files else (),
        left=(busy,) if busy else (),
        busy=bool(busy),
    )


def plan_staging(work: TidyContext) -> list[TidyStep]:
    """Plan which staged files would be removed."""
    found = [_unneeded(work, place, files) for place, files in _staged(work).items()]
    return [_staging_step({file: why for each in found for file, why in each.items()}, ())]


def clean_staging(work: TidyContext) -> list[TidyStep]:
    """Remove unneeded staged files, date by date; skip a date that is being processed."""
    done: dict[StoredFile, str] = {}
    busy = []
    for place, files in _staged(work).items():
        if not _unneeded(work, place, files):
            continue
        try:
            with lock_date(work.platform.locks, *place, timeout_seconds=0):
                for file, why in _unneeded(work, place, files).items():
                    work.platform.staging.remove(file.location)
                    done[file] = why
        except LockTimeout:
            busy.append(f"somebody works on {place[0]} {place[1]}")
    return [_staging_step(done, busy)]


def _staged(work: TidyContext) -> dict[Place, list[StoredFile]]:
    """Return the files of the staging area by table and date, drafts included; files in other places are not ours."""
    base, found = work.platform.staging.url, dict[Place, list[StoredFile]]()
    for file in idle_files(stored_files(base, s3=work.platform.s3), work.now, work.policy):
        parts = file.location.removeprefix(f"{base}/").split("/")
        if len(parts) != _PARTS or parts[0] not in work.platform.catalog.names or not _is_date(parts[1]):
            continue
        found.setdefault((parts[0], date.fromisoformat(parts[1])), []).append(file)
    return found


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _unneeded(work: TidyContext, place: Place, files: Sequence[StoredFile]) -> Mapping[StoredFile, str]:
    name, day = place
    stagings = work.platform.ledger.stagings(name, day, day)
    contents = set(work.platform.ledger.verdicts(name, day, day))
    return unneeded_staging(files, stagings, contents, work.now, work.policy)


def _staging_step(files: Mapping[StoredFile, str], busy: Sequence[str]) -> TidyStep:
    counts = {why: sum(w == why for w in files.values()) for why in files.values()}
    return TidyStep(
        step="staged",
        files=len(files),
        bytes=sum(f.bytes for f in files),
        reasons=tuple(FILES_BECAUSE(files=count, reason=why) for why, count in counts.items()),
        left=tuple(busy),
        busy=bool(busy),
    )
