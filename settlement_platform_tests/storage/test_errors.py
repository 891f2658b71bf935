"""Errors of libraries become transient or permanent failures, by whether trying again could help."""

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

import botocore.exceptions as botocore_errors
import duckdb
import obstore
import obstore.exceptions
import psycopg2
import pytest
import sqlalchemy as sa
from obstore.store import LocalStore

from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.engines.s3_credentials import find_s3_credentials
from settlement_platform.storage.errors import translate_errors, translator_for
from settlement_platform.storage.ledger.open import open_ledger
from settlement_platform_tests.builders import NOW
from settlement_platform_tests.servers import PostgresServer, S3Server


def busy(text: str) -> sa.exc.OperationalError:
    """SQLAlchemy's form of an error of the database."""
    return sa.exc.OperationalError("INSERT …", {"reason": "connection timed out"}, sqlite3.OperationalError(text))


def from_postgres(code: str) -> sa.exc.DBAPIError:
    """SQLAlchemy's form of an error that PostgreSQL gives a code; the text tells nothing."""
    kind = psycopg2.errors.lookup(code)
    # Only the server sets a code, so the form of the error is made by hand.
    cause = type(kind.__name__, (kind,), {"pgcode": code})("the server says no")
    wrapper = sa.exc.OperationalError if issubclass(kind, psycopg2.OperationalError) else sa.exc.ProgrammingError
    return wrapper("INSERT …", {}, cause)


def from_s3(code: str, status: int) -> botocore_errors.ClientError:
    """boto3's form of an answer that refuses."""
    answer: Any = {"Error": {"Code": code, "Message": "-"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore_errors.ClientError(answer, "ListObjectsV2")


def from_system(number: int) -> OSError:
    """The operating system's own error of that number."""
    return OSError(number, os.strerror(number))


def named(error: object) -> str:
    """An error as the name of a case."""
    return f"{type(error).__module__}.{type(error).__name__}: {str(error)[:60]}"


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
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError("timed out"),
        *[from_system(n) for n in (errno.EIO, errno.ENOENT, errno.EAGAIN, errno.EBUSY, errno.EMFILE, errno.ESTALE)],
        *[from_system(n) for n in (errno.ETIMEDOUT, errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH)],
        *[from_postgres(code) for code in ("40001", "40P01", "53300", "53200", "57P01", "57P03", "57014", "55P03")],
        *[from_postgres(code) for code in ("08006", "08001", "58030")],
        sa.exc.OperationalError("", {}, psycopg2.OperationalError("FATAL:  sorry, too many clients already")),
        sa.exc.OperationalError("", {}, psycopg2.OperationalError("FATAL:  the database system is starting up")),
        sa.exc.TimeoutError("QueuePool limit of size 5 overflow 10 reached"),
        duckdb.Error("Failed to commit: ERROR:  could not serialize access due to concurrent update"),
        duckdb.Error("ERROR:  deadlock detected"),
        duckdb.HTTPException("HTTP Error: HTTP GET error on 's3://b/k' (HTTP 503)"),
        duckdb.HTTPException("HTTP Error: Unable to connect to URL s3://b/k: 429 (HTTP 429)"),
        from_s3("SlowDown", 503),
        from_s3("InternalError", 500),
        from_s3("ThrottlingException", 400),
        from_s3("RequestTimeout", 400),
        from_s3("NoSuchKey", 404),
        from_s3("503", 503),
        botocore_errors.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        botocore_errors.ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"),
        botocore_errors.ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
        botocore_errors.ConnectionClosedError(endpoint_url="http://127.0.0.1:1"),
        botocore_errors.ProxyConnectionError(proxy_url="http://127.0.0.1:1"),
        botocore_errors.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        botocore_errors.MetadataRetrievalError(error_msg="no answer"),
        botocore_errors.CredentialRetrievalError(provider="iam-role", error_msg="no answer"),
    ],
    ids=named,
)
def test_what_may_pass_is_transient(error: Exception) -> None:
    """A busy, slow or unreachable store may answer the next time."""
    with pytest.raises(TransientFailure, match="safe to try again") as failure, translate_errors("Reading the ledger"):
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
        *[from_system(n) for n in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT)],
        *[from_system(n) for n in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)],
        OSError("File exists (os error 17)"),
        obstore.exceptions.GenericError("Unable to walk dir: Not a directory (os error 20)"),
        obstore.exceptions.GenericError("Error performing list request: <Code>NoSuchBucket</Code>"),
        obstore.exceptions.GenericError("client error: <Code>InvalidAccessKeyId</Code>"),
        *[from_postgres(code) for code in ("28P01", "28000", "3D000", "42501", "42P01", "53100", "57P04")],
        sa.exc.OperationalError("", {}, psycopg2.OperationalError('FATAL:  database "x" does not exist')),
        sa.exc.OperationalError("", {}, psycopg2.OperationalError('FATAL:  role "x" does not exist')),
        sa.exc.OperationalError("", {}, psycopg2.OperationalError("FATAL:  no pg_hba.conf entry for host")),
        duckdb.IOException('IO Error: Unable to connect to Postgres: FATAL:  database "x" does not exist'),
        duckdb.HTTPException("HTTP Error: HTTP GET error on 's3://b/k' (HTTP 400)"),
        duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block"),
        from_s3("AccessDenied", 403),
        from_s3("InvalidAccessKeyId", 403),
        from_s3("SignatureDoesNotMatch", 403),
        from_s3("ExpiredToken", 400),
        from_s3("NoSuchBucket", 404),
        from_s3("403", 403),
        from_s3("MethodNotAllowed", 405),
        botocore_errors.NoCredentialsError(),
        botocore_errors.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        botocore_errors.ProfileNotFound(profile="settlement"),
        botocore_errors.NoRegionError(),
        botocore_errors.UnauthorizedSSOTokenError(),
        botocore_errors.ParamValidationError(report="no"),
        botocore_errors.SSLError(endpoint_url="https://x", error="certificate verify failed"),
    ],
    ids=named,
)
def test_what_a_retry_cannot_heal_is_permanent(error: Exception) -> None:
    """Access, space, syntax and integrity stay as they are until someone acts."""
    with pytest.raises(PermanentFailure) as failure, translate_errors("Reading the ledger"):
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

    with pytest.raises(PermanentFailure) as failure, translate_errors("Appending to the ledger"):
        raise error

    assert "provider" not in str(failure.value)


