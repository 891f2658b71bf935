"""The one place where a library's error is judged transient or permanent."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol

import botocore.exceptions as botocore_errors
import duckdb
import obstore.exceptions as obstore_errors
import sqlalchemy.exc

from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.storage.error_codes import (
    describes_permanent_fault,
    describes_transient_fault,
    transient_http,
    transient_os,
    transient_sqlite,
    transient_sqlstate,
)

_TRANSIENT_DUCKDB = (
    duckdb.IOException,
    duckdb.HTTPException,
    duckdb.TransactionException,
    duckdb.ConnectionException,
)


_TRANSIENT_SQLALCHEMY = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.TimeoutError,
    sqlalchemy.exc.DisconnectionError,
)


_PERMANENT_OBSTORE = (
    obstore_errors.NotFoundError,
    obstore_errors.PermissionDeniedError,
    obstore_errors.UnauthenticatedError,
    obstore_errors.InvalidPathError,
    obstore_errors.NotSupportedError,
    obstore_errors.UnknownConfigurationKeyError,
)


_TRANSIENT_BOTOCORE = (
    botocore_errors.ConnectionError,
    botocore_errors.HTTPClientError,
    botocore_errors.IncompleteReadError,
    botocore_errors.MetadataRetrievalError,
    botocore_errors.CredentialRetrievalError,
    botocore_errors.CapacityNotAvailableError,
)


_DEBUG_SECTION = "\n\nDebug source:"
"""From here on, object storage shows the inside of its error over dozens of lines."""


class ErrorTranslator(Protocol):
    """`judged` for the stores of one module."""

    def __call__(self, tried: str, *, dependency: str = ...) -> AbstractContextManager[None]:
        """Turn a library's error into one of the two failure words."""
        ...


@contextmanager
def translate_errors(action: str, *, dependency: str = "") -> Iterator[None]:
    """Turn errors of DuckDB, SQLAlchemy, S3, object storage and the file system into the two failure words.

    `dependency` names the store that is asked. An error of the program passes unchanged.

    Raises:
        TransientFailure: the store was busy, unreachable or slow.
        PermanentFailure: anything that trying again cannot heal.
    """
    try:
        yield
    except _LIBRARY_ERRORS as error:
        raise _translate(action, error, dependency) from error


def translator_for(dependency: str) -> ErrorTranslator:
    """`judged` where one store is asked unless another is named."""
    return partial(translate_errors, dependency=dependency)


def _translate(tried: str, error: Exception, dependency: str) -> TransientFailure | PermanentFailure:
    # SQLAlchemy's own text holds the statement and its values, which are neither to be judged nor shown.
    text = str(getattr(error, "orig", None) or error)
    transient = next(judge(error, text) for kind, judge in _CLASSIFIERS if isinstance(error, kind))
    message = f"{tried} failed: {text.partition(_DEBUG_SECTION)[0]}"
    if transient:
        return TransientFailure(message, remedy="It is safe to try again.", dependency=dependency)
    remedy = "Mend access or space; trying again alone will not help." if describes_permanent_fault(text) else ""
    return PermanentFailure(message, remedy=remedy, dependency=dependency)


def _transient_by_text(text: str, *, otherwise: bool) -> bool:
    return not describes_permanent_fault(text) and (otherwise or describes_transient_fault(text))


def _is_transient_duckdb(error: Exception, text: str) -> bool:
    """By its HTTP status where it speaks of one, and else by its kind: a catalog's error comes as text only."""
    status = getattr(error, "status_code", None)
    by_status = transient_http(status, text)
    if by_status is not None:
        return by_status and not describes_permanent_fault(text)
    return _transient_by_text(text, otherwise=isinstance(error, _TRANSIENT_DUCKDB))


def _is_transient_database(error: Exception, text: str) -> bool:
    """By the database's own code where it gives one: both databases call many things an operational error."""
    cause = getattr(error, "orig", None)
    for code, judge in (("pgcode", transient_sqlstate), ("sqlite_errorcode", transient_sqlite)):
        known = judge(getattr(cause, code, None))
        if known is not None:
            return known
    lost = bool(getattr(error, "connection_invalidated", False))
    return _transient_by_text(text, otherwise=lost or isinstance(error, _TRANSIENT_SQLALCHEMY))


def _is_transient_object_store(error: Exception, text: str) -> bool:
    if isinstance(error, _PERMANENT_OBSTORE):
        return False
    return _transient_by_text(text, otherwise=True) and transient_os(None, text)


def _is_transient_s3_response(error: Exception, text: str) -> bool:
    """S3 answered, and refused: throttling and its own faults pass, and what a request lacks does not."""
    response = getattr(error, "response", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = str(response.get("Error", {}).get("Code", ""))
    if describes_permanent_fault(f"{code} {text}"):
        return False
    return describes_transient_fault(f"{code} {text}") or bool(transient_http(status or _number(code), text))


def _is_transient_s3_client(error: Exception, text: str) -> bool:
    return isinstance(error, _TRANSIENT_BOTOCORE) and not describes_permanent_fault(text)


def _is_transient_os_error(error: Exception, text: str) -> bool:
    # Rust's libraries raise this kind without a number.
    return not isinstance(error, PermissionError) and transient_os(getattr(error, "errno", None), text)


def _number(code: str) -> int | None:
    return int(code) if code.isdecimal() else None


_CLASSIFIERS: tuple[tuple[type[Exception], Callable[[Exception, str], bool]], ...] = (
    (duckdb.Error, _is_transient_duckdb),
    (sqlalchemy.exc.SQLAlchemyError, _is_transient_database),
    (obstore_errors.BaseError, _is_transient_object_store),
    (botocore_errors.ClientError, _is_transient_s3_response),
    (botocore_errors.BotoCoreError, _is_transient_s3_client),
    (OSError, _is_transient_os_error),
)


_LIBRARY_ERRORS = tuple(kind for kind, _ in _CLASSIFIERS)
