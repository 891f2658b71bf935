"""May this content be published now, and as what?"""

from dataclasses import dataclass
from enum import StrEnum

from settlement_platform.control.facts import Standing, State, Verdict
from settlement_platform.control.policies import Restating
from settlement_platform.control.publishing.operator_overrides import NO_RULINGS, Rulings, ruled, why_withdrawn
from settlement_platform.control.publishing.restatement import Difference, beyond_limits


class Move(StrEnum):
    """What publishing would do; what is withdrawn was discarded, or rolled back from."""

    PUBLISH = "publish"
    ALREADY_PUBLISHED = "already_published"
    REFUSE = "refuse"
    WAIT = "wait"
    HOLD = "hold"
    WITHDRAWN = "withdrawn"


VISIBLE = frozenset({Move.PUBLISH, Move.ALREADY_PUBLISHED})
"""The moves after which readers see the content as it was delivered."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do with a content, as which state and generation, and every reason for it.

    `paused` says that what is held waits for nothing but the end of a pause.
    """

    move: Move
    reasons: tuple[str, ...]
    state: State | None = None
    generation: int | None = None
    paused: bool = False

    @property
    def awaits_approval(self) -> bool:
        """Whether an operator has to approve it, or to decline it."""
        return self.move is Move.HOLD and not self.paused


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What bears on a decision beside the content itself.

    `cut` says why a provisional cut is due, empty while none is. `returning` says that something is delivered from
    which an operator has rolled back, empty where nothing is. `limits` are those of a restatement, and
    `second_person` names the actions that need another's approval.
    """

    rulings: Rulings = NO_RULINGS
    cut: str = ""
    returning: str = ""
    limits: Restating | None = None
    second_person: frozenset[str] = frozenset()


_RESTATES = {State.FINAL, State.RESTATED, State.ROLLED_BACK}


_NO_RULES = Rules()


def restates(current: Standing | None) -> bool:
    """Whether what replaces this restates what readers took for whole, with rows or without."""
    return current is not None and current.state in _RESTATES


def decide_publication(  # noqa: PLR0911 - one for each rule, in the order in which they count
    *,
    content_hash: str,
    waiting: tuple[str, ...],
    verdict: Verdict | None,
    current: Standing | None,
    rules: Rules = _NO_RULES,
    difference: Difference | None = None,
    unjudged: str = "",
) -> Decision:
    """Decide from the content that is delivered, its verdict and what is published.

    `waiting` gives, per required source that is not complete, what it waits for. A verdict counts only for
    exactly this content. `difference` is what a restatement changes, where that is known already. `unjudged` words the
    want of a verdict for who only looks, when nobody is to do anything about it.
    """
    if current and current.content_hash == content_hash and (not waiting or current.state is State.PROVISIONAL):
        return _already(current, waiting)
    if content_hash in rules.rulings.withdrawn:
        return Decision(move=Move.WITHDRAWN, reasons=(why_withdrawn(rules.rulings.withdrawn[content_hash]),))
    ours = verdict if verdict and verdict.content_hash == content_hash else None
    released: tuple[str, ...] = ()
    if ours and not ours.passed:
        released, refusal = _judge_release(ours, rules)
        if refusal:
            return refusal
    if waiting and not _cut_is_due(rules, current, ours):
        return Decision(move=Move.WAIT, reasons=waiting)
    if ours is None:
        return Decision(move=Move.REFUSE, reasons=(unjudged or _why_unjudged(content_hash, verdict),))
    # Who read a provisional cut was told that something was missing: completing it holds nothing up.
    if held := _held(content_hash, rules, difference if restates(current) else None):
        return Decision(move=Move.HOLD, reasons=held, paused=rules.rulings.paused is not None)
    return _publish(ours, current, rules, waiting, released)


def _held(content_hash: str, rules: Rules, difference: Difference | None) -> tuple[str, ...]:
    """What an operator has to say before a content that may be published is."""
    if rules.rulings.paused:
        return (f"publishing is paused by {ruled(rules.rulings.paused)}",)
    excess = beyond_limits(difference, rules.limits) if difference else ()
    excess = (rules.returning, *excess) if rules.returning else excess
    if not excess or content_hash in rules.rulings.approved:
        return ()
    return (*excess, "it waits for an operator's approval")


def _why_unjudged(content_hash: str, verdict: Verdict | None) -> str:
    if verdict is None:
        return f"no verdict for content {content_hash[:12]}: materialize the staged asset first"
    return f"the verdict speaks of content {verdict.content_hash[:12]}, not of {content_hash[:12]}"


def _already(current: Standing, waiting: tuple[str, ...]) -> Decision:
    reason = f"generation {current.generation} already holds exactly this content"
    return Decision(
        move=Move.ALREADY_PUBLISHED,
        reasons=(reason, *waiting),
        state=current.state,
        generation=current.generation,
    )


def _cut_is_due(rules: Rules, current: Standing | None, verdict: Verdict | None) -> bool:
    """A provisional cut needs a verdict like any other, and never replaces what is whole."""
    return bool(rules.cut and verdict and (current is None or current.state is State.PROVISIONAL))


def _judge_release(verdict: Verdict, rules: Rules) -> tuple[tuple[str, ...], Decision | None]:
    """Why a failing verdict lets content through all the same, or the refusal."""
    findings = tuple(f"{c.name}: {c.message}" for c in verdict.failures)
    release = rules.rulings.released.get(verdict.content_hash)
    if release is None:
        return (), Decision(move=Move.REFUSE, reasons=findings)
    despite = set(release.detail.get("despite", ()))
    uncovered = tuple(f"{c.name}: {c.message}" for c in verdict.failures if c.name not in despite)
    if uncovered:
        return (), Decision(move=Move.REFUSE, reasons=(*uncovered, "the release does not name it"))
    approval = rules.rulings.approved.get(verdict.content_hash)
    if "release" in rules.second_person and (approval is None or approval.actor == release.actor):
        reason = f"released by {ruled(release)}; it waits for the approval of somebody else"
        return (), Decision(move=Move.HOLD, reasons=(reason, *findings))
    reasons = [f"released despite {', '.join(sorted(despite))} by {ruled(release)}"]
    reasons += [f"approved by {ruled(approval)}"] if approval else []
    return (*reasons, *(f"finding, {f}" for f in findings)), None


def _publish(
    verdict: Verdict, current: Standing | None, rules: Rules, waiting: tuple[str, ...], released: tuple[str, ...]
) -> Decision:
    reasons = list(released) or [f"all {len(verdict.checks)} checks passed or only warn, for exactly this content"]
    reasons += [f"warning, {c.name}: {c.message}" for c in verdict.warnings]
    generation = current.generation + 1 if current else 1
    if current:
        reasons.append(f"replaces generation {current.generation} ({current.state})")
    if waiting:
        reasons = [rules.cut, *waiting, *reasons]
        return Decision(move=Move.PUBLISH, reasons=tuple(reasons), state=State.PROVISIONAL, generation=generation)
    state = State.RESTATED if restates(current) else State.FINAL
    return Decision(move=Move.PUBLISH, reasons=tuple(reasons), state=state, generation=generation)


def decide_without_rows(
    *,
    state: State,
    reason: str,
    current: Standing | None,
    rulings: Rulings = NO_RULINGS,
    content_hash: str = "",
) -> Decision:
    """May a date be recorded as skipped or not expected? Not over rows that readers see."""
    if current and current.state is state and current.content_hash == content_hash:
        reason = f"generation {current.generation} is {state} already"
        return Decision(move=Move.ALREADY_PUBLISHED, reasons=(reason,), state=state, generation=current.generation)
    if current and (current.rows or restates(current)):
        because = f"generation {current.generation} ({current.state}) is published; roll back, or deliver a correction"
        return Decision(move=Move.REFUSE, reasons=(because,))
    if rulings.paused:
        return Decision(move=Move.HOLD, reasons=(f"publishing is paused by {ruled(rulings.paused)}",), paused=True)
    generation = current.generation + 1 if current else 1
    return Decision(move=Move.PUBLISH, reasons=(reason,), state=state, generation=generation)


def decide_rollback(*, target: Standing | None, wanted: int, current: Standing | None) -> Decision:
    """May an older generation be published again, as a new one?"""
    if current is None or target is None:
        return Decision(move=Move.REFUSE, reasons=(f"there is no generation {wanted} to go back to",))
    if target.generation == current.generation or target.content_hash == current.content_hash:
        reason = f"generation {current.generation}, which stands, already holds the content of generation {wanted}"
        return Decision(move=Move.REFUSE, reasons=(reason,))
    if target.state in {State.SKIPPED, State.NOT_EXPECTED}:
        return Decision(move=Move.REFUSE, reasons=(f"generation {wanted} is {target.state}: it holds no rows",))
    if target.state is State.PROVISIONAL:
        reason = f"generation {wanted} was a provisional cut, and readers take what is rolled back for whole"
        return Decision(move=Move.REFUSE, reasons=(reason,))
    reason = f"restores generation {wanted} over generation {current.generation} ({current.state})"
    return Decision(move=Move.PUBLISH, reasons=(reason,), state=State.ROLLED_BACK, generation=current.generation + 1)
