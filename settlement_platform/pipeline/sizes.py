"""How large a business date of each dataset usually is, from what is on record of its latest deliveries."""

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa

from settlement_platform.control.chunks import typical_bytes
from settlement_platform.control.failures import SettlementError
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.storage.ledger import Ledger
from settlement_platform.storage.reading import read_ledger

LATEST_DATES = 30
"""Enough for weekdays and weekends, few enough to follow a growing business."""

_CONNECT_SECONDS = "2"


def recent_bytes(ledger: Ledger, dataset: str, last: date) -> int | None:
    """The median of what was delivered for one of the latest business dates up to `last`, in bytes over all sources.

    None where nothing is on record.
    """
    delivered = sorted(ledger.arrival_counts(dataset, date.min, last))[-LATEST_DATES:]
    return typical_bytes(ledger.arrivals(dataset, delivered[0], delivered[-1])) if delivered else None


def sizes_on_record(ledger_url: str, datasets: Iterable[Dataset], now: datetime) -> dict[str, int | None]:
    """The same for every dataset; nothing is made, and a ledger that does not answer at once knows none."""
    url = sa.make_url(ledger_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return {}
    if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": _CONNECT_SECONDS})
    try:
        ledger = read_ledger(url.render_as_string(hide_password=False), now=now)
        try:
            return {d.name: recent_bytes(ledger, d.name, now.date()) for d in datasets}
        finally:
            ledger.engine.dispose()
    except SettlementError:
        # What it would say only sizes runs; whoever needs the ledger says that it does not answer.
        return {}
