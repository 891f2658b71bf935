"""The state of a business date: what readers see, and what is pending beside it."""

from dataclasses import dataclass

from settlement_platform.control.facts import Publication, State, Verdict
from settlement_platform.control.publishing.gate import Action, Decision
from settlement_platform.control.reasons.publishing import (
    BESIDE_PUBLISHED,
    PUBLISHED_AS,
    PUBLISHING_NEXT,
    SOURCES_MISSING,
)


@dataclass(frozen=True, kw_only=True)
class Pending:
    """Content that is not published yet: its state, its hash and why.

    `awaits_approval` is set when an operator must approve or decline it.
    """

    state: State
    content_hash: str | None
    reasons: tuple[str, ...]
    awaits_approval: bool = False


@dataclass(frozen=True, kw_only=True)
class DateState:
    """The state that readers see, and the pending content beside it (None when there is none)."""

    state: State
    pending: Pending | None
    reasons: tuple[str, ...]

    @property
    def quarantined(self) -> Pending | None:
        """Return the content in quarantine; None when there is none."""
        return self.pending if self.pending and self.pending.state is State.QUARANTINED else None

    @property
    def held(self) -> Pending | None:
        """Return the content that an operator may decide on; None when there is none.

        It is in quarantine, or awaits approval.
        """
        return self.pending if self.pending and self.pending.awaits_approval else self.quarantined


@dataclass(frozen=True, kw_only=True)
class DeliveryStatus:
    """The status of a date's deliveries, beyond their content.

    `anything` says whether any source has a complete delivery. `in_flight` describes files still on their way for
    sources that have one. `late` is set when a required file should have arrived by now.
    """

    anything: bool
    in_flight: tuple[str, ...] = ()
    late: bool = False


def fold_state(
    *,
    decision: Decision,
    content_hash: str | None,
    verdict: Verdict | None,
    current: Publication | None,
    delivered: DeliveryStatus,
) -> DateState:
    """Fold the gate's decision and the current publication into one state.

    With nothing published, the state is that of the pending content.
    """
    pending = _pending(decision, content_hash, verdict, current, delivered)
    if current is None:
        state = State.LATE if delivered.late else State.WAITING
        pending = pending or Pending(state=state, content_hash=None, reasons=decision.reasons)
        return DateState(state=pending.state, pending=pending, reasons=pending.reasons)
    reasons: tuple[str, ...] = (
        PUBLISHED_AS(generation=current.generation, state=current.state, reason=current.reason),
    )
    if decision.action is Action.WITHDRAWN:
        reasons += decision.reasons
    if current.missing:
        reasons += (SOURCES_MISSING(sources=current.missing, completeness=current.completeness),)
    if pending:
        reasons += tuple(BESIDE_PUBLISHED(state=pending.state, reason=r) for r in pending.reasons)
    return DateState(state=current.state, pending=pending, reasons=reasons)


def _pending(  # noqa: PLR0911 - one for each move
    decision: Decision,
    content_hash: str | None,
    verdict: Verdict | None,
    current: Publication | None,
    delivered: DeliveryStatus,
) -> Pending | None:
    whole = current is not None and current.state is not State.PROVISIONAL
    waiting = State.LATE if delivered.late and not whole else State.WAITING
    if decision.action is Action.ALREADY_PUBLISHED:
        still = decision.reasons[1:] + delivered.in_flight
        return Pending(state=waiting, content_hash=None, reasons=still) if still else None
    if decision.action is Action.WITHDRAWN:
        return None
    if decision.action is Action.WAIT:
        if current and not delivered.anything and not delivered.in_flight:
            return None
        return Pending(state=waiting, content_hash=content_hash, reasons=decision.reasons + delivered.in_flight)
    if decision.action is Action.AWAITING_OPERATOR:
        return Pending(
            state=State.STAGED,
            content_hash=content_hash,
            reasons=decision.reasons + delivered.in_flight,
            awaits_approval=decision.awaits_approval,
        )
    if decision.action is Action.PUBLISH:
        reasons = (PUBLISHING_NEXT(), *decision.reasons)
        return Pending(state=State.STAGED, content_hash=content_hash, reasons=reasons)
    if verdict is not None and verdict.content_hash == content_hash and not verdict.passed:
        return Pending(
            state=State.QUARANTINED, content_hash=content_hash, reasons=decision.reasons + delivered.in_flight
        )
    reasons = decision.reasons + delivered.in_flight
    return Pending(state=State.WAITING, content_hash=content_hash, reasons=reasons)
