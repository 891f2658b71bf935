"""Four processes publish while two plain DuckDB clients read: nothing is lost, doubled, or half seen."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from settlement_platform_tests.deliveries import deliver_date
from settlement_platform_tests.pipeline.installation import (
    FIRST_DATE,
    NAME,
    open_home,
    plain_reader,
    rows_on,
)
from settlement_platform_tests.pipeline.published_rows import expected_rows
from settlement_platform_tests.processes import FORKING
from settlement_platform_tests.scenarios.processes import publish_dates, read_until, started

PUBLISHERS = 4


def _shares(days: Sequence[date], *, disjoint: bool) -> Iterator[Sequence[date]]:
    """The dates of each publisher; where they share them all, each begins elsewhere."""
    for number in range(PUBLISHERS):
        yield days[number::PUBLISHERS] if disjoint else [*days[number:], *days[:number]]


@pytest.mark.parametrize(
    ("disjoint", "dates"),
    [
        pytest.param(True, 12, id="dates of their own"),
        pytest.param(False, 4, id="the same dates"),
        pytest.param(True, 32, id="many dates of their own", marks=pytest.mark.slow),
        pytest.param(False, 8, id="many of the same dates", marks=pytest.mark.slow),
    ],
)
def test_publishers_and_readers_do_not_disturb_each_other(tmp_path: Path, disjoint: bool, dates: int) -> None:
    """Every read finds each date either absent, or whole and as its one record says."""
    open_home(tmp_path)
    days = [FIRST_DATE + timedelta(days=n) for n in range(dates)]
    delivered = {day: list(deliver_date(tmp_path / "landing", day).values()) for day in days}
    stop, results = FORKING.Event(), FORKING.Queue()

    readers = [started(read_until, tmp_path, stop, results) for _ in range(2)]
    publishers = [started(publish_dates, tmp_path, share) for share in _shares(days, disjoint=disjoint)]
    for publisher in publishers:
        publisher.join(300)
    stop.set()
    reports = [results.get(timeout=30) for _ in readers]

    assert [p.exitcode for p in publishers] == [0] * PUBLISHERS
    assert [wrong for _, _, wrong in reports] == [[], []]
    assert all(reads > 3 for reads, _, _ in reports)
    reader = plain_reader(tmp_path)
    assert {day: rows_on(reader, day) for day in days} == {d: expected_rows(delivered[d]) for d in days}
    records = reader.execute(
        "SELECT business_date, generation FROM lake.published.publications WHERE dataset = ? ORDER BY ALL",
        [NAME],
    ).fetchall()
    assert records == [(day, 1) for day in days]
    assert reader.execute("SELECT watermark FROM lake.published.watermarks").fetchall() == [(days[-1],)]
