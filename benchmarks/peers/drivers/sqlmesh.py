"""SQLMesh: one plan computes every date that is missing, a date at a time."""

import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from benchmarks.peers.environments import python_of
from benchmarks.peers.files import Content
from benchmarks.peers.peer import NotPossible, Place
from benchmarks.peers.processes import PROJECT, Services
from benchmarks.peers.serving import in_warehouse, own_environment

DEFINITIONS = PROJECT / "benchmarks" / "peers" / "definitions" / "sqlmesh"
PLAN = ["plan", "prod", "--auto-apply", "--no-prompts"]


class Sqlmesh:
    """Models that read CSV, audit, publish and note a watermark; no step waits for files or stages Parquet."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.out = place.folder / "out"
        self.out.mkdir(parents=True)
        self.programs = Services(place.folder / "programs", own_environment(place, self.out))

    def up(self) -> None:
        """Copy the project; SQLMesh keeps its cache beside it."""
        shutil.copytree(DEFINITIONS, self.place.folder / "project")

    def drain(self, days: Sequence[date]) -> float:
        """Return the seconds of the plan that creates the models, from the start of the process to its end."""
        self.place.deliver(days)
        return self._run("plan", PLAN, days[-1])

    def idle_fresh(self, day: date) -> float:
        """Run a plan for the work that the end of another day makes due; `run` itself reads the clock."""
        self.place.deliver([day])
        return self._run("run", [*PLAN, "--run"], day)

    def fresh_under_backfill(self, days: Sequence[date], fresh: Sequence[date]) -> list[float]:
        """Raise: the plan locks the files."""
        del days, fresh
        raise NotPossible("a date waits until the plan is through: one process at a time may open DuckDB's files")

    def published(self) -> Mapping[date, Content]:
        """Read the view that readers see."""
        return in_warehouse(self.out / "warehouse.duckdb", "published.card_settlements")

    def down(self) -> None:
        """End the plan if it still runs."""
        self.programs.stop()

    def _run(self, name: str, arguments: Sequence[str], last: date) -> float:
        project, now = self.place.folder / "project", last + timedelta(days=1)
        command = [str(python_of("sqlmesh").with_name("sqlmesh")), "-p", str(project), *arguments]
        began = time.monotonic()
        self.programs.run(name, [*command, "--execution-time", f"{now}T00:00:00Z"])
        return time.monotonic() - began
