"""Connections to PostgreSQL from SQLAlchemy and DuckDB, with every option of the URL."""

from typing import Any

import duckdb
import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.engines.duckdb_engine import quote_literal

CATALOG_SECRET = "settlement_catalog"  # noqa: S105 - the name of DuckDB's secret, not what it holds

_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""In seconds: a lost peer is noticed within a minute, and an idle session is not mistaken for a dead one."""

_ONLY_READS = "-c default_transaction_read_only=on"


def postgres_engine(url: sa.URL, **options: Any) -> sa.Engine:  # noqa: ANN401 - whatever SQLAlchemy takes
    """Return an engine whose sessions notice a lost peer; options in the URL take precedence."""
    given = {name: value for name, value in _KEEPALIVES.items() if name not in url.query}
    return sa.create_engine(url.set(drivername="postgresql+psycopg2"), connect_args=given, **options)


def create_catalog_secret(connection: duckdb.DuckDBPyConnection, url: sa.URL, *, read_only: bool) -> None:
    """Create a DuckDB secret with the address of the lake's catalog, so that no error or query shows the password.

    Raises:
        PermanentFailure: the URL gives an option twice, or one that is not an identifier.
    """
    parts: dict[str, Any] = {
        "host": url.host,
        "port": url.port,
        "dbname": url.database,
        "user": url.username,
        "password": url.password,
    }
    parts |= {name.lower(): value for name, value in url.query.items()}
    for name, value in parts.items():
        if isinstance(value, tuple) or not name.isidentifier():
            message = f"The URL of the lake's catalog has an invalid or repeated option {name!r}."
            raise PermanentFailure(message, remedy="Give each option of PostgreSQL's libpq once, as name=value.")
    if read_only:
        # DuckDB attaches read-only itself; this makes the server refuse writes too.
        parts["options"] = f"{parts.get('options') or ''} {_ONLY_READS}".strip()
    given = ", ".join(f"{name.upper()} {quote_literal(str(value))}" for name, value in parts.items() if value)
    connection.execute(f"CREATE OR REPLACE SECRET {CATALOG_SECRET} (TYPE postgres, {given})")
