"""Workspaces: a folder per process for temporary files, removed after it ends as they can hold delivered text."""

import os
import shutil
import uuid
from pathlib import Path

import filelock

from settlement_platform.storage.errors import translate_errors

_WORKSPACES: dict[tuple[int, Path], tuple[filelock.FileLock, Path]] = {}
"""Per process and root, its folder and the lock that it holds as long as it runs."""

_LOCK_TIMEOUT_SECONDS = 10.0
"""Between creating a lock and taking it, another process may hold it for a moment to see whether it is free."""


def process_workspace(root: Path) -> Path:
    """Return this process's folder below `root`, created if missing; folders of ended processes are removed.

    A lock beside the folder shows that its process is running; the kernel frees it. A process number means nothing in
    another container, and neither does a host name once a container is replaced.

    Raises:
        PermanentFailure: `root` is not writable.
    """
    with translate_errors(f"Preparing {root}"):
        root.mkdir(parents=True, exist_ok=True)
        for lock_file in root.glob("process-*.lock"):
            _remove_if_ended(lock_file)
        process = (os.getpid(), root)
        if process not in _WORKSPACES:
            # The lock comes first, so that no other process sees the folder without it.
            own = root / f"process-{uuid.uuid4().hex[:12]}"
            lock = _lock(own.with_suffix(".lock"))
            lock.acquire(timeout=_LOCK_TIMEOUT_SECONDS)
            _WORKSPACES[process] = lock, own
        _, own = _WORKSPACES[process]
        own.mkdir(exist_ok=True)
    return own


def _remove_if_ended(path: Path) -> None:
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return
    try:
        shutil.rmtree(path.with_suffix(""), ignore_errors=True)
        # The name is used only once, so no process waits for this lock.
        path.unlink(missing_ok=True)
    finally:
        lock.release()


def _lock(path: Path) -> filelock.FileLock:
    return filelock.FileLock(path, thread_local=False)
