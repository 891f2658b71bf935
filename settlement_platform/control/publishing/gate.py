"""The gate: may this content be published now, and in which state?"""

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
    """The gate's action. `WITHDRAWN` content was discarded or rolled back from."""

    PUBLISH = "publish"
    ALREADY_PUBLISHED = "already_published"
    REFUSE = "refuse"
    WAIT = "wait"
    AWAITING_OPERATOR = "hold"
    WITHDRAWN = "withdrawn"


VISIBLE_ACTIONS = frozenset({Action.PUBLISH, Action.ALREADY_PUBLISHED})
"""The actions after which readers see the content as it was delivered."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The gate's decision on a content: an action, the state and generation it would get, and every reason.

    `paused` is set when the content waits only for the end of a pause.
    """

    action: Action
    reasons: tuple[str, ...]
    state: State | None = None
    generation: int | None = None
    paused: bool = False

    @property
    def awaits_approval(self) -> bool:
        """Return whether an operator must approve or decline the content."""
        return self.action is Action.AWAITING_OPERATOR and not self.paused


@dataclass(frozen=True, kw_only=True)
class DecisionInputs:
    """The inputs of a decision beside the content itself.

    `why_provisional` says why a provisional publication is due, empty while none is. `why_rolled_back_file` names a
    delivered file that an operator has rolled back from, None where there is none. `limits` are those of a restatement.
    `second_person` names the actions that need another person's approval. `follows_rollback` is set for a mart whose
    inputs were rolled back since it was built.
    """

    overrides: OperatorOverrides = NO_OVERRIDES
    why_provisional: Reason | None = None
    why_rolled_back_file: Reason | None = None
    limits: Restating | None = None
    second_person: frozenset[OperatorActionType] = frozenset()
    follows_rollback: bool = False


_RESTATES = {State.FINAL, State.RESTATED, State.ROLLED_BACK}
_NO_INPUTS = DecisionInputs()


def is_restatement(current: CurrentPublication | None) -> bool:
    """Return whether a publication over `current` is a restatement.

    It is one where readers took `current` for complete, with rows or without.
    """
    return current is not None and current.state in _RESTATES


def decide_publication(  # noqa: PLR0911 - one for each rule, in the order in which they count
    *,
    content_hash: str,
    waiting: tuple[str, ...],
    verdict: Verdict | None,
    current: CurrentPublication | None,
    inputs: DecisionInputs = _NO_INPUTS,
    difference: Difference | None = None,
    unjudged: Reason | None = None,
) -> Decision:
    """Decide whether the delivered content may be published, from its verdict and what is published now.

    `waiting` says, per required source that is incomplete, what it waits for. A verdict counts only for exactly this
    content. `difference` is what a restatement would change, where that is known. `unjudged` is the reason to give
    without a verdict, for callers that only read.
    """
    if current and current.content_hash == content_hash and (not waiting or current.state is State.PROVISIONAL):
        return _already(current, waiting)
    if content_hash in inputs.overrides.withdrawn:
        return Decision(action=Action.WITHDRAWN, reasons=(why_withdrawn(inputs.overrides.withdrawn[content_hash]),))
    ours = verdict if verdict and verdict.content_hash == content_hash else None
    released: tuple[str, ...] = ()
    if ours and not ours.passed:
        released, refusal = _judge_release(ours, inputs)
        if refusal:
            return refusal
    if waiting and not _provisional_is_due(inputs, current, ours):
        return Decision(action=Action.WAIT, reasons=waiting)
    if ours is None:
        return Decision(action=Action.REFUSE, reasons=(unjudged or _why_unjudged(content_hash, verdict),))
    if content_hash in inputs.overrides.rejudged and current and difference and difference.is_empty:
        return _confirmed(current)
    # Readers of a provisional publication know that something is missing: completing it needs no approval.
    if held := _held(content_hash, inputs, difference if is_restatement(current) else None):
        return Decision(action=Action.AWAITING_OPERATOR, reasons=held, paused=inputs.overrides.paused is not None)
    return _publish(ours, current, inputs, waiting, released)


