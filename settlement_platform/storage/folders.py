"""Whether a folder that a setting names can be worked in."""

import tempfile
from pathlib import Path

from settlement_platform.control.failures import PermanentFailure


def make_writable(folder: Path, *, setting: str) -> None:
    """Make a folder if it is missing, and try to write in it.

    Raises:
        PermanentFailure: it is a file, lies beneath one, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise folder_problem(folder, error, setting=setting) from error


def require_writable(folder: Path, *, setting: str) -> bool:
    """Try to write in a folder, or where it would be made, leaving nothing; whether it is there.

    Raises:
        PermanentFailure: as `make_writable`.
    """
    there = next(p for p in (folder, *folder.parents) if p.exists())
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise folder_problem(folder, error, setting=setting) from error
    return there == folder


def folder_problem(folder: Path, error: Exception, *, setting: str) -> PermanentFailure:
    """What is wrong with a folder in which something could not be done."""
    file = next((p for p in (folder, *folder.parents) if p.exists() and not p.is_dir()), None)
    if file:
        message = f"{setting} is {folder}, but {file} is a file."
        return PermanentFailure(message, remedy=f"Move it away, or set {setting} to a folder.")
    message = f"{setting} is {folder}, where nothing can be written: {getattr(error, 'strerror', None) or error}."
    return PermanentFailure(message, remedy=f"Mend its rights or its disk, or set {setting} to another folder.")
