"""May this content be published now, and as what?"""

from dataclasses import dataclass
from enum import StrEnum

from settlement_platform.control.facts import CurrentPublication, State, Verdict
from settlement_platform.control.policies import Restating
from settlement_platform.control.publishing.operator_overrides import (
    NO_OVERRIDES,
    OperatorOverrides,
    describe_action,
    why_withdrawn,
)
from settlement_platform.control.publishing.restatement import Difference, limit_breaches


class Action(StrEnum):
    """What publishing would do; what is withdrawn was discarded, or rolled back from."""

    PUBLISH = "publish"
    ALREADY_PUBLISHED = "already_published"
    REFUSE = "refuse"
    WAIT = "wait"
    AWAITING_OPERATOR = "hold"
    WITHDRAWN = "withdrawn"


VISIBLE_ACTIONS = frozenset({Action.PUBLISH, Action.ALREADY_PUBLISHED})
"""The moves after which readers see the content as it was delivered."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do with a content, as which state and generation, and every reason for it.

    `paused` says that what is held waits for nothing but the end of a pause.
    """

    action: Action
    reasons: tuple[str, ...]
    state: State | None = None
    generation: int | None = None
    paused: bool = False

    @property
    def awaits_approval(self) -> bool:
        """Whether an operator has to approve it, or to decline it."""
        return self.action is Action.AWAITING_OPERATOR and not self.paused


@dataclass(frozen=True, kw_only=True)
class DecisionInputs:
    """What bears on a decision beside the content itself.

    `cut` says why a provisional cut is due, empty while none is. `returning` says that something is delivered from
    which an operator has rolled back, empty where nothing is. `limits` are those of a restatement, and
    `second_person` names the actions that need another's approval.
    """

    overrides: OperatorOverrides = NO_OVERRIDES
    why_provisional: str = ""
    why_rolled_back_file: str = ""
    limits: Restating | None = None
    second_person: frozenset[str] = frozenset()


_RESTATES = {State.FINAL, State.RESTATED, State.ROLLED_BACK}


_NO_RULES = DecisionInputs()


def is_restatement(current: CurrentPublication | None) -> bool:
    """Whether what replaces this restates what readers took for whole, with rows or without."""
    return current is not None and current.state in _RESTATES


