"""The codes and phrases of operating systems, databases and services that mark a transient or a permanent error.

A function that classifies a code returns True for transient, False for permanent, and None if the code is unknown.
"""

import errno
import re
import sqlite3

_PERMANENT_ERRNOS = {
    errno.EPERM,
    errno.EACCES,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EINVAL,
}
"""Any other error is transient: a missing file may still arrive, and a disk that failed once may recover."""

_SQLSTATES = {
    "08": True,  # the connection
    "28": False,  # who may connect
    "3D": False,  # no such database
    "40": True,  # serialization and deadlocks
    "42": False,  # syntax and rights
    "53": True,  # too many connections, out of memory
    "53100": False,  # the disk is full
    "55P03": True,  # a lock was not available
    "55006": True,  # in use
    "57": True,  # stopped, restarting, cancelled
    "57P04": False,  # the database was dropped
    "58": True,  # the server's own disk
    "58P01": False,  # one of its files is missing
}

_SQLITE_CODES = {
    sqlite3.SQLITE_BUSY: True,
    sqlite3.SQLITE_LOCKED: True,
    sqlite3.SQLITE_IOERR: True,
    sqlite3.SQLITE_CANTOPEN: True,
    sqlite3.SQLITE_PROTOCOL: True,
    sqlite3.SQLITE_NOMEM: True,
    sqlite3.SQLITE_ERROR: False,
    sqlite3.SQLITE_PERM: False,
    sqlite3.SQLITE_READONLY: False,
    sqlite3.SQLITE_FULL: False,
    sqlite3.SQLITE_CORRUPT: False,
    sqlite3.SQLITE_NOTADB: False,
    sqlite3.SQLITE_AUTH: False,
    sqlite3.SQLITE_CONSTRAINT: False,
}

_TRANSIENT_HTTP = {408, 409, 425, 429}
_NOT_FOUND = 404
_SERVER_ERRORS = range(500, 600)
_CLIENT_ERRORS = range(300, 500)

_TRANSIENT_PHRASES = (
    "database is locked",
    "transaction conflict",
    "could not connect",
    "could not serialize access",
    "deadlock detected",
    "too many clients",
    "too many connections",
    "connection",
    "timed out",
    "slowdown",
    "slow down",
    "throttl",
    "toomanyrequests",
    "requestlimitexceeded",
    "requesttimeout",
    "serviceunavailable",
    "internalerror",
    "nosuchkey",
)

_PERMANENT_PHRASES = (
    "permission denied",
    "operation not permitted",
    "no space left",
    "disk quota exceeded",
    "disk is full",
    "access denied",
    "accessdenied",
    "forbidden",
    "read-only",
    "readonly database",
    "authentication failed",
    "no pg_hba.conf entry",
    "certificate verify failed",
    "invalidaccesskeyid",
    "signaturedoesnotmatch",
    "expiredtoken",
    "invalidtoken",
    "nosuchbucket",
    "requesttimetooskewed",
)

_PERMANENT_PATTERNS = (
    re.compile(r'(database|role|schema) "[^"]*" does not exist'),
    re.compile(r"\bhttp (error: )?(http )?(400|401|403)\b"),
)

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_HTTP_STATUS = re.compile(r"\bHTTP (?:Error: )?(?:HTTP )?(\d{3})\b")


def describes_permanent_fault(text: str) -> bool:
    """Return whether the text of an error describes a fault that stays until someone acts."""
    lowered = text.lower()
    return any(phrase in lowered for phrase in _PERMANENT_PHRASES) or any(
        p.search(lowered) for p in _PERMANENT_PATTERNS
    )


def describes_transient_fault(text: str) -> bool:
    """Return whether the text of an error describes a fault that may pass."""
    lowered = text.lower()
    return any(phrase in lowered for phrase in _TRANSIENT_PHRASES)


def transient_os(number: int | None, text: str) -> bool:
    """Classify an operating system error by its number, which Rust libraries give in the text only."""
    found = _OS_ERROR.search(text)
    known = number if number is not None else int(found.group(1)) if found else None
    return known not in _PERMANENT_ERRNOS and not describes_permanent_fault(text)


def transient_sqlstate(code: str | None) -> bool | None:
    """Classify a PostgreSQL error by its SQLSTATE, or else by the class of that."""
    return None if code is None else _SQLSTATES.get(code, _SQLSTATES.get(code[:2]))


def transient_sqlite(code: int | None) -> bool | None:
    """Return whether a SQLite error is transient, by the low byte of its code; None if the code is unknown."""
    return None if code is None else _SQLITE_CODES.get(code & 0xFF)


def transient_http(status: int | None, text: str) -> bool | None:
    """Classify an HTTP status: throttling, server faults and 404 are transient, other refusals permanent."""
    found = _HTTP_STATUS.search(text)
    known = status or (int(found.group(1)) if found else None)
    if known is None or known in _SERVER_ERRORS or known in _TRANSIENT_HTTP or known == _NOT_FOUND:
        return None if known is None else True
    return False if known in _CLIENT_ERRORS else None
