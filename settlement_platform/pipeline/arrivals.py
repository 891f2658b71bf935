"""Arrivals: look at the landing zone once for all business dates, put on record what came, and say what to ask for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from settlement_platform.control.arrivals import (
    Ask,
    Expectation,
    Seen,
    ToDo,
    decide_ask,
    find_repeated,
)
from settlement_platform.control.deliveries import choose_deliveries
from settlement_platform.control.facts import Arrival, OperatorAction, Standing
from settlement_platform.control.failures import SettlementError
from settlement_platform.control.policies import date_range
from settlement_platform.control.rulings import NO_RULINGS, fold_rulings, fold_skip
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.land import Landed
from settlement_platform.pipeline.landed_date import LandedDate, identify_date, read_date, with_what_stands
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.landing_listing import Listing

_FEW_DATES = 10

Settled = dict[tuple[str, date], tuple[int, int, str]]
"""Per dataset and date that held what is published: a mark of its files, its arrivals and its content.

It only saves looking again: with an empty one everything is decided alike.
"""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look at a dataset came to, the latest date first.

    `arrived` gives what is delivered of each date of which something was put on record just now, `asked_for` the same
    of the dates to ask for. `unread` are dates whose new files were not read, as the time was up.
    """

    asks: tuple[Ask, ...]
    arrived: Mapping[date, Landed]
    asked_for: Mapping[date, Landed]
    unread: tuple[date, ...]

    @property
    def requests(self) -> tuple[Ask, ...]:
        """What to ask for."""
        return tuple(a for a in self.asks if a.todo is ToDo.REQUEST)

    @property
    def waiting(self) -> tuple[Ask, ...]:
        """What is waited for."""
        return tuple(a for a in self.asks if a.todo is ToDo.WAIT)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """A dataset and what is on record about it."""

    platform: Platform
    dataset: Dataset
    request: Request
    now: datetime
    standings: Mapping[date, Standing]
    actions: Sequence[OperatorAction]


def look_at_arrivals(
    platform: Platform,
    datasets: Sequence[Dataset],
    request: Request,
    *,
    time_left: Callable[[], float],
    settled: Settled | None = None,
) -> dict[str, Look]:
    """Look at every business date of some datasets: one listing and one read of the lake for all of them.

    Files that are not on record are hashed, those of the latest date first, while `time_left()` is above 0 seconds.
    `settled` is kept up to date for the next look.

    Raises:
        TransientFailure: a store did not answer. A date of which a file changes or vanishes meanwhile only waits.
    """
    now = platform.clock()
    days = date_range(platform.first_date, max(platform.first_date, now.date()))[::-1]
    listing = platform.landing.list_dates([s for d in datasets for s in d.sources], days[-1], days[0])
    standings = platform.lake.standings_of([d.name for d in datasets])
    looks = {}
    for dataset in datasets:
        known = _Known(
            platform=platform,
            dataset=dataset,
            request=request,
            now=now,
            standings=standings[dataset.name],
            actions=platform.ledger.actions(dataset.name),
        )
        looks[dataset.name] = _look(known, listing, days, time_left, {} if settled is None else settled)
    return looks


def _look(
    known: _Known, listing: Listing, days: Sequence[date], time_left: Callable[[], float], settled: Settled
) -> Look:
    dataset = known.dataset
    marks = _open_dates(known, listing, days, settled)
    history = _history(known, list(marks))
    found: dict[date, LandedDate] = {}
    for day in marks:
        files = [f for s in dataset.sources for f in listing.under(s.stem_for(day))]
        inputs = choose_deliveries(day, dataset.sources, files)
        identified = identify_date(dataset, inputs, history.get(day, ()), anything=bool(files))
        found[day] = with_what_stands(known.platform, identified, known.standings.get(day))
    for day, landed_date in found.items():
        content, standing = landed_date.content_hash, known.standings.get(day)
        if content and standing and standing.content_hash == content:
            settled[dataset.name, day] = (marks[day], len(landed_date.history), content)
    return _act(known, found, time_left)


