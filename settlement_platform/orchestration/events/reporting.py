"""Reports of each business date's outcome to the Dagster instance, in a run or outside of one."""

import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import dagster as dg

from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS, Action
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.dagster_internals.asset_events import extract_data_version_from_entry
from settlement_platform.orchestration.events.metadata import (
    Metadata,
    column_schema,
    dataset_lineage,
    descriptions_of,
    mart_lineage,
    published_metadata,
    staged_metadata,
)
from settlement_platform.orchestration.keys import landing_key, published_key, staged_key, watermark_key
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform
from settlement_platform.pipeline.processing.process_dates import FailedDate

on_outcome: ContextVar[Callable[[DateOutcome | FailedDate], None] | None] = ContextVar("on_outcome", default=None)
"""The listener of a shell that runs dates in its own process, such as a progress bar."""

DATA_VERSION = "dagster/data_version"
_CODE_VERSION = "dagster/code_version"
_VERSION_IS_OURS = "dagster/data_version_is_user_provided"
_INPUT_VERSION = "dagster/input_data_version/"
_INPUT_POINTER = "dagster/input_event_pointer/"
_NO_POINTER = "NULL"


@dataclass(frozen=True, kw_only=True)
class EventSink:
    """Where events go: to the log of a run, or directly to the instance."""

    instance: dg.DagsterInstance
    log: Callable[[dg.AssetMaterialization | dg.AssetObservation], None]


def run_sink(context: dg.AssetExecutionContext) -> EventSink:
    """Return a sink that writes to the log of a run."""
    return EventSink(instance=context.instance, log=context.log_event)


def instance_sink(instance: dg.DagsterInstance) -> EventSink:
    """Return a sink that writes to the instance, for changes of the lake outside a run."""
    return EventSink(instance=instance, log=instance.report_runless_asset_event)


class DatasetReporter:
    """Reports the dates of a dataset as landed, staged and published."""

    def __init__(self, sink: EventSink, dataset: Dataset, *, landing_url: str) -> None:
        self._journal = sink
        self._dataset = dataset
        self._landing_url = landing_url
        described = descriptions_of(dataset)
        self._schema = column_schema(dataset.contract, described, dataset.contract.published_columns)

    def report(self, outcome: DateOutcome, selected: set[dg.AssetKey]) -> None:
        """Log an observation of new arrivals, and a materialization of each selected asset that the date reached."""
        name, partition = self._dataset.name, outcome.business_date.isoformat()
        content = _reported_content(outcome)
        if content and outcome.newly_landed:
            self._journal.log(dg.AssetObservation(landing_key(name), partition=partition, tags={DATA_VERSION: content}))
        passed = outcome.decision.action in VISIBLE_ACTIONS
        if staged_key(name) in selected and content and (passed or _validated(outcome)):
            metadata = staged_metadata(outcome) | self._described(published=False)
            metadata["delivered_in"] = self._link(partition)
            if outcome.preview:
                metadata["preview"] = dg.MetadataValue.md(outcome.preview)
            self._log(staged_key(name), partition, content, landing_key(name), metadata)
        if published_key(name) in selected and content and passed:
            metadata = published_metadata(outcome, name) | self._described(published=True)
            self._log(published_key(name), partition, content, staged_key(name), metadata)

    def _link(self, partition: str) -> dg.MetadataValue:
        """Return a link to the folder or prefix in which the date was delivered."""
        place = f"{self._landing_url}/{partition}"
        return dg.MetadataValue.url(place) if place.startswith("s3://") else dg.MetadataValue.path(place)

    def _described(self, *, published: bool) -> Metadata:
        return {
            "dagster/column_schema": self._schema,
            "dagster/column_lineage": dataset_lineage(self._dataset, published=published),
        }

    def _log(self, key: dg.AssetKey, partition: str, content: str, upstream: dg.AssetKey, metadata: Metadata) -> None:
        tags = _version_tags(content, self._dataset.contract.fingerprint, {upstream: content})
        tags |= _input_pointer_tag(self._journal.instance, upstream, partition, content)
        self._journal.log(dg.AssetMaterialization(key, partition=partition, metadata=metadata, tags=tags))


