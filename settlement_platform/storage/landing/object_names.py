"""Listing a folder or a bucket where names may lie that object storage does not read: they are left out, and told."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import InvalidPathError
from obstore.store import MemoryStore

from settlement_platform.storage.engines.duckdb_engine import S3Credentials

FoundName = tuple[str, Callable[[], Any]]
"""A key, whatever its name, and what describes the file as object storage does."""


_UNFINISHED = re.compile(r"[^#]*#[0-9]+")
"""Such a name is taken for an upload in progress, and never listed of a folder."""


_MAX_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class ListedNames:
    """Files as object storage describes them, and the keys that it does not read."""

    entries: Sequence[Any]
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Lister:
    """What lists a landing zone, and `every_name`, which is asked where that refuses a name: it is slower."""

    store: Any
    every_name: Callable[[str, str], Iterable[FoundName]]

    def list_prefixes(self, prefixes: Iterable[tuple[str, str]]) -> ListedNames:
        """Everything under each prefix, which ends with a slash or is empty, that comes after the key given with it."""
        entries: list[Any] = []
        unreadable: set[str] = set()
        for prefix, offset in prefixes:
            try:
                found = [e for batch in self.store.list(prefix=prefix or None, offset=offset or None) for e in batch]
            except InvalidPathError:
                # A single such name ends a listing, and what comes after it would not be seen.
                found, refused = _split_readable(self.every_name(prefix, offset))
                unreadable.update(refused)
            entries += found
        return ListedNames(entries=entries, unreadable=tuple(sorted(unreadable)))


def describe_unreadable_names(unreadable: Sequence[str]) -> str:
    """That such names are left out, with a few of them escaped."""
    shown = ", ".join(ascii(key) for key in unreadable[:_MAX_SHOWN])
    more = f" and {len(unreadable) - _MAX_SHOWN} more" if len(unreadable) > _MAX_SHOWN else ""
    return f"left out in the landing zone, as such names cannot be read: {shown}{more}"


def names_in_folder(store: Any, root: Path, prefix: str, _offset: str = "") -> Iterator[FoundName]:  # noqa: ANN401 - obstore has no common public type
    """Every file under a prefix in a folder; what vanishes meanwhile is left out.

    Raises:
        OSError: a folder beneath could not be read.
    """
    for folder, _, names in os.walk(root / prefix, followlinks=True, onerror=_raise_unless_vanished):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not _UNFINISHED.fullmatch(name):
                key = path.relative_to(root).as_posix()
                yield key, lambda key=key: store.head(key)  # type: ignore[misc]


def names_in_bucket(url: str, s3: S3Credentials | None, prefix: str, offset: str = "") -> Iterator[FoundName]:
    """Every key under a prefix in a bucket that comes after the offset."""
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


def _client(s3: S3Credentials | None) -> Any:  # noqa: ANN401 - boto3 makes its clients' types when it runs
    import boto3  # noqa: PLC0415 - half a second that is only needed where a name is refused
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


def _split_readable(found: Iterable[FoundName]) -> tuple[list[Any], list[str]]:
    entries: list[Any] = []
    refused: list[str] = []
    nowhere = MemoryStore()
    for key, describe in found:
        if not _is_readable(key, nowhere):
            refused.append(key)
            continue
        with suppress(FileNotFoundError):
            # It has vanished since.
            entries.append(describe())
    return entries, refused


def _is_readable(key: str, nowhere: MemoryStore) -> bool:
    """Whether object storage reads a key: asked of an empty store, it says so before it looks for anything."""
    try:
        obstore.head(nowhere, key)
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True


def _raise_unless_vanished(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
