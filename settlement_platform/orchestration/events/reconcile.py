"""Reports of publications that the instance lacks, because the publishing process ended before it reported them.

The lake is right at once. Without these reports, the web UI and everything that waits for events would learn of such a
publication only when its date runs again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import dagster as dg

from settlement_platform.catalog import by_kind
from settlement_platform.control.facts import CurrentPublication, Publication
from settlement_platform.control.publishing.gate import Action, Decision
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.orchestration.events.reporting import (
    DATA_VERSION,
    DatasetReporter,
    MartReporter,
    instance_sink,
    report_watermark,
)
from settlement_platform.orchestration.keys import published_key, staged_key
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform

REPORTS_PER_TICK = 50
"""The next ticks report the rest; the tick says how many dates are left."""

GRACE = timedelta(minutes=5)
"""How long a process may take to report what it published outside a run."""


@dataclass(kw_only=True)
class ReportedState:
    """The state that the instance is known to show, which saves reading it again."""

    current_publications: dict[str, dict[date, CurrentPublication]] = field(default_factory=dict)
    watermarks: dict[str, date] = field(default_factory=dict)


def reconcile_instance(
    instance: dg.DagsterInstance, platform: Platform, declared: Sequence[PublishedTable], reported: ReportedState
) -> list[str]:
    """Report publications and watermarks that the instance lacks and no run will report; return a message for each.

    `declared` lists inputs before their marts, since a mart's event refers to the events of its inputs.

    Raises:
        TransientFailure: the lake did not answer.
    """
    current = platform.lake.current_publications_of([each.name for each in declared])
    messages: list[str] = []
    left = 0
    for each in declared:
        missing = _missing(instance, platform, each.name, current[each.name], reported)
        room = REPORTS_PER_TICK - len(messages)
        messages += [_report(instance, platform, each, publication) for publication in missing[:room]]
        left += len(missing[room:])
        _report_watermark(instance, platform, each.name, reported)
    return (
        [*messages, f"{left:,} more dates not reported in this tick; the next ones report them"] if left else messages
    )


def _missing(
    instance: dg.DagsterInstance,
    platform: Platform,
    name: str,
    current: Mapping[date, CurrentPublication],
    reported: ReportedState,
) -> list[Publication]:
    """Return the publications to report, the latest date first."""
    known = reported.current_publications.setdefault(name, {})
    first = platform.first_date_of(name)
    days = [d for d, found in current.items() if d >= first and known.get(d) != found]
    if not days:
        return []
    found = _shown_contents(instance, published_key(name), days)
    lacking = [day for day in days if found.get(day) != _content(current[day])]
    known |= {day: current[day] for day in days if day not in lacking}
    if not lacking:
        return []
    published = platform.lake.publications(name, min(lacking), max(lacking))
    return [published[day] for day in sorted(lacking, reverse=True) if _is_over(instance, platform, published[day])]


def _shown_contents(instance: dg.DagsterInstance, key: dg.AssetKey, days: Sequence[date]) -> dict[date, str]:
    """Return the content that each partition's latest materialization reports."""
    tags = instance.event_log_storage.get_latest_tags_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION], [day.isoformat() for day in days]
    )
    return {date.fromisoformat(partition): found[DATA_VERSION] for partition, found in tags.items()}


def _content(publication: CurrentPublication) -> str:
    return publication.content_hash or publication.state.value


def _is_over(instance: dg.DagsterInstance, platform: Platform, publication: Publication) -> bool:
    """Return whether the publishing process can no longer report it."""
    run = instance.get_run_by_id(publication.run_id) if publication.run_id else None
    return run.is_finished if run else platform.clock() - publication.published_at > GRACE


def _report(
    instance: dg.DagsterInstance, platform: Platform, declared: PublishedTable, publication: Publication
) -> str:
    """Report a publication from its record, as its run would have, and return a message."""
    day, run = publication.business_date, publication.run_id
    message = f"it is published, but {f'run {run}' if run else 'its process'} ended before reporting it"
    outcome = DateOutcome(
        dataset=declared.name,
        business_date=day,
        decision=Decision(
            action=Action.ALREADY_PUBLISHED,
            reasons=(message,),
            state=publication.state,
            generation=publication.generation,
        ),
        content_hash=publication.content_hash or None,
        verdict=platform.lake.published_verdict(publication),
        publication=publication,
    )
    sink, url = instance_sink(instance), platform.landing.url
    by_kind(
        declared,
        dataset=lambda dataset: DatasetReporter(sink, dataset, landing_url=url).report(
            outcome, set(_lacking_keys(instance, publication))
        ),
        mart=lambda mart: MartReporter(sink, mart).report(outcome),
    )
    return f"{declared.name} {day}: {message}"


def _lacking_keys(instance: dg.DagsterInstance, publication: Publication) -> Iterator[dg.AssetKey]:
    """Yield the assets of a date that do not show its content; its process may have ended between the two."""
    day, staged = publication.business_date, staged_key(publication.dataset)
    if _shown_contents(instance, staged, [day]).get(day) != _content(publication):
        yield staged
    yield published_key(publication.dataset)


def _report_watermark(instance: dg.DagsterInstance, platform: Platform, name: str, reported: ReportedState) -> None:
    """Report the watermark; a run that is still going then has nothing left to report at its end."""
    watermark, _ = platform.lake.watermark(name)
    if watermark and reported.watermarks.get(name) != watermark:
        report_watermark(instance_sink(instance), platform, name)
        reported.watermarks[name] = watermark
