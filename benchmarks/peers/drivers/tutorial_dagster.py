"""Dagster as a tutorial writes it: `dagster dev`, a run per date, four assets, the default executor."""

import signal
from collections.abc import Sequence
from datetime import date

from benchmarks.peers.dagster_http import DagsterHttp
from benchmarks.peers.environments import python_of
from benchmarks.peers.peer import SLOTS
from benchmarks.peers.ports import free_port
from benchmarks.peers.serving import START_SECONDS, Serving, answers

ASSETS = [["delivered_cards"], ["staged_cards"], ["validated_cards"], ["published_cards"]]
MODULE = "benchmarks.peers.definitions.dagster_assets"
INSTANCE = f"""
telemetry: {{enabled: false}}
nux: {{enabled: false}}
concurrency: {{runs: {{max_concurrent_runs: {SLOTS}}}}}
"""
WORKSPACE = f"""
load_from:
  - python_module: {{module_name: {MODULE}, location_name: tutorial}}
"""


class TutorialDagster(Serving):
    """Dagster with a priority for fresh runs above that of the backfill, which needs no more configuration."""

    def up(self) -> None:
        """Start web server, daemon and code server."""
        home, port = self.place.folder / "dagster", free_port()
        home.mkdir()
        (home / "dagster.yaml").write_text(INSTANCE, encoding="utf-8")
        workspace = home / "workspace.yaml"
        workspace.write_text(WORKSPACE, encoding="utf-8")
        self.services.environment["DAGSTER_HOME"] = str(home)
        url = f"http://127.0.0.1:{port}"
        self._http = DagsterHttp(url, "tutorial")
        command = ["-m", "dagster", "dev", "-w", str(workspace), "--host", "127.0.0.1", "--port", str(port)]
        self.services.start("dev", [str(python_of("dagster")), *command])
        self.wait(lambda: answers(f"{url}/server_info") and self._http.ready(), START_SECONDS, "web server and daemon")

    def request_many(self, days: Sequence[date]) -> None:
        """Click on a backfill."""
        self._http.backfill(ASSETS, days)

    def request_one(self, day: date) -> None:
        """Click on one partition."""
        self._http.run(ASSETS, day, {"dagster/priority": "10"})

    def down(self) -> None:
        """Stop as Ctrl-C does."""
        self.services.stop(signal.SIGINT)
