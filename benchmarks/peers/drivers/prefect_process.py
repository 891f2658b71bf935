"""Prefect in one process: a flow that calls the date's flow for each date, recorded on a server."""

from collections.abc import Sequence
from datetime import date

from benchmarks.peers.drivers.prefect_worker import PrefectWorker
from benchmarks.peers.environments import python_of


class PrefectProcess(PrefectWorker):
    """Prefect without worker and without a process for each run; a fresh date is a second process."""

    def up(self) -> None:
        """Start the server that records the runs."""
        self.start_server()

    def request_many(self, days: Sequence[date]) -> None:
        """Start the process."""
        flow = ["-m", "benchmarks.peers.definitions.prefect_flow", *(day.isoformat() for day in days)]
        self.services.start_program("flow", [str(python_of("prefect")), *flow])

    def request_one(self, day: date) -> None:
        """Start another process."""
        self.request_many([day])
