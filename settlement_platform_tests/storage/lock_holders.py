"""The work of other processes with a lock while a test watches."""

from multiprocessing.connection import Connection
from pathlib import Path

import sqlalchemy as sa

from settlement_platform.storage.locks import FileLocks, Locks, PostgresLocks


def open_locks(where: str) -> Locks:
    """Locks in a folder, or in the PostgreSQL database of that URL."""
    if where.startswith("postgresql:"):
        return PostgresLocks(sa.create_engine(sa.make_url(where).set(drivername="postgresql+psycopg2")))
    return FileLocks(Path(where))


def hold_until_released(connection: Connection, where: str, name: str) -> None:
    """Hold a lock until something is heard."""
    with open_locks(where).hold(name, timeout_seconds=30.0):
        connection.send("held")
        connection.recv()
    connection.send("freed")


def add_up(where: str, counter: str, times: int) -> None:
    """Raise the number in a file, which takes reading and writing, under a lock each time."""
    locks = open_locks(where)
    for _ in range(times):
        with locks.hold("counter", timeout_seconds=30.0):
            Path(counter).write_text(str(int(Path(counter).read_text()) + 1))
