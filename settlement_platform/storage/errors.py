"""The one place where a library's error is judged transient or permanent."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import obstore.exceptions as obstore_errors
import sqlalchemy.exc

from settlement_platform.control.failures import PermanentFailure, TransientFailure

_TRANSIENT_DUCKDB = (
    duckdb.IOException,
    duckdb.HTTPException,
    duckdb.TransactionException,
    duckdb.ConnectionException,
)
_TRANSIENT_WORDS = (
    "database is locked",
    "transaction conflict",
    "could not connect",
    "connection",
    "timed out",
)
_PERMANENT_WORDS = (
    "permission denied",
    "no space left",
    "access denied",
    "http 403",
    "forbidden",
    "read-only",
    "readonly database",
    "authentication failed",
)
_OBSTORE_PERMANENT = (
    obstore_errors.NotFoundError,
    obstore_errors.PermissionDeniedError,
    obstore_errors.UnauthenticatedError,
    obstore_errors.InvalidPathError,
)


@contextmanager
def judged(tried: str) -> Iterator[None]:
    """Turn errors of DuckDB, SQLAlchemy, object storage and the file system into the two failure words.

    Raises:
        TransientFailure: the store was busy, unreachable or slow.
        PermanentFailure: anything that trying again cannot heal.
    """
    try:
        yield
    except duckdb.Error as error:
        raise _judge(tried, error, transient=isinstance(error, _TRANSIENT_DUCKDB)) from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise _judge(tried, error, transient=isinstance(error, sqlalchemy.exc.OperationalError)) from error
    except _OBSTORE_PERMANENT as error:
        raise _judge(tried, error, transient=False) from error
    except obstore_errors.BaseError as error:
        raise _judge(tried, error, transient=True) from error
    except PermissionError as error:
        raise _judge(tried, error, transient=False) from error
    except OSError as error:
        raise _judge(tried, error, transient=True) from error


def _judge(tried: str, error: Exception, *, transient: bool) -> TransientFailure | PermanentFailure:
    # SQLAlchemy's own text holds the statement and its values, which are neither to be judged nor shown.
    text = str(getattr(error, "orig", None) or error)
    lowered = text.lower()
    if any(word in lowered for word in _PERMANENT_WORDS):
        return PermanentFailure(
            f"{tried} failed: {text}", remedy="Mend access or space; trying again alone will not help."
        )
    if transient or any(word in lowered for word in _TRANSIENT_WORDS):
        return TransientFailure(f"{tried} failed: {text}", remedy="It is safe to try again.")
    return PermanentFailure(f"{tried} failed: {text}")
