"""Retention: how long the past is readable, what may be removed, and which small files are merged."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, product
from math import prod

from settlement_platform.control.facts import OperatorActionType, Staging
from settlement_platform.control.landing.content_hash import content_hash
from settlement_platform.control.reasons.maintenance import (
    CATALOG_SUSPICIOUS,
    FILES_LARGE_ENOUGH,
    FILES_WITH_DELETED_ROWS,
    REPLACED_BEFORE_VERDICT,
    STAGED_AGAIN,
    STAGING_NOT_ON_RECORD,
    TOO_FEW_SMALL_FILES,
)
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.roles import Roles

TIDY_ROLES = Roles(needed={OperatorActionType.TIDY: "operator"})
"""The role that tidying needs; it is the installation's, so no dataset declares it."""

_COMBINATIONS = 4096
"""The most combinations of staged files of one date that are examined; beyond it, all count as validated."""


@dataclass(frozen=True, kw_only=True)
class RetentionPolicy:
    """The policy of retention: how long superseded data stays, and when a file is too small.

    Within `snapshots`, readers can read any past moment, and dates can be rolled back. `grace` is how long an unneeded
    file stays: longer than any read, and any attempt to publish, takes. Files below `small_bytes` are merged in the
    order of publication into files of about `merged_bytes`, once a table has `fewest_files` of them.
    """

    snapshots: timedelta = timedelta(days=400)
    grace: timedelta = timedelta(days=1)
    small_bytes: int = 8 * 2**20
    merged_bytes: int = 64 * 2**20
    fewest_files: int = 8

    def __post_init__(self) -> None:
        """Refuse sizes with which merging would never end."""
        if not 0 < 2 * self.small_bytes <= self.merged_bytes or self.fewest_files < 2:  # noqa: PLR2004 - one is no merge
            message = (
                f"Merging would do nothing or never end: small_bytes is {self.small_bytes}, merged_bytes "
                f"{self.merged_bytes}, fewest_files {self.fewest_files}. Make merged_bytes at least twice small_bytes, "
                "small_bytes above 0, and fewest_files at least 2."
            )
            raise ValueError(message)

    def retained_since(self, now: datetime) -> datetime:
        """Return the earliest moment that can be read and restored."""
        return now - self.snapshots

    @property
    def description(self) -> str:
        """Return how long the past stays readable, as a phrase."""
        return f"{self.snapshots.days} days"


