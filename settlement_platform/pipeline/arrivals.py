"""Arrivals: look at the landing zone once for all business dates, put on record what came, and say what to ask for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from settlement_platform.control.arrivals import (
    Ask,
    Expectation,
    Seen,
    ToDo,
    decide_ask,
    find_overtaken,
    find_repeated,
    newest_on_record,
)
from settlement_platform.control.deliveries import DateInputs, choose_deliveries
from settlement_platform.control.facts import Arrival, OperatorAction, Standing, State
from settlement_platform.control.failures import SettlementError, TransientFailure
from settlement_platform.control.policies import date_range
from settlement_platform.control.rulings import NO_RULINGS, fold_rulings, ruled
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.land import Landed, identify_known, land, survey
from settlement_platform.pipeline.platform import Platform, Request

LOCK_SECONDS = 0.2
"""A date that a run is at work on is looked at again next time."""


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
    """A dataset and all that is on record about it."""

    platform: Platform
    dataset: Dataset
    request: Request
    now: datetime
    standings: Mapping[date, Standing]
    actions: Sequence[OperatorAction]


@dataclass(frozen=True, kw_only=True)
class _Found:
    """One date as it lies in the landing zone; `landed` is None while a file of it is not on record."""

    inputs: DateInputs
    anything: bool
    history: Sequence[Arrival]
    overtaken: Mapping[str, str] = field(default_factory=dict)
    landed: Landed | None = None


def look_at_arrivals(
    platform: Platform, datasets: Sequence[Dataset], request: Request, *, time_left: Callable[[], float]
) -> dict[str, Look]:
    """Look at every business date of some datasets: one listing and one read of the lake for all of them.

    Files that are not on record are hashed, those of the latest date first, while `time_left()` is above 0 seconds.

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
        history: dict[date, list[Arrival]] = {}
        for arrival in platform.ledger.arrivals(dataset.name, days[-1], days[0]):
            history.setdefault(arrival.business_date, []).append(arrival)
        found = {}
        for day in days:
            files = [f for s in dataset.sources for f in listing.under(s.stem_for(day))]
            inputs = choose_deliveries(day, dataset.sources, files)
            found[day] = _identify(dataset, inputs, history.get(day, ()), anything=bool(files))
        looks[dataset.name] = _look_at(known, found, time_left)
    return looks


def _identify(dataset: Dataset, inputs: DateInputs, history: Sequence[Arrival], *, anything: bool) -> _Found:
    """What is delivered, as far as the record knows it; versions older than one on record are left aside."""
    known = {a.signature: a for a in history}
    newest = newest_on_record(history)
    overtaken = find_overtaken(inputs, newest, known) if newest else {}
    kept = tuple(d for d in inputs.deliveries if d.source not in overtaken or d.signature in known)
    landed = identify_known(dataset, replace(inputs, deliveries=kept), known)
    return _Found(inputs=inputs, anything=anything, history=history, overtaken=overtaken, landed=landed)


def _look_at(known: _Known, found: Mapping[date, _Found], time_left: Callable[[], float]) -> Look:
    seen: dict[date, _Found] = {}
    arrived: dict[date, Landed] = {}
    asks: dict[date, Ask] = {}
    unread: list[date] = []
    for day, date_found in found.items():
        if date_found.landed:
            seen[day] = date_found
        elif time_left() <= 0:
            unread.append(day)
        else:
            try:
                seen[day], arrived[day] = _read(known, day)
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


def _read(known: _Known, day: date) -> tuple[_Found, Landed]:
    """Hash what is new of a date and put it on record, then look again: what changed meanwhile is not complete.

    Raises:
        TransientFailure: a run is at work on the date, or a file changed meanwhile.
    """
    platform, dataset = known.platform, known.dataset
    with platform.locks.hold(f"{dataset.name}-{day}", timeout_seconds=LOCK_SECONDS):
        read = land(platform, dataset, day, known.request)
        for landed_input in read.landed:
            if landed_input.received:
                landed_input.received.release()
        history = platform.ledger.arrivals(dataset.name, day, day)
        found = _identify(dataset, survey(platform, dataset, day), history, anything=True)
    if found.landed is None:
        message = f"{dataset.name} {day} changed while it was being read."
        raise TransientFailure(message, remedy="It is read again on the next try.")
    return found, found.landed


def _decide(known: _Known, found: Mapping[date, _Found]) -> dict[date, Ask]:
    """What to do about every date, with the verdicts on all contents that are not published."""
    dataset = known.dataset
    expectation = Expectation(
        dataset=dataset.name,
        timeliness=dataset.timeliness,
        calendar=dataset.calendar,
        required=sum(s.required for s in dataset.sources),
        provisional=dataset.provisional,
    )
    contents = {day: f.landed.content_hash for day, f in found.items() if f.landed and f.landed.landed}
    open_contents = [c for day, c in contents.items() if c and not _stands(known, day, c)]
    verdicts = known.platform.ledger.verdicts_on(open_contents)
    asks = {}
    for day, date_found in found.items():
        content = contents.get(day)
        if content and _stands(known, day, content):
            continue
        seen = Seen(
            business_date=day,
            inputs=date_found.inputs,
            content_hash=content,
            anything=date_found.anything,
            overtaken=tuple(date_found.overtaken.values()),
            repeated=find_repeated(date_found.history, newest_on_record(date_found.history)),
            standing=known.standings.get(day),
            verdict=verdicts.get(content or ""),
            rulings=fold_rulings(known.actions, day) if known.actions else NO_RULINGS,
            skipped=_skipped(known, day, date_found.history),
        )
        asks[day] = decide_ask(seen, expectation, known.now)
    return asks


def _stands(known: _Known, day: date, content: str) -> bool:
    standing = known.standings.get(day)
    return standing is not None and standing.content_hash == content


def _skipped(known: _Known, day: date, history: Sequence[Arrival]) -> str:
    """An operator's word that a date is skipped; what arrives after it counts again."""
    standing = known.standings.get(day)
    words = [a for a in known.actions if a.action == "skip" and a.business_date == day]
    if standing is None or standing.state is not State.SKIPPED or not words:
        return ""
    since = any(a.observed_at > words[-1].recorded_at for a in history)
    return "" if since else f"skipped by {ruled(words[-1])}"
