"""Marts follow their inputs: a mart's date is built when a generation that it should read is not the one it read.

So does the instance: what is published and was not reported is reported in the same look at the lake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg

from settlement_platform.control.reliability.retry_backoff import NextTry, RetryBackoff, next_try
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.events.reconcile import ReportedState, reconcile_instance
from settlement_platform.orchestration.keys import published_key
from settlement_platform.orchestration.queue.run_index import CONTENT_TAG, RunIndex, previous_runs
from settlement_platform.orchestration.requests import REASON_TAG
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.orchestration.tags import DATASET_TAG, RESTATES_TAG
from settlement_platform.pipeline.launching.launch_permission import all_launch_refusals, claim_mart_launch
from settlement_platform.pipeline.marts.outdated import dates_to_rebuild
from settlement_platform.pipeline.platform import Platform

TICK_SECONDS = 60


REQUESTS_PER_TICK = 20
"""The rest is asked for at the next ticks; the tick says how many dates that are."""


_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class _Outdated:
    """A date of a mart that does not hold what it should."""

    mart: Mart
    business_date: date
    content: str
    restates: bool

    @property
    def key(self) -> str:
        return f"{self.mart.name}:{self.business_date}:{self.content}"

    @property
    def jobs(self) -> list[str]:
        """The jobs that build it without naming it."""
        return [_job_name(self.mart), *(f"daily_{name}" for name in self.mart.inputs)]


def mart_job(mart: Mart) -> dg.JobDefinition:
    """A mart alone, for dates whose input changed outside the daily job."""
    return dg.define_asset_job(
        name=_job_name(mart),
        selection=dg.AssetSelection.assets(published_key(mart.name)),
        description=f"{mart.name} of business dates whose published input has changed.",
        tags={DATASET_TAG: mart.name},
    )  # type: ignore[return-value]


def _job_name(mart: Mart) -> str:
    return f"build_{mart.name}_again"


def marts_follow(
    datasets: Sequence[Dataset], marts: Sequence[Mart], jobs: Sequence[dg.JobDefinition]
) -> dg.SensorDefinition:
    """Ask for a run of every outdated date; again, ever later, while runs end without publishing it."""
    shown = ReportedState()

    @dg.sensor(
        name="marts_follow",
        jobs=list(jobs),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Builds marts whose published inputs have a generation that they have not read, and reports what is "
            "published and was not reported."
        ),
    )
    def follow(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        with platform.open() as stores:
            reported = reconcile_instance(context.instance, stores, [*datasets, *marts], shown)
            refusals = {m.name: all_launch_refusals(stores, m) for m in marts}
            outdated = [
                _Outdated(mart=m, business_date=day, content=found.content, restates=found.restates)
                for m in marts
                for day, found in dates_to_rebuild(stores.lake, m).items()
            ]
            open_dates = [o for o in outdated if not refusals[o.mart.name]]
            turns = _turns(context.instance, open_dates, stores.clock())
            due = [o for o in open_dates if not turns[o.key].not_yet]
            # The latest dates of all marts before the older ones of any.
            chosen = sorted(due, key=lambda o: o.business_date, reverse=True)[:REQUESTS_PER_TICK]
            launched, held = _claimed(stores, chosen)
        told = reported + sorted({*held, *(reason for reasons in refusals.values() for reason in reasons)})
        told += _told(open_dates, turns, left=len(due) - len(launched))
        for line in told:
            context.log.info(line)
        return dg.SensorResult(
            run_requests=[_run_request(o, turns[o.key].number) for o in launched],
            skip_reason=None if launched else "; ".join(told) or "every mart was built from what is published",
        )

    return follow


def _claimed(platform: Platform, chosen: Sequence[_Outdated]) -> tuple[list[_Outdated], list[str]]:
    """Which of these may be launched, one alone while a breaker is half-open, and why the others may not."""
    launches = {
        mart.name: claim_mart_launch(platform, mart, [o.business_date for o in chosen if o.mart == mart])
        for mart in {o.mart.name: o.mart for o in chosen}.values()
    }
    launched = [o for o in chosen if o.business_date in launches[o.mart.name].granted]
    return launched, [reason for launch in launches.values() for reason in launch.refusals]


def _turns(instance: dg.DagsterInstance, outdated: Sequence[_Outdated], now: datetime) -> dict[str, NextTry]:
    """Which try is next for each date, and whether its time has come."""
    at_work, asked = RunIndex(instance, now), previous_runs(instance, [o.key for o in outdated])
    return {
        o.key: next_try(
            asked.get(o.key, ()),
            at_work=at_work.is_running(published_key(o.mart.name), o.business_date.isoformat(), o.jobs),
            patience=RetryBackoff(),
            now=now,
        )
        for o in outdated
    }


def _run_request(outdated: _Outdated, number: int) -> dg.RunRequest:
    """The number makes a key of its own of every try: Dagster launches no key twice."""
    reason = "its published input changed" if number == 1 else f"its published input changed; try {number}"
    return dg.RunRequest(
        run_key=f"{outdated.key}:{number}",
        job_name=_job_name(outdated.mart),
        partition_key=outdated.business_date.isoformat(),
        tags={
            REASON_TAG: reason,
            CONTENT_TAG: outdated.key,
            **({RESTATES_TAG: "true"} if outdated.restates else {}),
        },
    )


def _told(outdated: Sequence[_Outdated], turns: dict[str, NextTry], *, left: int) -> list[str]:
    """What is not asked for now, and why."""
    lines = [f"{left:,} dates are left for the next ticks"] if left else []
    waiting = [o for o in outdated if turns[o.key].not_yet]
    lines += [f"{o.mart.name} {o.business_date}: {turns[o.key].not_yet}" for o in waiting[:_NAMED]]
    if len(waiting) > _NAMED:
        lines.append(f"{len(waiting) - _NAMED:,} more wait for a run or for their next try")
    return lines