RETENTION = RetentionPolicy()
"""The platform's policy. 400 days: when a year is audited, its first day can still be read, with five weeks to do so.
DuckLake's manual advises Parquet files of a few megabytes at least."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A readable state of the lake."""

    number: int
    committed_at: datetime


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """A file with current rows of a table.

    `since` is the number of the snapshot that brought its oldest rows. `changed` is set when some of its rows are
    deleted. Files of different `layout`, the version of the table's columns, are not merged.
    """

    location: str
    since: int
    bytes: int
    layout: int
    changed: bool


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file in a folder or a bucket; `changed_at` is when it was last written, moved or copied there."""

    location: str
    bytes: int
    changed_at: datetime

    @property
    def name(self) -> str:
        """Return the part after the last slash; no two files of this platform share one."""
        return self.location.rpartition("/")[2]


def expirable_snapshots(snapshots: Sequence[Snapshot], now: datetime, policy: RetentionPolicy) -> tuple[int, ...]:
    """Return the snapshots, oldest first, that no moment within the retention is read from.

    The last one before the retention stays, since its first moments are read from it. So the readable past has no gap.
    """
    ordered = sorted(snapshots, key=lambda s: s.number)
    before = [s.number for s in ordered if s.committed_at <= policy.retained_since(now)]
    return tuple(s.number for s in ordered if before and s.number < before[-1])


def plan_merges(files: Sequence[DataFile], policy: RetentionPolicy) -> tuple[tuple[DataFile, ...], ...]:
    """Return the groups of files to merge: small ones without deleted rows, in order, up to the wanted size.

    A table with fewer of each layout than the policy requires is left as it is.
    """
    small = [f for f in files if f.bytes < policy.small_bytes and not f.changed]
    layouts = [list(same) for _, same in groupby(sorted(small, key=lambda f: f.layout), key=lambda f: f.layout)]
    if max((len(same) for same in layouts), default=0) < policy.fewest_files:
        return ()
    groups = [group for same in layouts for group in _groups(same, policy.merged_bytes)]
    return tuple(tuple(group) for group in groups if len(group) > 1)


def _groups(files: Iterable[DataFile], wanted: int) -> list[list[DataFile]]:
    """Cut as soon as the wanted size is reached, which is where DuckLake 1.5.5 cuts."""
    found: list[list[DataFile]] = []
    size = 0
    for file in files:
        if not found or size >= wanted:
            found.append([])
            size = 0
        found[-1].append(file)
        size += file.bytes
    return found


def why_unmerged(files: Sequence[DataFile], policy: RetentionPolicy) -> tuple[str, ...]:
    """Return why files of a table stay as they are, as reasons with counts."""
    changed = sum(f.changed and f.bytes < policy.small_bytes for f in files)
    large = sum(f.bytes >= policy.small_bytes for f in files)
    small = len(files) - changed - large
    reasons = []
    if small and not plan_merges(files, policy):
        reasons.append(TOO_FEW_SMALL_FILES(files=small, fewest=policy.fewest_files))
    if changed:
        reasons.append(FILES_WITH_DELETED_ROWS(files=changed))
    if large:
        reasons.append(FILES_LARGE_ENOUGH(files=large, small_bytes=policy.small_bytes))
    return tuple(reasons)


def idle_files(files: Iterable[StoredFile], now: datetime, policy: RetentionPolicy) -> list[StoredFile]:
    """Return the files that have not changed for longer than the grace."""
    return [f for f in files if now - f.changed_at > policy.grace]


def orphan_files(
    files: Iterable[StoredFile], known: Collection[str], now: datetime, policy: RetentionPolicy
) -> tuple[StoredFile, ...]:
    """Return the files of the lake's folders that its catalog does not name, once the grace is over."""
    return tuple(f for f in idle_files(files, now, policy) if f.name not in known)


def why_suspicious(found: Collection[StoredFile], known: Collection[str]) -> Reason | None:
    """Return why orphans must not be removed after all; None when they may be.

    A catalog that was lost and made anew, or restored from long ago, knows too few files.
    """
    if len(found) <= len(known):
        return None
    return CATALOG_SUSPICIOUS(orphans=len(found), known=len(known))


def unneeded_staging(
    files: Iterable[StoredFile],
    stagings: Sequence[Staging],
    contents: Collection[str],
    now: datetime,
    policy: RetentionPolicy,
) -> dict[StoredFile, Reason]:
    """Return the staged files of one date that nothing needs, once the grace is over, and why each may go.

    `stagings` are all that are recorded for the date, oldest first; `contents` are those with a verdict. Validated
    files are evidence, published or not.
    """
    found = {}
    for file in idle_files(files, now, policy):
        # By its name, which is unique: folders and buckets can be given another one.
        named = next((s for s in stagings if s.path.rpartition("/")[2] == file.name), None)
        why = _why_unneeded(named, stagings, contents) if named else STAGING_NOT_ON_RECORD()
        if why:
            found[file] = why
    return found


def _why_unneeded(named: Staging, stagings: Sequence[Staging], contents: Collection[str]) -> Reason | None:
    latest = {s.source: s for s in stagings}[named.source]
    again = [s for s in stagings if s.input_hash == named.input_hash][-1]
    if again.path != named.path:
        return STAGED_AGAIN()
    if latest.input_hash != named.input_hash and named.input_hash not in _judged(stagings, contents):
        return REPLACED_BEFORE_VERDICT()
    return None


def _judged(stagings: Sequence[Staging], contents: Collection[str]) -> set[str]:
    """Return the inputs with a verdict: a content's hash is made of one input, or none, of every source."""
    inputs = {s.source: {x.input_hash for x in stagings if x.source == s.source} for s in stagings}
    choices = [[*sorted(found), ""] for found in inputs.values()]
    if prod(len(choice) for choice in choices) > _COMBINATIONS:
        return {s.input_hash for s in stagings}
    dataset, day = stagings[0].dataset, stagings[0].business_date
    sets = ([h for h in chosen if h] for chosen in product(*choices))
    return {h for s in sets if content_hash(dataset=dataset, business_date=day, inputs=s) in contents for h in s}
