"""What is published and was not reported, because the process that published it ended in between.

The lake is right at once. Without this the instance, and with it the web UI and whatever waits for its events, would
know of it only when the date is run again.
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
"""The rest is reported in the next ticks; the tick says how many dates that are."""


GRACE = timedelta(minutes=5)
"""How long what was published outside a run may take to be reported by whoever published it."""


@dataclass(kw_only=True)
class ReportedState:
    """What the instance was found to show; it only saves asking again."""

    current_publications: dict[str, dict[date, CurrentPublication]] = field(default_factory=dict)
    watermarks: dict[str, date] = field(default_factory=dict)


def reconcile_instance(
    instance: dg.DagsterInstance, platform: Platform, declared: Sequence[PublishedTable], shown: ReportedState
) -> list[str]:
    """Report publications and watermarks that the instance lacks and no run is about to report; what was said of them.

    `declared` names inputs before their marts, as an event names the events of what it was made from.

    Raises:
        TransientFailure: the lake did not answer.
    """
    standings = platform.lake.current_publications_of([each.name for each in declared])
    told: list[str] = []
    left = 0
    for each in declared:
        missing = _missing(instance, platform, each.name, standings[each.name], shown)
        room = REPORTS_PER_TICK - len(told)
        told += [_report(instance, platform, each, publication) for publication in missing[:room]]
        left += len(missing[room:])
        _report_watermark(instance, platform, each.name, shown)
    return [*told, f"{left:,} more dates are left to be reported in the next ticks"] if left else told


def _missing(
    instance: dg.DagsterInstance,
    platform: Platform,
    name: str,
    standings: Mapping[date, CurrentPublication],
    shown: ReportedState,
) -> list[Publication]:
    """The publications to report, the latest date first."""
    known = shown.current_publications.setdefault(name, {})
    days = [d for d, standing in standings.items() if d >= platform.first_date and known.get(d) != standing]
    if not days:
        return []
    found = _shown_contents(instance, published_key(name), days)
    lacking = [day for day in days if found.get(day) != _content(standings[day])]
    known |= {day: standings[day] for day in days if day not in lacking}
    if not lacking:
        return []
    published = platform.lake.publications(name, min(lacking), max(lacking))
    return [published[day] for day in sorted(lacking, reverse=True) if _is_over(instance, platform, published[day])]


def _shown_contents(instance: dg.DagsterInstance, key: dg.AssetKey, days: Sequence[date]) -> dict[date, str]:
    """The content that the latest materialization of each of these partitions speaks of."""
    tags = instance.event_log_storage.get_latest_tags_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION], [day.isoformat() for day in days]
    )
    return {date.fromisoformat(partition): found[DATA_VERSION] for partition, found in tags.items()}


def _content(standing: CurrentPublication) -> str:
    return standing.content_hash or standing.state.value


def _is_over(instance: dg.DagsterInstance, platform: Platform, publication: Publication) -> bool:
    """Whether whoever published it will not report it any more."""
    run = instance.get_run_by_id(publication.run_id) if publication.run_id else None
    return run.is_finished if run else platform.clock() - publication.published_at > GRACE


def _report(
    instance: dg.DagsterInstance, platform: Platform, declared: PublishedTable, publication: Publication
) -> str:
    """Report it as its run would have, from its record."""
    day, run = publication.business_date, publication.run_id
    told = f"it is published, and {f'run {run}' if run else 'what published it'} ended without reporting it"
    concluded = DateOutcome(
        dataset=declared.name,
        business_date=day,
        decision=Decision(
            action=Action.ALREADY_PUBLISHED,
            reasons=(told,),
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
            concluded, set(_lacking_keys(instance, publication))
        ),
        mart=lambda mart: MartReporter(sink, mart).report(concluded),
    )
    return f"{declared.name} {day}: {told}"


def _lacking_keys(instance: dg.DagsterInstance, publication: Publication) -> Iterator[dg.AssetKey]:
    """The assets of a dataset's date that do not show the content; its process may have ended between the two."""
    day, staged = publication.business_date, staged_key(publication.dataset)
    if _shown_contents(instance, staged, [day]).get(day) != _content(publication):
        yield staged
    yield published_key(publication.dataset)


def _report_watermark(instance: dg.DagsterInstance, platform: Platform, name: str, shown: ReportedState) -> None:
    """Report how far it is complete; a run that is at work on it then has nothing left to report at its end."""
    watermark, _ = platform.lake.watermark(name)
    if watermark and shown.watermarks.get(name) != watermark:
        report_watermark(instance_sink(instance), platform, name)
        shown.watermarks[name] = watermark
