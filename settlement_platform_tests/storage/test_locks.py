"""A lock holds across processes and vanishes with its holder, in a folder and in PostgreSQL alike."""

import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from settlement_platform.control.failures import TransientFailure
from settlement_platform.storage.locks import Locks, PostgresLocks
from settlement_platform_tests.processes import child, hear, run_all
from settlement_platform_tests.storage.lock_holders import add_up, hold_until_released, open_locks

NAME = "card_settlements-2026-11-20"


@pytest.fixture(params=["folder", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where locks can be taken."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return str(tmp_path / "home" / "locks")


@pytest.fixture
def locks(where: str) -> Locks:
    """Locks that nobody holds."""
    return open_locks(where)


def test_a_lock_that_another_process_holds_is_not_to_be_had(locks: Locks, where: str) -> None:
    """The failure names the lock, and comes as soon as patience ends."""
    with child(hold_until_released, where, NAME) as (_, connection):
        hear(connection)
        began = time.monotonic()

        with pytest.raises(TransientFailure, match=NAME), locks.hold(NAME, timeout_seconds=0.2):
            pytest.fail("two processes held the lock")

        assert 0.2 <= time.monotonic() - began < 5


def test_a_lock_is_taken_as_soon_as_its_holder_frees_it(locks: Locks, where: str) -> None:
    """A waiting process gets it."""
    with child(hold_until_released, where, NAME) as (_, connection):
        hear(connection)
        connection.send("let go")

        with locks.hold(NAME, timeout_seconds=10.0):
            assert hear(connection) == "freed"


def test_a_lock_is_freed_when_its_holder_is_killed(locks: Locks, where: str) -> None:
    """Nobody has to clean up after a dead process."""
    with child(hold_until_released, where, NAME) as (process, connection):
        hear(connection)
        process.kill()
        process.join()

        with locks.hold(NAME, timeout_seconds=10.0):
            assert not process.is_alive()


def test_a_lock_knows_that_it_is_held(locks: Locks) -> None:
    """As often as it is asked."""
    with locks.hold(NAME, timeout_seconds=0.0) as held:
        assert [held.still_held() for _ in range(3)] == [True] * 3


def test_a_lock_whose_session_was_ended_knows_that_it_is_lost(postgres_url: str) -> None:
    """A new session in the place of the old one does not hold it, even if that one takes it again."""
    engine = sa.create_engine(sa.make_url(postgres_url).set(drivername="postgresql+psycopg2"))
    locks = open_locks(postgres_url)

    with locks.hold(NAME, timeout_seconds=0.0) as held:
        with engine.connect() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND "
                    "datname = current_database()"
                )
            )
        found = [held.still_held() for _ in range(3)]
        with locks.hold(NAME, timeout_seconds=5.0) as again:
            found_again = again.still_held()

    engine.dispose()
    assert found == [False] * 3
    assert found_again


def test_a_lock_is_freed_when_its_block_fails(locks: Locks) -> None:
    """An error leaves no lock behind."""
    with pytest.raises(ValueError, match="defect"), locks.hold(NAME, timeout_seconds=1.0):
        raise ValueError("defect")

    # A server ends a session that was closed when it gets to it.
    with locks.hold(NAME, timeout_seconds=5.0):
        pass


def test_a_lock_is_free_before_its_session_is_closed(postgres_url: str) -> None:
    """A server learns of a closed session some moments later, in which nobody without patience could take the lock."""
    engine = sa.create_engine(sa.make_url(postgres_url).set(drivername="postgresql+psycopg2"))
    locks, others = PostgresLocks(engine), open_locks(postgres_url)
    held_at_the_end: list[list[str]] = []
    sa.event.listen(engine, "invalidate", lambda *_: held_at_the_end.append(others.held_among([NAME])))

    with locks.hold(NAME, timeout_seconds=0):
        held_within = others.held_among([NAME])

    assert held_within == [NAME]
    assert held_at_the_end == [[]]


def test_locks_of_other_names_are_free(locks: Locks) -> None:
    """One business date does not wait for another."""
    with (
        locks.hold(NAME, timeout_seconds=0.0),
        locks.hold("card_settlements-2026-11-21", timeout_seconds=0.0),
        locks.hold("card_settlements/2026-11-22 é", timeout_seconds=0.0),
    ):
        pass


def test_a_lock_is_not_reentrant(locks: Locks) -> None:
    """Even its own process cannot take it twice."""
    with locks.hold(NAME, timeout_seconds=0.0):
        with pytest.raises(TransientFailure, match=NAME), locks.hold(NAME, timeout_seconds=0.1):
            pytest.fail("the lock was taken twice")

        with pytest.raises(TransientFailure, match=NAME), locks.hold(NAME, timeout_seconds=0.0):
            pytest.fail("the failed try freed the lock")


def test_a_lock_holds_between_the_threads_of_a_process(locks: Locks) -> None:
    """A web server or a test may run several."""
    found = []

    def try_it() -> None:
        try:
            with locks.hold(NAME, timeout_seconds=0.1):
                found.append("held")
        except TransientFailure:
            found.append("refused")

    with locks.hold(NAME, timeout_seconds=0.0):
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()

    assert found == ["refused"]


def test_processes_that_take_turns_lose_nothing(where: str, tmp_path: Path) -> None:
    """Values that are read under a lock are still true when they are written."""
    counter = tmp_path / "counter.txt"
    counter.write_text("0")

    run_all(add_up, [(where, str(counter), 20)] * 3)

    assert counter.read_text() == "60"


def test_which_of_many_locks_are_held_is_known_without_waiting(locks: Locks, where: str) -> None:
    """Those that nobody ever took included; asking takes none of them away."""
    with child(hold_until_released, where, NAME) as (_, connection):
        hear(connection)
        held = locks.held_among(["free", NAME, f"{NAME}-2"])
        connection.send("go on")
        hear(connection)

    freed = locks.held_among(["free", NAME, f"{NAME}-2"])

    assert (held, freed) == ([NAME], [])
    with locks.hold(NAME, timeout_seconds=0), locks.hold("free", timeout_seconds=0):
        assert locks.held_among([NAME, "free"]) == [NAME, "free"]


def test_a_server_that_does_not_answer_is_blamed_as_the_store_that_it_keeps() -> None:
    """Its breaker counts that, as it counts what the store itself did not answer."""
    locks = PostgresLocks(sa.create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/none"), dependency="lake")

    with pytest.raises(TransientFailure) as failed, locks.hold("attach", timeout_seconds=1.0):
        pass

    assert failed.value.dependency == "lake"
