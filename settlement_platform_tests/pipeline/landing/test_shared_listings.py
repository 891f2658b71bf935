"""Datasets that scan one bucket in turn list it once, and read only files that are there at the time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
import pytest

from benchmarks.counting_proxy import CountingProxy
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.landing.scan import ScanResult, scan_landing_zone
from settlement_platform.pipeline.open_platform import open_platform
from settlement_platform.pipeline.platform import Request
from settlement_platform.storage.engines.duckdb_engine import connect_engine
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.landing.listing_cache import ListingCache
from settlement_platform_tests.deliveries import SOURCES, Delivery, some_rows
from settlement_platform_tests.pipeline.installation import FIRST_DATE, stores_in

if TYPE_CHECKING:
    from settlement_platform_tests.servers import S3Server

DATASETS = [replace(CARD_SETTLEMENTS, name=name) for name in ("first", "second", "third")]


class Bucket:
    """A bucket behind a proxy that counts, and the scans of several datasets into it."""

    def __init__(self, home: Path, url: str, server: "S3Server", proxy: CountingProxy) -> None:
        self.proxy = proxy
        self.store: Any = open_store(url, server.access)
        access = replace(server.access, endpoint_url=proxy.url)
        stores = replace(stores_in(home), landing_url=url, s3=access)
        now = datetime.combine(FIRST_DATE, datetime.min.time(), UTC) + timedelta(hours=12)
        self.platform = open_platform(stores, connect_engine(), clock=lambda: now)
        self.listings = ListingCache(seconds=15, clock=lambda: 0.0)

    def deliver(self, *sources: str) -> None:
        for source in sources:
            delivery = Delivery(business_date=FIRST_DATE, source=source, rows=some_rows(FIRST_DATE, source))
            obstore.put(self.store, delivery.data_key, delivery.data_bytes)
            obstore.put(self.store, delivery.data_key.replace(".csv", ".control.json"), delivery.control_bytes)

    def remove(self, source: str) -> None:
        obstore.delete(self.store, f"{FIRST_DATE}/{source}/cards.control.json")

    def scan(self, dataset: Dataset) -> tuple[ScanResult, int]:
        before = self.proxy.requests
        request = Request(actor=f"sensor {dataset.name}", reason="a test")
        scans = scan_landing_zone(
            self.platform, (dataset,), request, time_left=lambda: 60.0, unchanged={}, listings=self.listings
        )
        return scans[dataset.name], self.proxy.requests - before


@pytest.fixture
def bucket(s3: "S3Server", tmp_path: Path) -> Iterator[Bucket]:
    with CountingProxy.before(str(s3.access.endpoint_url)) as proxy:
        yield Bucket(tmp_path / "home", s3.new_prefix(), s3, proxy)


def test_only_the_first_of_several_scans_lists_the_bucket(bucket: Bucket) -> None:
    """The others need no request while nothing has come."""
    assert [bucket.scan(d)[1] for d in DATASETS] == [1, 0, 0]


def test_what_is_requested_lies_there_even_if_another_scan_listed_it(bucket: Bucket) -> None:
    """Taken away since, it is not requested; as it was, it is."""
    bucket.deliver(*SOURCES)
    for dataset in DATASETS:
        bucket.scan(dataset)
    first, _ = bucket.scan(DATASETS[0])
    bucket.remove("visa")

    gone, _ = bucket.scan(DATASETS[1])
    bucket.deliver("visa")
    there, _ = bucket.scan(DATASETS[2])

    assert [a.business_date for a in first.requests] == [FIRST_DATE]
    assert gone.requests == ()
    assert [a.business_date for a in there.requests] == [FIRST_DATE]
