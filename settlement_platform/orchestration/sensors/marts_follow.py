"""The sensor that rebuilds marts: it requests a run for each date built from older generations than are published.

Each tick also reports publications that the instance lacks, since it reads the lake anyway.
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
"""The next ticks request the rest; the tick says how many dates are left."""

_MAX_LISTED = 5


@dataclass(frozen=True, kw_only=True)
class _Outdated:
    """A date of a mart that was built from older generations than are published."""

    mart: Mart
    business_date: date
    content: str
    restates: bool

    @property
    def key(self) -> str:
        return f"{self.mart.name}:{self.business_date}:{self.content}"

    @property
    def jobs(self) -> list[str]:
        """Return the jobs that build the date without selecting its asset."""
        return [_job_name(self.mart), *(f"daily_{name}" for name in self.mart.inputs)]


def mart_job(mart: Mart) -> dg.JobDefinition:
    """Return the job that builds one mart, for dates whose input changed outside the daily job."""
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
    """Return the sensor that requests a run for every outdated date, with growing pauses while its runs fail."""
    reported_state = ReportedState()

    @dg.sensor(
        name="marts_follow",
        jobs=list(jobs),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Requests runs for mart dates whose published inputs have a newer generation, and reports publications "
            "that Dagster has not recorded."
        ),
    )
    def follow(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        with platform.open() as stores:
            reported = reconcile_instance(context.instance, stores, [*datasets, *marts], reported_state)
            refusals = {m.name: all_launch_refusals(stores, m) for m in marts}
            open_dates = [o for m in marts if not refusals[m.name] for o in _outdated(stores, m)]
            next_tries = _next_tries(context.instance, open_dates, stores.clock())
            due = [o for o in open_dates if not next_tries[o.key].not_yet]
            # The latest dates of all marts before the older ones of any.
            chosen = sorted(due, key=lambda o: o.business_date, reverse=True)[:REQUESTS_PER_TICK]
            launched, refused = _claim_launches(stores, chosen)
        messages = reported + sorted({*refused, *(reason for reasons in refusals.values() for reason in reasons)})
        messages += _tick_messages(open_dates, next_tries, left=len(due) - len(launched))
        for line in messages:
            context.log.info(line)
        return dg.SensorResult(
            run_requests=[_run_request(o, next_tries[o.key].number) for o in launched],
            skip_reason=None if launched else "; ".join(messages) or "every mart is up to date with its inputs",
        )

    return follow


def _outdated(platform: Platform, mart: Mart) -> list[_Outdated]:
    return [
        _Outdated(mart=mart, business_date=day, content=found.content, restates=found.restates)
        for day, found in dates_to_rebuild(platform.lake, mart).items()
        if day >= platform.first_date_of(mart.name)
    ]


def _claim_launches(platform: Platform, chosen: Sequence[_Outdated]) -> tuple[list[_Outdated], list[str]]:
    """Claim a launch for each date; return the granted dates, and why the others were refused.

    While a breaker is half-open, one date is granted.
    """
    launches = {
        mart.name: claim_mart_launch(platform, mart, [o.business_date for o in chosen if o.mart == mart])
        for mart in {o.mart.name: o.mart for o in chosen}.values()
    }
    launched = [o for o in chosen if o.business_date in launches[o.mart.name].granted]
    return launched, [reason for launch in launches.values() for reason in launch.refusals]


def _next_tries(instance: dg.DagsterInstance, outdated: Sequence[_Outdated], now: datetime) -> dict[str, NextTry]:
    """Return the next try of each date, and why it has to wait, by the date's key."""
    index, runs = RunIndex(instance, now), previous_runs(instance, [o.key for o in outdated])
    return {
        o.key: next_try(
            runs.get(o.key, ()),
            running=index.is_running(published_key(o.mart.name), o.business_date.isoformat(), o.jobs),
            backoff=RetryBackoff(),
            now=now,
        )
        for o in outdated
    }


def _run_request(outdated: _Outdated, try_number: int) -> dg.RunRequest:
    """Return the run request; each try has a run key of its own, since Dagster launches no run key twice."""
    reason = "its published input changed" if try_number == 1 else f"its published input changed; try {try_number}"
    return dg.RunRequest(
        run_key=f"{outdated.key}:{try_number}",
        job_name=_job_name(outdated.mart),
        partition_key=outdated.business_date.isoformat(),
        tags={
            REASON_TAG: reason,
            CONTENT_TAG: outdated.key,
            **({RESTATES_TAG: "true"} if outdated.restates else {}),
        },
    )


def _tick_messages(outdated: Sequence[_Outdated], next_tries: dict[str, NextTry], *, left: int) -> list[str]:
    """Return messages on the dates that are not requested now, with the reasons."""
    lines = [f"{left:,} dates not requested in this tick; more follow"] if left else []
    waiting = [o for o in outdated if next_tries[o.key].not_yet]
    lines += [f"{o.mart.name} {o.business_date}: {next_tries[o.key].not_yet}" for o in waiting[:_MAX_LISTED]]
    if len(waiting) > _MAX_LISTED:
        lines.append(f"{len(waiting) - _MAX_LISTED:,} more wait for a running run or for their next try")
    return lines
