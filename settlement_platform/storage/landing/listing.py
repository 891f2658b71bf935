"""Listings of the landing zone over many business dates, made with few requests."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from settlement_platform.control.landing.deliveries import LandedFile, SourcePattern
from settlement_platform.storage.landing.object_names import ListedNames

_DATE = "{business_date}"


class Listing:
    """The files in the landing zone at one moment."""

    def __init__(self, listed: ListedNames) -> None:
        self._entries = {entry["path"]: entry for entry in listed.entries}
        self._keys = sorted(self._entries)
        self.links = tuple(key for key in self._keys if self._entries[key].get("is_link"))
        """Keys that are symbolic links: of files, or of folders that hold files of sources."""
        self.unreadable = listed.unreadable
        """Keys that object storage cannot read; their files are not listed."""

    def __len__(self) -> int:
        return len(self._keys)

    def files_under(self, stem: str) -> list[LandedFile]:
        """Return every file whose key is the stem, a dot and more, in the order of keys; and a link in the way."""
        return [landed_file(entry) for entry in self._entries_under(stem)]

    def fingerprint(self, stems: Iterable[str]) -> int:
        """Return a number that changes with the files under these stems, in this process only; 0 without files."""
        files = [
            (entry["path"], entry["size"], entry["last_modified"], entry["e_tag"])
            for stem in stems
            for entry in self._entries_under(stem)
        ]
        return hash(tuple(files)) or 1 if files else 0

    def _entries_under(self, stem: str) -> Iterator[Any]:
        yield from (self._entries[link] for link in self.links if stem.startswith(f"{link}/"))
        start = f"{stem}."
        at = bisect_left(self._keys, start)
        while at < len(self._keys) and self._keys[at].startswith(start):
            yield self._entries[self._keys[at]]
            at += 1


def landed_file(entry: Any) -> LandedFile:  # noqa: ANN401 - obstore's metadata
    """Return a file, or a link in a folder, as the object store describes it."""
    return LandedFile(
        key=entry["path"],
        bytes=entry["size"],
        modified_at=entry["last_modified"],
        tag=entry["e_tag"] or "",
        is_link=entry.get("is_link", False),
    )


def source_folders(patterns: Sequence[SourcePattern], days: Iterable[date]) -> list[tuple[str, str]]:
    """Return the folder of each source and date, in the form of `bucket_prefixes`: only these folders are read."""
    found = {p.stem_for(day).rpartition("/")[0] for day in days for p in patterns}
    return [(f"{folder}/" if folder else "", "") for folder in found]


def bucket_prefixes(patterns: Sequence[SourcePattern], first: date) -> list[tuple[str, str]]:
    """Return the prefixes of a bucket to list for these sources, each with the key to start after (empty for none).

    A request returns a thousand keys; listing every folder would cost a request each.
    """
    return sorted({_prefix(p, first) for p in patterns})


def _prefix(pattern: SourcePattern, first: date) -> tuple[str, str]:
    """Return the common prefix of a source's keys, and a key before those of the first date.

    That key names the day before, because some servers omit everything in the folder that a listing starts after.
    """
    before, dated, _ = pattern.stem.replace("{source}", pattern.source).partition(_DATE)
    folder = before[: before.rfind("/") + 1]
    return folder, f"{before}{first - timedelta(days=1)}" if dated else ""
