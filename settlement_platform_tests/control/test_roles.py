"""Who has the role may do it; whoever has not reads which one is missing and who has it."""

import pytest

from settlement_platform.control.roles import ACTIONS, ANYONE, Roles, why_forbidden

ROLES = Roles(needed={"release": "approver", "rollback": "operator"})
MEMBERS = {"operator": frozenset({"ana", "ben"}), "approver": frozenset({"carla"})}


@pytest.mark.parametrize(
    ("action", "actor", "allowed"),
    [
        ("release", "carla", True),
        ("release", "ana", False),
        ("rollback", "ana", True),
        ("rollback", "carla", False),
        ("rollback", "Ana", False),
        ("rollback", ANYONE, False),
        ("rollback", "", False),
        ("pause", "anybody", True),
    ],
)
def test_an_action_needs_the_role_that_is_declared_for_it(action: str, actor: str, allowed: bool) -> None:
    """One that is not named is open to everyone; a name has to be the very same."""
    assert (why_forbidden(ROLES, action, actor, MEMBERS) is None) == allowed


@pytest.mark.parametrize("action", ACTIONS)
def test_a_role_that_everyone_has_refuses_nobody(action: str) -> None:
    roles = Roles(needed=dict.fromkeys(ACTIONS, "operator"))

    assert why_forbidden(roles, action, "whoever", {"operator": frozenset({ANYONE})}) is None


@pytest.mark.parametrize("action", ACTIONS)
def test_a_role_that_nobody_has_refuses_everyone(action: str) -> None:
    """A role that is declared and never given opens nothing by mistake."""
    roles = Roles(needed=dict.fromkeys(ACTIONS, "operator"))

    assert why_forbidden(roles, action, "whoever", {}).parameters["members"] == ("nobody",)


def test_a_refusal_names_the_action_the_role_the_actor_and_who_has_it() -> None:
    refusal = why_forbidden(ROLES, "rollback", "dora", MEMBERS)

    assert refusal.code == "role_missing"
    assert refusal.parameters == {
        "action": "rollback",
        "role": "operator",
        "actor": "dora",
        "members": ("ana", "ben"),
    }
