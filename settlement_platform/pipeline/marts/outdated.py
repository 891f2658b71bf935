"""Outdated marts: dates that were built from other generations of their inputs, or not at all."""

from dataclasses import dataclass
from datetime import date

from settlement_platform.control.facts import SourceUsed, State
from settlement_platform.control.publishing.gate import is_restatement
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.marts.build_mart import (
    mart_content,
    used_as_source,
)
from settlement_platform.storage.lake.lake import Lake


@dataclass(frozen=True, kw_only=True)
class OutdatedDate:
    """The content that a date of a mart should have; `restates` says that its present content counts as complete."""

    content: str
    restates: bool


def dates_to_rebuild(lake: Lake, mart: Mart) -> dict[date, OutdatedDate]:
    """Return the outdated dates, the latest first."""
    wanted = outdated_dates(lake, mart)
    built = lake.current_publications(mart.name) if wanted else {}
    return {
        day: OutdatedDate(content=content, restates=is_restatement(built.get(day)))
        for day, content in sorted(wanted.items(), reverse=True)
    }


def inputs_of_date(lake: Lake, mart: PublishedTable, business_date: date) -> tuple[SourceUsed, ...]:
    """Return the current publications of its inputs from which a date of a mart is built."""
    day = business_date
    found = {name: lake.publications(name, day, day).get(day) for name in mart.inputs}
    return tuple(used_as_source(name, publication) for name, publication in found.items() if publication)


def outdated_dates(lake: Lake, mart: Mart) -> dict[date, str]:
    """Return the outdated dates of a mart, with the content hash that each should have."""
    inputs = {name: lake.current_publications(name) for name in mart.inputs}
    days = set.intersection(*(set(by_day) for by_day in inputs.values()))
    if not mart.provisional:
        days = {d for d in days if all(by_day[d].state is not State.PROVISIONAL for by_day in inputs.values())}
    built = lake.current_publications(mart.name)
    wanted = {day: mart_content(mart, day, {n: by_day[day] for n, by_day in inputs.items()}) for day in sorted(days)}
    return {day: content for day, content in wanted.items() if day not in built or built[day].content_hash != content}
