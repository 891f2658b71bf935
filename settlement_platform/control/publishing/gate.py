"""May this content be published now, and as what?"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from settlement_platform.control.facts import Check, CurrentPublication, OperatorActionType, State, Verdict
from settlement_platform.control.policies import Restating
from settlement_platform.control.publishing.operator_overrides import (
    NO_OVERRIDES,
    OperatorOverrides,
    action_parameters,
    why_withdrawn,
)
from settlement_platform.control.publishing.restatement import Difference, limit_breaches
from settlement_platform.control.reasons import publishing as why
from settlement_platform.control.reasons.reason import Reason, ReasonTemplate


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

    `why_provisional` says why a provisional cut is due, empty while none is. `why_rolled_back_file` says which
    delivered file an operator has rolled back from, None where there is none. `limits` are those of a restatement, and
    `second_person` names the actions that need another person's approval.
    """

    overrides: OperatorOverrides = NO_OVERRIDES
    why_provisional: Reason | None = None
    why_rolled_back_file: Reason | None = None
    limits: Restating | None = None
    second_person: frozenset[OperatorActionType] = frozenset()


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
    unjudged: Reason | None = None,
) -> Decision:
    """Decide from the content that is delivered, its verdict and what is published.

    `waiting` gives, per required source that is not complete, what it waits for. A verdict counts only for
    exactly this content. `difference` is what a restatement changes, where that is known already. `unjudged` is the
    reason to give where there is no verdict, for who only reads and has nothing to do about it.
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
        return (why.PUBLISHING_PAUSED(**action_parameters(rules.overrides.paused)),)
    excess = [rules.why_rolled_back_file] if rules.why_rolled_back_file else []
    excess += limit_breaches(difference, rules.limits) if difference else ()
    if not excess or content_hash in rules.overrides.approved:
        return ()
    return (*excess, why.APPROVAL_NEEDED())


def _why_unjudged(content_hash: str, verdict: Verdict | None) -> Reason:
    if verdict is None:
        return why.VERDICT_MISSING(content_hash=content_hash)
    return why.VERDICT_OUTDATED(content_hash=content_hash, verdict_content_hash=verdict.content_hash)


def _already(current: CurrentPublication, waiting: tuple[str, ...]) -> Decision:
    reason = why.ALREADY_PUBLISHED(generation=current.generation)
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
    findings = check_reasons(verdict.failures)
    release = rules.overrides.released.get(verdict.content_hash)
    if release is None:
        return (), Decision(action=Action.REFUSE, reasons=findings)
    despite = set(release.detail.get("despite", ()))
    uncovered = [c for c in verdict.failures if c.name not in despite]
    if uncovered:
        incomplete = why.RELEASE_INCOMPLETE(checks=[c.name for c in uncovered])
        return (), Decision(action=Action.REFUSE, reasons=(*check_reasons(uncovered), incomplete))
    approval = rules.overrides.approved.get(verdict.content_hash)
    if OperatorActionType.RELEASE in rules.second_person and (approval is None or approval.actor == release.actor):
        reason = why.RELEASE_UNAPPROVED(**action_parameters(release))
        return (), Decision(action=Action.AWAITING_OPERATOR, reasons=(reason, *findings))
    reasons = [why.RELEASED(checks=sorted(despite), **action_parameters(release))]
    reasons += [why.APPROVED(**action_parameters(approval))] if approval else []
    return (*reasons, *check_reasons(verdict.failures, why.FINDING_RELEASED)), None


def check_reasons(checks: Iterable[Check], template: ReasonTemplate = why.CHECK_FAILED) -> tuple[Reason, ...]:
    """Return one reason for each check, with what it measured and what it allows."""
    return tuple(template(check=c.name, message=c.message, measured=c.measured, threshold=c.threshold) for c in checks)


def _publish(
    verdict: Verdict,
    current: CurrentPublication | None,
    rules: DecisionInputs,
    waiting: tuple[str, ...],
    released: tuple[str, ...],
) -> Decision:
    reasons = list(released) or [why.CHECKS_PASSED(checks=len(verdict.checks))]
    reasons += check_reasons(verdict.warnings, why.CHECK_WARNED)
    generation = current.generation + 1 if current else 1
    if current:
        reasons.append(why.REPLACES(generation=current.generation, state=current.state))
    if waiting and rules.why_provisional:
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
        reason = why.DATE_RECORDED_ALREADY(generation=current.generation, state=state)
        return Decision(action=Action.ALREADY_PUBLISHED, reasons=(reason,), state=state, generation=current.generation)
    if current and (current.rows or is_restatement(current)):
        return _refuse(why.ROWS_ARE_PUBLISHED(generation=current.generation, state=current.state))
    if rulings.paused:
        return Decision(
            action=Action.AWAITING_OPERATOR,
            reasons=(why.PUBLISHING_PAUSED(**action_parameters(rulings.paused)),),
            paused=True,
        )
    generation = current.generation + 1 if current else 1
    return Decision(action=Action.PUBLISH, reasons=(reason,), state=state, generation=generation)


def decide_rollback(*, target: CurrentPublication | None, wanted: int, current: CurrentPublication | None) -> Decision:
    """May an older generation be published again, as a new one?"""
    if current is None or target is None:
        return _refuse(why.ROLLBACK_TARGET_MISSING(wanted=wanted))
    if target.generation == current.generation or target.content_hash == current.content_hash:
        return _refuse(why.ROLLBACK_CHANGES_NOTHING(generation=current.generation, wanted=wanted))
    if target.state in {State.SKIPPED, State.NOT_EXPECTED}:
        return _refuse(why.ROLLBACK_TARGET_EMPTY(wanted=wanted, state=target.state))
    if target.state is State.PROVISIONAL:
        return _refuse(why.ROLLBACK_TARGET_PROVISIONAL(wanted=wanted))
    reason = why.RESTORES(wanted=wanted, generation=current.generation, state=current.state)
    return Decision(
        action=Action.PUBLISH, reasons=(reason,), state=State.ROLLED_BACK, generation=current.generation + 1
    )


def _refuse(reason: Reason) -> Decision:
    return Decision(action=Action.REFUSE, reasons=(reason,))
