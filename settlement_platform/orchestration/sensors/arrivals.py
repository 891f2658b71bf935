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
"""How long new files are hashed in a tick: Dagster gives up on a tick after 60 s."""


REQUESTS_PER_TICK = 100


_MAX_LISTED = 5


_KEYS_PER_QUERY = 500


@dataclass(frozen=True, kw_only=True)
class _DueRequest:
    """What is to be asked for, which try of it that is, from 1, and why its time has not come (empty when it has)."""

    ask: LaunchDecision
    number: int = 1
    not_yet: str | None = None


def shared_listings() -> ListingCache:
    """For the sensors of one process: what one of them listed, the others need not list until their next ticks."""
    return ListingCache(seconds=TICK_SECONDS / 2, clock=time.monotonic)


def arrivals_sensor(dataset: Dataset, job: Any, listings: ListingCache) -> dg.SensorDefinition:  # noqa: ANN401 - Dagster's unresolved job
    """Observe what arrives for a dataset, and ask for one run per business date and content.

    It keeps no cursor: what has been seen is in the ledger, what is published in the lake. What this process found
    settled only saves it from looking again.
    """
    name = f"arrivals_{dataset.name}"
    settled: UnchangedDates = {}
    looking = SensorSession(dataset.name)

    @dg.sensor(
        name=name,
        job=job,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Sees what is delivered for {dataset.name}, and asks for one run per business date and content.",
    )
    def arrivals(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        ends = time.monotonic() + READ_BUDGET_SECONDS
        request = Request(actor=f"sensor {name}", reason="it has arrived")
        with looking.opened(platform, request) as stores:
            looks = scan_landing_zone(
                stores,
                (dataset,),
                request,
                time_left=lambda: ends - time.monotonic(),
                unchanged=settled,
                listings=listings,
            )
            looking.record_success(stores, request)
            look = looks[dataset.name]
            wanted = look.requests
            before = _requested_before(context.instance, name, wanted)
            again = _due_again(context.instance, stores, dataset, [a for a in wanted if a.run_key in before])
            due = [_DueRequest(ask=a) for a in wanted if a.run_key not in before] + [d for d in again if not d.not_yet]
            turns = select_catch_up(context.instance, dataset, [d.ask.business_date for d in due], now=stores.clock())
            launch = claim_launch(stores, dataset.name, turns.requested[:REQUESTS_PER_TICK])
        launched = [d for d in due if d.ask.business_date in launch.granted]
        told = (
            _tick_messages(dataset, look, before, again, launch.refusals, left=len(turns.requested) - len(launched))
            + turns.notes
        )
        for line in told:
            context.log.info(line)
        skipped = "; ".join(told) or f"nothing new has arrived for {dataset.name}"
        return dg.SensorResult(
            run_requests=[_run_request(dataset, d, turns) for d in launched],
            skip_reason=None if launched else skipped,
            asset_events=observations(context.instance, dataset, look, {d.ask.business_date for d in launched}),
        )

    return arrivals


def _run_request(dataset: Dataset, due: _DueRequest, turns: CatchUpSelection) -> dg.RunRequest:
    """The number makes a key of its own of every further try: Dagster launches no key twice."""
    ask, further = due.ask, due.number > 1
    reason = f"the last try failed; try {due.number}" if further else str(ask.reasons[0])
    return dg.RunRequest(
        run_key=f"{ask.run_key}:try {due.number}" if further else ask.run_key,
        partition_key=ask.business_date.isoformat(),
        tags={
            REASON_TAG: reason,
            CONTENT_TAG: ask.run_key,
            **({RESTATES_TAG: "true"} if ask.restates else {}),
            **({CATCH_UP_TAG: dataset.name} if ask.business_date in turns.older else {}),
        },
    )


def _due_again(
    instance: dg.DagsterInstance, platform: Platform, dataset: Dataset, asks: Sequence[LaunchDecision]
) -> list[_DueRequest]:
    """What was asked for before, where no try ended with a word on the files: a store did not answer, or it died."""
    asked = previous_runs(instance, [a.run_key for a in asks])
    found = []
    for ask in asks:
        day = ask.business_date
        attempts = [a for a in platform.ledger.attempts(dataset.name, day, day) if a.step is not AttemptStep.SCAN]
        turn = next_try(asked.get(ask.run_key, ()), at_work=False, patience=RetryBackoff(), now=platform.clock())
        if attempts and attempts[-1].outcome in {AttemptOutcome.FAILED, AttemptOutcome.STARTED}:
            # A run that an older program asked for does not say what it was to build, and is not counted.
            found.append(_DueRequest(ask=ask, number=max(2, turn.number), not_yet=turn.not_yet))
    return found


def _requested_before(
    instance: dg.DagsterInstance, sensor: str, asks: Sequence[LaunchDecision]
) -> Mapping[str, dg.DagsterRunStatus]:
    """The runs that this sensor has asked for already: Dagster launches none twice."""
    found: dict[str, dg.DagsterRunStatus] = {}
    for start in range(0, len(asks), _KEYS_PER_QUERY):
        keys = [a.run_key for a in asks[start : start + _KEYS_PER_QUERY]]
        runs = instance.get_runs(filters=dg.RunsFilter(tags={RUN_KEY_TAG: keys, SENSOR_NAME_TAG: sensor}))
        found |= {run.tags[RUN_KEY_TAG]: run.status for run in runs}
    return found


def _tick_messages(
    dataset: Dataset,
    look: ScanResult,
    before: Mapping[str, dg.DagsterRunStatus],
    again: Sequence[_DueRequest],
    refusals: Sequence[str],
    *,
    left: int,
) -> list[str]:
    """What a tick did not ask for, and why; nothing is left out silently."""
    lines = [f"{dataset.name} is not launched: {reason}" for reason in refusals]
    if left:
        after = "until that ends" if refusals else "for the next ticks"
        lines.append(f"runs of {_dates(left)} are left {after}")
    if look.unread:
        lines.append(f"the files of {_dates(len(look.unread))} are left to be read in the next ticks")
    if look.unreadable:
        lines.append(f"{describe_unreadable_names(look.unreadable)}: settlement doctor says what to do")
    lines += [f"{d.ask.business_date}: {d.not_yet}" for d in again if d.not_yet]
    tried_again = {d.ask.run_key for d in again}
    for ask in look.requests:
        status = None if ask.run_key in tried_again else before.get(ask.run_key)
        if status in {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}:
            day = ask.business_date
            command = f"settlement materialize {dataset.name} --from {day} --to {day}"
            lines.append(f"{day} was asked for before and its run ended as {status.value}: {command} tries again")
        elif status:
            lines.append(f"{ask.business_date} has been asked for: its run is {status.value}")
    lines += [f"{a.business_date} waits: {'; '.join(a.reasons)}" for a in look.waiting[:_MAX_LISTED]]
    if len(look.waiting) > _MAX_LISTED:
        lines.append(f"{_dates(len(look.waiting) - _MAX_LISTED)} more wait")
    return lines


def _dates(count: int) -> str:
    return f"{count:,} date{'' if count == 1 else 's'}"


class SensorSession:
    """One sensor's looks at the stores of a dataset, for as long as its process lives."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._well = False

    @contextmanager
    def opened(self, platform: PlatformResource, request: Request) -> Iterator[Platform]:
        """All stores; a look that one of them does not answer is put on record, as far as the ledger answers.

        Raises:
            TransientFailure: a store did not answer.
            dagster.Failure: anything else.
        """
        try:
            with platform.open() as stores:
                yield stores
        except (SettlementError, dg.Failure) as error:
            self._well = False
            failure = store_failure(error)
            if failure:
                with suppress(SettlementError), platform.open_ledger() as facts:
                    record_failed_scan(facts, self._dataset, request, failure)
            raise

    def record_success(self, stores: Platform, request: Request) -> None:
        """Put on record that every store answered, if any has not of late."""
        if not self._well:
            record_successful_scan(stores, self._dataset, request)
        self._well = True
