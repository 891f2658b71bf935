"""The event log that keeps its connections writes what Dagster's own reads."""

from pathlib import Path

import dagster as dg

from settlement_platform.orchestration.event_log import KeptSqliteEventLogStorage
from settlement_platform.orchestration.instance import open_instance, prepare_dagster_home
from settlement_platform.settings import PROJECT


def test_events_written_through_kept_connections_are_read_by_the_stock_storage(tmp_path: Path) -> None:
    """The web UI and the daemon use the stock storage over the same files, at the same time."""
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

    assert isinstance(ours.event_log_storage, KeptSqliteEventLogStorage)
    assert not isinstance(stock.event_log_storage, KeptSqliteEventLogStorage)
    assert seen == [["2026-01-02", "2026-01-01"]] * 2
