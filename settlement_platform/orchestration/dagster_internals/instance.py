"""The project's Dagster instance: its home, how it is opened, and its number of runs."""

from contextlib import AbstractContextManager
from pathlib import Path

import dagster as dg

# Capturing output would start four processes a run. Replaced by a public setting that turns capturing off.
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.orchestration.dagster_internals.event_log import uses_sqlite, with_pooled_connections
from settlement_platform.orchestration.dagster_internals.instance_config import ConfigurableClassData, InstanceRef
from settlement_platform.storage.engines.sqlite_readonly import readonly_sqlite_engine
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.locks import FileLocks

OPEN_TIMEOUT_SECONDS = 60.0


def prepare_dagster_home(home: Path, project: Path, *, exported: bool) -> None:
    """Make Dagster's home; link the project's dagster.yaml into it unless DAGSTER_HOME is exported."""
    home.mkdir(parents=True, exist_ok=True)
    ours, link = project / "dagster.yaml", home / "dagster.yaml"
    with _exclusive(home):
        if not exported and ours.exists() and not link.exists():
            link.symlink_to(ours)


def open_instance(home: Path) -> dg.DagsterInstance:
    """Open the persistent instance in `home`, configured by its dagster.yaml, for runs in this process.

    A SQLite event log pools its connections, and output goes to the terminal only. One process at a time opens the
    instance, since two that make Dagster's SQLite stores at once both fail.

    Raises:
        PermanentFailure: its configuration or its databases cannot be read.
        TransientFailure: another process has been opening it for longer than a minute, or a database did not answer.
    """
    with _exclusive(home), translate_errors(f"Opening Dagster's instance in {home}"):
        return dg.DagsterInstance.from_ref(_for_this_process(home))


def count_runs(home: Path) -> int:
    """Return the number of runs in the instance in `home`, which is not opened if it is in SQLite.

    Raises:
        PermanentFailure: its configuration or its databases cannot be read.
        TransientFailure: a database did not answer.
    """
    stock, reading = _configured(home), f"Reading Dagster's runs in {home}"
    if not uses_sqlite(stock):
        with translate_errors(reading), open_instance(home) as instance:
            return instance.get_runs_count()
    # Opening an instance would create missing databases, and a lock beside them.
    file = Path(stock.run_storage_data.config_dict["base_dir"]) / "runs.db" if stock.run_storage_data else home
    if not file.is_file():
        return 0
    with translate_errors(reading), readonly_sqlite_engine(file).connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one())


def _exclusive(home: Path) -> AbstractContextManager[object]:
    return FileLocks(home).hold("opening", timeout_seconds=OPEN_TIMEOUT_SECONDS)


def _configured(home: Path) -> InstanceRef:
    """Return the instance's reference, as its dagster.yaml configures it."""
    try:
        return InstanceRef.from_dir(str(home))
    except Exception as error:  # the YAML parser and Dagster have no error in common
        lines = str(error).splitlines() or [type(error).__name__]
        message = f"Dagster's configuration, {home / 'dagster.yaml'}, cannot be used: {' '.join(lines)[:300]}"
        raise PermanentFailure(message, remedy="Fix it, or put the project's own dagster.yaml there.") from error


def _for_this_process(home: Path) -> InstanceRef:
    silent = ConfigurableClassData(NoOpComputeLogManager.__module__, NoOpComputeLogManager.__name__, "{}")
    return with_pooled_connections(_configured(home))._replace(compute_logs_data=silent)
