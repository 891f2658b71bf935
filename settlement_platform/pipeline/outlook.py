"""What is, and what would be decided, for business dates: everything that reading commands show, writing nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from settlement_platform.control.content import content_hash
from settlement_platform.control.deliveries import DateInputs
from settlement_platform.control.facts import Arrival, Publication, State, Verdict
from settlement_platform.control.policies import Timeliness, date_range
from settlement_platform.control.publishing import Decision, Move, decide_publication
from settlement_platform.control.states import DateState, Pending, fold_state
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.build_mart import content_of
from settlement_platform.pipeline.land import identify_known, identity_of, survey
from settlement_platform.pipeline.platform import Platform


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
    return [
        _outlook(platform, dataset, day, arrivals.get(day, {}), verdicts, published.get(day))
        for day in date_range(first, last)
    ]


def _by_date(arrivals: Iterable[Arrival]) -> dict[date, dict[str, Arrival]]:
    found: dict[date, dict[str, Arrival]] = {}
    for arrival in arrivals:
        found.setdefault(arrival.business_date, {})[arrival.signature] = arrival
    return found


def _outlook(
    platform: Platform,
    dataset: Dataset,
    day: date,
    known: dict[str, Arrival],
    verdicts: Mapping[str, Verdict],
    current: Publication | None,
) -> Outlook:
    inputs = survey(platform, dataset, day)
    landed = identify_known(dataset, inputs, known)
    content = landed.content_hash if landed else None
    verdict = verdicts.get(content or "")
    waiting = tuple(_with_lateness(reason, dataset.timeliness, day, platform.clock()) for reason in inputs.waiting)
    decision = decide_publication(
        content_hash=content or "",
        waiting=waiting,
        verdict=verdict,
        current=current,
        verdict_remedy=_remedy(dataset.name, day),
    )
    state = fold_state(
        decision=decision,
        content_hash=content,
        verdict=verdict,
        current=current,
        delivered=bool(inputs.deliveries),
        in_flight=inputs.in_flight,
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


def _remedy(name: str, day: date) -> str:
    return f"run settlement materialize {name} --from {day} --to {day}"


def _with_lateness(reason: str, timeliness: Timeliness, day: date, now: datetime) -> str:
    expected = timeliness.expected_moment(day)
    if now <= expected:
        return f"{reason}; expected by {expected:%Y-%m-%d %H:%M} UTC"
    return f"{reason}; it was expected by {expected:%Y-%m-%d %H:%M} UTC, {_for_people(now - expected)} ago"


def _for_people(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} h {int(span.total_seconds() % 3600 // 60)} min"  # noqa: PLR2004 - two days


def outlook_at(platform: Platform, dataset: Dataset, day: date, moment: datetime) -> Outlook:
    """One date as it stood at a past moment, from the facts that were on record then."""
    arrived = [a for a in platform.ledger.arrivals(dataset.name, day, day) if a.observed_at <= moment]
    latest: dict[str, Arrival] = {}
    for arrival in arrived:
        if arrival.source not in latest or arrival.version >= latest[arrival.source].version:
            latest[arrival.source] = arrival
    waiting = tuple(
        f"{s.source}: had not arrived by {moment:%Y-%m-%d %H:%M:%S} UTC"
        for s in dataset.sources
        if s.required and s.source not in latest
    )
    content = _content_of(dataset, day, latest) if latest else None
    verdicts = [
        v
        for v in platform.ledger.verdict_history(dataset.name, day, day)
        if v.content_hash == content and v.decided_at <= moment
    ]
    published = [p for p in platform.lake.history(dataset.name, day) if p.published_at <= moment]
    verdict, current = (verdicts[-1] if verdicts else None), (published[-1] if published else None)
    decision = decide_publication(content_hash=content or "", waiting=waiting, verdict=verdict, current=current)
    state = fold_state(
        decision=decision, content_hash=content, verdict=verdict, current=current, delivered=bool(latest)
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


def mart_outlooks(platform: Platform, mart: Mart, first: date, last: date) -> list[Outlook]:
    """Every calendar day of a range of a mart: published, behind its inputs, or waiting for them."""
    inputs = {name: platform.lake.publications(name, first, last) for name in mart.inputs}
    published = platform.lake.publications(mart.name, first, last)
    verdicts = platform.ledger.verdicts(mart.name, first, last)
    return [
        _mart_outlook(mart, day, {n: by_day.get(day) for n, by_day in inputs.items()}, verdicts, published.get(day))
        for day in date_range(first, last)
    ]


def _mart_outlook(
    mart: Mart,
    day: date,
    inputs: Mapping[str, Publication | None],
    verdicts: Mapping[str, Verdict],
    current: Publication | None,
) -> Outlook:
    present = {name: p for name, p in inputs.items() if p}
    waiting = tuple(f"{name}: {day} is not published" for name, p in inputs.items() if p is None)
    content = content_of(mart, day, present) if not waiting else None
    verdict = verdicts.get(content or "")
    decision = decide_publication(
        content_hash=content or "",
        waiting=waiting,
        verdict=verdict,
        current=current,
        verdict_remedy=_remedy(mart.name, day),
    )
    state = fold_state(
        decision=decision, content_hash=content, verdict=verdict, current=current, delivered=bool(present)
    )
    if decision.move is Move.REFUSE and verdict is None:
        reason = "its inputs are published, and it has not been built from them yet"
        pending = Pending(state=State.WAITING, content_hash=content, reasons=(reason,))
        shown = state.state if current else State.WAITING
        state = DateState(state=shown, pending=pending, reasons=(reason,))
    return Outlook(
        business_date=day,
        state=state,
        decision=decision,
        publication=current,
        verdict=verdict,
        content_hash=content,
    )


def outdated_dates(platform: Platform, mart: Mart) -> dict[date, str]:
    """The dates whose mart was built from other generations of its inputs, or not at all, and what it should hold."""
    inputs = {name: platform.lake.standings(name) for name in mart.inputs}
    days = set.intersection(*(set(by_day) for by_day in inputs.values()))
    built = platform.lake.standings(mart.name)
    wanted = {day: content_of(mart, day, {n: by_day[day] for n, by_day in inputs.items()}) for day in sorted(days)}
    return {day: content for day, content in wanted.items() if day not in built or built[day].content_hash != content}
