"""The plain script: one process, one date after the other, without services."""

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date

from benchmarks.peers.files import Content
from benchmarks.peers.peer import NotPossible, Place
from benchmarks.peers.processes import Services
from benchmarks.peers.serving import in_warehouse


class Plain:
    """A script that processes its whole landing folder, so each request has its own landing folder and result."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.programs = Services(place.folder / "programs", {})

    def up(self) -> None:
        """Do nothing: there is no service."""

    def drain(self, days: Sequence[date]) -> float:
        """Return the seconds from the start of the process to its end."""
        return self._run("many", days)

    def idle_fresh(self, day: date) -> float:
        """Run the script for one date."""
        return self._run(day.isoformat(), [day])

    def fresh_under_backfill(self, days: Sequence[date], fresh: Sequence[date]) -> list[float]:
        """Raise: the first script locks the warehouse file."""
        del days, fresh
        raise NotPossible("a date waits until the script is through: one process at a time may open the warehouse")

    def published(self) -> Mapping[date, Content]:
        """Read all results together."""
        found = sorted(self.place.folder.glob("out-*/warehouse.duckdb"))
        return {day: content for path in found for day, content in in_warehouse(path).items()}

    def down(self) -> None:
        """End the script if it still runs."""
        self.programs.stop()

    def _run(self, name: str, days: Sequence[date]) -> float:
        landing, out = self.place.folder / f"landing-{name}", self.place.folder / f"out-{name}"
        self.place.files.link(days, landing)
        began = time.monotonic()
        self.programs.run(name, [sys.executable, "-m", "benchmarks.plain_script", str(landing), str(out)])
        return time.monotonic() - began
