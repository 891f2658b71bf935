"""Conditions of datasets and marts, gathered from the lake, the landing zone and the ledger."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial

from settlement_platform.control.alerts.data_conditions import (
    AT_RISK_BEFORE,
    ORPHANED_AFTER,
    RESTATED_FOR,
    freshness_conditions,
    lateness_conditions,
    orphan_condition,
    provisional_condition,
    quarantine_condition,
    replaced_condition,
    restated_condition,
)
from settlement_platform.control.alerts.episodes import AlertKind, Condition
from settlement_platform.control.facts import Attempt, AttemptOutcome, AttemptStep, Publication, State
from settlement_platform.control.failures import SettlementError
from settlement_platform.control.policies import date_spans
from settlement_platform.control.reliability.attempts import NOT_ATTEMPTS
from settlement_platform.control.timeliness.freshness import Freshness
from settlement_platform.control.timeliness.lateness import Lateness, judge_lateness
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.alerts.round_context import RoundContext, RoundFindings
from settlement_platform.pipeline.inspection.date_view import DateView, date_views
from settlement_platform.pipeline.inspection.freshness import freshness_of
from settlement_platform.pipeline.launching.launch_permission import pauses_in_force

RECENT_DAYS = 7
"""The recent dates that are always evaluated; those of open episodes are evaluated with them."""

TOUCHED = timedelta(days=2)
_OF_DATES = (AlertKind.LATE, AlertKind.ESCALATED, AlertKind.QUARANTINED)
_OF_CUTS = (AlertKind.PROVISIONAL, AlertKind.RESTATED)
_OF_WATERMARKS = (AlertKind.FRESHNESS_AT_RISK, AlertKind.FRESHNESS_MISSED)

_Behind = dict[str, tuple[str, Freshness, bool]]
"""Per dataset its owner, its freshness, and whether everything missing is known to come later."""

_CHANGED = (State.RESTATED, State.ROLLED_BACK)


def find_data_conditions(scene: RoundContext) -> RoundFindings:
    """Return every condition of datasets and marts."""
    found = RoundFindings()
    evaluate = partial(_evaluate, scene, found)
    for dataset in scene.datasets:
        evaluate(_OF_DATES, [dataset.name], partial(_dates, scene, dataset))
        evaluate(_OF_CUTS, [dataset.name], partial(_cuts, scene, dataset))
    everything: list[PublishedTable] = [*scene.datasets, *scene.marts]
    for declared in everything:
        evaluate([AlertKind.ORPHANED_WORK], [declared.name], partial(_orphans, scene, declared))
    behind: _Behind = {}
    for dataset in scene.datasets:
        evaluate(_OF_WATERMARKS, [dataset.name], partial(_watermark, scene, dataset, behind))
    for mart in scene.marts:
        evaluate(_OF_WATERMARKS, [mart.name], partial(_watermark_of_mart, scene, mart, behind))
    return found


def _evaluate(
    scene: RoundContext,
    found: RoundFindings,
    kinds: Sequence[AlertKind],
    names: Sequence[str],
    find: Callable[[], Iterable[Condition]],
) -> None:
    if scene.evaluates(kinds, names):
        found.evaluate(kinds, names, find)


def _dates(scene: RoundContext, dataset: Dataset) -> Iterator[Condition]:
    """Yield conditions of late files and of quarantined deliveries."""
    subject = scene.subject(dataset)
    for first, last in date_spans(_days(scene, dataset)):
        for outlook in date_views(scene.platform, dataset, first, last):
            day = outlook.business_date
            yield from lateness_conditions(subject, day, _lateness(dataset, outlook, scene.now), outlook.publication)
            pending = outlook.state.pending
            if pending and pending.state in {State.QUARANTINED, State.STAGED}:
                yield quarantine_condition(subject, day, pending, outlook.publication)


def _days(scene: RoundContext, dataset: Dataset) -> set[date]:
    """Return recent dates, those refused or held lately, and those of open episodes."""
    if scene.only_open:
        return scene.open_dates(dataset.name, _OF_DATES)
    last = scene.now.date() - timedelta(days=dataset.timeliness.days_after)
    first = max(scene.platform.first_date_of(dataset.name), last - timedelta(days=RECENT_DAYS - 1))
    recent = {first + timedelta(days=n) for n in range((last - first).days + 1)}
    held = {a.business_date for a in scene.attempts if a.dataset == dataset.name and _held_back(a)}
    return recent | held | scene.open_dates(dataset.name, _OF_DATES)


def _held_back(attempt: Attempt) -> bool:
    """Return whether an attempt was refused, or waits at publishing."""
    held = attempt.outcome is AttemptOutcome.WAITING and attempt.step is AttemptStep.PUBLISH
    return attempt.outcome is AttemptOutcome.REFUSED or held


def _lateness(dataset: Dataset, outlook: DateView, now: datetime) -> Lateness:
    """Return how late the date's files are; a settled date is never late."""
    settled = outlook.publication and outlook.publication.state is not State.PROVISIONAL
    delivered = {d.source for d in outlook.inputs.deliveries} if outlook.inputs else set()
    missing = [s.source for s in dataset.sources if s.required and s.source not in delivered]
    return judge_lateness(
        timeliness=dataset.timeliness,
        closed=dataset.calendar.closed(outlook.business_date),
        business_date=outlook.business_date,
        missing_sources=() if settled else missing,
        now=now,
    )


