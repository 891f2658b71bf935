"""Outdated marts: dates that were built from other generations of their inputs, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from settlement_platform.control.facts import CurrentPublication, SourceUsed, State
from settlement_platform.control.publishing.gate import is_restatement
from settlement_platform.control.publishing.operator_overrides import fold_overrides
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.marts.build_mart import (
    mart_content,
    recognized_content,
    used_as_source,
)
from settlement_platform.storage.lake.lake import Lake
from settlement_platform.storage.ledger.ledger import Ledger


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


def overtaken_dates(lake: Lake, mart: Mart) -> tuple[date, ...]:
    """Return the published dates of a mart that were built before an input got its present generation."""
    behind = outdated_dates(lake, mart)
    return tuple(sorted(behind.keys() & lake.cached_publications(mart.name).keys()))


def inputs_of_date(lake: Lake, mart: PublishedTable, business_date: date) -> tuple[SourceUsed, ...]:
    """Return the current publications of its inputs from which a date of a mart is built."""
    day = business_date
    found = {name: lake.publications(name, day, day).get(day) for name in mart.inputs}
    return tuple(used_as_source(name, publication) for name, publication in found.items() if publication)


def outdated_dates(lake: Lake, mart: Mart) -> dict[date, str]:
    """Return the outdated dates of a mart, with the content hash that each should have."""
    wanted, built = _wanted_contents(lake, mart), lake.current_publications(mart.name)
    redefined = _redefined(lake, mart, wanted, built)
    return {
        day: content
        for day, content in wanted.items()
        if day not in redefined and (day not in built or built[day].content_hash != content)
    }


def redefined_dates(lake: Lake, ledger: Ledger, mart: Mart) -> list[date]:
    """Return the dates that hold what an older definition of the mart made of the present inputs."""
    wanted, built = _wanted_contents(lake, mart), lake.current_publications(mart.name)
    actions = ledger.actions(mart.name)
    return [
        day
        for day in sorted(_redefined(lake, mart, wanted, built))
        if fold_overrides(actions, day).confirmed.get(wanted[day]) != built[day].content_hash
    ]


def _wanted_contents(lake: Lake, mart: Mart) -> dict[date, str]:
    """Return the content hash that each date should have whose inputs are published."""
    inputs = {name: lake.current_publications(name) for name in mart.inputs}
    days = set.intersection(*(set(by_day) for by_day in inputs.values()))
    if not mart.provisional:
        days = {d for d in days if all(by_day[d].state is not State.PROVISIONAL for by_day in inputs.values())}
    return {day: mart_content(mart, day, {n: by_day[day] for n, by_day in inputs.items()}) for day in sorted(days)}


def _redefined(
    lake: Lake, mart: Mart, wanted: Mapping[date, str], built: Mapping[date, CurrentPublication]
) -> set[date]:
    """Return the dates whose content differs although they were built from the present inputs."""
    differing = [day for day, content in wanted.items() if day in built and built[day].content_hash != content]
    if not differing:
        return set()
    published = lake.publications(mart.name, min(differing), max(differing))
    inputs = {name: lake.current_publications(name) for name in mart.inputs}
    return {
        day
        for day in differing
        if recognized_content(mart, day, {n: by_day[day] for n, by_day in inputs.items()}, published.get(day))
        != wanted[day]
    }
