"""The stores of a step over business dates, and what becomes of the step when they do not answer."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date

import dagster as dg

from settlement_platform.control.failures import SettlementError, TransientFailure
from settlement_platform.orchestration.outcomes import raise_unopened
from settlement_platform.orchestration.requests import request_of
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.pipeline.attempts import record_unopened
from settlement_platform.pipeline.gate import retry_refusals
from settlement_platform.pipeline.platform import Platform


@contextmanager
def opened(context: dg.AssetExecutionContext, platform: PlatformResource, name: str) -> Iterator[Platform]:
    """All stores, for a step over dates of a dataset or a mart; a try that cannot open them is put on record.

    Raises:
        dagster.RetryRequested: a store did not answer, and tries are left.
        dagster.Failure: a store cannot be opened, or the block failed for good.
    """
    entered = False
    try:
        with platform.open() as stores:
            entered = True
            yield stores
    except (SettlementError, dg.Failure) as error:
        failure = error.__cause__ if isinstance(error, dg.Failure) else error
        if not isinstance(failure, SettlementError) or (entered and not isinstance(failure, TransientFailure)):
            raise
        refusals = () if entered else _on_record(context, platform, name, failure)
        raise_unopened(failure, retry=context.retry_number, refusals=refusals)


def _on_record(
    context: dg.AssetExecutionContext, platform: PlatformResource, name: str, failure: SettlementError
) -> tuple[str, ...]:
    """Record the try, and say why another one has to wait, as far as the ledger answers."""
    days = [date.fromisoformat(key) for key in context.partition_keys]
    with suppress(SettlementError), platform.facts() as facts:
        record_unopened(facts, name, days, request_of(context), failure)
        return retry_refusals(facts, name)
    return ()
