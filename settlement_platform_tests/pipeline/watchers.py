"""The work of child processes in tests of watching."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from settlement_platform.datasets.catalog import DATASETS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.alerts.alert_round import run_alert_round
from settlement_platform.pipeline.open_platform import open_platform
from settlement_platform.storage.alert_channels import parse_channels
from settlement_platform.storage.engines.duckdb_engine import connect_engine
from settlement_platform_tests.pipeline.installation import stores_in


def watch_home(home: str, ledger_url: str, alert_urls: str, now: str) -> dict[str, int]:
    """One round over a home, as another process does it."""
    stores = replace(stores_in(Path(home)), ledger_url=ledger_url)
    platform = open_platform(stores, connect_engine(), clock=lambda: datetime.now(UTC))
    channels = parse_channels(alert_urls)
    done = run_alert_round(platform, datasets=DATASETS, marts=MARTS, channels=channels, now=datetime.fromisoformat(now))
    return {"raised": len(done.raised), "told": done.notified, "busy": done.busy}
