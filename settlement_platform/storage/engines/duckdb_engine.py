"""DuckDB as an engine: an in-memory connection with this platform's extensions and limits."""

import importlib.resources
import os
from contextlib import closing
from dataclasses import dataclass
from functools import cache

import duckdb

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.errors import translate_errors

EXTENSIONS = ("ducklake", "sqlite_scanner", "postgres_scanner", "httpfs")


# zstd over Parquet's delta encodings: half the bytes of the default, at the same CPU (see docs/decisions).
PARQUET_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2"
"""How files of rows are written, as options of COPY."""


@dataclass(frozen=True, kw_only=True)
class S3Credentials:
    """How to reach an S3 service; `endpoint_url` is None for the provider's own."""

    endpoint_url: str | None
    region: str
    key_id: str
    secret: str
    session_token: str | None = None


@dataclass(frozen=True, kw_only=True)
class EngineLimits:
    """What one process may use: memory in DuckDB's notation, threads, and a folder to spill to."""

    memory: str = "640MB"
    threads: int = 2
    spill_folder: str | None = None


UNSIGNED_ALLOWED: dict[str, str | bool | int | float | list[str]] = {"allow_unsigned_extensions": "true"}
"""How a connection is made on which a signature that this process has verified is not verified once more."""


def connect_engine() -> duckdb.DuckDBPyConnection:
    """A fresh in-memory engine, for `prepare`."""
    return duckdb.connect(":memory:", config=UNSIGNED_ALLOWED)


def prepare_engine(
    connection: duckdb.DuckDBPyConnection,
    *,
    extensions: tuple[str, ...],
    limits: EngineLimits | None = None,
    s3: S3Credentials | None = None,
) -> duckdb.DuckDBPyConnection:
    """Load extensions, set limits and S3 credentials on the engine behind `connection`; returns it."""
    limits = limits or EngineLimits()
    with translate_errors("Preparing DuckDB"):
        connection.execute(f"SET memory_limit = '{limits.memory}'")
        connection.execute(f"SET threads = {limits.threads}")
        if limits.spill_folder:
            connection.execute(f"SET temp_directory = {quote_literal(limits.spill_folder)}")
        connection.execute("SET TimeZone = 'UTC'")
        for name in extensions:
            load_extension(connection, name)
        # Whoever may execute SQL here cannot load what nobody has verified.
        connection.execute("SET allow_unsigned_extensions = false")
        if s3:
            _create_secret(connection, s3)
    return connection


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load a signed extension from the installed package; from DuckDB's repository where there is no package.

    Raises:
        PermanentFailure: the extension is neither installed nor to be had, or its signature is not DuckDB's.
    """
    try:
        connection.execute(f"LOAD {verified_extension(name)}")
    except duckdb.Error as error:
        message = f"DuckDB's extension {name} cannot be loaded: {error}"
        remedy = f"Install the package duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}."
        raise PermanentFailure(message, remedy=remedy) from error


@cache
def verified_extension(name: str) -> str:
    """What to load for an extension, as SQL, once DuckDB has accepted its signature in this process.

    It reads some 35 MB for that, which takes 0.08 s of CPU; loading what is verified takes 0.001 s.
    """
    path = packaged_extension(name)
    with closing(duckdb.connect(":memory:")) as strict:
        if path is None:
            strict.execute(f"INSTALL {name}")
        target = quote_literal(path) if path else name
        strict.execute(f"LOAD {target}")
    return target


def packaged_extension(name: str) -> str | None:
    """The path of an extension that a Python package brought."""
    try:
        root = importlib.resources.files(f"duckdb_extension_{name}")
    except ModuleNotFoundError:
        return None
    path = root / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    return str(path) if os.path.exists(str(path)) else None  # noqa: PTH110 - a Traversable is no Path


def _create_secret(connection: duckdb.DuckDBPyConnection, s3: S3Credentials) -> None:
    options = [
        "TYPE s3",
        f"KEY_ID {quote_literal(s3.key_id)}",
        f"SECRET {quote_literal(s3.secret)}",
        f"REGION {quote_literal(s3.region)}",
    ]
    if s3.session_token:
        options.append(f"SESSION_TOKEN {quote_literal(s3.session_token)}")
    if s3.endpoint_url:
        scheme, _, host = s3.endpoint_url.partition("://")
        options += [
            f"ENDPOINT {quote_literal(host.rstrip('/'))}",
            "URL_STYLE 'path'",
            f"USE_SSL {str(scheme == 'https').lower()}",
        ]
    connection.execute(f"CREATE OR REPLACE SECRET settlement_s3 ({', '.join(options)})")


def quote_literal(text: str) -> str:
    """Text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_identifier(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
