"""A step of tidying, planned or done, as a value with its reasons."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from settlement_platform.control.maintenance.retention import RetentionPolicy
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.lake.writer import LakeWriter
from settlement_platform.storage.locks import LockTimeout

LOCK_TIMEOUT_SECONDS = 5.0
"""The time that a step waits for the lake before it gives up; a publication holds it for about 0.1 s."""


@dataclass(frozen=True, kw_only=True)
class TidyStep:
    """One step on one table, and its result.

    `files` and `bytes` are those removed or merged, `made` the files that they are merged into, `snapshots` the expired
    ones. `reasons` say why, `left` what is left alone and why. `busy` is set when other work prevented some of it.
    """

    step: str
    table: str = ""
    files: int = 0
    made: int = 0
    bytes: int = 0
    snapshots: int = 0
    reasons: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    busy: bool = False

    @property
    def idle(self) -> bool:
        """Return whether there is nothing to do."""
        return not (self.files or self.snapshots)


@dataclass(frozen=True, kw_only=True)
class TidyContext:
    """The context of every step; `nobody_reads` is an operator's assurance that nobody reads the lake meanwhile."""

    platform: Platform
    policy: RetentionPolicy
    now: datetime
    nobody_reads: bool = False
    request: Request = field(default_factory=lambda: Request(actor="", reason=""))

    @contextmanager
    def changing(self) -> Iterator[LakeWriter]:
        """Hold the lake's lock and a transaction for one short step.

        Raises:
            LockTimeout: another process held the lock for too long.
        """
        with self.platform.lake.publishing(timeout_seconds=LOCK_TIMEOUT_SECONDS) as lake:
            yield lake


@dataclass(frozen=True, kw_only=True)
class TidyTask:
    """A step that can be planned without changing anything, and done."""

    plan: Callable[[TidyContext], list[TidyStep]]
    do: Callable[[TidyContext], list[TidyStep]]


def busy_reason(failure: LockTimeout) -> str:
    """Return the reason for a step that other work prevented."""
    return f"gave way: {failure.message}"
