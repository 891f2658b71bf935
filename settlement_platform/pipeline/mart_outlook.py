"""What is, and what would be decided, for the business dates of a mart."""

from collections.abc import Mapping
from datetime import date

from settlement_platform.control.facts import Publication, SourceUsed, Standing, State, Verdict
from settlement_platform.control.policies import date_range
from settlement_platform.control.publishing import decide_publication
from settlement_platform.control.states import Delivered
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.build_mart import content_of, missing_words, rules_for, used_as_source, waits_for
from settlement_platform.pipeline.outlook import Outlook, outlook_on
from settlement_platform.pipeline.platform import Platform


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
    waiting = waits_for(mart, day, inputs)
    content = content_of(mart, day, present) if not waiting else None
    verdict = verdicts.get(content or "")
    decision = decide_publication(
        content_hash=content or "",
        waiting=waiting or missing_words(present),
        verdict=verdict,
        current=current,
        rules=rules_for(present),
        unjudged="its inputs are published, and it has not been built from them yet",
    )
    return outlook_on(
        day,
        decision,
        content_hash=content,
        verdict=verdict,
        current=current,
        delivered=Delivered(anything=bool(present)),
    )


def made_of(platform: Platform, mart: Mart, business_date: date) -> tuple[SourceUsed, ...]:
    """What a date of a mart is built from: the publications of its inputs that stand."""
    day = business_date
    found = {name: platform.lake.publications(name, day, day).get(day) for name in mart.inputs}
    return tuple(used_as_source(name, publication) for name, publication in found.items() if publication)


def awaited_inputs(platform: Platform, mart: Mart, business_date: date) -> dict[str, Standing | None]:
    """The inputs of which a date is not published whole, each with the cut that stands, if any."""
    found = {name: platform.lake.standings(name).get(business_date) for name in mart.inputs}
    return {name: s for name, s in found.items() if s is None or s.state is State.PROVISIONAL}


def outdated_dates(platform: Platform, mart: Mart) -> dict[date, str]:
    """The dates whose mart was built from other generations of its inputs, or not at all, and what it should hold."""
    inputs = {name: platform.lake.standings(name) for name in mart.inputs}
    days = set.intersection(*(set(by_day) for by_day in inputs.values()))
    if not mart.provisional:
        days = {d for d in days if all(by_day[d].state is not State.PROVISIONAL for by_day in inputs.values())}
    built = platform.lake.standings(mart.name)
    wanted = {day: content_of(mart, day, {n: by_day[day] for n, by_day in inputs.items()}) for day in sorted(days)}
    return {day: content for day, content in wanted.items() if day not in built or built[day].content_hash != content}
