"""In which state is a business date, and what is held back beside it?"""

from dataclasses import dataclass

from settlement_platform.control.facts import Publication, State, Verdict
from settlement_platform.control.publishing import Decision, Move


@dataclass(frozen=True, kw_only=True)
class Pending:
    """What is held back beside the published content: its state, its content and why."""

    state: State
    content_hash: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DateState:
    """The state that readers see, and what is pending beside it (None when nothing is)."""

    state: State
    pending: Pending | None
    reasons: tuple[str, ...]


def fold_state(
    *,
    decision: Decision,
    content_hash: str | None,
    verdict: Verdict | None,
    current: Publication | None,
    delivered: bool,
    in_flight: tuple[str, ...] = (),
) -> DateState:
    """Fold what is decided about the delivered content and what is published into one state.

    `delivered` says whether any source of the date has a complete delivery; `in_flight` what is on its way for
    sources that have one. With nothing published the state is the pending one.
    """
    pending = _pending(decision, content_hash, verdict, in_flight, published=current is not None, delivered=delivered)
    if current is None:
        pending = pending or Pending(state=State.WAITING, content_hash=None, reasons=decision.reasons)
        return DateState(state=pending.state, pending=pending, reasons=pending.reasons)
    reasons: tuple[str, ...] = (f"generation {current.generation} is published: {current.reason}",)
    if pending:
        reasons += tuple(f"held back ({pending.state}): {r}" for r in pending.reasons)
    return DateState(state=current.state, pending=pending, reasons=reasons)


def _pending(
    decision: Decision,
    content_hash: str | None,
    verdict: Verdict | None,
    in_flight: tuple[str, ...],
    *,
    published: bool,
    delivered: bool,
) -> Pending | None:
    if decision.move is Move.ALREADY_PUBLISHED:
        return Pending(state=State.WAITING, content_hash=None, reasons=in_flight) if in_flight else None
    if decision.move is Move.WAIT:
        if published and not delivered and not in_flight:
            return None
        return Pending(state=State.WAITING, content_hash=content_hash, reasons=decision.reasons + in_flight)
    if decision.move is Move.PUBLISH:
        reasons = ("validated: publishing is the next step", *decision.reasons)
        return Pending(state=State.STAGED, content_hash=content_hash, reasons=reasons)
    if verdict is not None and verdict.content_hash == content_hash and not verdict.passed:
        return Pending(state=State.QUARANTINED, content_hash=content_hash, reasons=decision.reasons + in_flight)
    reasons = ("everything required has arrived, and has not been validated yet",)
    return Pending(state=State.WAITING, content_hash=content_hash, reasons=reasons + in_flight)
