"""A tick of the arrival sensors over many datasets and dates, all published: seconds, and requests on S3."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import obstore
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from benchmarks.counting_proxy import CountingProxy
from benchmarks.measure import record
from settlement_platform.catalog import load_catalog
from settlement_platform.control.facts import Arrival
from settlement_platform.control.landing.content_hash import content_hash
from settlement_platform.control.landing.deliveries import SourcePattern, choose_deliveries
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.orchestration.sensors.arrivals import TICK_SECONDS
from settlement_platform.pipeline.landing.land import identity_of
from settlement_platform.pipeline.landing.scan import ScanResult, UnchangedDates, scan_landing_zone
from settlement_platform.pipeline.open_platform import Stores, open_platform
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.landing.listing_cache import ListingCache
from settlement_platform.storage.ledger.schema import TABLES
from settlement_platform_tests.servers import s3_server

FIRST = date(2024, 1, 1)
REQUEST = Request(actor="benchmark", reason="measuring ticks")
FILES = ("csv", "control.json")
console = Console()


def declare(datasets: int) -> list[Dataset]:
    """Declare datasets with one source each, in a folder of their own below the business date."""
    return [
        replace(
            CARD_SETTLEMENTS,
            name=f"dataset_{n:03d}",
            sources=(SourcePattern(source=f"source_{n:03d}", stem="{business_date}/{source}/cards"),),
        )
        for n in range(datasets)
    ]


def open_stores(home: Path, landing_url: str, days: int, s3: S3Credentials | None = None) -> Platform:
    """Open an installation on the morning after its last business date."""
    stores = Stores(
        home=home,
        landing_url=landing_url,
        staging_url=str(home / "staging"),
        lake_url=str(home / "lake"),
        catalog_url=f"sqlite:///{home}/lake/catalog.sqlite",
        ledger_url=f"sqlite:///{home}/ledger.sqlite",
        catalog=load_catalog(),
        first_date=FIRST,
        s3=s3,
    )
    now = datetime(FIRST.year, FIRST.month, FIRST.day, 4, tzinfo=UTC) + timedelta(days=days - 1)
    return open_platform(stores, duckdb.connect(), clock=lambda: now)


def fill_folder(root: Path, datasets: list[Dataset], days: int) -> None:
    """Deliver every source of every date to a folder."""
    for day in _days(days):
        for source in (s for d in datasets for s in d.sources):
            stem = root / source.stem_for(day)
            stem.parent.mkdir(parents=True, exist_ok=True)
            for kind in FILES:
                Path(f"{stem}.{kind}").write_bytes(b"x")


def fill_bucket(url: str, s3: S3Credentials, datasets: list[Dataset], days: int) -> None:
    """Deliver every source of every date to a bucket."""
    store = open_store(url, s3)
    for day in _days(days):
        for source in (s for d in datasets for s in d.sources):
            for kind in FILES:
                obstore.put(store, f"{source.stem_for(day)}.{kind}", b"x")


def publish_all(platform: Platform, datasets: list[Dataset], days: int) -> None:
    """Record every delivered file as arrived and published."""
    listing = platform.landing.list_dates([s for d in datasets for s in d.sources], FIRST, _days(days)[-1])
    arrivals, rows = [], []
    for dataset in datasets:
        for day in _days(days):
            files = [f for s in dataset.sources for f in listing.files_under(s.stem_for(day))]
            deliveries = choose_deliveries(day, dataset.sources, files).deliveries
            arrived = [
                Arrival(
                    dataset=dataset.name,
                    business_date=day,
                    source=d.source,
                    key=d.data.key,
                    version=d.version,
                    sha256=f"{n:064x}",
                    bytes=d.data.bytes,
                    control_key=d.control.key,
                    control_sha256="cd" * 32,
                    signature=d.signature,
                    observed_at=platform.clock(),
                )
                for n, d in enumerate(deliveries)
            ]
            arrivals += [vars(a) for a in arrived]
            inputs = [identity_of(dataset, day, a) for a in arrived]
            rows.append((dataset.name, day, content_hash(dataset=dataset.name, business_date=day, inputs=inputs)))
    with platform.ledger.engine.begin() as connection:
        connection.execute(sa.insert(TABLES[Arrival]), arrivals)
    with platform.lake.publishing() as lake:
        lake.cursor.execute(
            "INSERT INTO lake.published.publications BY NAME SELECT unnest(?) AS dataset, unnest(?) AS business_date, "
            "1 AS generation, 'final' AS state, unnest(?) AS content_hash, 1 AS rows, '[]' AS sources",
            [list(column) for column in zip(*rows, strict=True)],
        )


def measure(platform: Platform, datasets: list[Dataset], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return wall and CPU seconds of the first tick of a process over all datasets, and of later ticks."""
    results: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        settled: UnchangedDates = {}
        for when in ("first", "later"):
            took = _timed(lambda: _scan(platform, datasets, settled))  # noqa: B023 - called at once
            results.setdefault(f"one tick over all, {when}", []).append(took)
        listings = ListingCache(seconds=TICK_SECONDS / 2, clock=time.monotonic)
        took = _timed(lambda: [_scan(platform, [d], settled, listings) for d in datasets])  # noqa: B023 - as above
        results.setdefault("a tick each, summed, later", []).append(took)
    return results


