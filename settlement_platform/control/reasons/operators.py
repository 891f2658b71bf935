"""Reasons of operators' actions: why one is refused."""

from settlement_platform.control.reasons.reason import ReasonTemplate

ROLE_MISSING = ReasonTemplate(
    "role_missing", "{action} needs the role '{role}', which {actor} does not have", (" (members: {members})",)
)
