"""Each service class may write to a table only as fast as its allowance says."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.facts import Write
from settlement_platform.control.queue.write_budget import MEGABYTE, WriteLimits, next_write_slot
from settlement_platform_tests.builders import NOW, a_write

LIMIT = 150 * MEGABYTE


def a_write_of(megabytes: int, *, began: float, took: float = 0.0) -> Write:
    """A write that began so many seconds after `NOW`."""
    start = NOW + timedelta(seconds=began)
    return a_write(bytes=megabytes * MEGABYTE, started_at=start, recorded_at=start + timedelta(seconds=took))


def test_nothing_waits_where_nothing_was_written() -> None:
    """An idle table costs no time."""
    turn = next_write_slot([], LIMIT, NOW)

    assert (turn.wait(NOW), turn.reasons) == (0.0, ())


def test_a_write_slower_than_its_allowance_lets_the_next_begin_at_once() -> None:
    """A limit that is not reached is not felt."""
    now = NOW + timedelta(seconds=1)

    turn = next_write_slot([a_write_of(100, began=0, took=1)], LIMIT, now)

    assert turn.wait(now) == 0.0


def test_the_next_write_waits_until_the_last_is_paid_for_and_says_why() -> None:
    """600 MB at 150 MB/s are paid for in four seconds, of which one has passed."""
    now = NOW + timedelta(seconds=1)

    turn = next_write_slot([a_write_of(600, began=0, took=1)], LIMIT, now)

    assert turn.wait(now) == pytest.approx(3.0)
    assert turn.reasons[0].code == "write_budget_spent"
    assert turn.reasons[0].parameters.items() >= {"service_class": "backfill", "limit": "150"}.items()


def test_an_allowance_below_a_megabyte_is_not_shown_as_none() -> None:
    turn = next_write_slot([a_write_of(1, began=0, took=1)], 300_000, NOW + timedelta(seconds=1))

    assert turn.reasons[0].parameters.items() >= {"limit": "0.3", "written": "1"}.items()
    assert turn.reasons[0].parameters["wait"] == pytest.approx(2.3, abs=0.05)


def test_writes_of_several_processes_at_once_are_paid_for_one_after_the_other() -> None:
    """Four that wrote side by side do not get four allowances."""
    now = NOW + timedelta(seconds=1)

    turn = next_write_slot([a_write_of(150, began=0, took=1)] * 4, LIMIT, now)

    assert turn.wait(now) == pytest.approx(3.0)


def test_an_allowance_that_was_not_used_is_not_saved_up() -> None:
    """A quiet half minute buys no burst."""
    now = NOW + timedelta(seconds=30)

    turn = next_write_slot([a_write_of(1, began=0), a_write_of(300, began=29, took=1)], LIMIT, now)

    assert turn.wait(now) == pytest.approx(1.0)


def test_a_clock_that_was_set_back_holds_nothing_up_for_long() -> None:
    """Writes from an hour ahead by the old clock are forgiven; writes from slightly ahead count from now on."""
    set_back = next_write_slot([a_write_of(150, began=3_600, took=1)], LIMIT, NOW)
    ahead = next_write_slot([a_write_of(150, began=2, took=1)], LIMIT, NOW)

    assert set_back.wait(NOW) == 0.0
    assert ahead.wait(NOW) == pytest.approx(1.0)


def test_backfills_have_less_than_fresh_data_and_other_classes_have_as_much_as_fresh() -> None:
    """The defaults."""
    limits = WriteLimits()

    assert [limits.of(c) / MEGABYTE for c in ("fresh", "correction", "backfill")] == [500, 500, 150]


@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0.01, 3.0), st.floats(0.0, 1.0)), min_size=2, max_size=15))
def test_the_rate_between_two_beginnings_never_passes_the_limit(writes: list[tuple[int, float, float]]) -> None:
    """Whatever is written, in whatever time, with whatever pauses, by one writer that waits for its turn."""
    now, done = NOW, list[Write]()
    for megabytes, took, pause in writes:
        now += timedelta(seconds=next_write_slot(done, LIMIT, now).wait(now) + pause)
        write = a_write(bytes=megabytes * MEGABYTE, started_at=now, recorded_at=(now := now + timedelta(seconds=took)))
        done.append(write)

    for first in range(len(done)):
        for last in range(first + 1, len(done)):
            paid = sum(w.bytes for w in done[first:last])
            seconds = (done[last].started_at - done[first].started_at).total_seconds()
            assert paid <= LIMIT * seconds + MEGABYTE / 100