class MartReporter:
    """Reports the dates of a mart."""

    def __init__(self, sink: EventSink, mart: Mart) -> None:
        self._journal = sink
        self._mart = mart
        self._described = {
            "dagster/column_schema": column_schema(mart.contract, descriptions_of(mart), mart.published_columns),
            "dagster/column_lineage": mart_lineage(mart),
        }

    def report(self, outcome: DateOutcome) -> None:
        """Log a materialization if the date is visible to readers."""
        content = _reported_content(outcome)
        if outcome.decision.action in VISIBLE_ACTIONS and content:
            sources = outcome.publication.sources if outcome.publication else ()
            upstream = {published_key(s.source): s.sha256 for s in sources}
            partition = outcome.business_date.isoformat()
            tags = _version_tags(content, self._mart.fingerprint, upstream)
            for key, version in upstream.items():
                tags |= _input_pointer_tag(self._journal.instance, key, partition, version)
            metadata = published_metadata(outcome, self._mart.name) | self._described
            self._journal.log(
                dg.AssetMaterialization(
                    published_key(self._mart.name),
                    partition=partition,
                    metadata=metadata,
                    tags=tags,
                )
            )


def report_watermark(sink: EventSink, platform: Platform, name: str) -> None:
    """Materialize the watermark asset if the lake's watermark is not the one last reported.

    At the end of a run, this also reports for an earlier run that died between its commit and its report.
    """
    watermark, published_at = platform.lake.watermark(name)
    if watermark is None:
        return
    key = watermark_key(name)
    last = sink.instance.get_latest_materialization_event(key)
    reported = last.asset_materialization.tags if last and last.asset_materialization else {}
    if (reported or {}).get(DATA_VERSION) == watermark.isoformat():
        return
    metadata: Metadata = {"watermark": watermark.isoformat()}
    if published_at:
        metadata["advanced_at"] = dg.MetadataValue.timestamp(published_at)
    sink.log(dg.AssetMaterialization(key, metadata=metadata, tags={DATA_VERSION: watermark.isoformat()}))


def _reported_content(outcome: DateOutcome) -> str | None:
    """Return the content hash; for a date published without content, its state instead."""
    if outcome.content_hash:
        return outcome.content_hash
    return outcome.publication.state.value if outcome.publication else None


def _validated(outcome: DateOutcome) -> bool:
    return outcome.verdict is not None and outcome.verdict.passed and outcome.decision.action is not Action.WAIT


def _version_tags(content: str, code: str, upstream: dict[dg.AssetKey, str]) -> dict[str, str]:
    """Return data, code and input versions: without all three, downstream assets would never turn stale."""
    found = {DATA_VERSION: content, _VERSION_IS_OURS: "true", _CODE_VERSION: code[:12]}
    for key, version in upstream.items():
        found[f"{_INPUT_VERSION}{key.to_user_string()}"] = version
    return found


def _input_pointer_tag(
    instance: dg.DagsterInstance, upstream: dg.AssetKey, partition: str, version: str
) -> dict[str, str]:
    """Return the tag for the input event that was read: Dagster looks for newer versions in the events after it."""
    is_source = upstream.path[0] == "landing"
    record = instance.get_latest_data_version_record(upstream, is_source, partition)
    tag = f"{_INPUT_POINTER}{upstream.to_user_string()}"
    if record is None:
        return {tag: _NO_POINTER}
    latest = extract_data_version_from_entry(record.event_log_entry)
    # If a newer version was observed meanwhile, the one that was read lies before it.
    return {tag: str(record.storage_id if latest and latest.value == version else record.storage_id - 1)}


@contextmanager
def reporting_in_background() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Report on a separate thread, in order, while the next date is processed; the block ends when all is reported.

    Raises:
        Exception: the exception of the first report that failed.
    """
    reports: list[Future[None]] = []
    with ThreadPoolExecutor(1, thread_name_prefix="reporting") as thread:
        yield lambda report: reports.append(thread.submit(report))
    for report in reports:
        report.result()


def log_defect(context: dg.AssetExecutionContext, failed: FailedDate) -> None:
    """Write the traceback of a program error to the run's log."""
    if failed.defect is not None:
        context.log.error("%s: %s", failed.business_date, "".join(traceback.format_exception(failed.defect)))


def notify_listener(outcome: DateOutcome | FailedDate) -> None:
    """Pass an outcome to the listener, if there is one."""
    listener = on_outcome.get()
    if listener:
        listener(outcome)