def _cuts(scene: RoundContext, dataset: Dataset) -> Iterator[Condition]:
    """Return the conditions of provisional publications and restatements."""
    subject = scene.subject(dataset)
    read = scene.platform.lake.publications
    published = read(dataset.name, date.min, date.max)
    told_provisional = scene.open_dates(dataset.name, [AlertKind.PROVISIONAL])
    told_restated = scene.open_dates(dataset.name, [AlertKind.RESTATED])
    changed = [
        p
        for day, p in published.items()
        if p.state in _CHANGED and (day in told_restated or scene.now - p.published_at <= RESTATED_FOR)
    ]
    for day, publication in published.items():
        if publication.state is State.PROVISIONAL:
            yield provisional_condition(subject, publication)
        elif day in told_provisional:
            yield replaced_condition(subject, publication)
    if changed:
        days = [p.business_date for p in changed]
        built = {name: read(name, min(days), max(days)) for name in subject.readers}
        for publication in changed:
            behind = tuple(name for name, by_day in built.items() if _is_behind(publication, by_day))
            yield restated_condition(subject, publication, behind)


def _is_behind(publication: Publication, built: dict[date, Publication]) -> bool:
    """Return whether a mart was built from another generation than the published one."""
    mart = built.get(publication.business_date)
    return mart is None or not any(
        s.source == publication.dataset and s.generation == publication.generation for s in mart.sources
    )


def _orphans(scene: RoundContext, declared: PublishedTable) -> Iterator[Condition]:
    """Yield the conditions of attempts that died or failed long ago and that nothing took up."""
    waits = bool(pauses_in_force(scene.platform.ledger, declared))
    for attempt in scene.attempts:
        if attempt.dataset != declared.name or scene.now - attempt.recorded_at <= ORPHANED_AFTER:
            continue
        # While a pause is in force, nothing tries a failed date again.
        unsettled = {AttemptOutcome.STARTED} if waits else {AttemptOutcome.STARTED, AttemptOutcome.FAILED}
        if attempt.outcome in unsettled and attempt.step not in NOT_ATTEMPTS and not _published_since(scene, attempt):
            yield orphan_condition(scene.subject(declared), attempt)


def _published_since(scene: RoundContext, attempt: Attempt) -> bool:
    """Return whether the date was published after an attempt, as by an operator's skip."""
    day = attempt.business_date
    publication = scene.platform.lake.publications(attempt.dataset, day, day).get(day)
    return publication is not None and publication.published_at > attempt.recorded_at


def _watermark(scene: RoundContext, dataset: Dataset, behind: _Behind) -> Iterator[Condition]:
    """Return the freshness conditions of a dataset; add its freshness to `behind`, for its marts."""
    fresh = freshness_of(scene.platform, dataset, scene.now)
    excused = fresh.due_at - scene.now <= AT_RISK_BEFORE and _excused(scene, dataset, fresh.due)
    behind[dataset.name] = (dataset.owner, fresh, excused)
    yield from freshness_conditions(scene.subject(dataset), fresh, scene.now, expected=excused)


def _watermark_of_mart(scene: RoundContext, mart: Mart, behind: _Behind) -> Iterator[Condition]:
    """Return the freshness conditions of a mart; one that only waits for its input alerts with the input."""
    fresh = freshness_of(scene.platform, mart, scene.now)
    holding = [behind[n] for n in mart.inputs if n in behind and behind[n][1].due <= fresh.due]
    expected = any(excused or owner == mart.owner for owner, _, excused in holding)
    yield from freshness_conditions(scene.subject(mart), fresh, scene.now, expected=expected)


def _excused(scene: RoundContext, dataset: Dataset, day: date) -> bool:
    """Return whether everything missing of a date is known to come later on its day, and is not later than that."""
    if dataset.timeliness.allowance(day) is None:
        return False
    try:
        (outlook,) = date_views(scene.platform, dataset, day, day)
    except SettlementError as failure:
        # Missing files are unknown then, so the target applies. The dates report that nothing answers.
        if failure.dependency != "landing":
            raise
        return False
    lateness = _lateness(dataset, outlook, scene.now)
    waits = bool(outlook.inputs and outlook.inputs.waiting)
    return waits and not lateness.is_late