def _open_dates(known: _Known, listing: Listing, days: Sequence[date], settled: Settled) -> dict[date, int]:
    """The dates of which something may follow, with a mark of their files (0 for none)."""
    dataset = known.dataset
    counts = known.platform.ledger.arrival_counts(dataset.name, days[-1], days[0])
    marks = {}
    for day in days:
        mark, standing = listing.mark([s.stem_for(day) for s in dataset.sources]), known.standings.get(day)
        if standing is None:
            if mark or day in counts or not dataset.calendar.expects(day):
                marks[day] = mark
        elif mark and settled.get((dataset.name, day)) != (mark, counts.get(day, 0), standing.content_hash):
            marks[day] = mark
    return marks


def _history(known: _Known, days: Sequence[date]) -> Mapping[date, list[Arrival]]:
    """What is on record of these dates; of a few each is read on its own."""
    ranges = [(day, day) for day in days] if len(days) <= _FEW_DATES else [(min(days), max(days))]
    found: dict[date, list[Arrival]] = {}
    for first, last in ranges:
        for arrival in known.platform.ledger.arrivals(known.dataset.name, first, last):
            found.setdefault(arrival.business_date, []).append(arrival)
    return found


def _act(known: _Known, found: Mapping[date, LandedDate], time_left: Callable[[], float]) -> Look:
    """Read what is new while there is time, and decide about every date that is known."""
    seen: dict[date, LandedDate] = {}
    arrived: dict[date, Landed] = {}
    asks: dict[date, Ask] = {}
    unread: list[date] = []
    for day, landed_date in found.items():
        if landed_date.landed:
            seen[day] = landed_date
        elif time_left() <= 0:
            unread.append(day)
        else:
            try:
                read, arrived[day] = read_date(known.platform, known.dataset, day, known.request)
                seen[day] = with_what_stands(known.platform, read, known.standings.get(day))
            except SettlementError as failure:
                asks[day] = Ask(business_date=day, todo=ToDo.WAIT, reasons=(failure.message,))
    asks |= _decide(known, seen)
    wanted = {day for day, ask in asks.items() if ask.todo is ToDo.REQUEST}
    return Look(
        asks=tuple(asks[day] for day in found if day in asks),
        arrived=arrived,
        asked_for={day: f.landed for day, f in seen.items() if day in wanted and f.landed},
        unread=tuple(unread),
    )


def _decide(known: _Known, found: Mapping[date, LandedDate]) -> dict[date, Ask]:
    """What to do about every date, with the verdicts on all contents that are not published."""
    dataset = known.dataset
    expectation = Expectation(
        dataset=dataset.name,
        timeliness=dataset.timeliness,
        calendar=dataset.calendar,
        required=dataset.required,
        provisional=dataset.provisional,
    )
    standing = {day: s.content_hash for day, s in known.standings.items()}
    states = {day: s.state for day, s in known.standings.items()}
    contents = {day: f.content_hash for day, f in found.items()}
    unpublished = [day for day, c in contents.items() if c is None or c != standing.get(day)]
    verdicts = known.platform.ledger.verdicts_on([c for day in unpublished if (c := contents[day])])
    asks = {}
    for day in unpublished:
        history = found[day].history
        seen = Seen(
            business_date=day,
            inputs=found[day].inputs,
            content_hash=contents[day],
            anything=found[day].anything,
            overtaken=tuple(found[day].overtaken.values()),
            repeated=find_repeated(history),
            standing=known.standings.get(day),
            verdict=verdicts.get(contents[day] or ""),
            rulings=fold_rulings(known.actions, day) if known.actions else NO_RULINGS,
            skipped=fold_skip(known.actions, day, standing=states.get(day), arrivals=history),
        )
        asks[day] = decide_ask(seen, expectation, known.now)
    return asks
