"""A process that is killed at any step leaves nothing half done, and the next one finishes its work."""

import signal
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.storage.ledger import open_ledger
from settlement_platform_tests.deliveries import Delivery, deliver_date, some_rows
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, MART_BOUNDARIES
from settlement_platform_tests.pipeline.installation import (
    FIRST_DATE,
    NAME,
    open_home,
    plain_reader,
    rows_on,
    stores_in,
)
from settlement_platform_tests.pipeline.published_rows import expected_rows
from settlement_platform_tests.scenarios.processes import (
    build_mart_and_die,
    build_mart_of,
    publish_and_die,
    publish_and_die_while_writing,
    publish_dates,
    run_to_end,
)

DAY = FIRST_DATE
ON_A_FIRST_DATE = [name for name in BOUNDARIES if name != "after the old rows are removed"]
ON_A_RESTATEMENT = [
    "after a draft is settled",
    "after the verdict is recorded",
    "after the old rows are removed",
    "after a file is moved into the lake",
    "after the files are registered",
    "after the publication is recorded",
    "after the commit",
]


def _seen(home: Path) -> list[tuple[Any, ...]]:
    return rows_on(plain_reader(home), DAY)


def _records(home: Path, name: str = NAME) -> list[tuple[int, int]]:
    """Generation and rows of each publication record of the date, as a plain reader sees them."""
    return (
        plain_reader(home)
        .execute(
            "SELECT generation, rows FROM lake.published.publications WHERE dataset = ? AND business_date = ? "
            "ORDER BY ALL",
            [name, DAY],
        )
        .fetchall()
    )


def _last_step(home: Path) -> str:
    """How far the ledger shows that the last attempt came, if it has no end."""
    ledger = open_ledger(stores_in(home).ledger_url, now=datetime.now(UTC))
    attempts = ledger.attempts(NAME, DAY, DAY)
    if not attempts:
        return "nothing"
    assert attempts[-1].outcome == "started"
    return attempts[-1].step


@pytest.mark.parametrize("boundary", ON_A_FIRST_DATE)
def test_a_kill_leaves_nothing_half_published(tmp_path: Path, boundary: str) -> None:
    """Readers see nothing or all of the date, the ledger shows how far it came, and a rerun publishes it once."""
    open_home(tmp_path)
    delivered = list(deliver_date(tmp_path / "landing", DAY).values())
    expected = expected_rows(delivered)
    committed = BOUNDARIES[boundary].commits

    died = run_to_end(publish_and_die, tmp_path, DAY, boundary)

    assert died == -signal.SIGKILL
    assert _seen(tmp_path) == (expected if committed else [])
    assert _records(tmp_path) == ([(1, 9)] if committed else [])
    assert _last_step(tmp_path) == BOUNDARIES[boundary].step
    assert run_to_end(publish_dates, tmp_path, [DAY]) == 0
    assert _seen(tmp_path) == expected
    assert _records(tmp_path) == [(1, 9)]


@pytest.mark.parametrize("boundary", ON_A_RESTATEMENT)
def test_a_kill_during_a_restatement_leaves_the_old_rows(tmp_path: Path, boundary: str) -> None:
    """Old rows or new ones, never both, never neither."""
    open_home(tmp_path)
    delivered = list(deliver_date(tmp_path / "landing", DAY).values())
    run_to_end(publish_dates, tmp_path, [DAY])
    correction = Delivery(business_date=DAY, source="visa", rows=some_rows(DAY, "visa", 5))
    correction.write(tmp_path / "landing")
    old, new = expected_rows(delivered), expected_rows([correction, *delivered[1:]])
    committed = BOUNDARIES[boundary].commits

    died = run_to_end(publish_and_die, tmp_path, DAY, boundary)

    assert died == -signal.SIGKILL
    assert _seen(tmp_path) == (new if committed else old)
    assert _records(tmp_path) == ([(1, 9), (2, 11)] if committed else [(1, 9)])
    assert run_to_end(publish_dates, tmp_path, [DAY]) == 0
    assert _seen(tmp_path) == new
    assert _records(tmp_path) == [(1, 9), (2, 11)]


def test_a_kill_while_parquet_is_written_leaves_no_staged_file(tmp_path: Path) -> None:
    """Half a Parquet file keeps its temporary name, which nothing ever reads."""
    open_home(tmp_path)
    rows = some_rows(DAY, "visa", 60_000)
    deliver_date(tmp_path / "landing", DAY, visa=Delivery(business_date=DAY, source="visa", rows=rows))

    died = run_to_end(publish_and_die_while_writing, tmp_path, DAY)

    staged = [p.name for p in (tmp_path / "staging" / NAME / str(DAY)).iterdir()]
    assert died == -signal.SIGKILL
    assert [name for name in staged if not name.endswith(".tmp")] == []
    assert _seen(tmp_path) == []
    assert run_to_end(publish_dates, tmp_path, [DAY]) == 0
    assert _records(tmp_path) == [(1, 60_006)]
    assert Counter(row[-2] for row in _seen(tmp_path)) == {"visa": 60_000, "mastercard": 3, "amex": 3}


@pytest.mark.parametrize("boundary", MART_BOUNDARIES)
def test_a_kill_while_a_mart_is_built_leaves_nothing_half_published(tmp_path: Path, boundary: str) -> None:
    """A mart goes through the same door."""
    open_home(tmp_path)
    deliver_date(tmp_path / "landing", DAY)
    run_to_end(publish_dates, tmp_path, [DAY])
    committed = MART_BOUNDARIES[boundary].commits
    count = f"SELECT count(*), coalesce(sum(transactions), 0)::INT FROM lake.published.{MERCHANT_DAILY_NET.name}"

    died = run_to_end(build_mart_and_die, tmp_path, DAY, boundary)

    assert died == -signal.SIGKILL
    assert plain_reader(tmp_path).execute(count).fetchone() == ((3, 9) if committed else (0, 0))
    assert _records(tmp_path, MERCHANT_DAILY_NET.name) == ([(1, 3)] if committed else [])
    assert run_to_end(build_mart_of, tmp_path, DAY) == 0
    assert plain_reader(tmp_path).execute(count).fetchone() == (3, 9)
    assert _records(tmp_path, MERCHANT_DAILY_NET.name) == [(1, 3)]


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    """The kernel frees what a dead process held; nobody has to remove a file."""
    open_home(tmp_path)
    deliver_date(tmp_path / "landing", DAY)
    run_to_end(publish_and_die, tmp_path, DAY, "after the files are registered")
    before = datetime.now(UTC)

    assert run_to_end(publish_dates, tmp_path, [date(2026, 1, 1)]) == 0

    assert (datetime.now(UTC) - before).total_seconds() < 10
