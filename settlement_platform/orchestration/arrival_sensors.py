"""A sensor per dataset: what arrives in the landing zone is observed, and each new content gets its one run."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.storage.tags import RUN_KEY_TAG, SENSOR_NAME_TAG

from settlement_platform.control.arrivals import Ask
from settlement_platform.control.attempts import FAILED, STARTED
from settlement_platform.control.following import Patience, next_try
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.orchestration.keys import landing_key, published_key
from settlement_platform.orchestration.requests import REASON_TAG
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.orchestration.runs_at_work import CONTENT_TAG, asked_for, left_to_backfills
from settlement_platform.pipeline.arrivals import Look, Settled, look_at_arrivals
from settlement_platform.pipeline.gate import claim_launch
from settlement_platform.pipeline.land import Landed
from settlement_platform.pipeline.platform import Platform, Request

TICK_SECONDS = 30
READING_SECONDS = 20.0
"""How long new files are hashed in a tick: Dagster gives up on a tick after 60 s."""
REQUESTS_PER_TICK = 100
_NAMED = 5
_TRY = ":try "
_KEYS_A_QUERY = 500


def arrivals_sensor(dataset: Dataset, job: Any) -> dg.SensorDefinition:  # noqa: ANN401 - Dagster's unresolved job
    """Observe what arrives for a dataset, and ask for one run per business date and content.

    It keeps no cursor: what has been seen is in the ledger, what is published in the lake. What this process found
    settled only saves it from looking again.
    """
    name = f"arrivals_{dataset.name}"
    settled: Settled = {}

    @dg.sensor(
        name=name,
        job=job,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Sees what is delivered for {dataset.name}, and asks for one run per business date and content.",
    )
    def arrivals(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        ends = time.monotonic() + READING_SECONDS
        request = Request(actor=f"sensor {name}", reason="it has arrived")
        with platform.open() as stores:
            looks = look_at_arrivals(
                stores, (dataset,), request, time_left=lambda: ends - time.monotonic(), settled=settled
            )
            look = looks[dataset.name]
            under_way = left_to_backfills(context.instance, published_key(dataset.name), look.requests, stores.clock())
            wanted = [a for a in look.requests if a not in under_way]
            before = _asked_before(context.instance, name, wanted)
            due = [a for a in wanted if a.run_key not in before]
            due += _after_an_outage(context.instance, stores, dataset, [a for a in wanted if a.run_key in before])
            launch = claim_launch(stores, dataset.name, [a.business_date for a in due[:REQUESTS_PER_TICK]])
        launched = [a for a in due if a.business_date in launch.granted]
        told = _told(dataset, look, before, launch.refusals, left=len(due) - len(launched))
        told += [f"{_dates(len(under_way))} are left to a backfill that is under way"] if under_way else []
        for line in told:
            context.log.info(line)
        skipped = "; ".join(told) or f"nothing new has arrived for {dataset.name}"
        return dg.SensorResult(
            run_requests=[_run_request(ask) for ask in launched],
            skip_reason=None if launched else skipped,
            asset_events=_observations(context.instance, dataset, look, {a.business_date for a in launched}),
        )

    return arrivals


def _run_request(ask: Ask) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=ask.run_key,
        partition_key=ask.business_date.isoformat(),
        tags={REASON_TAG: ask.reasons[0] if ask.reasons else "it has arrived", CONTENT_TAG: _content(ask)},
    )


def _content(ask: Ask) -> str:
    """What is asked for, whichever try it is."""
    return ask.run_key.partition(_TRY)[0]


def _after_an_outage(
    instance: dg.DagsterInstance, platform: Platform, dataset: Dataset, asks: Sequence[Ask]
) -> list[Ask]:
    """What was asked for before, where no try ended with a word on the files: a store did not answer, or it died."""
    asked = asked_for(instance, [a.run_key for a in asks])
    found = []
    for ask in asks:
        day = ask.business_date
        attempts = platform.ledger.attempts(dataset.name, day, day)
        turn = next_try(asked.get(ask.run_key, ()), at_work=False, patience=Patience(), now=platform.clock())
        if attempts and attempts[-1].outcome in {FAILED, STARTED} and not turn.not_yet:
            reason = f"the last try failed; try {turn.number}"
            found.append(replace(ask, run_key=f"{ask.run_key}{_TRY}{turn.number}", reasons=(reason,)))
    return found


def _asked_before(instance: dg.DagsterInstance, sensor: str, asks: Sequence[Ask]) -> Mapping[str, dg.DagsterRunStatus]:
    """The runs that this sensor has asked for already: Dagster launches none twice."""
    found: dict[str, dg.DagsterRunStatus] = {}
    for start in range(0, len(asks), _KEYS_A_QUERY):
        keys = [a.run_key for a in asks[start : start + _KEYS_A_QUERY]]
        runs = instance.get_runs(filters=dg.RunsFilter(tags={RUN_KEY_TAG: keys, SENSOR_NAME_TAG: sensor}))
        found |= {run.tags[RUN_KEY_TAG]: run.status for run in runs}
    return found


def _told(
    dataset: Dataset, look: Look, before: Mapping[str, dg.DagsterRunStatus], refusals: Sequence[str], *, left: int
) -> list[str]:
    """What a tick did not ask for, and why; nothing is left out silently."""
    lines = [f"{dataset.name} is not launched: {reason}" for reason in refusals]
    if left:
        after = "until that ends" if refusals else "for the next ticks"
        lines.append(f"runs of {_dates(left)} are left {after}")
    if look.unread:
        lines.append(f"the files of {_dates(len(look.unread))} are left to be read in the next ticks")
    for ask in look.requests:
        status = before.get(ask.run_key)
        if status in {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}:
            day = ask.business_date
            again = f"settlement materialize {dataset.name} --from {day} --to {day}"
            lines.append(f"{day} was asked for before and its run ended as {status.value}: {again} tries again")
        elif status:
            lines.append(f"{ask.business_date} has been asked for: its run is {status.value}")
    lines += [f"{a.business_date} waits: {'; '.join(a.reasons)}" for a in look.waiting[:_NAMED]]
    if len(look.waiting) > _NAMED:
        lines.append(f"{_dates(len(look.waiting) - _NAMED)} more wait")
    return lines


def _dates(count: int) -> str:
    return f"{count:,} date{'' if count == 1 else 's'}"


def _observations(
    instance: dg.DagsterInstance, dataset: Dataset, look: Look, launched: set[date]
) -> list[dg.AssetObservation]:
    """What arrived just now; and what is launched, if a tick that died kept it from being observed."""
    observed = dict(look.arrived)
    for day in launched:
        landed = look.asked_for.get(day)
        if landed and day not in observed and _last_observed(instance, dataset, day) != landed.content_hash:
            observed[day] = landed
    return [_observation(dataset, landed) for _, landed in sorted(observed.items()) if landed.content_hash]


def _last_observed(instance: dg.DagsterInstance, dataset: Dataset, day: date) -> str | None:
    key, partition = landing_key(dataset.name), day.isoformat()
    record = instance.get_latest_data_version_record(key, is_source=True, partition_key=partition)
    observation = record.asset_observation if record else None
    return observation.data_version if observation else None


def _observation(dataset: Dataset, landed: Landed) -> dg.AssetObservation:
    sources = [
        dg.TableRecord(
            {
                "source": i.arrival.source,
                "key": i.arrival.key,
                "version": i.arrival.version,
                "bytes": i.arrival.bytes,
                "sha256": i.arrival.sha256,
            }
        )
        for i in landed.landed
    ]
    return dg.AssetObservation(
        landing_key(dataset.name),
        partition=landed.business_date.isoformat(),
        tags={"dagster/data_version": landed.content_hash or ""},
        metadata={
            "sources": dg.MetadataValue.table(sources),
            "complete": landed.inputs.complete,
            "waiting": "; ".join(landed.inputs.waiting) or "nothing",
        },
    )
