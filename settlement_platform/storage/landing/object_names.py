"""Listing a folder or a bucket in which some names cannot be read by object storage: they are skipped and reported."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import obstore
from obstore.exceptions import InvalidPathError
from obstore.store import MemoryStore

from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.landing.folder import entries_below

FoundName = tuple[str, Callable[[], Any]]
"""A key with any name, and a function that returns the metadata of its file in the form of object storage."""

_UNFINISHED = re.compile(r"[^#]*#[0-9]+")
"""Object storage takes such a name for an upload in progress, and does not list it in a folder."""

_MAX_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class ListedNames:
    """The metadata of files in the form of object storage, and the keys that it cannot read, sorted."""

    entries: Sequence[Any]
    unreadable: tuple[str, ...] = ()


class Lister(Protocol):
    """The way in which a landing zone is listed."""

    def list_prefixes(self, prefixes: Iterable[tuple[str, str]]) -> ListedNames:
        """Return the files below each prefix (empty, or ending with a slash) that come after the key beside it."""
        ...


@dataclass(frozen=True, kw_only=True)
class FolderLister:
    """A folder, listed without following links, as the object store over it describes its files."""

    root: Path

    def list_prefixes(self, prefixes: Iterable[tuple[str, str]]) -> ListedNames:
        """Return the files and links below each prefix; a folder needs no key to start after."""
        names = [
            (found.key, lambda found=found: found.metadata)
            for prefix, _ in prefixes
            for found in entries_below(self.root, prefix)
            if not _UNFINISHED.fullmatch(found.key.rpartition("/")[2])
        ]
        entries, rejected = _split_readable(names)
        return ListedNames(entries=entries, unreadable=tuple(sorted(set(rejected))))


@dataclass(frozen=True, kw_only=True)
class BucketLister:
    """A bucket's object store; `every_name`, which is slower, lists where it rejects a name."""

    store: Any
    every_name: Callable[[str, str], Iterable[FoundName]]

    def list_prefixes(self, prefixes: Iterable[tuple[str, str]]) -> ListedNames:
        """Return the files below each prefix that come after the key beside it."""
        entries: list[Any] = []
        unreadable: set[str] = set()
        for prefix, offset in prefixes:
            try:
                found = [e for batch in self.store.list(prefix=prefix or None, offset=offset or None) for e in batch]
            except InvalidPathError:
                # A single such name ends a listing, and the names after it would be missed.
                found, rejected = _split_readable(self.every_name(prefix, offset))
                unreadable.update(rejected)
            entries += found
        return ListedNames(entries=entries, unreadable=tuple(sorted(unreadable)))


def describe_unreadable_names(unreadable: Sequence[str]) -> str:
    """Return a message that these names are skipped, showing a few of them escaped."""
    return f"skipped in the landing zone, because the names cannot be read: {_few(unreadable)}"


def describe_links(links: Sequence[str]) -> str:
    """Return a message that these symbolic links are skipped, showing a few of them escaped."""
    return f"skipped in the landing zone, because they are symbolic links: {_few(links)}"


def _few(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - _MAX_SHOWN} more" if len(keys) > _MAX_SHOWN else ""
    return ", ".join(ascii(key) for key in keys[:_MAX_SHOWN]) + more


def names_in_bucket(url: str, s3: S3Credentials | None, prefix: str, offset: str = "") -> Iterator[FoundName]:
    """Yield every key below a prefix in a bucket that comes after the offset."""
    bucket, _, folder = url.removeprefix("s3://").partition("/")
    before = f"{folder.strip('/')}/" if folder.strip("/") else ""
    start = {"StartAfter": f"{before}{offset}"} if offset else {}
    pages = _client(s3).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{before}{prefix}", **start)
    for page in pages:
        for found in page.get("Contents", ()):
            key = found["Key"].removeprefix(before)
            entry = {
                "path": key,
                "size": found["Size"],
                "last_modified": found["LastModified"],
                "e_tag": found.get("ETag"),
            }
            yield key, lambda entry=entry: entry  # type: ignore[misc]


def _client(s3: S3Credentials | None) -> Any:  # noqa: ANN401 - boto3 creates the types of its clients at run time
    import boto3  # noqa: PLC0415 - half a second, needed only after a name was rejected
    from botocore.config import Config  # noqa: PLC0415 - as above

    if s3 is None:
        return boto3.client("s3")
    return boto3.client(
        "s3",
        endpoint_url=s3.endpoint_url,
        region_name=s3.region,
        aws_access_key_id=s3.key_id,
        aws_secret_access_key=s3.secret,
        aws_session_token=s3.session_token,
        config=Config(s3={"addressing_style": "path" if s3.endpoint_url else "virtual"}),
    )


_ORDINARY = re.compile(r"[0-9A-Za-z_=-][0-9A-Za-z_=.-]*(?:/[0-9A-Za-z_=-][0-9A-Za-z_=.-]*)*")
"""Keys that need no check of their names."""


def _split_readable(found: Iterable[FoundName]) -> tuple[list[Any], list[str]]:
    entries: list[Any] = []
    rejected: list[str] = []
    empty = MemoryStore()
    for key, describe in found:
        if not (_ORDINARY.fullmatch(key) or _is_readable(key, empty)):
            rejected.append(key)
            continue
        with suppress(FileNotFoundError):
            # It has vanished since.
            entries.append(describe())
    return entries, rejected


def _is_readable(key: str, empty: MemoryStore) -> bool:
    """Return whether object storage can read a key; an empty store validates the name before it looks for the file."""
    try:
        obstore.head(empty, key)
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True
