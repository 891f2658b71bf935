"""Prefect with a server and a worker that starts a process for each flow run."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from benchmarks.peers.environments import python_of
from benchmarks.peers.peer import SLOTS
from benchmarks.peers.ports import free_port
from benchmarks.peers.processes import PROJECT
from benchmarks.peers.serving import Serving

POOL = "benchmark"
PRIORITIES = {"fresh": 1, "backfill": 10}
"""Of the work queues; the smaller number goes first."""


class PrefectWorker(Serving):
    """A server on its SQLite database, and a worker that polls every second, not every ten."""

    def up(self) -> None:
        """Start server, work pool with two queues, deployments and worker."""
        self.start_server()
        self._prefect("pool", "work-pool", "create", POOL, "--type", "process")
        for name, priority in PRIORITIES.items():
            self._post(f"/work_pools/{POOL}/queues", {"name": name, "priority": priority})
        deploy = ["-m", "benchmarks.peers.definitions.prefect_deploy", POOL, str(PROJECT)]
        self.services.run("deploy", [str(python_of("prefect")), *deploy])
        self._deployments = {name: self._deployment(name) for name in PRIORITIES}
        worker = ["-m", "prefect", "worker", "start", "--pool", POOL, "--limit", str(SLOTS)]
        self.services.start("worker", [str(python_of("prefect")), *worker])

    def start_server(self) -> None:
        """Start the server alone, with its state in the folder of the contender."""
        port = free_port()
        self._session = requests.Session()
        # The server answers so while its SQLite database is locked.
        busy = Retry(total=20, backoff_factor=0.2, status_forcelist=[503], allowed_methods=None)
        self._session.mount("http://", HTTPAdapter(max_retries=busy))
        self._api = f"http://127.0.0.1:{port}/api"
        self.services.environment.update(
            {
                "PREFECT_HOME": str(self.place.folder / "prefect"),
                "PREFECT_API_URL": self._api,
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "DO_NOT_TRACK": "1",
                "PREFECT_LOGGING_LEVEL": "WARNING",
                "PREFECT_WORKER_QUERY_SECONDS": "1",
            }
        )
        server = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        self.services.start("server", [str(python_of("prefect")), *server])
        self.wait_for_answer(f"{self._api}/health")

    def request_many(self, days: Sequence[date]) -> None:
        """Request a flow run for each date, as no request covers many."""
        for day in days:
            self._request("backfill", day)

    def request_one(self, day: date) -> None:
        """Request a flow run in the queue that goes first."""
        self._request("fresh", day)

    def down(self) -> None:
        """Stop the worker, then the server."""
        self.services.stop()

    def _request(self, queue: str, day: date) -> None:
        payload = {"parameters": {"day": day.isoformat()}, "state": {"type": "SCHEDULED"}}
        self._post(f"/deployments/{self._deployments[queue]}/create_flow_run", payload)

    def _deployment(self, name: str) -> str:
        answer = self._session.get(f"{self._api}/deployments/name/settle/{name}", timeout=60)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def _post(self, path: str, body: Mapping[str, Any]) -> None:
        self._session.post(f"{self._api}{path}", json=body, timeout=60).raise_for_status()

    def _prefect(self, name: str, *arguments: str) -> None:
        self.services.run(name, [str(python_of("prefect")), "-m", "prefect", *arguments])
