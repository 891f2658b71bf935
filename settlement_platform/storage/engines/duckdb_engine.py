"""The DuckDB engine: an in-memory connection with this platform's extensions, limits and credentials."""

import importlib.resources
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache

import duckdb

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.errors import translate_errors

EXTENSIONS = ("ducklake", "sqlite_scanner", "postgres_scanner", "httpfs")

# zstd over Parquet's delta encodings: half the bytes of the default, at the same CPU (see docs/decisions).
PARQUET_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2"
"""The options of COPY with which Parquet files are written."""


@dataclass(frozen=True, kw_only=True)
class S3Credentials:
    """The address and credentials of an S3 service; `endpoint_url` is None for AWS itself."""

    endpoint_url: str | None
    region: str
    key_id: str
    secret: str
    session_token: str | None = None


@dataclass(frozen=True, kw_only=True)
class EngineLimits:
    """The limits of one process: memory in DuckDB's notation, threads, and a folder to spill to."""

    memory: str = "640MB"
    threads: int = 2
    spill_folder: str | None = None


UNSIGNED_ALLOWED: dict[str, str | bool | int | float | list[str]] = {"allow_unsigned_extensions": "true"}
"""The configuration of connections that skip signatures, as `verified_extension` verifies them once per process."""


def connect_engine() -> duckdb.DuckDBPyConnection:
    """Return a new in-memory engine, for `prepare_engine`."""
    connection = duckdb.connect(":memory:", config=UNSIGNED_ALLOWED)
    # DuckDB takes an interpreter without a main file for an interactive one, and prints its bar to standard output.
    connection.execute("SET enable_progress_bar = false")
    return connection


def prepare_engine(
    connection: duckdb.DuckDBPyConnection,
    *,
    extensions: tuple[str, ...],
    limits: EngineLimits | None = None,
    s3: S3Credentials | None = None,
) -> duckdb.DuckDBPyConnection:
    """Load extensions and set limits and S3 credentials on the engine behind `connection`; return the connection.

    Raises:
        PermanentFailure: an extension cannot be loaded.
    """
    limits = limits or EngineLimits()
    with translate_errors("Preparing DuckDB"):
        connection.execute(f"SET memory_limit = '{limits.memory}'")
        connection.execute(f"SET threads = {limits.threads}")
        if limits.spill_folder:
            connection.execute(f"SET temp_directory = {quote_literal(limits.spill_folder)}")
        connection.execute("SET TimeZone = 'UTC'")
        for name in extensions:
            load_extension(connection, name)
        # Users who execute SQL here cannot load an unverified extension.
        connection.execute("SET allow_unsigned_extensions = false")
        if s3:
            _create_secret(connection, s3)
    return connection


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load a signed extension from its Python package, or from DuckDB's repository if there is no package.

    Raises:
        PermanentFailure: the extension is not available, or its signature is not DuckDB's.
    """
    try:
        connection.execute(f"LOAD {verified_extension(name)}")
    except duckdb.Error as error:
        message = f"DuckDB's extension {name} cannot be loaded: {error}"
        remedy = f"Install the package duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}."
        raise PermanentFailure(message, remedy=remedy) from error


@cache
def verified_extension(name: str) -> str:
    """Return the SQL operand of LOAD for an extension, once DuckDB has verified its signature in this process.

    Verifying reads some 35 MB and takes 0.08 s of CPU; loading a verified extension takes 0.001 s.

    Raises:
        duckdb.Error: the extension is not available, or its signature is not DuckDB's.
    """
    path = packaged_extension(name)
    with closing(duckdb.connect(":memory:")) as strict:
        if path is None:
            strict.execute(f"INSTALL {name}")
        target = quote_literal(path) if path else name
        strict.execute(f"LOAD {target}")
    return target


def packaged_extension(name: str) -> str | None:
    """Return the path of an extension in its Python package; None if the package is not installed."""
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


def parquet_relation(paths: Sequence[str]) -> str:
    """Return Parquet files as one SQL relation, whose columns are those of the files alone.

    By default a folder such as `currency=EUR` in a path would replace the column of that name.
    """
    return f"read_parquet([{', '.join(quote_literal(path) for path in paths)}], hive_partitioning => false)"


def quote_literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_identifier(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
