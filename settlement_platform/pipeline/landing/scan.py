"""The scan of the landing zone: records what arrived for all business dates, and says which runs to request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from settlement_platform.control.facts import Arrival, CurrentPublication, OperatorAction
from settlement_platform.control.failures import SettlementError
from settlement_platform.control.landing.arrival_history import find_reappearance
from settlement_platform.control.landing.deliveries import choose_deliveries
from settlement_platform.control.policies import date_range
from settlement_platform.control.publishing.operator_overrides import NO_OVERRIDES, fold_overrides, fold_skip
from settlement_platform.control.queue.launch_requests import (
    Expectation,
    LaunchAction,
    LaunchDecision,
    ScannedDate,
    decide_launch,
)
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.landing.land import LandedDeliveries
from settlement_platform.pipeline.landing.landed_date import (
    LandedDate,
    identify_date,
    record_date,
    with_current_provisional,
)
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.landing.listing import Listing
from settlement_platform.storage.landing.listing_cache import ListingCache


@dataclass(frozen=True, kw_only=True)
class ScanContext:
    """A dataset and what is on record about it."""

    platform: Platform
    dataset: Dataset
    request: Request
    now: datetime
    current_publications: Mapping[date, CurrentPublication]
    actions: Sequence[OperatorAction]


def decide_launches(known: ScanContext, found: Mapping[date, LandedDate]) -> dict[date, LaunchDecision]:
    """What to do about every date, with the verdicts on all contents that are not published."""
    dataset = known.dataset
    expectation = Expectation(
        dataset=dataset.name,
        timeliness=dataset.timeliness,
        calendar=dataset.calendar,
        required=dataset.required,
        provisional=dataset.provisional,
        recompute_window=dataset.recompute_window,
    )
    standing = {day: s.content_hash for day, s in known.current_publications.items()}
    states = {day: s.state for day, s in known.current_publications.items()}
    contents = {day: f.content_hash for day, f in found.items()}
    unpublished = [day for day, c in contents.items() if c is None or c != standing.get(day)]
    verdicts = known.platform.ledger.latest_verdicts([c for day in unpublished if (c := contents[day])])
    asks = {}
    for day in unpublished:
        history = found[day].history
        seen = ScannedDate(
            business_date=day,
            inputs=found[day].inputs,
            content_hash=contents[day],
            anything=found[day].has_files,
            superseded=tuple(found[day].superseded.values()),
            reappearance=find_reappearance(history),
            current=known.current_publications.get(day),
            verdict=verdicts.get(contents[day] or ""),
            overrides=fold_overrides(known.actions, day) if known.actions else NO_OVERRIDES,
            skipped=fold_skip(known.actions, day, standing=states.get(day), arrivals=history),
        )
        asks[day] = decide_launch(seen, expectation, known.now)
    return asks


_FEW_DATES = 10


UnchangedDates = dict[tuple[str, date], tuple[int, int, str]]
"""Per dataset and date that held what is published: a mark of its files, its arrivals and its content.

