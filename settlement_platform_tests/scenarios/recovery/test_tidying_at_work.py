"""Tidying while others publish and read, and tidying that is killed: nobody notices, and nothing is lost."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from settlement_platform.pipeline.open_platform import Stores
from settlement_platform_tests.deliveries import deliver_date
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, happening
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.operating import run
from settlement_platform_tests.pipeline.published_rows import expected_rows
from settlement_platform_tests.pipeline.tidying import (
    Read,
    as_of_every_snapshot,
    days,
    files_of,
    local_stores,
    missing,
    opened,
    publish,
    snapshots,
)
from settlement_platform_tests.processes import FORKING
from settlement_platform_tests.scenarios.processes import run_to_end, started
from settlement_platform_tests.scenarios.tidying import (
    MOMENTS,
    publish_dates_of,
    read_stores_until,
    reader_of,
    tidy_and_die,
    tidy_stores,
    tidy_until,
)
from settlement_platform_tests.slowness import slow_but

PUBLISHERS = 2
OFTEN = ("between a merge and its commit", "after an orphan is removed")
"""A tidying that is killed at the other moments is a slow test."""


class Crash(Exception):
    """DateEnd for whatever ends a process between two steps."""


def _crash() -> None:
    raise Crash


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """Files in a folder, under a catalog of either kind."""
    local = local_stores(tmp_path)
    if request.param == "SQLite":
        return local
    url = request.getfixturevalue("postgres_url")
    return replace(local, catalog_url=url, ledger_url=url)


@pytest.mark.parametrize("count", [10, pytest.param(16, marks=pytest.mark.slow)])
def test_neither_readers_nor_publishers_notice_that_somebody_tidies(stores: Stores, count: int) -> None:
    """Every read finds each date either absent, or whole and as its record says; PostgreSQL's files are merged."""
    dates = days(count)
    delivered = {day: list(deliver_date(stores.home / "landing", day).values()) for day in dates}
    publish_dates_of(stores, dates[:2])
    stop, read, tidied = FORKING.Event(), FORKING.Queue(), FORKING.Queue()

    readers = [started(read_stores_until, stores, stop, read) for _ in range(2)]
    started(tidy_until, stores, stop, tidied)
    publishers = [started(publish_dates_of, stores, dates[2 + n :: PUBLISHERS]) for n in range(PUBLISHERS)]
    for publisher in publishers:
        publisher.join(300)
    stop.set()
    reports = [read.get(timeout=60) for _ in readers]
    merged, wrong = tidied.get(timeout=60)

    installation = opened(stores)
    assert [p.exitcode for p in publishers] == [0] * PUBLISHERS
    assert [errors for _, errors in reports] == [[], []]
    assert all(reads > 3 for reads, _ in reports)
    assert wrong == []
    assert bool(merged) is stores.catalog_url.startswith("postgres")
    assert {day: installation.rows(day) for day in dates} == {d: expected_rows(delivered[d]) for d in dates}


def test_a_reader_that_began_before_a_tidying_reads_on(stores: Stores) -> None:
    """In one transaction, as a report does that reads several tables."""
    installation = opened(stores)
    publish(installation, *days(3))
    reader = reader_of(stores)
    reader.execute("BEGIN")
    before = reader.execute("SELECT count(*) FROM lake.published.merchant_daily_net").fetchall()

    tidy_stores(stores, 0, nobody_reads=False)

    query = "SELECT count(*), sum(hash(t)) FROM lake.published.card_settlements t"
    again = reader.execute("SELECT count(*) FROM lake.published.merchant_daily_net").fetchall()
    assert again == before
    assert reader.execute(query).fetchall() == reader_of(stores).execute(query).fetchall()


@pytest.mark.parametrize("moment", slow_but(OFTEN, MOMENTS))
def test_a_tidying_that_is_killed_loses_nothing_and_the_next_one_ends_its_work(tmp_path: Path, moment: str) -> None:
    """Killed with signal 9: every kept snapshot reads as before, and what it left is gone after the next grace."""
    stores = local_stores(tmp_path)
    installation = opened(stores)
    publish(installation, *days(3))
    tidy_stores(stores, 0)
    publish(installation, days(5)[3])
    installation.deliver(days(5)[4])
    with happening(BOUNDARIES["after a file is moved into the lake"], _crash), pytest.raises(Crash):
        run(installation.platform, days(5)[4])
    before = as_of_every_snapshot(installation)

    killed = run_to_end(tidy_and_die, stores, 31, moment)
    kept, lost = _kept(before, installation), missing(installation)
    ended = run_to_end(tidy_stores, stores, 31)
    tidy_stores(stores, 62)

    assert (killed, ended) == (-signal.SIGKILL, 0)
    assert kept
    assert lost == missing(installation) == {}
    assert _kept(before, installation)
    assert len({location for location in files_of(installation) if f"{tmp_path}/lake" in location}) == 3


def _kept(before: Read, installation: Installation) -> bool:
    """Return whether every retained snapshot shows its former rows; at least the last one is retained."""
    oldest = max(snapshots(installation)[0].number, 1)
    after = as_of_every_snapshot(installation, oldest)
    kept = {key: value for key, value in before.items() if key[0] >= oldest}
    return bool(after) and {key: after[key] for key in kept} == kept
