"""A folder for a process's temporary files, which go with it: they can hold delivered text."""

import os
import shutil
import uuid
from pathlib import Path

import filelock

from settlement_platform.storage.errors import translate_errors

_WORKSPACES: dict[tuple[int, Path], tuple[filelock.FileLock, Path]] = {}
"""Per process and root, its folder and the lock that it holds for as long as it lives."""


_LOCK_TIMEOUT_SECONDS = 10.0
"""Another process may take a lock for dead between its making and its taking, and hold it for a moment."""


def process_workspace(root: Path) -> Path:
    """This process's folder beneath `root`; those of processes that have died are removed.

    The sign of life is a lock beside the folder, which the kernel frees: a process number means nothing in another
    container, nor does the name of the machine once a container is replaced.
    """
    with translate_errors(f"Preparing {root}"):
        root.mkdir(parents=True, exist_ok=True)
        for left in root.glob("process-*.lock"):
            _remove_if_dead(left)
        process = (os.getpid(), root)
        if process not in _WORKSPACES:
            # The lock comes first, so that no other process ever sees the folder without it.
            own = root / f"process-{uuid.uuid4().hex[:12]}"
            lock = _lock(own.with_suffix(".lock"))
            lock.acquire(timeout=_LOCK_TIMEOUT_SECONDS)
            _WORKSPACES[process] = lock, own
        _, own = _WORKSPACES[process]
        own.mkdir(exist_ok=True)
    return own


def _remove_if_dead(path: Path) -> None:
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return
    try:
        shutil.rmtree(path.with_suffix(""), ignore_errors=True)
        # Its name is used only once, so nobody waits for it.
        path.unlink(missing_ok=True)
    finally:
        lock.release()


def _lock(path: Path) -> filelock.FileLock:
    return filelock.FileLock(path, thread_local=False)