def _scan(
    platform: Platform, datasets: list[Dataset], settled: UnchangedDates, listings: ListingCache | None = None
) -> dict[str, ScanResult]:
    request = replace(REQUEST, actor=datasets[0].name)
    found = scan_landing_zone(platform, datasets, request, time_left=lambda: 0.0, unchanged=settled, listings=listings)
    assert not any(scan.requests or scan.unread for scan in found.values()), "all is published"
    return found


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def _days(count: int) -> list[date]:
    return [FIRST + timedelta(days=n) for n in range(count)]


@contextmanager
def _folder(datasets: list[Dataset], days: int) -> Iterator[Platform]:
    with tempfile.TemporaryDirectory(prefix="settlement-ticks-") as name:
        fill_folder(Path(name) / "landing", datasets, days)
        yield open_stores(Path(name), str(Path(name) / "landing"), days)


@contextmanager
def _bucket(datasets: list[Dataset], days: int) -> Iterator[tuple[Platform, CountingProxy]]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="settlement-ticks-")))
        server = stack.enter_context(s3_server(home / "s3"))
        url = server.new_prefix()
        fill_bucket(url, server.access, datasets, days)
        proxy = stack.enter_context(CountingProxy.before(str(server.access.endpoint_url)))
        access = replace(server.access, endpoint_url=proxy.url)
        yield open_stores(home, url, days, access), proxy


def _show(where: str, partitions: int, results: dict[str, list[tuple[float, float]]]) -> None:
    table = Table(title=f"{where}: {partitions:,} published dates", title_justify="left", box=None)
    for column in ("what", "median s", "highest s", "CPU s", "CPU µs a date"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, took in results.items():
        wall, cpu = [w for w, _ in took], statistics.median(c for _, c in took)
        columns = (statistics.median(wall), max(wall), cpu)
        table.add_row(name, *(f"{c:.2f}" for c in columns), f"{cpu / partitions * 1e6:.0f}")
    console.print(table)


def main() -> None:
    """Measure with the given numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=50)
    parser.add_argument("--dates", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bucket-dates", type=int, default=100, help="dates on SeaweedFS; 0 leaves it out")
    chosen = parser.parse_args()
    datasets, results = declare(chosen.datasets), {}
    with _folder(datasets, chosen.dates) as platform:
        publish_all(platform, datasets, chosen.dates)
        results["folder"] = measure(platform, datasets, chosen.rounds)
        _show("folder", chosen.datasets * chosen.dates, results["folder"])
    if chosen.bucket_dates:
        with _bucket(datasets, chosen.bucket_dates) as (platform, proxy):
            publish_all(platform, datasets, chosen.bucket_dates)
            before = proxy.requests
            _scan(platform, datasets, {})
            one_tick, before = proxy.requests - before, proxy.requests
            results["bucket"] = measure(platform, datasets, chosen.rounds)
            _show("SeaweedFS", chosen.datasets * chosen.bucket_dates, results["bucket"])
            files = chosen.datasets * chosen.bucket_dates * len(FILES)
            more = (proxy.requests - before) / chosen.rounds - 2 * one_tick
            console.print(f"one tick over {files:,} files made {one_tick} requests, a tick of each dataset {more:.0f}")
    console.print(f"written to {record('ticks', results)}")


if __name__ == "__main__":
    main()
