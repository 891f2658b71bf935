"""The two kinds of failure: transient ones may heal on retry, permanent ones need a change of input or settings."""

from settlement_platform.control.reasons.reason import Reason


class SettlementError(Exception):
    """An error that says what was tried, what is wrong and what would change it.

    `dependency` names the store that did not answer: `landing`, `staging`, `lake` or `ledger`; empty if none is known.
    """

    def __init__(self, message: str, *, remedy: str = "", dependency: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy
        self.dependency = dependency

    @property
    def code(self) -> str:
        """The stable code where the message is a reason of a decision; empty otherwise."""
        return self.message.code if isinstance(self.message, Reason) else ""


class TransientFailure(SettlementError):
    """A failure of a store or service that may heal: the same step may succeed when it is tried again."""


class PermanentFailure(SettlementError):
    """A failure that no retry can heal: the input, the settings or the program has to change first."""


class ActionRefused(PermanentFailure):
    """The refusal of an operator's action; nothing was changed."""
