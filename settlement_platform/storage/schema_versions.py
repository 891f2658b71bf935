"""Schema versions of the ledger and the lake: what to do about one that is not this program's."""

from settlement_platform.control.failures import PermanentFailure

_FORWARD = "The next command that changes something brings it forward: settlement materialize, of any date, does."


def refuse_older(store: str, version: int, known: int) -> None:
    """Refuse a store that an older program wrote: reading commands change nothing.

    Raises:
        PermanentFailure: its schema version is lower than the one this program knows.
    """
    if version < known:
        message = f"The {store} has schema version {version}, and this program reads version {known}."
        raise PermanentFailure(message, remedy=_FORWARD)