@pytest.mark.parametrize(
    "error", [TransientFailure("busy"), PermanentFailure("no"), KeyError("x"), KeyboardInterrupt()]
)
def test_what_is_no_librarys_error_passes_unchanged(error: BaseException) -> None:
    """A judged error is not judged twice, and a defect of the program stays one."""
    with pytest.raises(type(error)) as raised, translate_errors("Reading the ledger"):
        raise error

    assert raised.value is error


def test_the_errors_of_the_real_libraries_are_judged(tmp_path: Path) -> None:
    """Missing files and tables, as the libraries themselves report them."""
    with pytest.raises(TransientFailure, match="Reading a file"), translate_errors("Reading a file"):
        obstore.get(LocalStore(tmp_path), "missing")
    with pytest.raises(TransientFailure, match="Reading a file"), translate_errors("Reading a file"):
        (tmp_path / "missing").read_bytes()
    with pytest.raises(PermanentFailure, match="Reading a table"), translate_errors("Reading a table"):
        duckdb.sql("FROM missing_table")


def test_a_failure_names_what_did_not_answer() -> None:
    """The store of the module that asks, unless the call names another; a judged failure keeps its own."""
    requested = translator_for("landing")

    with pytest.raises(TransientFailure) as usual, requested("Reading a file"):
        raise TimeoutError
    with pytest.raises(TransientFailure) as other, requested("Reading a file", dependency="lake"):
        raise TimeoutError
    with (
        pytest.raises(PermanentFailure) as inner,
        translate_errors("Publishing", dependency="lake"),
        requested("Reading a file"),
    ):
        raise PermissionError

    assert [f.value.dependency for f in (usual, other, inner)] == ["landing", "lake", "landing"]


@pytest.mark.parametrize("sql", ["SELECT nothing FROM range(3)", "SELECT FROM WHERE", "FROM missing_table"])
def test_no_store_is_blamed_for_wrong_sql(sql: str) -> None:
    """A breaker of the store would stop every dataset for a fault of one declaration."""
    with pytest.raises(PermanentFailure) as failure, translate_errors("Measuring", dependency="staging"):
        duckdb.sql(sql)

    assert failure.value.dependency == ""


