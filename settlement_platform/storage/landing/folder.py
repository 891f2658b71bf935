"""A landing folder, listed and opened without following a symbolic link below it: nothing outside it is read."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from settlement_platform.control.failures import TransientFailure

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_A_FILE = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENXIO})
"""The errors of a link, of a file where a folder was, and of a socket; any other is a fault of the folder's system."""

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, kw_only=True)
class FolderEntry:
    """A file or a link below a folder, by its key, as `lstat` describes it."""

    key: str
    status: os.stat_result

    @property
    def is_link(self) -> bool:
        """Return whether it is a symbolic link, wherever that leads."""
        return stat.S_ISLNK(self.status.st_mode)

    @property
    def metadata(self) -> dict[str, object]:
        """Return the metadata in the form of object storage, whose tag for a local file it computes."""
        microseconds, size = self.status.st_mtime_ns // 1000, self.status.st_size
        return {
            "path": self.key,
            "size": size,
            "last_modified": _EPOCH + timedelta(microseconds=microseconds),
            "e_tag": f'"{self.status.st_ino:x}-{microseconds:x}-{size:x}"',
            "is_link": self.is_link,
        }


def entries_below(root: Path, prefix: str) -> Iterator[FolderEntry]:
    """Yield every regular file and every link below a prefix that is empty or ends with a slash.

    If a part of the prefix itself is a link, it alone is yielded. Files that vanish meanwhile are skipped.

    Raises:
        OSError: a folder below could not be read.
    """
    folder = prefix.rstrip("/")
    parts = folder.split("/") if folder else []
    for depth in range(1, len(parts) + 1):
        found = _entry(root, "/".join(parts[:depth]))
        if found is None:
            return
        if found.is_link:
            yield found
            return
    yield from _below(root, folder)


def _below(root: Path, folder: str) -> Iterator[FolderEntry]:
    try:
        with os.scandir(root / folder if folder else root) as scanned:
            listed = list(scanned)
    except (FileNotFoundError, NotADirectoryError):
        _require_folder(root)
        return
    for entry in listed:
        key = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _below(root, key)
        elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
            found = _entry(root, key)
            if found:
                yield found


def _entry(root: Path, key: str) -> FolderEntry | None:
    try:
        return FolderEntry(key=key, status=os.lstat(f"{root}/{key}"))
    except (FileNotFoundError, NotADirectoryError):
        _require_folder(root)
        return None


def _require_folder(root: Path) -> None:
    """Raise if the root is no folder: then nothing is known of what was delivered. A missing one is told elsewhere."""
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(root))


def open_file(root: Path, key: str) -> io.FileIO:
    """Open a regular file below a folder for reading, part by part.

    The folder itself may be reached through links; below it, each part is opened from the one before.

    Raises:
        TransientFailure: a part of the key is a link, or no longer what was listed.
        OSError: it could not be opened.
    """
    *folders, name = key.split("/")
    holder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            inner = os.open(folder, _FLAGS | os.O_DIRECTORY, dir_fd=holder)
            os.close(holder)
            holder = inner
        # A pipe that took the file's place would block.
        found = os.open(name, _FLAGS | os.O_NONBLOCK, dir_fd=holder)
    except OSError as error:
        if error.errno in _NOT_A_FILE:
            raise _not_a_file(key) from error
        raise
    finally:
        os.close(holder)
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise _not_a_file(key)
    return io.FileIO(found)


def _not_a_file(key: str) -> TransientFailure:
    message = f"{key} is not a file of the landing zone, or is reached through a symbolic link, which is not followed."
    return TransientFailure(message, remedy="Put the file itself there.")
