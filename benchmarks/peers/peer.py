"""What the session asks of every contender."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from benchmarks.peers.files import Content, Files

SLOTS = 3
"""Runs that each orchestrator may have at work; this platform gives a backfill two of three, and keeps a fourth."""


class NotPossible(Exception):
    """The contender cannot do what was asked; the message says why, for the table."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a contender works: the files, a folder that is its own and empty at first, and the first business date."""

    files: Files
    folder: Path
    first: date

    @property
    def landing(self) -> Path:
        """Where the dates are delivered that it is asked for."""
        return self.folder / "landing"

    def deliver(self, days: Sequence[date]) -> None:
        """Put the files of these dates there."""
        self.files.link(days, self.landing)


class Peer(Protocol):
    """One contender on one folder; seconds are wall seconds from the request to the last publication."""

    def up(self) -> None:
        """Start from nothing, and return when work can be asked for.

        Raises:
            RuntimeError: it did not start; the message holds what it printed.
        """

    def drain(self, days: Sequence[date]) -> float:
        """Publish many dates by one request, a click where there is one."""

    def idle_fresh(self, day: date) -> float:
        """Publish one date while nothing else is asked for."""

    def fresh_under_backfill(self, days: Sequence[date], fresh: Sequence[date]) -> list[float]:
        """Publish fresh dates, one after the other, in the middle of a backfill; those that it still outlasted.

        Raises:
            NotPossible: it can do one thing at a time only.
        """

    def published(self) -> Mapping[date, Content]:
        """What a reader finds."""

    def down(self) -> None:
        """Stop whatever `up` started, in any state."""
