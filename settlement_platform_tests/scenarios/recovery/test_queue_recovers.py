"""kill -9 in the middle of a backfill: it continues by itself; no date is doubled, lost or partial, no slot held."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from settlement_platform.orchestration.dagster_internals.backfills import BulkActionStatus
from settlement_platform_tests.orchestration.dagster_home import NAME, DagsterHome
from settlement_platform_tests.scenarios.queue_daemon import (
    WITH_CODE_SERVER,
    Daemon,
    backfill_status,
    begin_backfill,
    daemon,
    deliver,
    holding_slots,
    published,
    running_runs,
    unfinished,
    wait_until,
    worker_of,
)

DATES, ROWS = 40, 6_000
PATIENCE_SECONDS = 600
"""Nothing here takes a minute on an idle machine; a backfill gives way to whatever else a busy one does."""

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Iterator[DagsterHome]:
    """A home with files for all dates."""
    found = DagsterHome(tmp_path / "home")
    yield found
    found.close()


@pytest.fixture
def working(home: DagsterHome) -> Iterator[Daemon]:
    """A daemon in the middle of a backfill."""
    days = deliver(home, DATES, ROWS)
    begin_backfill(home, days)
    with daemon(home) as found:
        wait_until(
            lambda: running_runs(home) and published(home) > 2, "in the middle of the backfill", PATIENCE_SECONDS
        )
        yield found


def ends_whole(home: DagsterHome) -> None:
    """Every date is published once, with all its rows, and nothing holds a slot."""
    wait_until(
        lambda: backfill_status(home) is not BulkActionStatus.REQUESTED, "the end of the backfill", PATIENCE_SECONDS
    )
    wait_until(lambda: not unfinished(home), "the end of all runs", PATIENCE_SECONDS)
    records = home.query(
        f"SELECT business_date, count(*), max(rows) FROM lake.published.publications "
        f"WHERE dataset = '{NAME}' GROUP BY ALL"
    )
    rows = home.query(
        f"SELECT business_date, count(*), count(DISTINCT transaction_id) FROM lake.published.{NAME} GROUP BY 1"
    )
    assert backfill_status(home) is BulkActionStatus.COMPLETED_SUCCESS
    assert len(records) == DATES
    assert {n for _, n, _ in records} == {1}
    assert sorted(rows) == sorted((day, stated, stated) for day, _, stated in records)
    assert {stated for _, _, stated in records} == {ROWS}
    assert holding_slots(home) == []


def test_a_killed_worker_is_replaced(home: DagsterHome, working: Daemon) -> None:
    """Its run fails within seconds and is run again; what it had published stays."""
    victim = running_runs(home)[0]
    worker_of(victim).kill()

    freed = wait_until(lambda: home.instance.get_run_by_id(victim.run_id).is_finished, "noticed", PATIENCE_SECONDS)
    again = wait_until(
        lambda: any(r.parent_run_id == victim.run_id for r in running_runs(home)) or published(home) == DATES,
        "run again",
        PATIENCE_SECONDS,
    )

    print(f"noticed after {freed:.1f} s, at work again after {freed + again:.1f} s")  # noqa: T201 - what was seen
    ends_whole(home)


def test_a_killed_daemon_finds_its_runs_again(home: DagsterHome, working: Daemon) -> None:
    """Workers go on without it; one of them dies meanwhile, and the daemon that is started later finds that out."""
    victim = running_runs(home)[0]
    working.kill()
    worker_of(victim).kill()
    working.restart()

    freed = wait_until(lambda: home.instance.get_run_by_id(victim.run_id).is_finished, "noticed", PATIENCE_SECONDS)

    print(f"noticed {freed:.1f} s after the start of the new daemon")  # noqa: T201 - what was seen
    ends_whole(home)


def test_a_killed_code_server_takes_no_run_with_it(home: DagsterHome, working: Daemon) -> None:
    """Workers do not depend on it; the daemon starts another."""
    before, at_kill = running_runs(home), published(home)
    server = working.code_server()
    assert server is not None
    server.kill()

    went_on = wait_until(lambda: published(home) > at_kill, "published", PATIENCE_SECONDS)

    print(f"published again after {went_on:.1f} s")  # noqa: T201 - what was seen
    ends_whole(home)
    assert {home.instance.get_run_by_id(r.run_id).status.value for r in before} == {"SUCCESS"}


@pytest.mark.parametrize("word", ["grpc", "code-server"])
def test_a_killed_code_server_of_make_dev_is_replaced_and_the_backfill_goes_on(home: DagsterHome, word: str) -> None:
    """The process that holds the definitions, or the one that started it; meanwhile the backfill waits."""
    begin_backfill(home, deliver(home, DATES, ROWS))
    with daemon(home, WITH_CODE_SERVER) as working:
        wait_until(lambda: published(home) > 2, "in the middle of the backfill", PATIENCE_SECONDS)
        victim, old = working.code_server(word), working.code_server()
        assert victim is not None
        assert old is not None
        victim.kill()

        back = wait_until(lambda: working.code_server() not in {None, old}, "replaced", PATIENCE_SECONDS)
        ends_whole(home)

    print(f"another one after {back:.1f} s")  # noqa: T201 - what was seen
