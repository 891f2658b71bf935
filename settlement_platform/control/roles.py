"""Roles: who may do what to a dataset."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from settlement_platform.control.facts import OperatorActionType
from settlement_platform.control.reasons.operators import ROLE_MISSING
from settlement_platform.control.reasons.reason import Reason

ANYONE = "*"

ACTIONS = (
    OperatorActionType.PAUSE,
    OperatorActionType.RESUME,
    OperatorActionType.RERUN,
    OperatorActionType.SKIP,
    OperatorActionType.RELEASE,
    OperatorActionType.DISCARD,
    OperatorActionType.APPROVE,
    OperatorActionType.ROLLBACK,
    OperatorActionType.RESET_BREAKER,
)
"""The actions on a dataset for which it may require a role."""


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The role that each action needs; an action that is not named is open to everyone.

    `second_person` names the actions that count only once somebody else has approved them.
    """

    needed: Mapping[OperatorActionType, str] = field(default_factory=dict)
    second_person: frozenset[OperatorActionType] = frozenset()


Members = Mapping[str, frozenset[str]]
"""The actors that have each role; `*` stands for everyone."""


def why_forbidden(roles: Roles, action: OperatorActionType, actor: str, members: Members) -> Reason | None:
    """Return why an actor may not do something; None when the actor may."""
    role = roles.needed.get(action)
    if role is None or members.get(role, frozenset()) & {actor, ANYONE}:
        return None
    named = sorted(members.get(role, ())) or ["nobody"]
    return ROLE_MISSING(action=action, role=role, actor=actor, members=named)
