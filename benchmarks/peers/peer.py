"""The interface of every contender."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from benchmarks.peers.files import Content, Files

SLOTS = 3
"""Runs that each orchestrator may execute; this platform gives a backfill two of three, and reserves a fourth."""


class NotPossible(Exception):
    """The contender cannot do the work; the message says why, for the table."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The place of a contender: the files, a folder of its own that is empty at first, and the first business date."""

    files: Files
    folder: Path
    first: date

    @property
    def landing(self) -> Path:
        """The folder to which its dates are delivered."""
        return self.folder / "landing"

    def deliver(self, days: Sequence[date]) -> None:
        """Deliver the files of these dates."""
        self.files.link(days, self.landing)


class Peer(Protocol):
    """One contender on one folder; seconds are wall seconds from the request to the last publication."""

    def up(self) -> None:
        """Start from nothing, and return when work can be requested.

        Raises:
            RuntimeError: it did not start; the message holds what it printed.
        """

    def drain(self, days: Sequence[date]) -> float:
        """Publish many dates by one request, a click where there is one."""

    def idle_fresh(self, day: date) -> float:
        """Publish one date while nothing else is requested."""

    def fresh_under_backfill(self, days: Sequence[date], fresh: Sequence[date]) -> list[float]:
        """Publish fresh dates during a backfill, one after the other; return those that it outlasted.

        Raises:
            NotPossible: it can do one thing at a time only.
        """

    def published(self) -> Mapping[date, Content]:
        """Return the content that a reader finds, per date."""

    def down(self) -> None:
        """Stop everything that `up` started, in any state."""
