"""The step of a run over business dates: its stores, its end, and the replay of dates already published."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from functools import cached_property

import dagster as dg

from settlement_platform.control.facts import Publication, Verdict
from settlement_platform.control.failures import PermanentFailure, SettlementError, TransientFailure
from settlement_platform.control.policies import RetryPolicy
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS, Action
from settlement_platform.orchestration.dagster_internals.asset_events import (
    SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION,
)
from settlement_platform.orchestration.events.metadata import Metadata
from settlement_platform.orchestration.requests import request_of
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.pipeline.attempt_log import record_unavailable_stores
from settlement_platform.pipeline.launching.launch_permission import out_of_service_reasons, retry_refusals
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform
from settlement_platform.pipeline.processing.process_dates import FailedDate


@contextmanager
def open_step_stores(context: dg.AssetExecutionContext, platform: PlatformResource, name: str) -> Iterator[Platform]:
    """Open all stores for a step over dates of a dataset or a mart; record an attempt if they cannot be opened.

    Raises:
        dagster.RetryRequested: a store did not answer, and retries are left.
        dagster.Failure: a store cannot be opened, or the block failed for good.
    """
    entered = False
    try:
        with platform.open() as stores:
            entered = True
            _require_in_service(stores, name)
            yield stores
    except (SettlementError, dg.Failure) as error:
        failure = error.__cause__ if isinstance(error, dg.Failure) else error
        if not isinstance(failure, SettlementError) or (entered and not isinstance(failure, TransientFailure)):
            raise
        refusals = () if entered else _record_try(context, platform, name, failure)
        end_step_without_stores(failure, retry=context.retry_number, refusals=refusals)


def _require_in_service(stores: Platform, name: str) -> None:
    """Require a dataset or a mart whose declaration fits what is published of it.

    Raises:
        PermanentFailure: it does not.
    """
    if reasons := out_of_service_reasons(stores, name):
        message = f"{name} is {'; '.join(reasons)}"
        raise PermanentFailure(message)


def _record_try(
    context: dg.AssetExecutionContext, platform: PlatformResource, name: str, failure: SettlementError
) -> tuple[str, ...]:
    """Record the attempt and return why a retry has to wait, as far as the ledger answers."""
    days = [date.fromisoformat(key) for key in context.partition_keys]
    with suppress(SettlementError), platform.open_ledger() as facts:
        record_unavailable_stores(facts, name, days, request_of(context), failure)
        return retry_refusals(facts, name)
    return ()


_POLICY = RetryPolicy()

# The operating system's generator: forked processes would otherwise all wait equally long.
_JITTER = random.SystemRandom()

NAMED_DATES = "dates"
"""The metadata key of a failure under which it lists the unpublished dates, with reasons."""


def end_step(outcomes: Sequence[DateOutcome | FailedDate], *, retry: int = 0, refusals: Sequence[str] = ()) -> None:
    """End the step by the outcomes of its dates; `retry` counts its retries, `refusals` say why no retry is due.

    Raises:
        dagster.RetryRequested: a date failed, a retry may succeed, and retries are left.
        dagster.Failure: a date is refused, incomplete or failed for good.
    """
    failed = [o for o in outcomes if isinstance(o, FailedDate)]
    unpublished = [o for o in outcomes if isinstance(o, DateOutcome) and o.decision.action not in VISIBLE_ACTIONS]
    if not failed and not unpublished:
        return
    lines = [f"{o.business_date}: {_describe_action(o)}: {'; '.join(o.decision.reasons)}" for o in unpublished]
    lines += [f"{o.business_date}: failed: {o.failure}" for o in failed]
    transient = any(isinstance(o.failure, TransientFailure) for o in failed)
    description = f"{len(lines)} of {len(outcomes)} dates are not published.\n" + "\n".join(lines)
    dates = dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))
    raise _step_end(description, {NAMED_DATES: dates}, transient=transient, retry=retry, refusals=refusals)


def retry_blockers(platform: Platform, name: str, outcomes: Sequence[DateOutcome | FailedDate]) -> tuple[str, ...]:
    """Return why a failed step is not to be retried at once: a breaker has opened."""
    return retry_refusals(platform, name) if any(isinstance(o, FailedDate) for o in outcomes) else ()


def end_step_without_stores(failure: SettlementError, *, retry: int = 0, refusals: Sequence[str] = ()) -> None:
    """End a step whose stores could not be opened; `retry` and `refusals` as in `end_step`.

    Raises:
        dagster.RetryRequested: a retry may succeed, and retries are left.
        dagster.Failure: otherwise.
    """
    transient = isinstance(failure, TransientFailure)
    description = f"{type(failure).__name__}: {failure}"
    raise _step_end(description, {}, transient=transient, retry=retry, refusals=refusals)


def _step_end(
    description: str,
    metadata: Metadata,
    *,
    transient: bool,
    retry: int,
    refusals: Sequence[str],
) -> dg.RetryRequested | dg.Failure:
    """Return the exception that ends a step: a retry of a transient failure while retries are left, or the failure."""
    if transient and retry < _POLICY.max_retries and not refusals:
        wait = _POLICY.delay_seconds(retry + 1, _JITTER.random())
        again = dg.RetryRequested(max_retries=_POLICY.max_retries, seconds_to_wait=wait)
        again.__cause__ = dg.Failure(description=description, metadata=metadata)
        return again
    stopped = [f"Not retried: {reason}" for reason in refusals] if transient else []
    return dg.Failure(description="\n".join([description, *stopped]), metadata=metadata, allow_retries=False)


def let_downstream_run(keys: Iterable[dg.AssetKey]) -> Iterator[dg.MaterializeResult[None]]:
    """Yield a result for each asset of a step, upstream first: Dagster skips steps whose input has no result.

    The key in the metadata keeps Dagster from logging again the dates that were logged as they ended.
    """
    for key in keys:
        yield dg.MaterializeResult(asset_key=key, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})


def _describe_action(outcome: DateOutcome) -> str:
    return "waiting" if outcome.decision.action is Action.WAIT else "refused"


class ReplayedDates:
    """The verdicts and publications of a run's dates, read once and only when a date needs them."""

    def __init__(self, platform: Platform, name: str, days: Sequence[date]) -> None:
        self._platform = platform
        self._name = name
        self._range = min(days), max(days)

    def complete(self, outcome: DateOutcome) -> DateOutcome:
        """Return the outcome, with the recorded verdict and publication of a date that was published before."""
        content = outcome.content_hash
        if outcome.decision.action is not Action.ALREADY_PUBLISHED or content is None:
            return outcome
        publication = self._publications.get(outcome.business_date)
        if publication and publication.content_hash != content:
            publication = None
        verdict = outcome.verdict or self._verdicts.get(content) or self._published_with(publication)
        return replace(outcome, verdict=verdict, publication=outcome.publication or publication)

    def _published_with(self, publication: Publication | None) -> Verdict | None:
        """Return the verdict from the lake, which has it even where the ledger was lost."""
        return self._platform.lake.published_verdict(publication) if publication else None

    @cached_property
    def _publications(self) -> Mapping[date, Publication]:
        return self._platform.lake.publications(self._name, *self._range)

    @cached_property
    def _verdicts(self) -> Mapping[str, Verdict]:
        return self._platform.ledger.verdicts(self._name, *self._range)
