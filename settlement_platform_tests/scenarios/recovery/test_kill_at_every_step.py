"""A process that is killed at any step leaves nothing half done, and the next one finishes its work."""

import signal
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.pipeline.inspection.attempt_history import describe_last_attempt
from settlement_platform.storage.ledger.open import open_ledger
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

ON_A_FIRST_DATE = [name for name in BOUNDARIES if name != "after the old rows are removed"]
ON_A_RESTATEMENT = [
    "after the verdict is recorded",
    "after the old rows are removed",
    "after the files are registered",
    "after the publication is recorded",
    "after the commit",
]
DELIVERED_ROWS = 9


class Scene:
    """One home for all kills, a date for each, in unbroken order so that each publication moves the watermark."""

    def __init__(self, home: Path) -> None:
        open_home(home)
        self.home = home
        self.landing = home / "landing"
        self._reader = plain_reader(home)
        self._ledger = open_ledger(stores_in(home).ledger_url, now=datetime.now(UTC))
        self._days = (FIRST_DATE + timedelta(days=n) for n in count())

    def next_date(self) -> tuple[date, list[Delivery]]:
        """A date with its deliveries."""
        day = next(self._days)
        return day, list(deliver_date(self.landing, day).values())

    def seen(self, day: date) -> list[tuple[Any, ...]]:
        """The rows that a plain DuckDB client sees."""
        return rows_on(self._reader, day)

    def records(self, day: date, name: str = NAME) -> list[tuple[int, int]]:
        """Generation and rows of each publication record that a plain DuckDB client sees."""
        return self._reader.execute(
            "SELECT generation, rows FROM lake.published.publications WHERE dataset = ? AND business_date = ? "
            "ORDER BY ALL",
            [name, day],
        ).fetchall()

    def mart(self, day: date) -> tuple[int, int]:
        """Rows of the mart, and transactions in them."""
        found = self._reader.execute(
            f"SELECT count(*), coalesce(sum(transactions), 0)::INT FROM lake.published.{MERCHANT_DAILY_NET.name} "
            "WHERE business_date = ?",
            [day],
        ).fetchone()
        assert found is not None
        return found

    def facts(self, day: date) -> set[str]:
        """Which kinds of facts the ledger holds of the date."""
        ledger = self._ledger
        arrivals = ledger.arrivals(NAME, day, day)
        found = {
            "attempt": bool(ledger.attempts(NAME, day, day)),
            "arrival": bool(arrivals),
            "staging": any(self._staged(day)),
            "verdict": bool(ledger.verdicts(NAME, day, day)),
        }
        return {name for name, there in found.items() if there}

    def last_attempt(self, day: date) -> tuple[str, str]:
        """Step and outcome of the last recorded attempt."""
        last = self._ledger.attempts(NAME, day, day)[-1]
        return last.step, last.outcome

    def _staged(self, day: date) -> list[tuple[Any, ...]]:
        query = sa.text("SELECT 1 FROM stagings WHERE business_date = :day")
        with self._ledger.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query, {"day": day.isoformat()})]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("boundary", ON_A_FIRST_DATE)
def test_a_kill_leaves_nothing_half_published(scene: Scene, boundary: str) -> None:
    """Readers see nothing or all of the date, the ledger shows how far it came, and a rerun publishes it once."""
    day, delivered = scene.next_date()
    expected, committed = expected_rows(delivered), BOUNDARIES[boundary].commits

    died = run_to_end(publish_and_die, scene.home, day, boundary)

    assert died == -signal.SIGKILL
    assert scene.seen(day) == (expected if committed else [])
    assert scene.records(day) == ([(1, DELIVERED_ROWS)] if committed else [])
    assert scene.facts(day) == BOUNDARIES[boundary].facts
    assert run_to_end(publish_dates, scene.home, [day]) == 0
    assert scene.seen(day) == expected
    assert scene.records(day) == [(1, DELIVERED_ROWS)]
    assert scene.last_attempt(day)[1] == "succeeded"


@pytest.mark.parametrize(
    ("boundary", "step"),
    [
        ("after the arrivals are recorded", "land"),
        ("after the verdict is recorded", "validate"),
    ],
)
def test_the_last_step_of_a_killed_attempt_is_on_record(scene: Scene, boundary: str, step: str) -> None:
    """An attempt whose last step is `started` died there."""
    day, _ = scene.next_date()

    run_to_end(publish_and_die, scene.home, day, boundary)

    last = scene.last_attempt(day)
    run_to_end(publish_dates, scene.home, [day])
    assert last == (step, "started")


