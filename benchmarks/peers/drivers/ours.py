"""This platform as `make dev` starts it, with web server, daemon and code server; a click requests the work."""

import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.dagster_http import DagsterHttp
from benchmarks.peers.files import Content
from benchmarks.peers.peer import Place
from benchmarks.peers.ports import free_port
from benchmarks.peers.serving import START_SECONDS, Serving, answers
from settlement_platform.cli.console.stores import open_stores
from settlement_platform.settings import load_settings
from settlement_platform.storage.engines.duckdb_engine import connect_engine, load_extension
from settlement_platform.storage.lake.open import attach_lake

if TYPE_CHECKING:
    import duckdb

DATASET = "card_settlements"
ASSETS = [["staged", DATASET], ["published", DATASET]]
TABLE = f"""
    SELECT business_date, count(*), count(DISTINCT transaction_id), sum(amount_minor)
    FROM lake.published.{DATASET} GROUP BY business_date
"""
PUBLICATIONS = f"""
    SELECT business_date, epoch(max(published_at)) FROM lake.published.publications
    WHERE dataset = '{DATASET}' GROUP BY business_date
"""


class Ours(Serving):
    """The dataset without marts, as the others build none; its sensors and its schedule are stopped."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._lake: duckdb.DuckDBPyConnection | None = None

    def up(self) -> None:
        """Start; nothing is delivered before the sensors are stopped, so they request nothing."""
        home, port = self.place.folder, free_port()
        own = {"SETTLEMENT_HOME": str(home), "SETTLEMENT_FIRST_DATE": self.place.first.isoformat()}
        self.services.environment.update(own)
        make_stores(home, self.place.first)
        url = f"http://127.0.0.1:{port}"
        self._http = DagsterHttp(url, "settlement_platform")
        command = ["-m", "settlement_platform.cli.run.dev", "--host", "127.0.0.1", "--port", str(port)]
        self.services.start("dev", [sys.executable, *command])
        self.wait(lambda: answers(f"{url}/server_info") and self._http.ready(), START_SECONDS, "web server and daemon")
        self.wait(self._http.automation_is_stopped, START_SECONDS, "sensors and schedules stopped")

    def request_many(self, days: Sequence[date]) -> None:
        """Click on a backfill."""
        self._http.backfill(ASSETS, days)

    def request_one(self, day: date) -> None:
        """Click on one partition."""
        self._http.run(ASSETS, day, {})

    def publications(self) -> Mapping[date, float]:
        """Read the publication records, whose time is taken inside the transaction."""
        return dict(self._read(PUBLICATIONS))

    def published(self) -> Mapping[date, Content]:
        """Read the published table, date by date."""
        found = self._read(TABLE)
        return {day: Content(rows=rows, keys=keys, amount_minor=int(amount)) for day, rows, keys, amount in found}

    def down(self) -> None:
        """Stop as Ctrl-C does."""
        if self._lake:
            self._lake.close()
            self._lake = None
        self.services.stop(signal.SIGINT)

    def _read(self, query: str) -> list[tuple[Any, ...]]:
        if self._lake is None:
            connection = connect_engine()
            for name in ("ducklake", "sqlite_scanner"):
                load_extension(connection, name)
            catalog = self.place.folder / "lake" / "catalog.sqlite"
            data = str(self.place.folder / "lake")
            attach_lake(connection, catalog_url=f"sqlite:///{catalog}", data_url=data, read_only=True)
            self._lake = connection
        return self._lake.execute(query).fetchall()


def make_stores(home: Path, first: date) -> None:
    """Make the stores, so that they can be read from the beginning."""
    ours = {"SETTLEMENT_HOME": str(home), "SETTLEMENT_FIRST_DATE": first.isoformat()}
    with open_stores(load_settings(ours)):
        pass
