"""Prefect in one process: a flow that calls the date's flow for each date, recorded on a server."""

from collections.abc import Sequence
from datetime import date

from benchmarks.peers.drivers.prefect_worker import PrefectWorker
from benchmarks.peers.environments import python_of


class PrefectProcess(PrefectWorker):
    """No worker and no process for each run; a fresh date is a second process beside the backfill's."""

    def up(self) -> None:
        """The server that records the runs."""
        self.start_server()

    def ask_many(self, days: Sequence[date]) -> None:
        """Start the process."""
        flow = ["-m", "benchmarks.peers.definitions.prefect_flow", *(day.isoformat() for day in days)]
        self.services.start_program("flow", [str(python_of("prefect")), *flow])

    def ask_one(self, day: date) -> None:
        """Start another."""
        self.ask_many([day])