def test_a_killed_attempt_says_how_far_it_got(scene: Scene) -> None:
    """At which source it died, what had been staged whole, and from where on the rest is read again."""
    day, _ = scene.next_date()
    platform = open_home(scene.home)

    run_to_end(publish_and_die, scene.home, day, "after a staging is recorded")
    died = describe_last_attempt(platform, NAME, day)
    run_to_end(publish_dates, scene.home, [day])
    published = describe_last_attempt(platform, NAME, day)

    assert [(reason.code, reason.parameters["source"]) for reason in died] == [
        ("attempt_died_at_source", "mastercard"),
        ("source_staged", "visa"),
        ("source_not_staged", "mastercard"),
        ("source_not_staged", "amex"),
    ]
    assert (died[0].parameters["step"], died[0].parameters["began"]["parameters"]["run_id"]) == ("stage", "run-1")
    assert died[1].parameters["rows"] == 3
    assert (published[0].code, published[0].parameters["outcome"]) == ("attempt_ended", "succeeded")
    assert published[0].parameters["step"] == "publish"


@pytest.mark.slow
@pytest.mark.parametrize("boundary", ON_A_RESTATEMENT)
def test_a_kill_during_a_restatement_leaves_the_old_rows(scene: Scene, boundary: str) -> None:
    """Old rows or new ones, never both, never neither."""
    day, delivered = scene.next_date()
    run_to_end(publish_dates, scene.home, [day])
    correction = Delivery(business_date=day, source="visa", rows=some_rows(day, "visa", 5))
    correction.write(scene.landing)
    old, new = expected_rows(delivered), expected_rows([correction, *delivered[1:]])
    committed = BOUNDARIES[boundary].commits

    died = run_to_end(publish_and_die, scene.home, day, boundary)

    assert died == -signal.SIGKILL
    assert scene.seen(day) == (new if committed else old)
    assert [g for g, _ in scene.records(day)] == ([1, 2] if committed else [1])
    assert run_to_end(publish_dates, scene.home, [day]) == 0
    assert scene.seen(day) == new
    assert [g for g, _ in scene.records(day)] == [1, 2]


def test_a_kill_while_parquet_is_written_leaves_no_staged_file(scene: Scene) -> None:
    """Half a Parquet file keeps its temporary name, which nothing ever reads."""
    day, _ = scene.next_date()
    rows = some_rows(day, "visa", 250_000)
    Delivery(business_date=day, source="visa", rows=rows).write(scene.landing)

    died = run_to_end(publish_and_die_while_writing, scene.home, day)

    staged = [p.name for p in (scene.home / "staging" / NAME / str(day)).iterdir()]
    assert died == -signal.SIGKILL
    assert [name for name in staged if not name.endswith(".tmp")] == []
    assert scene.seen(day) == []
    assert run_to_end(publish_dates, scene.home, [day]) == 0
    assert scene.records(day) == [(1, 250_006)]
    assert Counter(row[-2] for row in scene.seen(day)) == {"visa": 250_000, "mastercard": 3, "amex": 3}


@pytest.mark.slow
@pytest.mark.parametrize("boundary", MART_BOUNDARIES)
def test_a_kill_while_a_mart_is_built_leaves_nothing_half_published(scene: Scene, boundary: str) -> None:
    """A mart goes through the same door."""
    day, _ = scene.next_date()
    run_to_end(publish_dates, scene.home, [day])
    committed = MART_BOUNDARIES[boundary].commits

    died = run_to_end(build_mart_and_die, scene.home, day, boundary)

    assert died == -signal.SIGKILL
    assert scene.mart(day) == ((3, DELIVERED_ROWS) if committed else (0, 0))
    assert scene.records(day, MERCHANT_DAILY_NET.name) == ([(1, 3)] if committed else [])
    assert run_to_end(build_mart_of, scene.home, day) == 0
    assert scene.mart(day) == (3, DELIVERED_ROWS)
    assert scene.records(day, MERCHANT_DAILY_NET.name) == [(1, 3)]


def test_the_lock_of_a_killed_process_is_free_at_once(scene: Scene) -> None:
    """The kernel frees what a dead process held; nobody has to remove a file."""
    day, _ = scene.next_date()
    run_to_end(publish_and_die, scene.home, day, "after the files are registered")
    before = datetime.now(UTC)

    assert run_to_end(publish_dates, scene.home, [day]) == 0

    assert (datetime.now(UTC) - before).total_seconds() < 20
