"""The project's Dagster instance: its home, and runs of business dates in this process."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.utils import make_new_run_id
from dagster._serdes import ConfigurableClassData

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.orchestration.event_log import is_in_sqlite, keeping_connections
from settlement_platform.orchestration.keys import published_key, staged_key
from settlement_platform.orchestration.outcomes import NAMED_DATES
from settlement_platform.orchestration.reporting import on_outcome
from settlement_platform.orchestration.requests import ACTOR_TAG, REASON_TAG
from settlement_platform.orchestration.stamps import stamp
from settlement_platform.orchestration.tags import WORKER_TAG
from settlement_platform.orchestration.workers import name_of
from settlement_platform.pipeline.concluded import Concluded
from settlement_platform.pipeline.many_dates import Failed
from settlement_platform.pipeline.platform import Request
from settlement_platform.storage.errors import judged
from settlement_platform.storage.locks import FileLocks
from settlement_platform.storage.sqlite_reading import sqlite_reader

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
OPENING_SECONDS = 60.0


def prepare_dagster_home(home: Path, project: Path, *, exported: bool) -> None:
    """Make Dagster's home; where it is ours to choose, give it the project's dagster.yaml."""
    home.mkdir(parents=True, exist_ok=True)
    ours, link = project / "dagster.yaml", home / "dagster.yaml"
    with _alone(home):
        if not exported and ours.exists() and not link.exists():
            link.symlink_to(ours)


def open_instance(home: Path) -> dg.DagsterInstance:
    """The persistent instance in `home`, configured by its dagster.yaml, for runs in this process.

    A SQLite event log keeps its connections, and what is printed goes to the terminal only: capturing it would start
    four processes a run. One process at a time opens it, as two that make Dagster's SQLite stores at once both fail.

    Raises:
        PermanentFailure: its configuration or its databases cannot be read.
        TransientFailure: another process has been opening it for longer than a minute, or a database did not answer.
    """
    with _alone(home), judged(f"Opening Dagster's instance in {home}"):
        return dg.DagsterInstance.from_ref(_reference(home))


def count_runs(home: Path) -> int:
    """How many runs the instance in `home` remembers; one that is kept in SQLite is read without being opened.

    Raises:
        PermanentFailure: its configuration or its databases cannot be read.
        TransientFailure: a database did not answer.
    """
    stock, reading = _stock(home), f"Reading Dagster's runs in {home}"
    if not is_in_sqlite(stock):
        with judged(reading), open_instance(home) as instance:
            return instance.get_runs_count()
    # Opening an instance makes the databases that are not there, and a lock beside them.
    file = Path(stock.run_storage_data.config_dict["base_dir"]) / "runs.db" if stock.run_storage_data else home
    if not file.is_file():
        return 0
    with judged(reading), sqlite_reader(file).connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one())


def _alone(home: Path) -> AbstractContextManager[object]:
    return FileLocks(home).hold("opening", timeout_seconds=OPENING_SECONDS)


def _stock(home: Path) -> InstanceRef:
    """The instance as its dagster.yaml configures it."""
    try:
        return InstanceRef.from_dir(str(home))
    except Exception as error:  # the YAML parser and Dagster have no error in common
        lines = str(error).splitlines() or [type(error).__name__]
        message = f"Dagster's configuration, {home / 'dagster.yaml'}, cannot be used: {' '.join(lines)[:300]}"
        raise PermanentFailure(message, remedy="Mend it, or put the project's own dagster.yaml there.") from error


def _reference(home: Path) -> InstanceRef:
    silent = ConfigurableClassData(NoOpComputeLogManager.__module__, NoOpComputeLogManager.__name__, "{}")
    return keeping_connections(_stock(home))._replace(compute_logs_data=silent)


def run_in_process(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    *,
    keys: Sequence[dg.AssetKey],
    first: date,
    last: date,
    request: Request,
    listener: Callable[[Concluded | Failed], None],
) -> dg.ExecuteInProcessResult:
    """Materialize assets for a range of business dates in one run of this process, recorded on the instance."""
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection=set(keys))
    range_tags = {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
    own = {ACTOR_TAG: request.actor, REASON_TAG: request.reason} | (range_tags if first != last else {})
    tags = own | _queue_tags(job.name, keys, own | range_tags)
    token = on_outcome.set(listener)
    try:
        with judged("Recording the run on Dagster's instance"):
            return job.execute_in_process(
                instance=instance,
                partition_key=first.isoformat() if first == last else None,
                tags=tags,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )
    finally:
        on_outcome.reset(token)


def _queue_tags(job: str, keys: Sequence[dg.AssetKey], tags: Mapping[str, str]) -> dict[str, str]:
    """What a run that passes the queue by counts as in it, and the process by which it is known to live."""
    asked = dg.DagsterRun(job_name=job, run_id=make_new_run_id(), asset_selection=frozenset(keys), tags=dict(tags))
    return stamp(asked, parent=None, now=datetime.now(UTC)) | {WORKER_TAG: name_of(os.getpid())}


def dataset_keys(name: str) -> list[dg.AssetKey]:
    """The assets of a dataset that a run materializes."""
    return [staged_key(name), published_key(name)]


def mart_keys(name: str) -> list[dg.AssetKey]:
    """The asset of a mart."""
    return [published_key(name)]


def was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether a signal ended a run, such as that of Ctrl-C."""
    errors = [e.step_failure_data.error for e in result.all_events if e.is_step_failure]
    return any(error and error.cls_name == DagsterExecutionInterruptedError.__name__ for error in errors)


def failure_text(result: dg.ExecuteInProcessResult) -> str | None:
    """What ended a run that did not succeed, other than dates that are named anyway."""
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        data = event.step_failure_data
        if data.user_failure_data is None:
            return data.error.to_string() if data.error else "a step failed, and left no error"
        if NAMED_DATES not in data.user_failure_data.metadata:
            return data.user_failure_data.description or "a step failed, and did not say why"
    return None
