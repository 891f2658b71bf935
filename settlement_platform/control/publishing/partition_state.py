"""In which state is a business date, and what is held back beside it?"""

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
    """What is held back beside the published content: its state, its content and why.

    `awaits_approval` says that an operator has to approve or decline it.
    """

    state: State
    content_hash: str | None
    reasons: tuple[str, ...]
    awaits_approval: bool = False


@dataclass(frozen=True, kw_only=True)
class DateState:
    """The state that readers see, and what is pending beside it (None when nothing is)."""

    state: State
    pending: Pending | None
    reasons: tuple[str, ...]

    @property
    def quarantined(self) -> Pending | None:
        """What is held in quarantine; None when nothing is."""
        return self.pending if self.pending and self.pending.state is State.QUARANTINED else None

    @property
    def held(self) -> Pending | None:
        """What an operator may decide on: held in quarantine, or waiting for approval; None when nothing is."""
        return self.pending if self.pending and self.pending.awaits_approval else self.quarantined


@dataclass(frozen=True, kw_only=True)
class DeliveryStatus:
    """What is known of a date's inputs beyond their content.

    `anything` says whether any source has a complete delivery, `in_flight` what is on its way for sources that have
    one. `late` says that something required should have been there by now.
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
    """Fold what is decided about the delivered content and what is published into one state.

    With nothing published the state is the pending one.
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
