"""The scan of the landing zone: records arrivals of all business dates and decides which runs to request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from settlement_platform.control.facts import CurrentPublication
from settlement_platform.control.failures import SettlementError
from settlement_platform.control.landing.arrival_history import find_reappearance
from settlement_platform.control.landing.deliveries import choose_deliveries
from settlement_platform.control.policies import date_range
from settlement_platform.control.publishing.operator_overrides import fold_skip
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
    FEW_DATES,
    LandedDate,
    ScanContext,
    arrivals_by_date,
    identify_date,
    record_date,
)
from settlement_platform.pipeline.landing.older_contracts import JudgedDeliveries
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.landing.listing import Listing
from settlement_platform.storage.landing.listing_cache import ListingCache


def decide_launches(context: ScanContext, found: Mapping[date, LandedDate]) -> dict[date, LaunchDecision]:
    """Return the launch decision on each date whose content is not published."""
    dataset = context.dataset
    expectation = Expectation(
        dataset=dataset.name,
        timeliness=dataset.timeliness,
        calendar=dataset.calendar,
        required=dataset.required,
        provisional=dataset.provisional,
        recompute_window=dataset.recompute_window,
    )
    current = {day: s.content_hash for day, s in context.current_publications.items()}
    states = {day: s.state for day, s in context.current_publications.items()}
    contents = {day: f.content_hash for day, f in found.items()}
    unpublished = [day for day, c in contents.items() if c is None or c != current.get(day)]
    verdicts = context.platform.ledger.latest_verdicts([c for day in unpublished if (c := contents[day])])
    decisions = {}
    for day in unpublished:
        history = found[day].history
        seen = ScannedDate(
            business_date=day,
            inputs=found[day].inputs,
            content_hash=contents[day],
            anything=found[day].has_files,
            superseded=tuple(found[day].superseded.values()),
            reappearance=find_reappearance(history),
            current=context.current_publications.get(day),
            verdict=verdicts.get(contents[day] or ""),
            overrides=found[day].overrides(context.actions),
            skipped=fold_skip(context.actions, day, current_state=states.get(day), arrivals=history),
        )
        decisions[day] = decide_launch(seen, expectation, context.now)
    return decisions


UnchangedDates = dict[tuple[str, date], tuple[int, int, str]]
"""Fingerprint of files, number of arrivals and content hash of each dataset and date that matched its publication.

It only saves work: with an empty one every decision is the same.
"""


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """The result of scanning a dataset, the latest date first.

    `arrived` gives the deliveries of each date with an arrival recorded by this scan; `requested` gives those of the
    dates to run. `unread` are dates whose new files were not read, as time was up. `unreadable` are keys whose names
    object storage cannot read; they count as missing. `older_contract` are dates published under an older one.
    """

    decisions: tuple[LaunchDecision, ...]
    arrived: Mapping[date, LandedDeliveries]
    requested: Mapping[date, LandedDeliveries]
    unread: tuple[date, ...]
    unreadable: tuple[str, ...] = ()
    older_contract: tuple[date, ...] = ()

    @property
    def requests(self) -> tuple[LaunchDecision, ...]:
        """The decisions to request a run."""
        return tuple(a for a in self.decisions if a.action is LaunchAction.REQUEST)

    @property
    def waiting(self) -> tuple[LaunchDecision, ...]:
        """The decisions to wait."""
        return tuple(a for a in self.decisions if a.action is LaunchAction.WAIT)

    @property
    def needing_backfill(self) -> tuple[date, ...]:
        """The dates with a change that needs a backfill."""
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
    """Scan every business date of some datasets, with one listing and one read of the lake for all of them.

    Files that are not on record are hashed, those of the latest date first, while `time_left()` is above 0 seconds.
    `unchanged` is updated for the next scan. `listings` may give a recent listing of another scan; dates to request
    are then listed again, so that the request is about the files that are there now.

    Raises:
        TransientFailure: a store did not answer. A date with a file that changes or vanishes meanwhile waits.
    """
    now = platform.clock()
    dates = {d.name: _business_dates(platform, d, now) for d in datasets}
    first, last = min(days[-1] for days in dates.values()), max(days[0] for days in dates.values())
    sources = [s for d in datasets for s in d.sources]
    listing, shared = (
        listings.listing(platform.landing, sources, first, last, reader=request.actor)
        if listings
        else (platform.landing.list_dates(sources, first, last), False)
    )
    publications = platform.lake.current_publications_of([d.name for d in datasets])
    results = {}
    for dataset in datasets:
        context = _scan_context(platform, dataset, request, now, publications[dataset.name])
        scan = partial(_scan, context, time_left=time_left, unchanged={} if unchanged is None else unchanged)
        days = dates[dataset.name]
        result = scan(listing, days)
        result = _rescan_requested(context, result, days, scan) if shared and result.requests else result
        results[dataset.name] = replace(result, unreadable=listing.unreadable)
    return results


def preview_scan(platform: Platform, dataset: Dataset, *, only: date | None = None) -> ScanResult:
    """Return what a scan of a dataset, or of one business date of it, would decide now; write nothing.

    Files that are not on record stay unread.

    Raises:
        TransientFailure: a store did not answer.
    """
    now, nobody = platform.clock(), Request(actor="", reason="")
    days = [day for day in _business_dates(platform, dataset, now) if only in {None, day}]
    if not days:
        return ScanResult(decisions=(), arrived={}, requested={}, unread=())
    landing, sources = platform.landing, dataset.sources
    listing = landing.list_each(sources, days) if only else landing.list_dates(sources, days[-1], days[0])
    context = _scan_context(platform, dataset, nobody, now, platform.lake.current_publications(dataset.name))
    return _scan(context, listing, days, time_left=lambda: 0.0, unchanged={})


def _business_dates(platform: Platform, dataset: Dataset, now: datetime) -> list[date]:
    """Return the dates from the dataset's first one to today, the latest first."""
    first = platform.first_date_of(dataset.name)
    return date_range(first, max(first, now.date()))[::-1]


