"""A listing of the landing zone over many business dates: made in few requests, looked into often."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from settlement_platform.control.landing.deliveries import LandedFile, SourcePattern
from settlement_platform.storage.landing.object_names import ListedNames

_DATE = "{business_date}"


class Listing:
    """Files as they lay in the landing zone at one moment."""

    def __init__(self, listed: ListedNames) -> None:
        self._entries = {entry["path"]: entry for entry in listed.entries}
        self._keys = sorted(self._entries)
        self.unreadable = listed.unreadable
        """Keys that object storage does not read: no file of theirs is listed."""

    def __len__(self) -> int:
        return len(self._keys)

    def files_under(self, stem: str) -> list[LandedFile]:
        """Every file whose key is the stem, a dot and more."""
        return [landed_file(entry) for entry in self._entries_under(stem)]

    def fingerprint(self, stems: Iterable[str]) -> int:
        """A number that changes with the files under these stems, within one process; 0 where there are none."""
        files = [
            (entry["path"], entry["size"], entry["last_modified"], entry["e_tag"])
            for stem in stems
            for entry in self._entries_under(stem)
        ]
        return hash(tuple(files)) or 1 if files else 0

    def _entries_under(self, stem: str) -> Iterator[Any]:
        start = f"{stem}."
        at = bisect_left(self._keys, start)
        while at < len(self._keys) and self._keys[at].startswith(start):
            yield self._entries[self._keys[at]]
            at += 1


def landed_file(entry: Any) -> LandedFile:  # noqa: ANN401 - obstore's metadata
    """A file as the object store describes it."""
    return LandedFile(
        key=entry["path"], bytes=entry["size"], modified_at=entry["last_modified"], tag=entry["e_tag"] or ""
    )


def source_folders(patterns: Sequence[SourcePattern], days: Iterable[date]) -> list[tuple[str, str]]:
    """The folder of each source and date, one by one, as `prefixes` gives them: a file system reads nothing else."""
    found = {p.stem_for(day).rpartition("/")[0] for day in days for p in patterns}
    return [(f"{folder}/" if folder else "", "") for folder in found]


def bucket_prefixes(patterns: Sequence[SourcePattern], first: date) -> list[tuple[str, str]]:
    """What has to be listed of a bucket for these sources: each prefix with the key to begin after.

    A request gives a thousand keys, and every folder would cost one.
    """
    return sorted({_prefix(p, first) for p in patterns})


def _prefix(pattern: SourcePattern, first: date) -> tuple[str, str]:
    """What all keys of a source begin with, and a key before those of the first date.

    It names the day before: some servers leave out all that lies in the folder that listing is to start after.
    """
    before, dated, _ = pattern.stem.replace("{source}", pattern.source).partition(_DATE)
    folder = before[: before.rfind("/") + 1]
    return folder, f"{before}{first - timedelta(days=1)}" if dated else ""