It only saves looking again: with an empty one everything is decided alike.
"""


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """What one look at a dataset came to, the latest date first.

    `arrived` gives what is delivered of each date of which something was put on record just now, `asked_for` the same
    of the dates to ask for. `unread` are dates whose new files were not read, as the time was up. `unreadable` are keys
    in the folders looked at whose names object storage does not read: they count as not there.
    """

    decisions: tuple[LaunchDecision, ...]
    arrived: Mapping[date, LandedDeliveries]
    requested: Mapping[date, LandedDeliveries]
    unread: tuple[date, ...]
    unreadable: tuple[str, ...] = ()

    @property
    def requests(self) -> tuple[LaunchDecision, ...]:
        """What to ask for."""
        return tuple(a for a in self.decisions if a.action is LaunchAction.REQUEST)

    @property
    def waiting(self) -> tuple[LaunchDecision, ...]:
        """What is waited for."""
        return tuple(a for a in self.decisions if a.action is LaunchAction.WAIT)

    @property
    def needing_backfill(self) -> tuple[date, ...]:
        """The dates of which a change waits for a backfill."""
        return tuple(a.business_date for a in self.decisions if a.needs_backfill)


def scan_landing_zone(
    platform: Platform,
    datasets: Sequence[Dataset],
    request: Request,
    *,
    time_left: Callable[[], float],
    unchanged: UnchangedDates | None = None,
    listings: ListingCache | None = None,
) -> dict[str, ScanResult]:
    """Look at every business date of some datasets: one listing and one read of the lake for all of them.

    Files that are not on record are hashed, those of the latest date first, while `time_left()` is above 0 seconds.
    `settled` is kept up to date for the next look. `listings` may give what another look listed just before: dates to
    ask for are then listed again, so that what is asked for is what lies there now.

    Raises:
        TransientFailure: a store did not answer. A date of which a file changes or vanishes meanwhile only waits.
    """
    now = platform.clock()
    days = _business_dates(platform, now)
    sources = [s for d in datasets for s in d.sources]
    listing, shared = (
        listings.listing(platform.landing, sources, days[-1], days[0], reader=request.actor)
        if listings
        else (platform.landing.list_dates(sources, days[-1], days[0]), False)
    )
    standings = platform.lake.current_publications_of([d.name for d in datasets])
    looks = {}
    for dataset in datasets:
        known = _scan_context(platform, dataset, request, now, standings[dataset.name])
        looking = partial(_scan, known, time_left=time_left, settled={} if unchanged is None else unchanged)
        look = looking(listing, days)
        look = _rescan_requested(known, look, days, looking) if shared and look.requests else look
        looks[dataset.name] = replace(look, unreadable=listing.unreadable)
    return looks


def preview_scan(platform: Platform, dataset: Dataset, *, only: date | None = None) -> ScanResult:
    """What a look at a dataset, or at one business date of it, would come to now, writing nothing.

    What is not on record is left unread.

    Raises:
        TransientFailure: a store did not answer.
    """
    now, nobody = platform.clock(), Request(actor="", reason="")
    days = [day for day in _business_dates(platform, now) if only in {None, day}]
    if not days:
        return ScanResult(decisions=(), arrived={}, requested={}, unread=())
    landing, sources = platform.landing, dataset.sources
    listing = landing.list_each(sources, days) if only else landing.list_dates(sources, days[-1], days[0])
    known = _scan_context(platform, dataset, nobody, now, platform.lake.current_publications(dataset.name))
    return _scan(known, listing, days, time_left=lambda: 0.0, settled={})


def _business_dates(platform: Platform, now: datetime) -> list[date]:
    """From the first one to today, the latest first."""
    return date_range(platform.first_date, max(platform.first_date, now.date()))[::-1]


def _scan_context(
    platform: Platform, dataset: Dataset, request: Request, now: datetime, standings: Mapping[date, CurrentPublication]
) -> ScanContext:
    actions = platform.ledger.actions(dataset.name)
    return ScanContext(
        platform=platform, dataset=dataset, request=request, now=now, current_publications=standings, actions=actions
    )


def _rescan_requested(
    known: ScanContext, before: ScanResult, days: Sequence[date], looking: Callable[..., ScanResult]
) -> ScanResult:
    """The same with what lies there now of the dates to ask for."""
    landing, sources = known.platform.landing, known.dataset.sources
    asked = [a.business_date for a in before.requests]
    if len(asked) > _FEW_DATES:
        now = looking(landing.list_dates(sources, days[-1], days[0]), days)
        return replace(now, arrived={**before.arrived, **now.arrived})
    now = looking(landing.list_each(sources, asked), asked)
    kept = [a for a in before.decisions if a.business_date not in asked]
    return ScanResult(
        decisions=tuple(sorted([*now.decisions, *kept], key=lambda a: a.business_date, reverse=True)),
        arrived={**before.arrived, **now.arrived},
        requested=now.requested,
        unread=(*now.unread, *before.unread),
    )


def _scan(
    known: ScanContext,
    listing: Listing,
    days: Sequence[date],
    *,
    time_left: Callable[[], float],
    settled: UnchangedDates,
) -> ScanResult:
    dataset = known.dataset
    marks = _undecided_dates(known, listing, days, settled)
    history = _history(known, list(marks))
    found: dict[date, LandedDate] = {}
    for day in marks:
        files = [f for s in dataset.sources for f in listing.files_under(s.stem_for(day))]
        inputs = choose_deliveries(day, dataset.sources, files)
        identified = identify_date(dataset, inputs, history.get(day, ()), anything=bool(files))
        found[day] = with_current_provisional(known.platform, identified, known.current_publications.get(day))
    for day, landed_date in found.items():
        content, standing = landed_date.content_hash, known.current_publications.get(day)
        if content and standing and standing.content_hash == content:
            settled[dataset.name, day] = (marks[day], len(landed_date.history), content)
    return _record_and_decide(known, found, time_left)


def _undecided_dates(
    known: ScanContext, listing: Listing, days: Sequence[date], settled: UnchangedDates
) -> dict[date, int]:
    """The dates of which something may follow, with a mark of their files (0 for none)."""
    dataset = known.dataset
    counts = known.platform.ledger.arrival_counts(dataset.name, days[-1], days[0])
    marks = {}
    for day in days:
        mark, standing = (
            listing.fingerprint([s.stem_for(day) for s in dataset.sources]),
            known.current_publications.get(day),
        )
        if standing is None:
            if mark or day in counts or not dataset.calendar.expects(day):
                marks[day] = mark
        elif mark and settled.get((dataset.name, day)) != (mark, counts.get(day, 0), standing.content_hash):
            marks[day] = mark
    return marks


def _history(known: ScanContext, days: Sequence[date]) -> Mapping[date, list[Arrival]]:
    """What is on record of these dates; of a few each is read on its own."""
    ranges = [(day, day) for day in days] if len(days) <= _FEW_DATES else [(min(days), max(days))]
    found: dict[date, list[Arrival]] = {}
    for first, last in ranges:
        for arrival in known.platform.ledger.arrivals(known.dataset.name, first, last):
            found.setdefault(arrival.business_date, []).append(arrival)
    return found


def _record_and_decide(
    known: ScanContext, found: Mapping[date, LandedDate], time_left: Callable[[], float]
) -> ScanResult:
    """Read what is new while there is time, and decide about every date that is known."""
    seen: dict[date, LandedDate] = {}
    arrived: dict[date, LandedDeliveries] = {}
    asks: dict[date, LaunchDecision] = {}
    unread: list[date] = []
    for day, landed_date in found.items():
        if landed_date.landed:
            seen[day] = landed_date
        elif time_left() <= 0:
            unread.append(day)
        else:
            try:
                read, arrived[day] = record_date(known.platform, known.dataset, day, known.request)
                seen[day] = with_current_provisional(known.platform, read, known.current_publications.get(day))
            except SettlementError as failure:
                asks[day] = LaunchDecision(business_date=day, action=LaunchAction.WAIT, reasons=(failure.message,))
    asks |= decide_launches(known, seen)
    wanted = {day for day, ask in asks.items() if ask.action is LaunchAction.REQUEST}
    return ScanResult(
        decisions=tuple(asks[day] for day in found if day in asks),
        arrived=arrived,
        requested={day: f.landed for day, f in seen.items() if day in wanted and f.landed},
        unread=tuple(unread),
    )
