"""Database URLs: refusing unsupported databases, and the file of a SQLite database."""

from pathlib import Path

import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure


def unsupported_database(url: sa.URL, *, store: str, setting: str) -> PermanentFailure:
    """Return the failure for a store in a database that is not supported."""
    message = f"The {store} cannot be in {url.get_backend_name()}; SQLite and PostgreSQL are supported."
    return PermanentFailure(message, remedy=f"Set {setting} to sqlite:///… or postgresql://….")


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite database; None for other databases."""
    parsed = sa.make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