def test_what_sqlite_itself_says_is_judged_by_its_code(tmp_path: Path) -> None:
    """It calls a missing table and a busy file the same, an operational error."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/a.db", connect_args={"timeout": 0})
    holder = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(TransientFailure, match="locked"), translate_errors("Writing"), engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (a)"))
    holder.close()
    with (
        pytest.raises(PermanentFailure, match="no such table"),
        translate_errors("Reading"),
        engine.begin() as connection,
    ):
        connection.execute(sa.text("SELECT * FROM missing"))


def test_what_postgresql_itself_says_is_judged(postgres: PostgresServer) -> None:
    """A database that is not there stays away until someone makes it; the ledger is named as what did not answer."""
    url = sa.make_url(postgres.url).set(database="never_made").render_as_string(hide_password=False)

    with pytest.raises(PermanentFailure, match='"never_made" does not exist') as missing:
        open_ledger(url, now=NOW)
    with pytest.raises(TransientFailure) as unreachable:
        open_ledger("postgresql://settlement@127.0.0.1:1/ledger", now=NOW)

    assert {missing.value.dependency, unreachable.value.dependency} == {"ledger"}


def test_a_profile_that_does_not_exist_is_permanent() -> None:
    """As boto3 itself says it."""
    with pytest.raises(PermanentFailure, match="never-made"):
        find_s3_credentials(endpoint_url=None, region=None, profile="never-made")


def test_the_inside_of_an_error_of_object_storage_is_not_shown() -> None:
    """It would fill a screen of an alert, and the record of the attempt."""
    error = obstore.exceptions.GenericError("Generic S3 error: no answer\n\nDebug source:\nGeneric {\n    store")

    with pytest.raises(TransientFailure) as failure, translate_errors("Listing"):
        raise error

    assert failure.value.message == "Listing failed: Generic S3 error: no answer"


@pytest.mark.parametrize(
    ("bucket", "changes", "kind"),
    [
        ("tests", {"secret": "wrong"}, PermanentFailure),
        ("never-made", {}, PermanentFailure),
        ("tests", {"endpoint_url": "http://127.0.0.1:1"}, TransientFailure),
    ],
    ids=["a wrong secret", "a missing bucket", "a closed port"],
)
def test_what_s3_itself_says_is_judged(s3: S3Server, bucket: str, changes: dict[str, str], kind: type) -> None:
    """Through the client that reads deliveries and writes staged files."""
    store = open_store(f"s3://{bucket}", S3Credentials(**{**vars(s3.access), **changes}))

    with pytest.raises(kind), translate_errors("Listing"):
        list(store.list(prefix="x/"))


@pytest.mark.parametrize(
    "expression", ["text::INTEGER", "text::DECIMAL(3, 2)", "text::BIGINT + 9223372036854775807", "strptime(text, '%d')"]
)
def test_an_error_over_a_value_blames_no_store_and_quotes_nothing(expression: str) -> None:
    """The value may be a card number; neither the message nor the error behind it has it."""
    with (
        duckdb.connect(":memory:") as engine,
        pytest.raises(PermanentFailure) as failed,
        translate_errors("Building it", dependency="staging"),
    ):
        engine.execute(f"SELECT {expression} FROM (VALUES ('4111111111111111')) v(text)")

    assert failed.value.dependency == ""
    assert "4111" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


@pytest.mark.parametrize("expression", ["TIMESTAMP '2026-01-01' AT TIME ZONE text", "strptime(text, '%d')"])
def test_an_error_over_a_harmless_value_blames_no_store_either(expression: str) -> None:
    """A mart that fails on a value opens its own breaker, and never that of the lake."""
    with (
        duckdb.connect(":memory:") as engine,
        pytest.raises(PermanentFailure) as failed,
        translate_errors("Building it", dependency="lake"),
    ):
        engine.execute(f"SELECT {expression} FROM (VALUES ('PDT')) v(text)")

    assert failed.value.dependency == ""
    assert "PDT" in str(failed.value)
