"""What is, and what would be decided, for business dates: everything that reading commands show, writing nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from settlement_platform.control.content import content_hash
from settlement_platform.control.deliveries import DateInputs, without_superseded
from settlement_platform.control.differences import Difference, has_limits
from settlement_platform.control.facts import Arrival, OperatorAction, Publication, Verdict
from settlement_platform.control.policies import Timeliness, date_range
from settlement_platform.control.publishing import Decision, Move, Rules, decide_publication
from settlement_platform.control.rulings import fold_rulings
from settlement_platform.control.states import DateState, Delivered, fold_state
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.candidates import compared_by
from settlement_platform.pipeline.land import Landed, identify_known, identity_of, newest_versions, survey
from settlement_platform.pipeline.platform import Platform
from settlement_platform.pipeline.restatement import measure_difference
from settlement_platform.pipeline.rules import nothing_new, rules_of


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """One business date as it stands: state, decision, and what both are based on.

    `inputs` is None for marts and where the past is asked for; `content_hash` is None while something that was
    delivered has not been read yet.
    """

    business_date: date
    state: DateState
    decision: Decision
    publication: Publication | None
    verdict: Verdict | None
    content_hash: str | None
    inputs: DateInputs | None = None


def outlooks(platform: Platform, dataset: Dataset, first: date, last: date) -> list[Outlook]:
    """Every calendar day of a range, whether anything came or not."""
    published = platform.lake.publications(dataset.name, first, last)
    verdicts = platform.ledger.verdicts(dataset.name, first, last)
    arrivals = _by_date(platform.ledger.arrivals(dataset.name, first, last))
    actions = platform.ledger.actions(dataset.name)
    now = platform.clock()
    known = [
        _Known(
            business_date=day,
            arrivals=arrivals.get(day, {}),
            verdicts=verdicts,
            actions=actions,
            current=published.get(day),
        )
        for day in date_range(first, last)
    ]
    return [_outlook(platform, dataset, each, now) for each in known]


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is on record about a date, read for the whole range at once."""

    business_date: date
    arrivals: Mapping[str, Arrival]
    verdicts: Mapping[str, Verdict]
    actions: Sequence[OperatorAction]
    current: Publication | None


def _by_date(arrivals: Iterable[Arrival]) -> dict[date, dict[str, Arrival]]:
    found: dict[date, dict[str, Arrival]] = {}
    for arrival in arrivals:
        found.setdefault(arrival.business_date, {})[arrival.signature] = arrival
    return found


def _outlook(platform: Platform, dataset: Dataset, known: _Known, now: datetime) -> Outlook:
    day, current = known.business_date, known.current
    inputs = without_superseded(survey(platform, dataset, day), newest_versions(known.arrivals.values()))
    landed = identify_known(dataset, inputs, known.arrivals)
    content = landed.content_hash if landed else None
    verdict = known.verdicts.get(content or "")
    rules = rules_of(dataset, day, inputs, known.actions, now)
    same = nothing_new(landed, current) if inputs.waiting or content is None else None
    decide = partial(
        decide_publication,
        content_hash=content or "",
        waiting=_waiting_words(dataset, inputs, now),
        verdict=verdict,
        current=current,
        rules=rules,
        verdict_remedy=remedy(dataset.name, day),
    )
    decision = same or decide()
    if decision.move is Move.PUBLISH and has_limits(rules.limits) and landed and current:
        decision = decide(difference=_difference(platform, landed, current))
    late = dataset.calendar.expects(day) and any(now > _expected(dataset.timeliness, day, w) for w in inputs.waiting)
    state = fold_state(
        decision=decision,
        content_hash=content,
        verdict=verdict,
        current=current,
        delivered=Delivered(anything=bool(inputs.deliveries), in_flight=inputs.in_flight, late=late),
    )
    return Outlook(
        business_date=day,
        state=state,
        decision=decision,
        publication=current,
        verdict=verdict,
        content_hash=content,
        inputs=inputs,
    )