def _held(content_hash: str, inputs: DecisionInputs, difference: Difference | None) -> tuple[str, ...]:
    """Return why the content needs an operator before it may be published; empty when it needs none."""
    if inputs.overrides.paused:
        return (why.PUBLISHING_PAUSED(**action_parameters(inputs.overrides.paused)),)
    excess = [inputs.why_rolled_back_file] if inputs.why_rolled_back_file else []
    excess += limit_breaches(difference, inputs.limits) if difference else ()
    if not excess or content_hash in inputs.overrides.approved:
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


def _confirmed(current: CurrentPublication) -> Decision:
    reason = why.REJUDGED_UNCHANGED(generation=current.generation)
    return Decision(
        action=Action.ALREADY_PUBLISHED, reasons=(reason,), state=current.state, generation=current.generation
    )


def _provisional_is_due(inputs: DecisionInputs, current: CurrentPublication | None, verdict: Verdict | None) -> bool:
    """Return whether a provisional publication is due: it needs a verdict, and never replaces a complete date."""
    return bool(inputs.why_provisional and verdict and (current is None or current.state is State.PROVISIONAL))


def _judge_release(verdict: Verdict, inputs: DecisionInputs) -> tuple[tuple[str, ...], Decision | None]:
    """Return the reasons of a release that lets a failing verdict through, or the refusal."""
    findings = check_reasons(verdict.failures)
    release = inputs.overrides.released.get(verdict.content_hash)
    if release is None:
        return (), Decision(action=Action.REFUSE, reasons=findings)
    despite = set(release.detail.get("despite", ()))
    uncovered = [c for c in verdict.failures if c.name not in despite]
    if uncovered:
        incomplete = why.RELEASE_INCOMPLETE(checks=[c.name for c in uncovered])
        return (), Decision(action=Action.REFUSE, reasons=(*check_reasons(uncovered), incomplete))
    approval = inputs.overrides.approved.get(verdict.content_hash)
    if OperatorActionType.RELEASE in inputs.second_person and (approval is None or approval.actor == release.actor):
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
    inputs: DecisionInputs,
    waiting: tuple[str, ...],
    released: tuple[str, ...],
) -> Decision:
    reasons = list(released) or [why.CHECKS_PASSED(checks=len(verdict.checks))]
    reasons += check_reasons(verdict.warnings, why.CHECK_WARNED)
    generation = current.generation + 1 if current else 1
    if current:
        reasons.append(why.REPLACES(generation=current.generation, state=current.state))
    if waiting and inputs.why_provisional:
        reasons = [inputs.why_provisional, *waiting, *reasons]
        return Decision(action=Action.PUBLISH, reasons=tuple(reasons), state=State.PROVISIONAL, generation=generation)
    replacing = State.ROLLED_BACK if inputs.follows_rollback else State.RESTATED
    state = replacing if is_restatement(current) else State.FINAL
    return Decision(action=Action.PUBLISH, reasons=tuple(reasons), state=state, generation=generation)


def decide_without_rows(
    *,
    state: State,
    reason: str,
    current: CurrentPublication | None,
    overrides: OperatorOverrides = NO_OVERRIDES,
    content_hash: str = "",
) -> Decision:
    """Decide whether a date may be recorded as skipped or not expected; never over rows that readers see."""
    if current and current.state is state and current.content_hash == content_hash:
        reason = why.DATE_RECORDED_ALREADY(generation=current.generation, state=state)
        return Decision(action=Action.ALREADY_PUBLISHED, reasons=(reason,), state=state, generation=current.generation)
    if current and (current.rows or is_restatement(current)):
        return _refuse(why.ROWS_ARE_PUBLISHED(generation=current.generation, state=current.state))
    if overrides.paused:
        return Decision(
            action=Action.AWAITING_OPERATOR,
            reasons=(why.PUBLISHING_PAUSED(**action_parameters(overrides.paused)),),
            paused=True,
        )
    generation = current.generation + 1 if current else 1
    return Decision(action=Action.PUBLISH, reasons=(reason,), state=state, generation=generation)


def decide_rollback(*, target: CurrentPublication | None, wanted: int, current: CurrentPublication | None) -> Decision:
    """Decide whether an older generation may be published again, as a new one."""
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
