"""The translation of library errors into transient and permanent failures."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol

import botocore.exceptions as botocore_errors
import duckdb
import obstore.exceptions as obstore_errors
import sqlalchemy.exc

from settlement_platform.control.card_numbers import holds_card_number
from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.storage.error_codes import (
    describes_permanent_fault,
    describes_transient_fault,
    transient_http,
    transient_os,
    transient_sqlite,
    transient_sqlstate,
)
from settlement_platform.storage.store_failures import (
    RIGHTS_REMEDY,
    damage_remedy,
    describes_damage,
    describes_full_disk,
    full_disk_remedy,
)

_TRANSIENT_DUCKDB = (
    duckdb.IOException,
    duckdb.HTTPException,
    duckdb.TransactionException,
    duckdb.ConnectionException,
)

VALUE_ERRORS = (duckdb.DataError, duckdb.InvalidInputException, duckdb.NotImplementedException)
"""Errors of an expression over values, such as a cast or a time zone; their texts quote the value."""

_SQL_ERRORS = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException)
"""Errors of a statement, which a declaration or the program gives."""

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

_INSIDES = ("\n\nDebug source:", "\n\nStack Trace:")
"""After such a heading, object storage and DuckDB print the inside of an error over dozens of lines."""


class ErrorTranslator(Protocol):
    """The signature of `translate_errors`, also with its dependency bound."""

    def __call__(self, action: str, *, dependency: str = ...) -> AbstractContextManager[None]:
        """Return a context that translates library errors of `action`."""
        ...


@contextmanager
def translate_errors(action: str, *, dependency: str = "") -> Iterator[None]:
    """Translate errors of DuckDB, SQLAlchemy, S3, object storage and the file system; others pass unchanged.

    `action` opens the message, such as "Reading the ledger". `dependency` names the store that is used.

    Raises:
        TransientFailure: the store was busy, unreachable or slow.
        PermanentFailure: an error that a retry cannot fix.
    """
    try:
        yield
    except _LIBRARY_ERRORS as error:
        if _quotes_value(error):
            # Without its cause, whose text is the same.
            raise _value_failure(action, error) from None
        raise _translate(action, error, dependency) from error


def translator_for(dependency: str) -> ErrorTranslator:
    """Return `translate_errors` with `dependency` as its default."""
    return partial(translate_errors, dependency=dependency)


def _quotes_value(error: Exception) -> bool:
    return isinstance(error, duckdb.DataError) or (isinstance(error, VALUE_ERRORS) and holds_card_number(str(error)))


def _value_failure(action: str, error: Exception) -> PermanentFailure:
    """Return the failure of an expression over values; no store is to blame, so none is named."""
    message = f"{action} failed: an expression cannot be computed on a value ({type(error).__name__})."
    return PermanentFailure(message, remedy="Correct the declaration or the data; a retry alone will not help.")


def _translate(action: str, error: Exception, dependency: str) -> TransientFailure | PermanentFailure:
    # SQLAlchemy's own text has the statement and its values, which must be neither classified nor shown.
    text = _own_text(str(getattr(error, "orig", None) or error))
    message = f"{action} failed: {text}"
    remedy = _remedy(error, text, dependency)
    if remedy is not None:
        return PermanentFailure(message, remedy=remedy, dependency=dependency)
    transient = next(is_transient(error, text) for kind, is_transient in _CLASSIFIERS if isinstance(error, kind))
    if transient:
        return TransientFailure(message, remedy="It is safe to try again.", dependency=dependency)
    remedy = RIGHTS_REMEDY if describes_permanent_fault(text) else ""
    # An error over values or in the SQL is no fault of the store, whatever was read from it.
    blamed = "" if isinstance(error, (*VALUE_ERRORS, *_SQL_ERRORS)) and not remedy else dependency
    return PermanentFailure(message, remedy=remedy, dependency=blamed)


def _own_text(text: str) -> str:
    """Return the text of an error without the inside of the library that raised it, which names other faults."""
    for heading in _INSIDES:
        text = text.partition(heading)[0]
    return text


def _remedy(error: Exception, text: str, dependency: str) -> str | None:
    """Return the remedy for a full disk or a damaged store, empty if its place is unknown; None for other faults."""
    if isinstance(error, VALUE_ERRORS):
        return None
    if describes_full_disk(getattr(error, "errno", None), text, store=dependency):
        name = getattr(error, "filename", None)
        return full_disk_remedy(f"'{name}'" if name else text, dependency)
    return damage_remedy(dependency) if describes_damage(text) else None


def _transient_by_text(text: str, *, otherwise: bool) -> bool:
    return not describes_permanent_fault(text) and (otherwise or describes_transient_fault(text))


def _is_transient_duckdb(error: Exception, text: str) -> bool:
    """Classify by the HTTP status if there is one, or else by class: an error of the catalog comes as text only."""
    status = getattr(error, "status_code", None)
    by_status = transient_http(status, text)
    if by_status is not None:
        return by_status and not describes_permanent_fault(text)
    return _transient_by_text(text, otherwise=isinstance(error, _TRANSIENT_DUCKDB))


def _is_transient_database(error: Exception, text: str) -> bool:
    """Classify by the database's own code if it gives one: both databases report many faults as operational errors."""
    cause = getattr(error, "orig", None)
    for code, classify in (("pgcode", transient_sqlstate), ("sqlite_errorcode", transient_sqlite)):
        known = classify(getattr(cause, code, None))
        if known is not None:
            return known
    lost = bool(getattr(error, "connection_invalidated", False))
    return _transient_by_text(text, otherwise=lost or isinstance(error, _TRANSIENT_SQLALCHEMY))


def _is_transient_object_store(error: Exception, text: str) -> bool:
    if isinstance(error, _PERMANENT_OBSTORE):
        return False
    return _transient_by_text(text, otherwise=True) and transient_os(None, text)


def _is_transient_s3_response(error: Exception, text: str) -> bool:
    """Classify a refusal by S3: throttling and faults of S3 are transient, a faulty request is not."""
    response = getattr(error, "response", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = str(response.get("Error", {}).get("Code", ""))
    if describes_permanent_fault(f"{code} {text}"):
        return False
    return describes_transient_fault(f"{code} {text}") or bool(transient_http(status or _number(code), text))


def _is_transient_s3_client(error: Exception, text: str) -> bool:
    return isinstance(error, _TRANSIENT_BOTOCORE) and not describes_permanent_fault(text)


def _is_transient_os_error(error: Exception, text: str) -> bool:
    # Rust libraries raise this class without a number.
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