def _difference(platform: Platform, landed: Landed, current: Publication) -> Difference | None:
    """What publishing would change, from the files that were staged for it; None when they are gone."""
    stagings = [platform.ledger.staging(i.input_hash) for i in landed.landed]
    paths = [s.path for s in stagings if s and s.path and s.rows]
    if not all(s and platform.staging.intact(s.path, s.sha256) for s in stagings):
        return None
    cursor = platform.lake.cursor()
    try:
        return measure_difference(cursor, compared_by(landed.dataset), landed.business_date, paths, current)
    finally:
        cursor.close()


def _waiting_words(dataset: Dataset, inputs: DateInputs, now: datetime) -> tuple[str, ...]:
    day, closed = inputs.business_date, dataset.calendar.closed(inputs.business_date)
    if closed and not inputs.deliveries:
        return (f"no file is expected ({closed}), which is recorded at the next run",)
    return tuple(_with_lateness(reason, dataset.timeliness, day, now) for reason in inputs.waiting)


def remedy(name: str, day: date) -> str:
    """The command that moves a date on."""
    return f"run settlement materialize {name} --from {day} --to {day}"


def _with_lateness(reason: str, timeliness: Timeliness, day: date, now: datetime) -> str:
    expected = _expected(timeliness, day, reason)
    if now <= expected:
        return f"{reason}; expected by {expected:%Y-%m-%d %H:%M} UTC"
    return f"{reason}; it was expected by {expected:%Y-%m-%d %H:%M} UTC, {_for_people(now - expected)} ago"


def _expected(timeliness: Timeliness, day: date, reason: str) -> datetime:
    """When the source was due that a reason for waiting begins with: what is known of one excuses no other."""
    return timeliness.expected_moment(day, reason.partition(":")[0])


def _for_people(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} h {int(span.total_seconds() % 3600 // 60)} min"  # noqa: PLR2004 - two days


def outlook_at(platform: Platform, dataset: Dataset, day: date, moment: datetime) -> Outlook:
    """One date as it stood at a past moment, from the facts that were on record then."""
    latest: dict[str, Arrival] = {}
    for arrival in platform.ledger.arrivals(dataset.name, day, day):
        known = latest.get(arrival.source)
        if arrival.observed_at <= moment and (known is None or arrival.version >= known.version):
            latest[arrival.source] = arrival
    missing = [s.source for s in dataset.sources if s.required and s.source not in latest]
    waiting = tuple(f"{source}: had not arrived by {moment:%Y-%m-%d %H:%M:%S} UTC" for source in missing)
    content = _content_of(dataset, day, latest) if latest else None
    verdicts = [
        v
        for v in platform.ledger.verdict_history(dataset.name, day, day)
        if v.content_hash == content and v.decided_at <= moment
    ]
    published = [p for p in platform.lake.history(dataset.name, day) if p.published_at <= moment]
    actions = [a for a in platform.ledger.actions(dataset.name) if a.recorded_at <= moment]
    verdict, current = (verdicts[-1] if verdicts else None), (published[-1] if published else None)
    decision = decide_publication(
        content_hash=content or "",
        waiting=waiting,
        verdict=verdict,
        current=current,
        rules=Rules(rulings=fold_rulings(actions, day), limits=dataset.restating),
    )
    late = bool(missing) and dataset.calendar.expects(day) and moment > dataset.timeliness.expected_moment(day)
    state = fold_state(
        decision=decision,
        content_hash=content,
        verdict=verdict,
        current=current,
        delivered=Delivered(anything=bool(latest), late=late),
    )
    return Outlook(
        business_date=day,
        state=state,
        decision=decision,
        publication=current,
        verdict=verdict,
        content_hash=content,
    )


def _content_of(dataset: Dataset, day: date, arrivals: Mapping[str, Arrival]) -> str:
    inputs = [identity_of(dataset, day, arrival) for arrival in arrivals.values()]
    return content_hash(dataset=dataset.name, business_date=day, inputs=inputs)
