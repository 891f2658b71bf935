"""A sensor's looks at the stores, on record as far as a store did not answer one: its breaker is folded from them."""

from settlement_platform.control.attempts import FAILED, LOOK, WAITING
from settlement_platform.control.breakers import BreakerState
from settlement_platform.control.failures import SettlementError
from settlement_platform.pipeline.attempts import AttemptLog
from settlement_platform.pipeline.breakers import DEPENDENCY, NamedBreaker, breakers_before
from settlement_platform.pipeline.platform import Facts, Platform, Request


def record_failed_look(facts: Facts, dataset: str, request: Request, failure: SettlementError) -> None:
    """Count a look that a store did not answer, until its breaker opens.

    Looking goes on all the while, as it costs the store next to nothing: what is back is seen at once, and no look
    makes the pause longer.
    """
    blamed = [b for b in _of_stores(facts, dataset) if b.name == failure.dependency]
    if any(b.state is BreakerState.CLOSED for b in blamed):
        _record(facts, dataset, request, FAILED, detail=str(failure), dependency=failure.dependency)


def record_good_look(platform: Platform | Facts, dataset: str, request: Request) -> None:
    """Let the breakers of stores forget the looks that failed, if any did."""
    if any(b.failures for b in _of_stores(platform, dataset)):
        _record(platform, dataset, request, WAITING, detail="every store that was asked answered")


def _of_stores(platform: Platform | Facts, dataset: str) -> list[NamedBreaker]:
    return [b for b in breakers_before(platform, dataset) if b.kind == DEPENDENCY]


def _record(
    platform: Platform | Facts, dataset: str, request: Request, outcome: str, *, detail: str, dependency: str = ""
) -> None:
    # A look is at all dates; today's is the one on which the fewest others have anything on record.
    today = platform.clock().date()
    log = AttemptLog(platform=platform, dataset=dataset, business_date=today, request=request)
    log.record(LOOK, outcome, detail=detail, dependency=dependency)
