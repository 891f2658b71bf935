"""The circuit breakers of an installation: one per dataset and mart, one per store they depend on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from settlement_platform.catalog import Catalog
from settlement_platform.control.facts import AttemptOutcome, AttemptStep, OperatorActionType
from settlement_platform.control.failures import SettlementError
from settlement_platform.control.policies import BreakerPolicy
from settlement_platform.control.reliability.circuit_breakers import (
    DEPENDENCIES,
    BreakerState,
    CircuitBreaker,
    fold_breaker,
    resets_of,
)
from settlement_platform.pipeline.attempt_log import AttemptLog
from settlement_platform.pipeline.platform import LedgerAccess, LedgerStores, Request

DATASET, DEPENDENCY = "dataset", "dependency"
_USUAL = BreakerPolicy()
_LANDING = "landing"


@dataclass(frozen=True, kw_only=True)
class NamedBreaker:
    """A breaker with its name and kind, `dataset` or `dependency`."""

    name: str
    kind: str
    breaker: CircuitBreaker

    @property
    def state(self) -> BreakerState:
        """Closed, open or half-open."""
        return self.breaker.state

    @property
    def until(self) -> datetime | None:
        """The moment until which it allows nothing."""
        return self.breaker.until

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return self.breaker.failures

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons why it is not closed, or will soon open."""
        return self.breaker.reasons

    @property
    def handed_over(self) -> bool:
        """True if it waits for an operator."""
        return self.breaker.handed_over


def all_breakers(platform: LedgerAccess) -> list[NamedBreaker]:
    """Return every breaker: datasets and marts as declared, then the stores."""
    return _fold(platform, datasets=platform.catalog.names, dependencies=DEPENDENCIES)


def breakers_guarding(platform: LedgerAccess, dataset: str) -> list[NamedBreaker]:
    """Return the breakers that must allow a launch for a dataset or a mart."""
    landed = dataset in [d.name for d in platform.catalog.datasets]
    used = [d for d in DEPENDENCIES if landed or d != _LANDING]
    return _fold(platform, datasets=[dataset], dependencies=used)


def _fold(platform: LedgerAccess, *, datasets: Collection[str], dependencies: Collection[str]) -> list[NamedBreaker]:
    ledger, now = platform.ledger, platform.clock()
    resets = ledger.actions_named(OperatorActionType.RESET_BREAKER)
    found = [
        NamedBreaker(
            name=name,
            kind=DATASET,
            breaker=fold_breaker(
                _policy(platform.catalog, name), ledger.attempts_since_publishing([name]), resets_of(name, resets), now
            ),
        )
        for name in datasets
    ]
    # Only datasets show that the landing zone answers, so its record reaches further back than the others'.
    of_landing = (
        ledger.attempts_since_publishing([d.name for d in platform.catalog.datasets])
        if _LANDING in dependencies
        else []
    )
    of_all = ledger.attempts_since_publishing(platform.catalog.names)
    return found + [
        NamedBreaker(
            name=name,
            kind=DEPENDENCY,
            breaker=fold_breaker(
                _USUAL,
                of_landing if name == _LANDING else of_all,
                resets_of(name, resets),
                now,
                dependency=name,
            ),
        )
        for name in dependencies
    ]


def _policy(catalog: Catalog, name: str) -> BreakerPolicy:
    dataset = catalog.find_dataset(name)
    return dataset.breaker if dataset else _USUAL


def record_failed_scan(facts: LedgerStores, dataset: str, request: Request, failure: SettlementError) -> None:
    """Record a scan that a store did not answer, until its breaker opens.

    Scans continue meanwhile, as they cost the store next to nothing: a store that is back is seen at once, and no scan
    prolongs the pause.
    """
    blamed = [b for b in _of_stores(facts, dataset) if b.name == failure.dependency]
    if any(b.state is BreakerState.CLOSED for b in blamed):
        _record(facts, dataset, request, AttemptOutcome.FAILED, detail=str(failure), dependency=failure.dependency)


def record_successful_scan(platform: LedgerAccess, dataset: str, request: Request) -> None:
    """Record a scan that succeeded after failed ones, so that the breakers of stores forget them."""
    if any(b.failures for b in _of_stores(platform, dataset)):
        _record(platform, dataset, request, AttemptOutcome.WAITING, detail="every store answered")


def _of_stores(platform: LedgerAccess, dataset: str) -> list[NamedBreaker]:
    return [b for b in breakers_guarding(platform, dataset) if b.kind == DEPENDENCY]


def _record(
    platform: LedgerAccess,
    dataset: str,
    request: Request,
    outcome: AttemptOutcome,
    *,
    detail: str,
    dependency: str = "",
) -> None:
    # A scan covers all dates; today is the date with the fewest other records.
    today = platform.clock().date()
    log = AttemptLog(platform=platform, dataset=dataset, business_date=today, request=request)
    log.record(AttemptStep.SCAN, outcome, detail=detail, dependency=dependency)
