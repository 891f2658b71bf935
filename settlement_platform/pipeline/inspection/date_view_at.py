"""The view on a business date at a past moment, from the facts that were on record then."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import product

from settlement_platform.control.facts import Arrival, Publication, Verdict
from settlement_platform.control.landing.arrival_history import latest_arrivals
from settlement_platform.control.landing.content_hash import content_hash
from settlement_platform.control.landing.deliveries import DateDeliveries, Delivery, LandedFile, both_forms_problem
from settlement_platform.control.publishing.gate import Action, Decision, decide_publication
from settlement_platform.control.publishing.partition_state import DeliveryStatus
from settlement_platform.control.publishing.restatement import has_limits
from settlement_platform.control.reasons.landing import NOT_ARRIVED_BY
from settlement_platform.control.reasons.publishing import VALIDATION_WAS_PENDING
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.inspection.date_view import DateView, view_date
from settlement_platform.pipeline.landing.land import LandedDeliveries, LandedSource, identity_of
from settlement_platform.pipeline.landing.older_contracts import JudgedDeliveries
from settlement_platform.pipeline.platform import Platform
from settlement_platform.pipeline.publishing.decision_inputs import decide_skipped, decision_inputs
from settlement_platform.storage.ledger.ledger import Ledger


def date_view_at(platform: Platform, dataset: Dataset, day: date, moment: datetime) -> DateView:
    """Return the view on a date at a past moment; facts that were never recorded are named as unknown."""
    ledger = platform.ledger
    arrivals = [a for a in ledger.arrivals(dataset.name, day, day) if a.observed_at <= moment]
    latest = latest_arrivals(arrivals)
    problems = _problems(platform.ledger, dataset, day, latest, moment)
    inputs = _inputs(dataset, day, latest, problems, moment)
    published = [p for p in platform.lake.history(dataset.name, day) if p.published_at <= moment]
    actions = [a for a in ledger.actions(dataset.name) if a.recorded_at <= moment]
    current = published[-1] if published else None
    judged = JudgedDeliveries(platform.lake, ledger, dataset.name, day, day)
    landed = judged.recognize(_landed(dataset, inputs, latest, problems), current, actions)
    verdict = _verdict(judged, ledger, landed, moment)
    content = verdict.content_hash if verdict else landed.content_hash
    decision = decide_skipped(actions, current, arrivals) or decide_publication(
        content_hash=content or "",
        waiting=inputs.waiting,
        verdict=verdict,
        current=current,
        inputs=decision_inputs(dataset, day, inputs, landed, actions, moment),
        unjudged=VALIDATION_WAS_PENDING(),
    )
    expected = dataset.timeliness.expected_moment(day)
    awaited = bool(inputs.waiting) or decision.action is Action.WITHDRAWN
    late = awaited and dataset.calendar.expects(day) and moment > expected
    outlook = view_date(
        day,
        decision,
        content_hash=content,
        verdict=verdict,
        current=current,
        delivered=DeliveryStatus(anything=bool(latest), late=late),
    )
    return replace(outlook, not_known=_not_known(dataset, decision, current, arrived=bool(latest)))


def _landed(
    dataset: Dataset, inputs: DateDeliveries, latest: Mapping[str, Arrival], problems: Mapping[str, str]
) -> LandedDeliveries:
    """Return the deliveries of that moment as the files that were recorded."""
    day = inputs.business_date
    landed = [
        LandedSource(
            delivery=delivery,
            arrival=arrival,
            input_hash=identity_of(dataset, day, arrival, problem=problems.get(arrival.source, "")),
        )
        for delivery, arrival in zip(inputs.deliveries, latest.values(), strict=True)
    ]
    return LandedDeliveries(dataset=dataset, business_date=day, inputs=inputs, landed=tuple(landed))


def _verdict(judged: JudgedDeliveries, ledger: Ledger, landed: LandedDeliveries, moment: datetime) -> Verdict | None:
    """Return the last verdict on these deliveries by then, under whatever contract was in force."""
    name, day = landed.dataset.name, landed.business_date
    verdicts = [v for v in ledger.verdict_history(name, day, day) if v.decided_at <= moment]
    ours = {landed.content_hash, landed.content_under_contract}
    others = [(v.content_hash, v.decided_at) for v in verdicts if v.content_hash not in ours]
    known = judged.delivery_hashes(day, others)
    ours |= {content for content, delivery in known.items() if delivery == landed.delivery_hash}
    return next((v for v in reversed(verdicts) if v.content_hash in ours), None)


def _problems(
    ledger: Ledger, dataset: Dataset, day: date, latest: Mapping[str, Arrival], moment: datetime
) -> dict[str, str]:
    """Return per source why its files can only be refused: the last attempt says which of them lay there together."""
    staged = {s.input_hash for s in ledger.stagings(dataset.name, day, day) if s.staged_at <= moment}
    both: dict[str, str] = {source: both_forms_problem(a.key, f"{a.key}.gz") for source, a in latest.items()}
    doubtful = [s for s, a in latest.items() if identity_of(dataset, day, a, problem=both[s]) in staged]
    possible = [
        {source: both[source] for source, is_so in zip(doubtful, chosen, strict=True) if is_so}
        for chosen in product((False, True), repeat=len(doubtful))
    ]
    contents = {_content_of(dataset, day, latest, problems): problems for problems in possible}
    tried = [a.content_hash for a in ledger.attempts(dataset.name, day, day) if a.recorded_at <= moment]
    return next((contents[c] for c in reversed(tried) if c in contents), {})


def _content_of(dataset: Dataset, day: date, latest: Mapping[str, Arrival], problems: Mapping[str, str]) -> str:
    inputs = [identity_of(dataset, day, a, problem=problems.get(source, "")) for source, a in latest.items()]
    return content_hash(dataset=dataset.name, business_date=day, inputs=inputs)


def _inputs(
    dataset: Dataset, day: date, latest: Mapping[str, Arrival], problems: Mapping[str, str], moment: datetime
) -> DateDeliveries:
    missing = [source for source in dataset.required if source not in latest]
    return DateDeliveries(
        business_date=day,
        deliveries=tuple(_delivery(a, problems.get(a.source, "")) for a in latest.values()),
        waiting=tuple(NOT_ARRIVED_BY(source=source, moment=moment) for source in missing),
        anything=bool(latest),
    )


def _delivery(arrival: Arrival, problem: str) -> Delivery:
    data = LandedFile(key=arrival.key, bytes=arrival.bytes, modified_at=arrival.observed_at)
    control = LandedFile(key=arrival.control_key, bytes=0, modified_at=arrival.observed_at)
    return Delivery(source=arrival.source, version=arrival.version, data=data, control=control, problem=problem)


def _not_known(dataset: Dataset, decision: Decision, current: Publication | None, *, arrived: bool) -> tuple[str, ...]:
    words = ["files that lay there and that nobody had looked at yet", "another contract or policy than today's"]
    if arrived:
        words.append("whether files that had arrived were taken away again")
    if current and decision.action is Action.PUBLISH and has_limits(dataset.restating):
        words.append("what replacing the published rows would have changed, and so whether it waited for approval")
    return tuple(words)
