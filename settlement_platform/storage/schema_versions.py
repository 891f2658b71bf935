"""Schema versions of the ledger and the lake: versions that this program refuses, and migrations still to run."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from settlement_platform.control.failures import PermanentFailure

M = TypeVar("M")


def refuse_newer(store: str, version: int, supported: int) -> None:
    """Refuse a store that a newer program wrote.

    Raises:
        PermanentFailure: its schema version is higher than the one this program supports.
    """
    if version > supported:
        message = f"The {store} has schema version {version}; this program supports versions up to {supported}."
        raise PermanentFailure(message, remedy=f"Upgrade the program; it does not change a newer {store}.")


def refuse_older(store: str, version: int, supported: int) -> None:
    """Refuse a store that an older program wrote, where it is only read and cannot be migrated.

    Raises:
        PermanentFailure: its schema version is lower than the one this program supports.
    """
    if version < supported:
        message = f"The {store} has schema version {version}; this program reads version {supported} only."
        remedy = "The next command that writes migrates it, such as settlement materialize for any date."
        raise PermanentFailure(message, remedy=remedy)


def pending_migrations(migrations: Sequence[M], version: int) -> Iterator[tuple[int, M]]:
    """Return the migrations to run on a store of this version, each with the version that it leads to."""
    return enumerate(migrations[version:], start=version + 1)