def decide_publication(  # noqa: PLR0911 - one for each rule, in the order in which they count
    *,
    content_hash: str,
    waiting: tuple[str, ...],
    verdict: Verdict | None,
    current: CurrentPublication | None,
    rules: DecisionInputs = _NO_RULES,
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
    if content_hash in rules.overrides.withdrawn:
        return Decision(action=Action.WITHDRAWN, reasons=(why_withdrawn(rules.overrides.withdrawn[content_hash]),))
    ours = verdict if verdict and verdict.content_hash == content_hash else None
    released: tuple[str, ...] = ()
    if ours and not ours.passed:
        released, refusal = _judge_release(ours, rules)
        if refusal:
            return refusal
    if waiting and not _cut_is_due(rules, current, ours):
        return Decision(action=Action.WAIT, reasons=waiting)
    if ours is None:
        return Decision(action=Action.REFUSE, reasons=(unjudged or _why_unjudged(content_hash, verdict),))
    # Who read a provisional cut was told that something was missing: completing it holds nothing up.
    if held := _held(content_hash, rules, difference if is_restatement(current) else None):
        return Decision(action=Action.AWAITING_OPERATOR, reasons=held, paused=rules.overrides.paused is not None)
    return _publish(ours, current, rules, waiting, released)


def _held(content_hash: str, rules: DecisionInputs, difference: Difference | None) -> tuple[str, ...]:
    """What an operator has to say before a content that may be published is."""
    if rules.overrides.paused:
        return (f"publishing is paused by {describe_action(rules.overrides.paused)}",)
    excess = limit_breaches(difference, rules.limits) if difference else ()
    excess = (rules.why_rolled_back_file, *excess) if rules.why_rolled_back_file else excess
    if not excess or content_hash in rules.overrides.approved:
        return ()
    return (*excess, "it waits for an operator's approval")


def _why_unjudged(content_hash: str, verdict: Verdict | None) -> str:
    if verdict is None:
        return f"no verdict for content {content_hash[:12]}: materialize the staged asset first"
    return f"the verdict speaks of content {verdict.content_hash[:12]}, not of {content_hash[:12]}"


def _already(current: CurrentPublication, waiting: tuple[str, ...]) -> Decision:
    reason = f"generation {current.generation} already holds exactly this content"
    return Decision(
        action=Action.ALREADY_PUBLISHED,
        reasons=(reason, *waiting),
        state=current.state,
        generation=current.generation,
    )


def _cut_is_due(rules: DecisionInputs, current: CurrentPublication | None, verdict: Verdict | None) -> bool:
    """A provisional cut needs a verdict like any other, and never replaces what is whole."""
    return bool(rules.why_provisional and verdict and (current is None or current.state is State.PROVISIONAL))


def _judge_release(verdict: Verdict, rules: DecisionInputs) -> tuple[tuple[str, ...], Decision | None]:
    """Why a failing verdict lets content through all the same, or the refusal."""
    findings = tuple(f"{c.name}: {c.message}" for c in verdict.failures)
    release = rules.overrides.released.get(verdict.content_hash)
    if release is None:
        return (), Decision(action=Action.REFUSE, reasons=findings)
    despite = set(release.detail.get("despite", ()))
    uncovered = tuple(f"{c.name}: {c.message}" for c in verdict.failures if c.name not in despite)
    if uncovered:
        return (), Decision(action=Action.REFUSE, reasons=(*uncovered, "the release does not name it"))
    approval = rules.overrides.approved.get(verdict.content_hash)
    if "release" in rules.second_person and (approval is None or approval.actor == release.actor):
        reason = f"released by {describe_action(release)}; it waits for the approval of somebody else"
        return (), Decision(action=Action.AWAITING_OPERATOR, reasons=(reason, *findings))
    reasons = [f"released despite {', '.join(sorted(despite))} by {describe_action(release)}"]
    reasons += [f"approved by {describe_action(approval)}"] if approval else []
    return (*reasons, *(f"finding, {f}" for f in findings)), None


def _publish(
    verdict: Verdict,
    current: CurrentPublication | None,
    rules: DecisionInputs,
    waiting: tuple[str, ...],
    released: tuple[str, ...],
) -> Decision:
    reasons = list(released) or [f"all {len(verdict.checks)} checks passed or only warn, for exactly this content"]
    reasons += [f"warning, {c.name}: {c.message}" for c in verdict.warnings]
    generation = current.generation + 1 if current else 1
    if current:
        reasons.append(f"replaces generation {current.generation} ({current.state})")
    if waiting:
        reasons = [rules.why_provisional, *waiting, *reasons]
        return Decision(action=Action.PUBLISH, reasons=tuple(reasons), state=State.PROVISIONAL, generation=generation)
    state = State.RESTATED if is_restatement(current) else State.FINAL
    return Decision(action=Action.PUBLISH, reasons=tuple(reasons), state=state, generation=generation)


def decide_without_rows(
    *,
    state: State,
    reason: str,
    current: CurrentPublication | None,
    rulings: OperatorOverrides = NO_OVERRIDES,
    content_hash: str = "",
) -> Decision:
    """May a date be recorded as skipped or not expected? Not over rows that readers see."""
    if current and current.state is state and current.content_hash == content_hash:
        reason = f"generation {current.generation} is {state} already"
        return Decision(action=Action.ALREADY_PUBLISHED, reasons=(reason,), state=state, generation=current.generation)
    if current and (current.rows or is_restatement(current)):
        because = f"generation {current.generation} ({current.state}) is published; roll back, or deliver a correction"
        return Decision(action=Action.REFUSE, reasons=(because,))
    if rulings.paused:
        return Decision(
            action=Action.AWAITING_OPERATOR,
            reasons=(f"publishing is paused by {describe_action(rulings.paused)}",),
            paused=True,
        )
    generation = current.generation + 1 if current else 1
    return Decision(action=Action.PUBLISH, reasons=(reason,), state=state, generation=generation)


def decide_rollback(*, target: CurrentPublication | None, wanted: int, current: CurrentPublication | None) -> Decision:
    """May an older generation be published again, as a new one?"""
    if current is None or target is None:
        return Decision(action=Action.REFUSE, reasons=(f"there is no generation {wanted} to go back to",))
    if target.generation == current.generation or target.content_hash == current.content_hash:
        reason = f"generation {current.generation}, which stands, already holds the content of generation {wanted}"
        return Decision(action=Action.REFUSE, reasons=(reason,))
    if target.state in {State.SKIPPED, State.NOT_EXPECTED}:
        return Decision(action=Action.REFUSE, reasons=(f"generation {wanted} is {target.state}: it holds no rows",))
    if target.state is State.PROVISIONAL:
        reason = f"generation {wanted} was a provisional cut, and readers take what is rolled back for whole"
        return Decision(action=Action.REFUSE, reasons=(reason,))
    reason = f"restores generation {wanted} over generation {current.generation} ({current.state})"
    return Decision(
        action=Action.PUBLISH, reasons=(reason,), state=State.ROLLED_BACK, generation=current.generation + 1
    )
