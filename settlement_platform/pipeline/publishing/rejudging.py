"""The end of a request to judge published deliveries again: today's contract gives the published rows."""

from dataclasses import replace

from settlement_platform.control.facts import OperatorAction, OperatorActionType
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.publishing.operator_overrides import OperatorOverrides
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request


def record_confirmed(
    platform: Platform, outcome: DateOutcome, overrides: OperatorOverrides, request: Request
) -> DateOutcome:
    """Record that a judged content has the published rows, and return the outcome with the published content.

    Any other outcome is returned as it is.
    """
    content, name, day = outcome.content_hash, outcome.dataset, outcome.business_date
    if content not in overrides.rejudged or outcome.decision.action is not Action.ALREADY_PUBLISHED:
        return outcome
    current = platform.lake.current_publications(name).get(day)
    if current is None or current.content_hash == content:
        return outcome
    detail = {"content_hash": content, "published": current.content_hash}
    platform.ledger.append(
        OperatorAction(
            action=OperatorActionType.REJUDGED,
            dataset=name,
            business_date=day,
            actor=request.actor,
            reason=request.reason,
            recorded_at=platform.clock(),
            detail=detail,
        )
    )
    return replace(outcome, content_hash=current.content_hash)
