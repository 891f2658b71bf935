"""Folders that settings name: creating them, and checking that they are writable."""

import tempfile
from pathlib import Path

from settlement_platform.control.failures import PermanentFailure


def make_writable(folder: Path, *, setting: str) -> None:
    """Create a folder if it is missing, and check that it is writable.

    Raises:
        PermanentFailure: it is a file, is below a file, or is not writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise folder_problem(folder, error, setting=setting) from error


def require_writable(folder: Path, *, setting: str) -> bool:
    """Check that a folder, or the place where it would be created, is writable; return whether the folder exists.

    Raises:
        PermanentFailure: as `make_writable`.
    """
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    try:
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise folder_problem(folder, error, setting=setting) from error
    return nearest == folder


def folder_problem(folder: Path, error: Exception, *, setting: str) -> PermanentFailure:
    """Return the failure for a folder that could not be used because of `error`."""
    file = next((p for p in (folder, *folder.parents) if p.exists() and not p.is_dir()), None)
    if file:
        message = f"{setting} is {folder}, but {file} is a file."
        return PermanentFailure(message, remedy=f"Move the file, or set {setting} to a folder.")
    message = f"{setting} is {folder}, which is not writable: {getattr(error, 'strerror', None) or error}."
    return PermanentFailure(message, remedy=f"Fix its permissions or its disk, or set {setting} to another folder.")
