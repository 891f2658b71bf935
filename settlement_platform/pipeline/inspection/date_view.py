"""Views on business dates: the state and the decision of this moment, read without writing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from settlement_platform.control.facts import Arrival, OperatorAction, Publication, Verdict
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.landing.arrival_history import presume_unchanged
from settlement_platform.control.landing.deliveries import DateDeliveries
from settlement_platform.control.policies import Timeliness, date_range
from settlement_platform.control.publishing.gate import Action, Decision, decide_publication
from settlement_platform.control.publishing.partition_state import DateState, DeliveryStatus, fold_state
from settlement_platform.control.publishing.restatement import Difference, has_limits
from settlement_platform.control.reasons.landing import FILES_TO_CHECK
from settlement_platform.control.reasons.publishing import VALIDATION_PENDING
from settlement_platform.control.reasons.queue import RECORDED_LATER
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.timeliness import FILE_DUE, FILE_LATE
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.landing.land import LandedDeliveries, identify_recorded, list_newer_deliveries
from settlement_platform.pipeline.landing.older_contracts import JudgedDeliveries
from settlement_platform.pipeline.landing.previous_sources import (
    current_provisional,
    missing_sources,
    with_previous_sources,
)
from settlement_platform.pipeline.platform import Platform
from settlement_platform.pipeline.publishing.candidates import comparison_of
from settlement_platform.pipeline.publishing.decision_inputs import decide_nothing_new, decide_skipped, decision_inputs
from settlement_platform.pipeline.publishing.measure_difference import measure_difference
from settlement_platform.pipeline.staging.stage import recorded_staging


@dataclass(frozen=True, kw_only=True)
class DateView:
    """The view of one business date: its state and decision, and what both are based on.

    `inputs` is None for marts and for past moments. `content_hash` is None while a delivery has not been read yet.
    `not_known` says what the record of a past moment cannot tell; `unseen`, that the landing zone did not answer;
    `early`, that the date lies before the first one; `older_contract`, that readers see these deliveries as an older
    contract judged them. `content_under_contract` is the content hash that the deliveries have under today's.
    """

    business_date: date
    state: DateState
    decision: Decision
    publication: Publication | None
    verdict: Verdict | None
    content_hash: str | None
    inputs: DateDeliveries | None = None
    not_known: tuple[str, ...] = ()
    unseen: bool = False
    early: bool = False
    older_contract: bool = False
    content_under_contract: str | None = None


def view_date(
    business_date: date,
    decision: Decision,
    *,
    content_hash: str | None,
    verdict: Verdict | None,
    current: Publication | None,
    delivered: DeliveryStatus,
    inputs: DateDeliveries | None = None,
) -> DateView:
    """Return the view of a date: its state, from the gate's decision and the deliveries, with their evidence."""
    state = fold_state(
        decision=decision, content_hash=content_hash, verdict=verdict, current=current, delivered=delivered
    )
    return DateView(
        business_date=business_date,
        state=state,
        decision=decision,
        publication=current,
        verdict=verdict,
        content_hash=content_hash,
        inputs=inputs,
    )


def date_views_as_known(platform: Platform, dataset: Dataset, first: date, last: date) -> list[DateView]:
    """Return the views of a range; if the landing zone does not answer, those of the record, and say so.

    Raises:
        TransientFailure: another store did not answer.
    """
    try:
        return date_views(platform, dataset, first, last)
    except TransientFailure as failure:
        if failure.dependency != "landing":
            raise
        unseen = Decision(action=Action.WAIT, reasons=(failure.message,))
    published = platform.lake.publications(dataset.name, first, last)
    anything = DeliveryStatus(anything=True)
    found = [
        view_date(day, unseen, content_hash=None, verdict=None, current=published.get(day), delivered=anything)
        for day in date_range(first, last)
    ]
    return [replace(outlook, unseen=True) for outlook in found]


def date_views(platform: Platform, dataset: Dataset, first: date, last: date) -> list[DateView]:
    """Return the views on every calendar day of a range, with or without deliveries."""
    published = platform.lake.publications(dataset.name, first, last)
    verdicts = platform.ledger.verdicts(dataset.name, first, last)
    arrivals = _by_date(platform.ledger.arrivals(dataset.name, first, last))
    actions = platform.ledger.actions(dataset.name)
    now = platform.clock()
    judged = JudgedDeliveries(platform.lake, platform.ledger, dataset.name, first, last)
    known = [
        _Known(
            business_date=day,
            arrivals=arrivals.get(day, {}),
            verdicts=verdicts,
            actions=actions,
            current=published.get(day),
            judged=judged,
        )
        for day in date_range(first, last)
    ]
    return [_outlook(platform, dataset, each, now) for each in known]


@dataclass(frozen=True, kw_only=True)
class _Known:
    """Records of a date, read for the whole range at once."""

    business_date: date
    arrivals: Mapping[str, Arrival]
    verdicts: Mapping[str, Verdict]
    actions: Sequence[OperatorAction]
    current: Publication | None
    judged: JudgedDeliveries


def _by_date(arrivals: Iterable[Arrival]) -> dict[date, dict[str, Arrival]]:
    found: dict[date, dict[str, Arrival]] = {}
    for arrival in arrivals:
        found.setdefault(arrival.business_date, {})[arrival.signature] = arrival
    return found


