"""Read-only access to SQLite files that others may be writing, even on read-only media."""

import atexit
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.errors import translate_errors


def readable_sqlite(path: Path) -> Path:
    """Return a path at which a library can open the database that needs to write beside it to share it with writers.

    It is the file itself, or a copy that lasts as long as this process if the folder is read-only.

    Raises:
        TransientFailure: the file could not be copied.
    """
    if os.access(path.parent, os.W_OK):
        return path
    with translate_errors(f"Copying {path}"):
        folder = tempfile.mkdtemp(prefix="settlement-reading-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        copy = Path(folder) / path.name
        with closing(open_readonly_sqlite(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    return copy


def open_readonly_sqlite(path: Path) -> sqlite3.Connection:
    """Return a read-only connection; in a read-only folder without a write-ahead log the file is opened as immutable.

    Shared access needs to write files beside the database, even for a reader.
    """
    immutable = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    option = "immutable=1" if immutable else "mode=ro"
    return sqlite3.connect(f"file:{quote(str(path))}?{option}", uri=True, timeout=30, check_same_thread=False)


def readonly_sqlite_engine(path: Path) -> sa.Engine:
    """Return an engine whose connections are those of `open_readonly_sqlite`."""
    return sa.create_engine("sqlite://", creator=lambda: open_readonly_sqlite(path), poolclass=sa.NullPool)


def require_intact_sqlite(path: Path) -> None:
    """Check the integrity of a SQLite database.

    Raises:
        PermanentFailure: it is damaged, or not a database.
        TransientFailure: it did not answer.
    """
    with translate_errors(f"Checking {path}"), readonly_sqlite_engine(path).connect() as connection:
        faults = connection.exec_driver_sql("PRAGMA quick_check(3)").scalars().all()
    if faults != ["ok"]:
        message = f"{path} is damaged: {' '.join(' '.join(faults).split())}."
        raise PermanentFailure(message)
