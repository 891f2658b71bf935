"""The turn of one contender: a backfill, fresh dates at rest and during a backfill, measured and verified."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from benchmarks.peers.files import Content, Files, dates
from benchmarks.peers.peer import NotPossible, Peer, Place
from benchmarks.peers.sampling import Sampler, Usage

FRESH_DATES = 3
NOT_VERIFIED = "not as delivered"

Driver = Callable[[Place], Peer]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A contender, the number of its dates, the rows of each, and whether fresh dates are measured."""

    peer: str
    dates: int
    rows: int
    fresh: bool = True


@dataclass(frozen=True, kw_only=True)
class Result:
    """The cost of a turn; seconds are wall seconds, memory is in MiB, lists have an entry for each fresh date."""

    peer: str
    dates: int
    rows: int
    drain_seconds: float
    cpu_seconds: float
    peak_mib: float
    busy_elsewhere: float
    idle_fresh_seconds: Sequence[float] = ()
    fresh_under_backfill_seconds: Sequence[float] = ()
    not_possible: str = ""


def take(turn: Turn, driver: Driver, *, files: Files, folder: Path, today: date) -> Result:
    """Let a contender do its turn, each part from nothing; its folder is removed afterwards, unless it fails.

    The fresh dates are today and the two before, which are still open; the dates of the backfill precede them.

    Raises:
        RuntimeError: it did not start or not end, or its published data differs from the delivered data.
    """
    fresh = dates(FRESH_DATES, last=today)
    days = dates(turn.dates, last=fresh[0] - timedelta(days=1))
    files.make([*days, *fresh])
    place = Place(files=files, folder=folder, first=days[0])
    seconds, usage, idle = _drain(driver, _emptied(place), days, fresh if turn.fresh else [])
    under, reason = _under_backfill(driver, _emptied(place), days, fresh) if turn.fresh else ([], "")
    shutil.rmtree(folder)
    return Result(
        peer=turn.peer,
        dates=turn.dates,
        rows=turn.rows,
        drain_seconds=seconds,
        cpu_seconds=usage.cpu,
        peak_mib=usage.peak_mib,
        busy_elsewhere=usage.busy_elsewhere,
        idle_fresh_seconds=idle,
        fresh_under_backfill_seconds=under,
        not_possible=reason,
    )


def _emptied(place: Place) -> Place:
    shutil.rmtree(place.folder, ignore_errors=True)
    place.folder.mkdir(parents=True)
    return place


def _drain(
    driver: Driver, place: Place, days: Sequence[date], fresh: Sequence[date]
) -> tuple[float, Usage, list[float]]:
    peer = driver(place)
    try:
        peer.up()
        with Sampler() as sampler:
            seconds = peer.drain(days)
        idle = [peer.idle_fresh(day) for day in fresh]
        _verify(place, peer.published(), [*days, *fresh])
    finally:
        peer.down()
    return seconds, sampler.usage, idle


def _under_backfill(
    driver: Driver, place: Place, days: Sequence[date], fresh: Sequence[date]
) -> tuple[list[float], str]:
    """Measure fresh dates during a backfill; the part of it that is published by then must be right too."""
    peer = driver(place)
    try:
        peer.up()
        took = peer.fresh_under_backfill(days, fresh)
    except NotPossible as reason:
        return [], str(reason)
    finally:
        peer.down()
    published = peer.published()
    _verify(place, published, sorted(published))
    return took, "" if took else "the backfill had ended before the first fresh date was published"


def _verify(place: Place, published: Mapping[date, Content], days: Sequence[date]) -> None:
    """Compare rows, keys and sums of each date, and allow no other date."""
    wrong = [f"{day}: {published.get(day)}" for day in days if published.get(day) != place.files.content(day)]
    wrong += [f"{day}: nobody requested it" for day in published.keys() - set(days)]
    if wrong:
        raise RuntimeError(f"{NOT_VERIFIED}: {'; '.join(wrong[:5])}")
