"""The targets of this platform beside the others, and whether the results of a session meet them."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from benchmarks.peers.session import Result

YEAR, MONTH, SMALL, LARGE = 365, 30, 10_000, 1_000_000
FACTORS = {"airflow": 8.0, "prefect": 8.0, "prefect-process": 1.0, "sqlmesh": 1.0}
TICKS_SECONDS = 60.0
"""The daemon's own fixed ticks: up to 30 s before a backfill's first run, and 30 s to spare."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target, its measured value, its limit, and `yes` or `no`."""

    text: str
    measured: str
    limit: str
    met: str


def judged(results: Sequence[Result]) -> list[Target]:
    """Return the targets for which the session has the needed results."""
    return [*_year(results), *_large(results), *_others(results), *_fresh(results)]


def _year(results: Sequence[Result]) -> Iterator[Target]:
    ours, plain = _drain(results, "ours", YEAR, SMALL), _drain(results, "plain", YEAR, SMALL)
    if ours and plain:
        text = "365 dates of 10,000 rows: under 1.5 of plain, and 60 s for the daemon's ticks"
        yield _target(text, ours, 1.5 * plain + TICKS_SECONDS)


def _large(results: Sequence[Result]) -> Iterator[Target]:
    ours, plain = _drain(results, "ours", MONTH, LARGE), _drain(results, "plain", MONTH, LARGE)
    if ours and plain:
        yield _target("30 dates of 1,000,000 rows: under half of plain", ours, plain / 2)


def _others(results: Sequence[Result]) -> Iterator[Target]:
    """Compare by seconds a date; with fewer dates a start and fixed ticks weigh more, so both numbers are shown."""
    pairs = ((YEAR, YEAR), (YEAR, MONTH), (MONTH, MONTH))
    for (peer, factor), (ours, theirs) in product(FACTORS.items(), pairs):
        measured, limit = _drain(results, "ours", ours, SMALL), _drain(results, peer, theirs, SMALL)
        if measured and limit:
            said = f"at least {factor:.0f} times as fast as {peer}" if factor > 1 else f"faster than {peer}"
            dates = f"{ours} dates" if ours == theirs else f"{ours} dates beside {theirs} of theirs"
            yield _target(f"10,000 rows, seconds a date, {dates}: {said}", measured / ours, limit / theirs / factor)


def _fresh(results: Sequence[Result]) -> Iterator[Target]:
    """Compare the worst fresh date during a backfill with the median at rest."""
    for found in results:
        idle, under = found.idle_fresh_seconds, found.fresh_under_backfill_seconds
        if (found.peer, found.dates, found.rows) == ("ours", YEAR, SMALL) and idle and under:
            text = "fresh date in a backfill of 365: within 1.3 of its time at rest, and 5 s"
            yield _target(text, max(under), 1.3 * statistics.median(idle) + 5.0)


def _drain(results: Sequence[Result], peer: str, dates: int, rows: int) -> float | None:
    found = [r.drain_seconds for r in results if (r.peer, r.dates, r.rows) == (peer, dates, rows)]
    return statistics.median(found) if found else None


def _target(text: str, measured: float, limit: float) -> Target:
    met = "yes" if measured <= limit else "no"
    return Target(text=text, measured=f"{measured:.2f} s", limit=f"{limit:.2f} s", met=met)