def _scan_context(
    platform: Platform,
    dataset: Dataset,
    request: Request,
    now: datetime,
    publications: Mapping[date, CurrentPublication],
) -> ScanContext:
    first = min([platform.first_date, *publications])
    return ScanContext(
        platform=platform,
        dataset=dataset,
        request=request,
        now=now,
        current_publications=publications,
        actions=platform.ledger.actions(dataset.name),
        judged=JudgedDeliveries(platform.lake, platform.ledger, dataset.name, first, now.date()),
    )


def _rescan_requested(
    context: ScanContext, before: ScanResult, days: Sequence[date], scan: Callable[..., ScanResult]
) -> ScanResult:
    """Return the result with a fresh listing of the dates to request."""
    landing, sources = context.platform.landing, context.dataset.sources
    requested = [a.business_date for a in before.requests]
    if len(requested) > FEW_DATES:
        now = scan(landing.list_dates(sources, days[-1], days[0]), days)
        return replace(now, arrived={**before.arrived, **now.arrived})
    now = scan(landing.list_each(sources, requested), requested)
    others = [a for a in before.decisions if a.business_date not in requested]
    return ScanResult(
        decisions=tuple(sorted([*now.decisions, *others], key=lambda a: a.business_date, reverse=True)),
        arrived={**before.arrived, **now.arrived},
        requested=now.requested,
        unread=(*now.unread, *before.unread),
    )


def _scan(
    context: ScanContext,
    listing: Listing,
    days: Sequence[date],
    *,
    time_left: Callable[[], float],
    unchanged: UnchangedDates,
) -> ScanResult:
    dataset = context.dataset
    marks = _undecided_dates(context, listing, days, unchanged)
    history = arrivals_by_date(context.platform.ledger, dataset.name, list(marks))
    found: dict[date, LandedDate] = {}
    for day in marks:
        files = [f for s in dataset.sources for f in listing.files_under(s.stem_for(day))]
        inputs = choose_deliveries(day, dataset.sources, files)
        identified = identify_date(dataset, inputs, history.get(day, ()), anything=bool(files))
        found[day] = context.as_published(identified)
    for day, landed_date in found.items():
        content, current = landed_date.content_hash, context.current_publications.get(day)
        if content and current and current.content_hash == content:
            unchanged[dataset.name, day] = (marks[day], len(landed_date.history), content)
    return _record_and_decide(context, found, time_left)


def _undecided_dates(
    context: ScanContext, listing: Listing, days: Sequence[date], unchanged: UnchangedDates
) -> dict[date, int]:
    """Return the dates that may need a decision, with a fingerprint of their files (0 for none)."""
    dataset = context.dataset
    counts = context.platform.ledger.arrival_counts(dataset.name, days[-1], days[0])
    marks = {}
    for day in days:
        mark, current = (
            listing.fingerprint([s.stem_for(day) for s in dataset.sources]),
            context.current_publications.get(day),
        )
        if current is None:
            if mark or day in counts or not dataset.calendar.expects(day):
                marks[day] = mark
        elif mark and unchanged.get((dataset.name, day)) != (mark, counts.get(day, 0), current.content_hash):
            marks[day] = mark
    return marks


def _record_and_decide(
    context: ScanContext, found: Mapping[date, LandedDate], time_left: Callable[[], float]
) -> ScanResult:
    """Read new files while there is time, and decide on every date whose files are on record."""
    seen: dict[date, LandedDate] = {}
    arrived: dict[date, LandedDeliveries] = {}
    decisions: dict[date, LaunchDecision] = {}
    unread: list[date] = []
    for day, landed_date in found.items():
        if landed_date.landed:
            seen[day] = landed_date
        elif time_left() <= 0:
            unread.append(day)
        else:
            try:
                read, landed = record_date(context.platform, context.dataset, day, context.request)
                seen[day] = context.as_published(read)
                arrived[day] = context.recognize(landed)
            except SettlementError as failure:
                decisions[day] = LaunchDecision(business_date=day, action=LaunchAction.WAIT, reasons=(failure.message,))
    decisions |= decide_launches(context, seen)
    wanted = {day for day, decision in decisions.items() if decision.action is LaunchAction.REQUEST}
    return ScanResult(
        decisions=tuple(decisions[day] for day in found if day in decisions),
        arrived=arrived,
        requested={day: f.landed for day, f in seen.items() if day in wanted and f.landed},
        unread=tuple(unread),
        older_contract=tuple(day for day, f in seen.items() if f.landed and f.landed.older_contract),
    )
