"""Circuit breakers: whether anything may be launched, folded from recorded attempts.

A breaker is folded each time it is needed, so it is the same in every process and after every restart.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from settlement_platform.control.facts import Attempt, AttemptOutcome, AttemptStep, OperatorAction, OperatorActionType
from settlement_platform.control.policies import BreakerPolicy
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.reliability import (
    FAILURES_IN_A_ROW,
    HANDED_TO_OPERATOR,
    LAUNCHES_BLOCKED,
    PROBE_ALLOWED,
    PROBE_RUNNING,
)

DEPENDENCIES = ("landing", "staging", "lake", "ledger")
"""The stores that datasets and marts depend on; each has a breaker."""

PROBE_TIMEOUT = timedelta(minutes=15)
"""The time for which a probe that does not end keeps others from being launched."""

_CONTACTED = {
    AttemptStep.LAND: {"landing", "ledger"},
    AttemptStep.STAGE: {"landing", "staging", "ledger"},
    AttemptStep.VALIDATE: {"staging", "lake", "ledger"},
    AttemptStep.PUBLISH: {"staging", "lake", "ledger"},
    AttemptStep.BUILD: {"staging", "lake", "ledger"},
    AttemptStep.SCAN: {"landing", "lake", "ledger"},
}
"""The stores that each step uses: an attempt that ended well had an answer from all of them."""


class BreakerState(StrEnum):
    """The states of a breaker: closed allows everything, open nothing, half-open one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, kw_only=True)
class CircuitBreaker:
    """A circuit breaker at one moment.

    `failures` counts those since the last success, `openings` how often in a row it opened. `handed_over` is set when
    an operator must act; probes continue. `probing` is set while a probe runs.
    """

    state: BreakerState
    failures: int = 0
    opened_at: datetime | None = None
    until: datetime | None = None
    openings: int = 0
    reasons: tuple[str, ...] = ()
    handed_over: bool = False
    probing: bool = False

    @property
    def allows(self) -> bool:
        """Return whether something may be launched now."""
        return self.state is BreakerState.CLOSED or (self.state is BreakerState.HALF_OPEN and not self.probing)


def fold_breaker(
    policy: BreakerPolicy,
    attempts: Iterable[Attempt],
    resets: Iterable[OperatorAction],
    now: datetime,
    *,
    dependency: str = "",
) -> CircuitBreaker:
    """Fold attempts since the last success, oldest first, and operators' resets into the breaker at `now`.

    A failure is an attempt that ended `failed`; with `dependency`, one that this store caused. Bad input is no outage:
    a refused date shows that all stores answered. A date that waits for files shows only that the stores it used
    answered. A sensor's scan counts for stores alone, and a successful one forgives failed scans alone.
    """
    folding = _Folding(policy=policy)
    for event in _ordered(attempts, resets):
        moment = event.recorded_at
        if moment > now:
            break
        if isinstance(event, OperatorAction):
            folding.close()
        elif event.step is AttemptStep.SCAN and not dependency:
            continue
        elif event.outcome is AttemptOutcome.STARTED:
            folding.begin(event)
        elif event.outcome is not AttemptOutcome.FAILED:
            folding.end_well(event, dependency)
        elif dependency in {"", event.dependency}:
            folding.fail(event)
        else:
            folding.probes.pop(event.attempt_id, None)
    return folding.at(now)


def _ordered(attempts: Iterable[Attempt], resets: Iterable[OperatorAction]) -> Iterator[Attempt | OperatorAction]:
    events: list[Attempt | OperatorAction] = [*attempts, *resets]
    # Sorting is stable, so facts of one moment stay in the order in which they were recorded.
    return iter(sorted(events, key=lambda event: event.recorded_at))


