"""What libraries raise becomes one of two words, by whether trying again could help."""

import sqlite3
from pathlib import Path

import duckdb
import obstore
import obstore.exceptions
import psycopg2
import pytest
import sqlalchemy as sa
from obstore.store import LocalStore

from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.storage.errors import judged


def busy(text: str) -> sa.exc.OperationalError:
    """SQLAlchemy's form of an error of the database."""
    return sa.exc.OperationalError("INSERT …", {"reason": "connection timed out"}, sqlite3.OperationalError(text))


@pytest.mark.parametrize(
    "error",
    [
        duckdb.IOException("IO Error: could not read"),
        duckdb.HTTPException("HTTP Error: 503"),
        duckdb.TransactionException("Transaction conflict: concurrent commit"),
        duckdb.ConnectionException("Connection Error: closed"),
        duckdb.Error("database is locked"),
        duckdb.Error("Failed to commit: transaction conflict"),
        busy("database is locked"),
        sa.exc.OperationalError("", {}, psycopg2.OperationalError("could not connect to server")),
        sa.exc.InterfaceError("", {}, psycopg2.InterfaceError("connection already closed")),
        obstore.exceptions.GenericError("503 Slow Down"),
        FileNotFoundError(2, "No such file or directory"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError("timed out"),
        OSError(5, "Input/output error"),
    ],
    ids=lambda error: f"{type(error).__module__}.{type(error).__name__}: {str(error)[:30]}",
)
def test_what_may_pass_is_transient(error: Exception) -> None:
    """A busy, slow or unreachable store may answer the next time."""
    with pytest.raises(TransientFailure, match="safe to try again") as failure, judged("Reading the ledger"):
        raise error

    assert failure.value.message.startswith("Reading the ledger failed: ")
    assert failure.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        duckdb.CatalogException("Catalog Error: Table does not exist"),
        duckdb.ParserException("Parser Error: syntax error"),
        duckdb.IOException("IO Error: Permission denied"),
        duckdb.IOException("IO Error: No space left on device"),
        duckdb.HTTPException("HTTP Error: HTTP 403 (Forbidden)"),
        sa.exc.IntegrityError("", {}, sqlite3.IntegrityError("the ledger is append-only")),
        sa.exc.ProgrammingError("", {}, psycopg2.ProgrammingError("syntax error")),
        busy("attempt to write a readonly database"),
        sa.exc.OperationalError("", {}, psycopg2.OperationalError("password authentication failed")),
        obstore.exceptions.PermissionDeniedError("access denied"),
        obstore.exceptions.UnauthenticatedError("no credentials"),
        obstore.exceptions.InvalidPathError("bad path"),
        PermissionError(13, "Permission denied"),
        OSError(28, "No space left on device"),
    ],
    ids=lambda error: f"{type(error).__module__}.{type(error).__name__}: {str(error)[:30]}",
)
def test_what_a_retry_cannot_heal_is_permanent(error: Exception) -> None:
    """Access, space, syntax and integrity stay as they are until someone acts."""
    with pytest.raises(PermanentFailure) as failure, judged("Reading the ledger"):
        raise error

    assert failure.value.message.startswith("Reading the ledger failed: ")
    assert failure.value.__cause__ is error


def test_the_values_of_a_statement_are_neither_judged_nor_shown() -> None:
    """A reason that speaks of a connection does not make a broken rule transient."""
    error = sa.exc.IntegrityError(
        "INSERT INTO operator_actions …",
        {"reason": "connection timed out at the provider"},
        sqlite3.IntegrityError("NOT NULL constraint failed"),
    )

    with pytest.raises(PermanentFailure) as failure, judged("Appending to the ledger"):
        raise error

    assert "provider" not in str(failure.value)


@pytest.mark.parametrize(
    "error", [TransientFailure("busy"), PermanentFailure("no"), KeyError("x"), KeyboardInterrupt()]
)
def test_what_is_no_librarys_error_passes_unchanged(error: BaseException) -> None:
    """A judged error is not judged twice, and a defect of the program stays one."""
    with pytest.raises(type(error)) as raised, judged("Reading the ledger"):
        raise error

    assert raised.value is error


def test_the_errors_of_the_real_libraries_are_judged(tmp_path: Path) -> None:
    """Missing files and tables, as the libraries themselves report them."""
    with pytest.raises(TransientFailure, match="Reading a file"), judged("Reading a file"):
        obstore.get(LocalStore(tmp_path), "missing")
    with pytest.raises(TransientFailure, match="Reading a file"), judged("Reading a file"):
        (tmp_path / "missing").read_bytes()
    with pytest.raises(PermanentFailure, match="Reading a table"), judged("Reading a table"):
        duckdb.sql("FROM missing_table")
