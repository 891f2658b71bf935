"""Reading SQLite files that others may be writing, also where nothing may be written."""

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
    """A SQLite file that a library can open which has to write beside it, as it does to share it with writers.

    That is the file itself, or a copy for the life of this process where its folder may not be written to.
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
    """A connection that only reads; where nothing can be written and no writer left its log, a file that stands still.

    Shared reading needs files beside the database, even of who only reads.
    """
    still = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    option = "immutable=1" if still else "mode=ro"
    return sqlite3.connect(f"file:{quote(str(path))}?{option}", uri=True, timeout=30, check_same_thread=False)


def readonly_sqlite_engine(path: Path) -> sa.Engine:
    """An engine whose connections are such."""
    return sa.create_engine("sqlite://", creator=lambda: open_readonly_sqlite(path), poolclass=sa.NullPool)


def require_intact_sqlite(path: Path) -> None:
    """Read through a SQLite database.

    Raises:
        PermanentFailure: it is damaged, or no database at all.
        TransientFailure: it did not answer.
    """
    with translate_errors(f"Reading through {path}"), readonly_sqlite_engine(path).connect() as connection:
        faults = connection.exec_driver_sql("PRAGMA quick_check(3)").scalars().all()
    if faults != ["ok"]:
        message = f"{path} is damaged: {' '.join(' '.join(faults).split())}."
        raise PermanentFailure(message)
