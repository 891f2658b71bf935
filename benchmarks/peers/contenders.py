"""The contenders by name, and their part in a session."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers.drivers.airflow import Airflow
from benchmarks.peers.drivers.ours import Ours
from benchmarks.peers.drivers.plain import Plain
from benchmarks.peers.drivers.prefect_process import PrefectProcess
from benchmarks.peers.drivers.prefect_worker import PrefectWorker
from benchmarks.peers.drivers.sqlmesh import Sqlmesh
from benchmarks.peers.drivers.tutorial_dagster import TutorialDagster
from benchmarks.peers.environments import pinned_version
from benchmarks.peers.session import Driver, Turn

PLAIN, OURS = "plain", "ours"
SMALL, LARGE = 10_000, 1_000_000
YEAR, MONTH = 365, 30
QUICK_DATES, QUICK_ROWS = 4, 1_000


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A contender: its driver, its description, and the environment that it needs besides that of the project."""

    driver: Driver
    label: str
    environment: str | None = None
    package: str | None = None

    @property
    def title(self) -> str:
        """Return the label of a contender, with its installed version."""
        if self.environment is None or self.package is None:
            return self.label
        return self.label.format(pinned_version(self.environment, self.package))


CONTENDERS = {
    PLAIN: Contender(driver=Plain, label="plain script"),
    OURS: Contender(driver=Ours, label="this platform, daemon and code server"),
    "dagster": Contender(
        driver=TutorialDagster,
        label="Dagster {}, as a tutorial writes it",
        environment="dagster",
        package="dagster",
    ),
    "airflow": Contender(
        driver=Airflow,
        label="Airflow {}, LocalExecutor, PostgreSQL",
        environment="airflow",
        package="apache-airflow",
    ),
    "prefect": Contender(
        driver=PrefectWorker,
        label="Prefect {}, server and process worker",
        environment="prefect",
        package="prefect",
    ),
    "prefect-process": Contender(
        driver=PrefectProcess,
        label="Prefect {}, one process",
        environment="prefect",
        package="prefect",
    ),
    "sqlmesh": Contender(driver=Sqlmesh, label="SQLMesh {}, one plan", environment="sqlmesh", package="sqlmesh"),
}


def turns(names: Sequence[str], *, year: Sequence[str], dates: int | None, rows: int | None, quick: bool) -> list[Turn]:
    """Return the turns in order; the plain script also comes last, to show a drift of the machine.

    By default all publish a month of small dates, those of `year` also a year of them, and the plain script and this
    platform a month of large ones.
    """
    small = rows or (QUICK_ROWS if quick else SMALL)
    month = dates or (QUICK_DATES if quick else MONTH)
    long = [] if dates or quick else [name for name in names if name in year]
    large = [] if dates or rows or quick else [name for name in names if name in (PLAIN, OURS)]
    again = [PLAIN] if PLAIN in names and len(names) > 1 else []
    return [
        *(Turn(peer=name, dates=YEAR, rows=small) for name in long),
        *(Turn(peer=name, dates=month, rows=small) for name in names),
        *(Turn(peer=name, dates=month, rows=small, fresh=False) for name in again),
        *(Turn(peer=name, dates=MONTH, rows=LARGE, fresh=False) for name in large),
    ]
