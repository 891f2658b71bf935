"""The instance's stores: our event log writes what Dagster's own reads, and processes may open a new home at once."""

import shutil
import time
from pathlib import Path
from queue import Queue

import dagster as dg
import psutil

from settlement_platform.orchestration.dagster_internals.event_log import MAX_POOLED_SHARDS, PooledSqliteEventLogStorage
from settlement_platform.orchestration.dagster_internals.instance import open_instance, prepare_dagster_home
from settlement_platform.settings import PROJECT
from settlement_platform_tests.orchestration.private_dagster import create_run_for_test
from settlement_platform_tests.processes import run_all

PATIENCE_SECONDS = 20


def test_events_written_through_kept_connections_are_read_by_the_stock_storage(tmp_path: Path) -> None:
    """The web UI uses the stock storage over the same files, at the same time."""
    prepare_dagster_home(tmp_path, PROJECT, exported=False)
    key = dg.AssetKey(["watermark", "card_settlements"])

    with open_instance(tmp_path) as ours, dg.DagsterInstance.from_config(str(tmp_path)) as stock:
        ours.report_runless_asset_event(dg.AssetMaterialization(key, metadata={"watermark": "2026-01-01"}))
        stock.report_runless_asset_event(dg.AssetMaterialization(key, metadata={"watermark": "2026-01-02"}))
        seen = [
            [
                str(r.asset_materialization.metadata["watermark"].value)
                for r in i.fetch_materializations(key, 10).records
            ]
            for i in (ours, stock)
        ]

    assert isinstance(ours.event_log_storage, PooledSqliteEventLogStorage)
    assert not isinstance(stock.event_log_storage, PooledSqliteEventLogStorage)
    assert seen == [["2026-01-02", "2026-01-01"]] * 2


def test_who_watches_a_run_hears_at_once_of_what_is_written_through_kept_connections(tmp_path: Path) -> None:
    """The web server shows the log while the run lasts; it watches the files."""
    prepare_dagster_home(tmp_path, PROJECT, exported=False)
    heard: Queue[str] = Queue()

    with open_instance(tmp_path) as ours, dg.DagsterInstance.from_config(str(tmp_path)) as stock:
        run = create_run_for_test(ours)
        ours.report_engine_event("before", run)
        stock.watch_event_logs(run.run_id, None, lambda entry, _: heard.put(entry.dagster_event.message))
        ours.report_engine_event("first", run)
        said = [heard.get(timeout=PATIENCE_SECONDS)]
        ours.report_engine_event("second", run)
        while said[-1] != "second":
            said.append(heard.get(timeout=PATIENCE_SECONDS))

    assert said == ["before", "first", "second"]


def test_connections_are_kept_to_a_few_of_many_runs(tmp_path: Path) -> None:
    """The daemon writes to thousands before it is stopped; a closed file is opened again when it is needed."""
    prepare_dagster_home(tmp_path, PROJECT, exported=False)

    with open_instance(tmp_path) as ours:
        runs = [create_run_for_test(ours) for _ in range(2 * MAX_POOLED_SHARDS)]
        for run in runs:
            ours.report_engine_event(run.run_id, run)
        log = Path(ours.root_directory) / "history"
        files = {f.path for f in psutil.Process().open_files() if Path(f.path).is_relative_to(log)}
        said = [e.dagster_event.message for run in runs for e in ours.all_logs(run.run_id) if e.dagster_event]

    assert 0 < len([f for f in files if f.endswith(".db")]) <= MAX_POOLED_SHARDS
    assert said == [run.run_id for run in runs]


def test_a_home_that_is_made_anew_is_seen_by_who_has_kept_its_connections(tmp_path: Path) -> None:
    """As by a daemon that keeps running: what it reads and writes is in the new files."""
    prepare_dagster_home(tmp_path, PROJECT, exported=False)
    key = dg.AssetKey(["watermark", "card_settlements"])

    with open_instance(tmp_path) as ours:
        ours.report_runless_asset_event(dg.AssetMaterialization(key, metadata={"made": "before"}))
        shutil.rmtree(tmp_path / "history")
        with dg.DagsterInstance.from_config(str(tmp_path)) as anew:
            ours.report_runless_asset_event(dg.AssetMaterialization(key, metadata={"made": "after"}))
            seen = [
                [str(r.asset_materialization.metadata["made"].value) for r in i.fetch_materializations(key, 10).records]
                for i in (ours, anew)
            ]

    assert seen == [["after"]] * 2


def test_processes_that_open_a_new_home_at_once_all_can(tmp_path: Path) -> None:
    """Each of a few homes is made by four processes that meet at the same moment."""
    begin = time.time() + 5

    opened = run_all(_open_homes, [(tmp_path, begin)] * 4)

    assert opened == [4] * 4


def _open_homes(folder: Path, begin: float) -> int:
    """Open four new homes, each at its moment; the number that could be opened."""
    homes = [folder / f"home-{n}" for n in range(4)]
    for n, home in enumerate(homes):
        time.sleep(max(0.0, begin + n - time.time()))
        prepare_dagster_home(home, PROJECT, exported=False)
        open_instance(home).dispose()
    return len(homes)