@dataclass(kw_only=True)
class _Folding:
    """The state of the fold so far."""

    policy: BreakerPolicy
    failures: int = 0
    openings: int = 0
    opened_at: datetime | None = None
    until: datetime | None = None
    last: Attempt | None = None
    tried: bool = False
    probes: dict[str, datetime] = field(default_factory=dict)
    contacted: dict[str, set[str]] = field(default_factory=dict)

    def begin(self, attempt: Attempt) -> None:
        self.contacted.setdefault(attempt.attempt_id, set()).update(_CONTACTED.get(attempt.step, set()))
        if self.until is not None:
            self.probes.setdefault(attempt.attempt_id, attempt.recorded_at)

    def end_well(self, attempt: Attempt, dependency: str) -> None:
        self.probes.pop(attempt.attempt_id, None)
        contacted = self.contacted.pop(attempt.attempt_id, set()) | _CONTACTED.get(attempt.step, set())
        if attempt.outcome is AttemptOutcome.SUCCEEDED:
            # What is published already was looked up in the lake.
            contacted.add("lake")
        only_scanned = attempt.outcome is AttemptOutcome.WAITING and "lake" not in contacted
        # A store that can be listed may still fail to read or write.
        proves_little = attempt.step is AttemptStep.SCAN and self.tried
        if (dependency in contacted if dependency else not only_scanned) and not proves_little:
            self.close()

    def fail(self, attempt: Attempt) -> None:
        self.probes.pop(attempt.attempt_id, None)
        self.contacted.pop(attempt.attempt_id, None)
        self.failures, self.last, self.tried = (
            self.failures + 1,
            attempt,
            self.tried or attempt.step is not AttemptStep.SCAN,
        )
        half_open = self.until is not None and attempt.recorded_at >= self.until
        if half_open or (self.until is None and self.failures >= self.policy.failures):
            self.openings += 1
            self.opened_at = attempt.recorded_at
            self.until = attempt.recorded_at + _cooldown(self.policy, self.openings)
            self.probes.clear()

    def close(self) -> None:
        self.failures, self.openings, self.opened_at, self.until, self.last = 0, 0, None, None, None
        self.tried = False
        self.probes.clear()

    def at(self, now: datetime) -> CircuitBreaker:
        probing = any(now - began < PROBE_TIMEOUT for began in self.probes.values())
        if self.until is None:
            state = BreakerState.CLOSED
        else:
            state = BreakerState.OPEN if now < self.until else BreakerState.HALF_OPEN
        handed_over = state is not BreakerState.CLOSED and self.openings >= self.policy.handed_over
        return CircuitBreaker(
            state=state,
            failures=self.failures,
            opened_at=self.opened_at,
            until=self.until,
            openings=self.openings,
            reasons=tuple(self._reasons(state, probing=probing, handed_over=handed_over)),
            handed_over=handed_over,
            probing=state is BreakerState.HALF_OPEN and probing,
        )

    def _reasons(self, state: BreakerState, *, probing: bool, handed_over: bool) -> Iterator[Reason]:
        if self.last is None:
            return
        yield FAILURES_IN_A_ROW(failures=self.failures, last_at=self.last.recorded_at, detail=self.last.detail)
        if self.until and state is BreakerState.OPEN:
            yield LAUNCHES_BLOCKED(until=self.until)
        elif state is BreakerState.HALF_OPEN:
            yield PROBE_RUNNING() if probing else PROBE_ALLOWED()
        if handed_over:
            yield HANDED_TO_OPERATOR(openings=self.openings)


def _cooldown(policy: BreakerPolicy, openings: int) -> timedelta:
    """Return the cooldown, doubled per opening in a row; the exponent is bounded because 2.0 ** 1024 overflows."""
    seconds = policy.cooldown.total_seconds() * 2.0 ** min(openings - 1, 64)
    return timedelta(seconds=min(policy.longest.total_seconds(), seconds))


def resets_of(name: str, actions: Iterable[OperatorAction]) -> list[OperatorAction]:
    """Return the resets of one breaker; a reset that names none is of the breaker of its dataset."""
    return [
        a
        for a in actions
        if a.action is OperatorActionType.RESET_BREAKER and (a.detail.get("breaker") or a.dataset) == name
    ]
