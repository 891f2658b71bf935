"""May this content be published now, and as what?"""

from dataclasses import dataclass
from enum import StrEnum

from settlement_platform.control.facts import Standing, State, Verdict


class Move(StrEnum):
    """What publishing would do."""

    PUBLISH = "publish"
    ALREADY_PUBLISHED = "already_published"
    REFUSE = "refuse"
    WAIT = "wait"


VISIBLE = frozenset({Move.PUBLISH, Move.ALREADY_PUBLISHED})
"""The moves after which readers see the content as it was delivered."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do with a content, as which state and generation, and every reason for it."""

    move: Move
    reasons: tuple[str, ...]
    state: State | None = None
    generation: int | None = None


_RESTATES = {State.FINAL, State.RESTATED, State.ROLLED_BACK}


def decide_publication(
    *,
    content_hash: str,
    waiting: tuple[str, ...],
    verdict: Verdict | None,
    current: Standing | None,
    verdict_remedy: str = "materialize the staged asset first",
) -> Decision:
    """Decide from the content that is delivered, its verdict and what is published.

    `waiting` gives, per required source that is not complete, what it waits for. A verdict counts only for
    exactly this content.
    """
    if verdict and verdict.content_hash == content_hash and not verdict.passed:
        reasons = tuple(f"{c.name}: {c.message}" for c in verdict.failures)
        return Decision(move=Move.REFUSE, reasons=reasons)
    if waiting:
        return Decision(move=Move.WAIT, reasons=waiting)
    if current and current.content_hash == content_hash:
        reason = f"generation {current.generation} already holds exactly this content"
        return Decision(
            move=Move.ALREADY_PUBLISHED, reasons=(reason,), state=current.state, generation=current.generation
        )
    if verdict is None:
        return Decision(move=Move.REFUSE, reasons=(f"no verdict for content {content_hash[:12]}: {verdict_remedy}",))
    if verdict.content_hash != content_hash:
        reason = f"the verdict speaks of content {verdict.content_hash[:12]}, not of {content_hash[:12]}"
        return Decision(move=Move.REFUSE, reasons=(reason,))
    return _publish(verdict, current)


def _publish(verdict: Verdict, current: Standing | None) -> Decision:
    reasons = [f"all {len(verdict.checks)} checks passed or only warn, for exactly this content"]
    reasons += [f"warning, {c.name}: {c.message}" for c in verdict.warnings]
    if current is None:
        return Decision(move=Move.PUBLISH, reasons=tuple(reasons), state=State.FINAL, generation=1)
    reasons.append(f"replaces generation {current.generation} ({current.state})")
    state = State.RESTATED if current.state in _RESTATES else State.FINAL
    return Decision(move=Move.PUBLISH, reasons=tuple(reasons), state=state, generation=current.generation + 1)
