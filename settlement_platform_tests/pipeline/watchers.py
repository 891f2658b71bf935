"""What a child process does in tests of watching."""

from datetime import datetime
from pathlib import Path

from settlement_platform.datasets.catalog import DATASETS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.watch import watch
from settlement_platform.storage.alert_channels import parse_channels
from settlement_platform_tests.pipeline.installation import open_home


def watch_home(home: str, alert_urls: str, now: str) -> dict[str, int]:
    """One round over a home, as another process does it."""
    platform = open_home(Path(home))
    channels = parse_channels(alert_urls)
    done = watch(platform, datasets=DATASETS, marts=MARTS, channels=channels, now=datetime.fromisoformat(now))
    return {"raised": len(done.raised), "told": done.told, "busy": done.busy}
