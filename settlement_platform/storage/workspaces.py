"""A folder for a process's temporary files, which go with it: they can hold delivered text."""

import os
import shutil
import socket
from pathlib import Path

from settlement_platform.storage.errors import judged


def own_workspace(root: Path) -> Path:
    """This process's folder beneath `root`; those of processes of this machine that have died are removed."""
    host = socket.gethostname().replace("-", "_")
    with judged(f"Preparing {root}"):
        for left in root.glob(f"{host}-*"):
            if not _lives(left.name.rpartition("-")[2]):
                shutil.rmtree(left, ignore_errors=True)
        own = root / f"{host}-{os.getpid()}"
        own.mkdir(parents=True, exist_ok=True)
    return own


def _lives(number: str) -> bool:
    """Whether a process of that number runs; one that may not be asked does."""
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
