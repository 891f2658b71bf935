"""How a run over business dates ends: well, to be retried, or failed for good with every refused date named."""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.policies import RetryPolicy
from settlement_platform.control.publishing import VISIBLE, Move
from settlement_platform.pipeline.concluded import Concluded
from settlement_platform.pipeline.many_dates import Failed

_POLICY = RetryPolicy()

STEP_RETRIES = dg.RetryPolicy(
    max_retries=_POLICY.max_retries,
    delay=_POLICY.base_seconds,
    backoff=dg.Backoff.EXPONENTIAL,
    jitter=dg.Jitter.PLUS_MINUS,
)
"""Applies to transient failures only: everything else is raised as a failure that allows no retries."""


NAMED_DATES = "dates"
"""In the metadata of a failure: every date that is not published, and why."""


def raise_unless_all_visible(outcomes: Sequence[Concluded | Failed]) -> None:
    """End the step as the dates deserve.

    Raises:
        dagster.Failure: a date is refused, incomplete or failed; it allows retries only if that can heal a date.
    """
    failed = [o for o in outcomes if isinstance(o, Failed)]
    held = [o for o in outcomes if isinstance(o, Concluded) and o.decision.move not in VISIBLE]
    if not failed and not held:
        return
    lines = [f"{o.business_date}: {_word(o)}: {'; '.join(o.decision.reasons)}" for o in held]
    lines += [f"{o.business_date}: failed: {o.failure}" for o in failed]
    raise dg.Failure(
        description=f"{len(lines)} of {len(outcomes)} dates are not published.\n" + "\n".join(lines),
        metadata={NAMED_DATES: dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))},
        allow_retries=any(isinstance(o.failure, TransientFailure) for o in failed),
    )


def let_downstream_run(keys: Iterable[dg.AssetKey]) -> Iterator[dg.MaterializeResult[None]]:
    """Tell Dagster that a step has made its assets: it skips the steps that read an asset without a result.

    Dagster wants what is upstream first. The key in the metadata keeps it from logging each date again, which was
    logged as it happened.
    """
    for key in keys:
        yield dg.MaterializeResult(asset_key=key, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})


def _word(concluded: Concluded) -> str:
    return "waiting" if concluded.decision.move is Move.WAIT else "refused"
