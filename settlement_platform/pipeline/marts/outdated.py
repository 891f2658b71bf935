"""Outdated marts: dates of a mart that do not hold what their published inputs say."""

from dataclasses import dataclass
from datetime import date

from settlement_platform.control.facts import SourceUsed, State
from settlement_platform.control.publishing.gate import restates
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.marts.build_mart import (
    content_of,
    used_as_source,
)
from settlement_platform.pipeline.platform import Platform


@dataclass(frozen=True, kw_only=True)
class Outdated:
    """What a date of a mart should hold; `restates` says that readers take for whole what it holds now."""

    content: str
    restates: bool


def dates_to_follow(platform: Platform, mart: Mart) -> dict[date, Outdated]:
    """The outdated dates, the latest first."""
    wanted = outdated_dates(platform, mart)
    built = platform.lake.standings(mart.name) if wanted else {}
    return {
        day: Outdated(content=content, restates=restates(built.get(day)))
        for day, content in sorted(wanted.items(), reverse=True)
    }


def made_of(platform: Platform, mart: Mart, business_date: date) -> tuple[SourceUsed, ...]:
    """What a date of a mart is built from: the publications of its inputs that stand."""
    day = business_date
    found = {name: platform.lake.publications(name, day, day).get(day) for name in mart.inputs}
    return tuple(used_as_source(name, publication) for name, publication in found.items() if publication)


def outdated_dates(platform: Platform, mart: Mart) -> dict[date, str]:
    """The dates whose mart was built from other generations of its inputs, or not at all, and what it should hold."""
    inputs = {name: platform.lake.standings(name) for name in mart.inputs}
    days = set.intersection(*(set(by_day) for by_day in inputs.values()))
    if not mart.provisional:
        days = {d for d in days if all(by_day[d].state is not State.PROVISIONAL for by_day in inputs.values())}
    built = platform.lake.standings(mart.name)
    wanted = {day: content_of(mart, day, {n: by_day[day] for n, by_day in inputs.items()}) for day in sorted(days)}
    return {day: content for day, content in wanted.items() if day not in built or built[day].content_hash != content}
