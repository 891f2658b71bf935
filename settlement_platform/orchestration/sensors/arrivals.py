"""The arrivals sensors, one per dataset: observe deliveries and request one run per business date and content."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import dagster as dg

from settlement_platform.control.facts import AttemptOutcome, AttemptStep
from settlement_platform.control.failures import SettlementError
from settlement_platform.control.queue.launch_requests import LaunchDecision
from settlement_platform.control.reliability.retry_backoff import RetryBackoff, next_try
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.orchestration.dagster_internals.runs import RUN_KEY_TAG, SENSOR_NAME_TAG
from settlement_platform.orchestration.events.observations import observations
from settlement_platform.orchestration.queue.catch_up import CatchUpSelection, select_catch_up
from settlement_platform.orchestration.queue.run_index import CONTENT_TAG, previous_runs
from settlement_platform.orchestration.requests import REASON_TAG
from settlement_platform.orchestration.resources import PlatformResource, store_failure
from settlement_platform.orchestration.tags import CATCH_UP_TAG, RESTATES_TAG
from settlement_platform.pipeline.landing.scan import ScanResult, UnchangedDates, scan_landing_zone
from settlement_platform.pipeline.launching.circuit_breakers import record_failed_scan, record_successful_scan
from settlement_platform.pipeline.launching.launch_permission import claim_launch
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.landing.listing_cache import ListingCache
from settlement_platform.storage.landing.object_names import describe_unreadable_names

TICK_SECONDS = 30

READ_BUDGET_SECONDS = 20.0
"""How long a tick reads new files: Dagster ends a tick after 60 s."""

REQUESTS_PER_TICK = 100
_MAX_LISTED = 5
_KEYS_PER_QUERY = 500


@dataclass(frozen=True, kw_only=True)
class _DueRequest:
    """A run to request: its decision, the number of the try (from 1), and why it has to wait (None when it is due)."""

    decision: LaunchDecision
    try_number: int = 1
    not_yet: str | None = None


def shared_listings() -> ListingCache:
    """Return the listings that the sensors of one process share, each valid for half a tick."""
    return ListingCache(seconds=TICK_SECONDS / 2, clock=time.monotonic)


def arrivals_sensor(dataset: Dataset, job: Any, listings: ListingCache) -> dg.SensorDefinition:  # noqa: ANN401 - Dagster's unresolved job
    """Return the sensor that observes a dataset's arrivals and requests one run per business date and content.

    It has no cursor: arrivals are in the ledger and publications in the lake. What this process found
    unchanged is remembered only to save reading it again.
    """
    name = f"arrivals_{dataset.name}"
    unchanged: UnchangedDates = {}
    session = SensorSession(dataset.name)

    @dg.sensor(
        name=name,
        job=job,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Detects deliveries of {dataset.name}, and requests one run per business date and content.",
    )
    def arrivals(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        deadline = time.monotonic() + READ_BUDGET_SECONDS
        request = Request(actor=f"sensor {name}", reason="it has arrived")
        with session.opened(platform, request) as stores:
            scan = _scan(stores, dataset, request, deadline, unchanged, listings)
            session.record_success(stores, request)
            launched, selection, messages = _launches(context.instance, stores, dataset, name, scan)
        for message in messages:
            context.log.info(message)
        return dg.SensorResult(
            run_requests=[_run_request(dataset, due, selection) for due in launched],
            skip_reason=None if launched else "; ".join(messages) or f"no new arrivals for {dataset.name}",
            asset_events=observations(
                context.instance, dataset, scan, {due.decision.business_date for due in launched}
            ),
        )

    return arrivals


def _scan(
    platform: Platform,
    dataset: Dataset,
    request: Request,
    deadline: float,
    unchanged: UnchangedDates,
    listings: ListingCache,
) -> ScanResult:
    """Scan the landing zone for one dataset; read new files until the deadline of the monotonic clock."""
    return scan_landing_zone(
        platform,
        (dataset,),
        request,
        time_left=lambda: deadline - time.monotonic(),
        unchanged=unchanged,
        listings=listings,
    )[dataset.name]


def _launches(
    instance: dg.DagsterInstance, platform: Platform, dataset: Dataset, sensor: str, scan: ScanResult
) -> tuple[list[_DueRequest], CatchUpSelection, list[str]]:
    """Return the runs to request now, the dates that catch up, and messages on what is not requested."""
    earlier = _requested_before(instance, sensor, scan.requests)
    retries = _due_again(instance, platform, dataset, [d for d in scan.requests if d.run_key in earlier])
    due = [_DueRequest(decision=d) for d in scan.requests if d.run_key not in earlier]
    due += [retry for retry in retries if not retry.not_yet]
    dates = [each.decision.business_date for each in due]
    selection = select_catch_up(instance, dataset, dates, now=platform.clock())
    permission = claim_launch(platform, dataset.name, selection.requested[:REQUESTS_PER_TICK])
    launched = [each for each in due if each.decision.business_date in permission.granted]
    left = len(selection.requested) - len(launched)
    messages = _tick_messages(dataset, scan, earlier, retries, permission.refusals, left=left)
    return launched, selection, messages + selection.notes


def _run_request(dataset: Dataset, due: _DueRequest, selection: CatchUpSelection) -> dg.RunRequest:
    """Return the run request; a retry has a run key of its own, since Dagster launches no run key twice."""
    decision, is_retry = due.decision, due.try_number > 1
    reason = f"retry of a failed run; try {due.try_number}" if is_retry else str(decision.reasons[0])
    return dg.RunRequest(
        run_key=f"{decision.run_key}:try {due.try_number}" if is_retry else decision.run_key,
        partition_key=decision.business_date.isoformat(),
        tags={
            REASON_TAG: reason,
            CONTENT_TAG: decision.run_key,
            **({RESTATES_TAG: "true"} if decision.restates else {}),
            **({CATCH_UP_TAG: dataset.name} if decision.business_date in selection.older else {}),
        },
    )


def _due_again(
    instance: dg.DagsterInstance, platform: Platform, dataset: Dataset, decisions: Sequence[LaunchDecision]
) -> list[_DueRequest]:
    """Return the retries of requests whose last attempt reached no verdict: a store did not answer, or the run died."""
    runs = previous_runs(instance, [d.run_key for d in decisions])
    retries = []
    for decision in decisions:
        day = decision.business_date
        attempts = [a for a in platform.ledger.attempts(dataset.name, day, day) if a.step is not AttemptStep.SCAN]
        due = next_try(runs.get(decision.run_key, ()), running=False, backoff=RetryBackoff(), now=platform.clock())
        if attempts and attempts[-1].outcome in {AttemptOutcome.FAILED, AttemptOutcome.STARTED}:
            # A run requested by an older version does not name its content, and is not counted.
            retries.append(_DueRequest(decision=decision, try_number=max(2, due.number), not_yet=due.not_yet))
    return retries


def _requested_before(
    instance: dg.DagsterInstance, sensor: str, decisions: Sequence[LaunchDecision]
) -> Mapping[str, dg.DagsterRunStatus]:
    """Return the status of each run that this sensor has requested already, by run key."""
    found: dict[str, dg.DagsterRunStatus] = {}
    for start in range(0, len(decisions), _KEYS_PER_QUERY):
        keys = [d.run_key for d in decisions[start : start + _KEYS_PER_QUERY]]
        runs = instance.get_runs(filters=dg.RunsFilter(tags={RUN_KEY_TAG: keys, SENSOR_NAME_TAG: sensor}))
        found |= {run.tags[RUN_KEY_TAG]: run.status for run in runs}
    return found


def _tick_messages(
    dataset: Dataset,
    scan: ScanResult,
    earlier: Mapping[str, dg.DagsterRunStatus],
    retries: Sequence[_DueRequest],
    refusals: Sequence[str],
    *,
    left: int,
) -> list[str]:
    """Return one message for each thing that the tick did not request; nothing is left out silently."""
    lines = [f"{dataset.name} is not launched: {reason}" for reason in refusals]
    if left:
        lines.append(f"{_dates(left)} not requested {'until that ends' if refusals else 'in this tick; more follow'}")
    if scan.unread:
        lines.append(f"files of {_dates(len(scan.unread))} not read in this tick; they are read in the next ones")
    if scan.unreadable:
        lines.append(f"{describe_unreadable_names(scan.unreadable)}; for the fix, run: settlement doctor")
    lines += [f"{retry.decision.business_date}: {retry.not_yet}" for retry in retries if retry.not_yet]
    retried = {retry.decision.run_key for retry in retries}
    for decision in scan.requests:
        status = None if decision.run_key in retried else earlier.get(decision.run_key)
        if status:
            lines.append(_earlier_run_message(dataset, decision, status))
    lines += [f"{d.business_date} waits: {'; '.join(d.reasons)}" for d in scan.waiting[:_MAX_LISTED]]
    if len(scan.waiting) > _MAX_LISTED:
        lines.append(f"{_dates(len(scan.waiting) - _MAX_LISTED)} more are waiting")
    return lines


def _earlier_run_message(dataset: Dataset, decision: LaunchDecision, status: dg.DagsterRunStatus) -> str:
    day = decision.business_date
    if status not in {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}:
        return f"{day} is already requested; its run is {status.value}"
    command = f"settlement materialize {dataset.name} --from {day} --to {day}"
    return f"{day} was requested before, and its run ended as {status.value}; to run it again: {command}"


def _dates(count: int) -> str:
    return f"{count:,} date{'' if count == 1 else 's'}"


class SensorSession:
    """A sensor's scans of one dataset, for as long as its process lives."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._last_succeeded = False

    @contextmanager
    def opened(self, platform: PlatformResource, request: Request) -> Iterator[Platform]:
        """Open all stores for a scan; record a failed scan if a store does not answer, as far as the ledger answers.

        Raises:
            TransientFailure: a store did not answer.
            dagster.Failure: anything else.
        """
        try:
            with platform.open() as stores:
                yield stores
        except (SettlementError, dg.Failure) as error:
            self._last_succeeded = False
            failure = store_failure(error)
            if failure:
                with suppress(SettlementError), platform.open_ledger() as facts:
                    record_failed_scan(facts, self._dataset, request, failure)
            raise

    def record_success(self, stores: Platform, request: Request) -> None:
        """Record that every store answered, unless the last scan of this process has recorded it."""
        if not self._last_succeeded:
            record_successful_scan(stores, self._dataset, request)
        self._last_succeeded = True
