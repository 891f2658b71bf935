"""Locks across processes, which are freed when the process that holds them ends."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import filelock
import sqlalchemy as sa

from settlement_platform.control.failures import TransientFailure
from settlement_platform.storage.errors import translate_errors, translator_for

POLL_SECONDS = 0.02

_HELD_BY_SESSION = sa.text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() "
    "AND objsubid = 1 AND ((classid::bigint << 32) | objid::bigint) = :number"
)

_ALL_HELD = sa.text(
    "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class LockTimeout(TransientFailure):
    """Another process held a lock for longer than the timeout."""


class LockHandle(Protocol):
    """A lock within its `with` block."""

    def still_held(self) -> bool:
        """Return whether the lock was not lost meanwhile, according to the server that keeps it."""
        ...


class Locks(Protocol):
    """Named, exclusive locks; they are not reentrant."""

    def hold(self, name: str, *, timeout_seconds: float) -> AbstractContextManager[LockHandle]:
        """Hold the lock during a `with` block.

        Raises:
            LockTimeout: another process held it for longer than `timeout_seconds`.
        """
        ...

    def held_among(self, names: Iterable[str]) -> list[str]:
        """Return those of the named locks that a process holds at this moment."""
        ...


class _ProcessLock:
    """A lock that the kernel frees only when the process ends."""

    def still_held(self) -> bool:
        """Return True: this process is alive."""
        return True


class SingleProcessLocks:
    """Locks for a store that only one process can see."""

    @contextmanager
    def hold(self, name: str, *, timeout_seconds: float) -> Iterator[LockHandle]:
        """Hold the lock; no other process competes for it."""
        del name, timeout_seconds
        yield _ProcessLock()

    def held_among(self, names: Iterable[str]) -> list[str]:
        """Return no lock."""
        del names
        return []


class FileLocks:
    """Locks as files in a folder, for the processes of one machine; the kernel frees them when a process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str, *, timeout_seconds: float) -> Iterator[LockHandle]:
        """Hold the lock.

        Raises:
            LockTimeout: another process held it for longer than `timeout_seconds`.
        """
        with translate_errors(f"Taking the lock {name}"):
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self._path(name), thread_local=False)
            try:
                lock.acquire(timeout=timeout_seconds, poll_interval=POLL_SECONDS)
            except filelock.Timeout:
                raise _lock_timeout(name, timeout_seconds) from None
        try:
            yield _ProcessLock()
        finally:
            lock.release()

    def held_among(self, names: Iterable[str]) -> list[str]:
        """Return those of the named locks that a process holds; each free one is taken for a moment to find out."""
        return [name for name in names if self._path(name).exists() and not self._is_free(name)]

    def _is_free(self, name: str) -> bool:
        try:
            with self.hold(name, timeout_seconds=0):
                return True
        except LockTimeout:
            return False

    def _path(self, name: str) -> Path:
        return self._folder / f"{_file_name(name)}.lock"


def hold_until_exit(file: Path) -> bool:
    """Take the lock of a file until this process ends, whatever program it becomes; return whether it was free.

    Its child processes do not hold it.
    """
    with translate_errors(f"Taking the lock {file}"):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - its only signature
        return True


class _SessionLock:
    """A lock that ends with its session, which the server may end at any time."""

    def __init__(self, connection: sa.Connection, number: int) -> None:
        self._connection = connection
        self._number = number

    def still_held(self) -> bool:
        """Return whether the session that took the lock is alive and holds it; a reconnected session does not."""
        try:
            return bool(self._connection.execute(_HELD_BY_SESSION, {"number": self._number}).scalar())
        except sa.exc.SQLAlchemyError:
            return False


class PostgresLocks:
    """Advisory locks of PostgreSQL sessions, for processes of many machines; `dependency` is the store they guard."""

    def __init__(self, engine: sa.Engine, *, dependency: str = "") -> None:
        self._engine = engine
        self._translate_errors = translator_for(dependency)

    @contextmanager
    def hold(self, name: str, *, timeout_seconds: float) -> Iterator[LockHandle]:
        """Hold the lock.

        Raises:
            LockTimeout: another session held it for longer than `timeout_seconds`.
        """
        number = _number(name)
        with self._translate_errors(f"Taking the lock {name}"):
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            self._acquire(connection, number, name, timeout_seconds)
            try:
                yield _SessionLock(connection, number)
            finally:
                _unlock(connection, number)
        finally:
            # Only closing the session, instead of returning it to a pool, is certain to free the lock.
            connection.invalidate()
            connection.close()

    def held_among(self, names: Iterable[str]) -> list[str]:
        """Return those of the named locks that a session holds, with one query."""
        with self._translate_errors("Finding held locks"), self._engine.connect() as connection:
            held = set(connection.execute(_ALL_HELD).scalars())
        return [name for name in names if _number(name) in held]

    def _acquire(self, connection: sa.Connection, number: int, name: str, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while True:
            with self._translate_errors(f"Taking the lock {name}"):
                taken = connection.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar()
            if taken:
                return
            if time.monotonic() > deadline:
                raise _lock_timeout(name, timeout_seconds)
            time.sleep(POLL_SECONDS)


def _unlock(connection: sa.Connection, number: int) -> None:
    """Free the lock at once: a server notices a closed session only some moments later."""
    # A lost session cannot answer, and its lock ended with it.
    with suppress(sa.exc.SQLAlchemyError):
        connection.execute(sa.select(sa.func.pg_advisory_unlock(number)))


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def _lock_timeout(name: str, seconds: float) -> LockTimeout:
    message = f"Another process has held the lock {name} for more than {seconds:.0f} s."
    return LockTimeout(message, remedy="Try again later; the lock is freed when that process ends.")


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
