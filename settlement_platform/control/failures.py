"""The two words for failure: what a retry may heal, and what only a change of input or settings can."""

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
    """A store or service did not answer as it should; the same step may succeed when it is tried again."""


class PermanentFailure(SettlementError):
    """Trying again cannot heal this: the input, the settings or the program has to change first."""


class ActionRefused(PermanentFailure):
    """An operator asked for something that is not to be done; nothing was changed."""