def _outlook(platform: Platform, dataset: Dataset, known: _Known, now: datetime) -> DateView:
    day, current = known.business_date, known.current
    inputs = list_newer_deliveries(platform.landing, dataset, day, known.arrivals.values())
    alike = presume_unchanged(inputs, known.arrivals.values())
    landed = identify_recorded(dataset, inputs, {**alike, **known.arrivals})
    cut = current_provisional(platform.lake, current, landed)
    if landed and cut:
        landed = with_previous_sources(platform.ledger, landed, cut, known.arrivals.values())
        inputs = landed.inputs
    landed = known.judged.recognize(landed, current, known.actions) if landed else None
    content = landed.content_hash if landed else None
    verdict = known.verdicts.get(content or "")
    gate_inputs = decision_inputs(dataset, day, inputs, landed, known.actions, now)
    skipped = decide_skipped(known.actions, current, known.arrivals.values()) if landed else None
    same = skipped or (decide_nothing_new(landed, current) if inputs.waiting or content is None else None)
    decide = partial(
        decide_publication,
        content_hash=content or "",
        waiting=_waiting_words(dataset, inputs, now),
        verdict=verdict,
        current=current,
        inputs=gate_inputs,
        unjudged=VALIDATION_PENDING(),
    )
    lost = missing_sources(landed, cut) if landed and cut else ()
    wait = Decision(action=Action.WAIT, reasons=(*lost, *inputs.waiting)) if lost else None
    decision = same or wait or _unread(landed, inputs) or decide()
    if decision.action is Action.PUBLISH and has_limits(gate_inputs.limits) and landed and current:
        decision = decide(difference=_difference(platform, landed, current))
    late = dataset.calendar.expects(day) and any(now > moment for moment in _awaited(dataset, inputs, decision))
    view = view_date(
        day,
        decision,
        content_hash=content,
        verdict=verdict,
        current=current,
        delivered=DeliveryStatus(anything=bool(inputs.deliveries), in_flight=inputs.in_flight, late=late),
        inputs=inputs,
    )
    presumed = sorted(d.source for d in inputs.deliveries if d.signature in alike.keys() - known.arrivals.keys())
    view = _mention(view, FILES_TO_CHECK(sources=presumed)) if presumed and landed else view
    return replace(
        view,
        older_contract=landed.older_contract if landed else False,
        content_under_contract=landed.content_under_contract if landed else None,
    )


def _mention(view: DateView, reason: Reason) -> DateView:
    return replace(view, state=replace(view.state, reasons=(*view.state.reasons, reason)))


def _unread(landed: LandedDeliveries | None, inputs: DateDeliveries) -> Decision | None:
    """Return the decision if all required files are there but not all on record yet; else None."""
    if landed or inputs.waiting:
        return None
    return Decision(action=Action.REFUSE, reasons=(VALIDATION_PENDING(),))


def _difference(platform: Platform, landed: LandedDeliveries, current: Publication) -> Difference | None:
    """Return the change that publishing would make, from the date's staged files; None when they are missing."""
    stagings = [recorded_staging(platform, i.input_hash) for i in landed.landed]
    paths = [s.path for s in stagings if s and s.path and s.rows]
    if not all(s and platform.staging.is_intact(s.path, s.sha256) for s in stagings):
        return None
    with platform.lake.cursor() as cursor:
        return measure_difference(cursor, comparison_of(landed.dataset), landed.business_date, paths, current)


def _waiting_words(dataset: Dataset, inputs: DateDeliveries, now: datetime) -> tuple[str, ...]:
    day, closed = inputs.business_date, dataset.calendar.closed(inputs.business_date)
    if closed and not inputs.deliveries:
        due = dataset.timeliness.expected_moment(day)
        return (RECORDED_LATER(closed=closed, due=due),)
    return tuple(_with_lateness(reason, dataset.timeliness, day, now) for reason in inputs.waiting)


def remedy_command(name: str, day: date) -> str:
    """Return the command that continues work on a date."""
    return f"run settlement materialize {name} --from {day} --to {day}"


def _with_lateness(reason: Reason, timeliness: Timeliness, day: date, now: datetime) -> Reason:
    expected = _expected(timeliness, day, reason)
    if now <= expected:
        return FILE_DUE(reason=reason, expected_by=expected)
    return FILE_LATE(reason=reason, expected_by=expected, late_by=now - expected)


def _awaited(dataset: Dataset, inputs: DateDeliveries, decision: Decision) -> Iterator[datetime]:
    """Yield when each awaited file was due; a discarded delivery leaves its date waiting for another one."""
    day, timeliness = inputs.business_date, dataset.timeliness
    yield from (_expected(timeliness, day, reason) for reason in inputs.waiting)
    if decision.action is Action.WITHDRAWN:
        yield from (timeliness.expected_moment(day, delivery.source) for delivery in inputs.deliveries)


def _expected(timeliness: Timeliness, day: date, reason: Reason) -> datetime:
    """Return when the source of a waiting reason was due; the known lateness of one source excuses no other."""
    return timeliness.expected_moment(day, reason.parameters["source"])
