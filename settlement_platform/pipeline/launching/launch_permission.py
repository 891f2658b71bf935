"""Launch permission: whether sensors and schedules may launch runs of a dataset or a mart now, and why not."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from settlement_platform.control.facts import Attempt, AttemptOutcome, AttemptStep
from settlement_platform.control.publishing.operator_overrides import action_parameters, fold_pause
from settlement_platform.control.reasons.queue import BREAKER_BLOCKS, DATASET_PAUSED
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reliability.circuit_breakers import BreakerState
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.launching.circuit_breakers import NamedBreaker, breakers_guarding
from settlement_platform.pipeline.platform import LedgerAccess
from settlement_platform.storage.ledger.ledger import Ledger

_LOCK_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class LaunchPermission:
    """The requested dates that may be launched, and the reasons why the others may not."""

    granted: tuple[date, ...] = ()
    refusals: tuple[str, ...] = ()


def launch_refusals(platform: LedgerAccess, dataset: str) -> tuple[str, ...]:
    """Return every reason why sensors and schedules launch nothing for a dataset or a mart; empty if they may.

    While a breaker is half-open they may launch one run, which `claim_launch` sees to.
    """
    faulty = out_of_service_reasons(platform, dataset)
    return faulty + _pause(platform.ledger, dataset) + _broken(breakers_guarding(platform, dataset))


def out_of_service_reasons(platform: LedgerAccess, name: str) -> tuple[str, ...]:
    """Return every fault of a dataset or a mart that is out of service; empty if it is in service."""
    faulty = platform.catalog.find_out_of_service(name)
    return faulty.reasons if faulty else ()


def is_paused(ledger: Ledger, dataset: str) -> bool:
    """Return whether a pause of a dataset or a mart is in force."""
    return bool(_pause(ledger, dataset))


def claim_launch(platform: LedgerAccess, dataset: str, dates: Sequence[date]) -> LaunchPermission:
    """Return the dates that may be launched now: all, none, or while a breaker is half-open the first, as its probe.

    The probe is put on record before it is launched, so that no other process launches one beside it.

    Raises:
        TransientFailure: the ledger did not answer.
    """
    stopped = out_of_service_reasons(platform, dataset) + _pause(platform.ledger, dataset)
    if stopped or not dates:
        return LaunchPermission(refusals=stopped)
    if all(b.state is BreakerState.CLOSED for b in breakers_guarding(platform, dataset)):
        return LaunchPermission(granted=tuple(dates))
    with platform.locks.hold("breakers", timeout_seconds=_LOCK_SECONDS):
        passed = breakers_guarding(platform, dataset)
        refusals = _broken(passed)
        if refusals:
            return LaunchPermission(refusals=refusals)
        half_open = [b.name for b in passed if b.state is BreakerState.HALF_OPEN]
        if not half_open:
            return LaunchPermission(granted=tuple(dates))
        _record_probe(platform, dataset, dates[0], half_open)
    left = f"the breaker of {', '.join(half_open)} is half-open: {dates[0]} is the probe, and all else waits for it"
    return LaunchPermission(granted=(dates[0],), refusals=(left,) if dates[1:] else ())


def input_refusals(platform: LedgerAccess, dataset: str, reader: str) -> tuple[str, ...]:
    """Return every reason why a mart waits for a dataset that it reads; empty if it need not.

    Besides a pause those are breakers that no run of the mart goes through: only one of the dataset's own shows that
    all is well again, so that none of the mart's is spent on it.
    """
    own = {b.name for b in breakers_guarding(platform, reader)}
    theirs = [b for b in breakers_guarding(platform, dataset) if b.name not in own]
    broken = tuple(_refusal(b) for b in theirs if b.state is not BreakerState.CLOSED)
    return _pause(platform.ledger, dataset) + broken


def retry_refusals(platform: LedgerAccess, dataset: str) -> tuple[str, ...]:
    """Return why a failed step is not retried at once: a breaker opened; empty if none did."""
    opened = [b for b in breakers_guarding(platform, dataset) if b.state is BreakerState.OPEN]
    return tuple(_refusal(b) for b in opened)


def _pause(ledger: Ledger, dataset: str) -> tuple[str, ...]:
    paused = fold_pause(a for a in ledger.actions(dataset) if a.business_date is None)
    return (DATASET_PAUSED(dataset=dataset, **action_parameters(paused)),) if paused else ()


def _broken(passed: Sequence[NamedBreaker]) -> tuple[str, ...]:
    return tuple(_refusal(b) for b in passed if not b.breaker.allows)


def _refusal(named: NamedBreaker) -> Reason:
    return BREAKER_BLOCKS(
        kind=named.kind,
        name=named.name,
        state=named.state.replace("_", "-"),
        until=named.until if named.state is BreakerState.OPEN else None,
        reasons="; ".join(named.reasons),
    )


def _record_probe(platform: LedgerAccess, dataset: str, business_date: date, half_open: Sequence[str]) -> None:
    platform.ledger.append(
        Attempt(
            attempt_id=uuid.uuid4().hex,
            dataset=dataset,
            business_date=business_date,
            step=AttemptStep.PROBE,
            outcome=AttemptOutcome.STARTED,
            recorded_at=platform.clock(),
            detail=f"launched to see whether {', '.join(half_open)} is well again",
        )
    )


def all_launch_refusals(platform: LedgerAccess, declared: PublishedTable) -> tuple[str, ...]:
    """Return every pause and breaker that stops launches of a table, or of its inputs; empty if none does."""
    return launch_refusals(platform, declared.name) + _input_refusals(platform, declared)


def pauses_in_force(ledger: Ledger, declared: PublishedTable) -> str:
    """Return the name that is paused, of a dataset, or of a mart and its inputs; empty if none is."""
    names = (declared.name, *declared.inputs)
    return next((name for name in names if is_paused(ledger, name)), "")


def claim_mart_launch(platform: LedgerAccess, mart: Mart, dates: Sequence[date]) -> LaunchPermission:
    """Return the dates of a mart that may be launched now, as `claim_launch` does, unless its inputs stop it.

    Raises:
        TransientFailure: the ledger did not answer.
    """
    waits = _input_refusals(platform, mart)
    return LaunchPermission(refusals=waits) if waits else claim_launch(platform, mart.name, dates)


def _input_refusals(platform: LedgerAccess, table: PublishedTable) -> tuple[str, ...]:
    return tuple(reason for name in table.inputs for reason in input_refusals(platform, name, table.name))
