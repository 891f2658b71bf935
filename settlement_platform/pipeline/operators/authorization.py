"""Authorization of operators' actions: a reason, an actor, a role, and the record."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from settlement_platform.control.facts import OperatorAction, OperatorActionType
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.publishing.operator_overrides import describe_action, fold_pause
from settlement_platform.control.reasons import operators as refusals
from settlement_platform.control.roles import Members, Roles, why_forbidden
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.pipeline.platform import LedgerAccess, Request
from settlement_platform.storage.ledger.ledger import Ledger


def authorize(members: Members, dataset: PublishedTable, action: OperatorActionType, request: Request) -> None:
    """Require an actor with a name, a reason and the role.

    Raises:
        ActionRefused: there is no actor or no reason, or the actor lacks the role that the dataset declares for the
            action.
    """
    require_reason(f"{action} {dataset.name}", request)
    if not request.actor.strip():
        raise ActionRefused(
            refusals.ACTOR_MISSING(action=action, dataset=dataset.name), remedy="Say who asks; it goes on record too."
        )
    require_role(dataset.roles, action, request.actor, members)


def require_reason(what: str, request: Request) -> None:
    """Require a reason; `what` begins the sentence of the refusal.

    Raises:
        ActionRefused: there is no reason.
    """
    if not request.reason.strip():
        message = refusals.NOTE_MISSING(what=what)
        raise ActionRefused(message, remedy="Say why; it becomes part of the record.")


def require_role(roles: Roles, action: OperatorActionType, actor: str, members: Members) -> None:
    """Require that the actor has the role.

    Raises:
        ActionRefused: the actor lacks the role that the action needs.
    """
    if why := why_forbidden(roles, action, actor, members):
        raise ActionRefused(why, remedy="Ask somebody who has it, or give the role in SETTLEMENT_ROLES.")


def operator_action(
    platform: LedgerAccess,
    name: str,
    action: OperatorActionType,
    day: date | None,
    request: Request,
    detail: Mapping[str, Any] | None = None,
) -> OperatorAction:
    """Return the fact of an action taken now; `name` is of a dataset, a mart, or another subject."""
    return OperatorAction(
        action=action,
        dataset=name,
        business_date=day,
        actor=request.actor,
        reason=request.reason,
        recorded_at=platform.clock(),
        detail=detail or {},
    )


def record_action(
    platform: LedgerAccess,
    name: str,
    action: OperatorActionType,
    day: date | None,
    request: Request,
    detail: Mapping[str, Any] | None = None,
) -> OperatorAction:
    """Record an action, and return it."""
    fact = operator_action(platform, name, action, day, request, detail)
    platform.ledger.append(fact)
    return fact


def pause_notice(ledger: Ledger, name: str) -> str:
    """Return a notice that a dataset stays paused; empty if it is not. A pause does not stop operators' own actions."""
    paused = fold_pause(a for a in ledger.actions(name) if a.business_date is None)
    return f"{name} stays paused by {describe_action(paused)}; settlement resume {name} ends it" if paused else ""
