"""A run of a backfill takes as many dates as fit into a minute or two, whatever their size."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.queue.run_sizing import (
    MEGABYTE,
    RUN_SIZING,
    RunSizing,
    dates_per_run,
    estimated_seconds,
    mart_dates_per_run,
    split_into_runs,
    typical_date_bytes,
)
from settlement_platform_tests.builders import DAY, an_arrival, day

BYTES_A_ROW = 130


@pytest.mark.parametrize(
    ("rows", "least", "most"),
    [(0, 92, 92), (10_000, 92, 92), (1_000_000, 25, 40), (10_000_000, 2, 5), (1_000_000_000, 1, 1)],
)
def test_the_larger_the_dates_the_fewer_of_them_a_run_takes(rows: int, least: int, most: int) -> None:
    """A quarter of a year of ten thousand rows each, some thirty of a million, a few of ten million."""
    assert least <= dates_per_run(rows * BYTES_A_ROW) <= most


def test_where_no_size_is_known_a_run_takes_as_many_dates_as_if_they_were_small() -> None:
    assert dates_per_run(None) == dates_per_run(0)


@given(st.integers(min_value=0, max_value=10**13), st.floats(min_value=1, max_value=600))
def test_a_run_of_several_dates_takes_no_longer_than_is_aimed_at(size: int, aim: float) -> None:
    """One date alone may: it cannot be divided."""
    policy = RunSizing(aim_seconds=aim)

    dates = dates_per_run(size, policy)

    assert 1 <= dates <= policy.most
    assert dates == 1 or dates * policy.seconds_for(size) <= aim


@given(st.integers(min_value=1, max_value=366))
def test_a_mart_has_runs_of_another_size_than_what_it_reads(dates: int) -> None:
    """Otherwise Dagster puts both into one run, and a refused date keeps back the marts of all its dates."""
    assert mart_dates_per_run(dates) > dates


def test_the_typical_size_is_the_median_of_the_dates_over_all_sources() -> None:
    """Of each source the latest version counts."""
    arrivals = [
        an_arrival(bytes=10),
        an_arrival(bytes=100, version=2),
        an_arrival(bytes=1, source="amex"),
        an_arrival(bytes=7, business_date=day(1)),
        an_arrival(bytes=500, business_date=day(2)),
    ]

    assert typical_date_bytes(arrivals) == 101
    assert typical_date_bytes([]) is None


def test_chunks_are_unbroken_ranges_of_at_most_so_many_dates() -> None:
    """A gap ends a chunk, as a run takes a range; dates may come in any order, and twice."""
    days = [day(n) for n in (4, 0, 1, 2, 3, 8, 9, 9, 20)]

    assert split_into_runs(days, 3) == [(DAY, day(2)), (day(3), day(4)), (day(8), day(9)), (day(20), day(20))]
    assert split_into_runs([], 3) == []


@given(st.sets(st.integers(min_value=0, max_value=400), max_size=60), st.integers(min_value=1, max_value=50))
def test_chunks_hold_every_date_once(numbers: set[int], most: int) -> None:
    chunks = split_into_runs([day(n) for n in numbers], most)

    held = [first + timedelta(days=n) for first, last in chunks for n in range((last - first).days + 1)]
    assert held == [day(n) for n in sorted(numbers)]
    assert all((last - first).days < most for first, last in chunks)


def test_an_estimate_counts_the_start_of_every_run() -> None:
    assert estimated_seconds([MEGABYTE, MEGABYTE], runs=2) == pytest.approx(
        2 * (RUN_SIZING.start_seconds + RUN_SIZING.date_seconds + RUN_SIZING.megabyte_seconds)
    )
