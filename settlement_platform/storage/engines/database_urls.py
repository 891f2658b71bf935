"""Database URLs: which kind of database one names, and where a SQLite file is."""

from pathlib import Path

import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure


def unsupported_database(url: sa.URL) -> PermanentFailure:
    """What is wrong with the URL of a database of another kind."""
    message = f"The ledger cannot be kept in {url.get_backend_name()}."
    return PermanentFailure(message, remedy="Set SETTLEMENT_LEDGER_URL to sqlite:///… or postgresql://….")


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for databases of other kinds."""
    parsed = sa.make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
