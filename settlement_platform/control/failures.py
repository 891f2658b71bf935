"""The two words for failure: what a retry may heal, and what only a change of input or settings can."""


class SettlementError(Exception):
    """An error that says what was tried, what is wrong and what would change it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy


class TransientFailure(SettlementError):
    """A store or service did not answer as it should; the same step may succeed when it is tried again."""


class PermanentFailure(SettlementError):
    """Trying again cannot heal this: the input, the settings or the program has to change first."""
