"""Faults of a store that no retry can fix, with their remedies: a full disk, a damaged database, missing rights.

Libraries often report them without the file, so each store's folder or file is noted when it is opened.
"""

import errno
import re
import shutil
from pathlib import Path

_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT}
_FULL_PHRASES = ("no space left", "disk quota exceeded", "disk is full", "sqlite_full", "out of disk space")

_DAMAGED_PHRASES = (
    "disk image is malformed",
    "file is not a database",
    "data corruption detected",
    "invalid page in block",
)

_TOO_LITTLE_BYTES = 256 * 1024
"""SQLite reports an input/output error where there is no room for its shared memory, of 32 KB and more."""

_PATH = re.compile(r"""["'](/[^"']+)["']""")
_PLACES: dict[str, Path] = {}
"""Per store, its file or local folder, as this process opened it last."""

RIGHTS_REMEDY = "Fix the access rights; a retry alone will not help."


def note_place(store: str, place: Path) -> None:
    """Note the file or the folder of a store, for messages on its faults."""
    _PLACES[store] = place


def describes_full_disk(number: int | None, text: str, *, store: str = "") -> bool:
    """Return whether an error was caused by a full disk or a used-up quota, by its number, its text or the disk."""
    lowered = text.lower()
    if number in _FULL_ERRNOS or any(phrase in lowered for phrase in _FULL_PHRASES):
        return True
    place = _PLACES.get(store)
    return "disk i/o error" in lowered and place is not None and _free_bytes(place) < _TOO_LITTLE_BYTES


def describes_damage(text: str) -> bool:
    """Return whether an error was caused by a damaged or foreign file."""
    lowered = text.lower()
    return any(phrase in lowered for phrase in _DAMAGED_PHRASES)


def full_disk_remedy(text: str, store: str) -> str:
    """Return what heals a full disk, with its folder and the free space there where the folder is known."""
    found = _PATH.search(text)
    place = Path(found[1]) if found else _PLACES.get(store)
    end = "a retry fails until then. Then run it again: what is published is whole."
    if place is None or not place.is_absolute():
        return f"The disk is full: free space; {end}"
    folder = _existing_folder(place)
    return f"The disk of {folder} is full ({_free_bytes(folder) / 1e6:,.1f} MB free): free space there; {end}"


def damage_remedy(store: str) -> str:
    """Return what fixes a damaged store, with its file; empty where the file is unknown."""
    place = _PLACES.get(store)
    if place is None:
        return ""
    return f"{place} is damaged, or no database: restore a copy of it. A retry does not help."


def _existing_folder(place: Path) -> Path:
    return next(p for p in (place, *place.parents) if p.is_dir())


def _free_bytes(place: Path) -> int:
    return shutil.disk_usage(_existing_folder(place)).free
