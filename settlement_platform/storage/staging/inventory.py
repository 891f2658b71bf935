"""The inventory of a folder or an S3 prefix: its files, whether or not the catalog or the ledger knows them."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from settlement_platform.control.maintenance.retention import StoredFile
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.errors import translate_errors


def stored_files(url: str, *, s3: S3Credentials | None) -> list[StoredFile]:
    """Return every file below a folder or a prefix, ordered by location; none if there is no such folder.

    Raises:
        TransientFailure: the bucket did not answer.
    """
    with translate_errors(f"Listing {url}"):
        found = _in_bucket(url, s3) if url.startswith("s3://") else _in_folder(Path(url))
        return sorted(found, key=lambda file: file.location)


def _in_bucket(url: str, s3: S3Credentials | None) -> Iterator[StoredFile]:
    store, base = open_store(url, s3), url.rstrip("/")
    for batch in store.list():
        for entry in batch:
            yield StoredFile(location=f"{base}/{entry['path']}", bytes=entry["size"], changed_at=entry["last_modified"])


def _in_folder(folder: Path) -> Iterator[StoredFile]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            try:
                status = path.stat()
            except FileNotFoundError:
                # It was moved or removed since the folder was read.
                continue
            # Moving a file changes the time of its inode only, not the time at which it was written.
            changed = max(status.st_mtime, status.st_ctime)
            yield StoredFile(
                location=str(path), bytes=status.st_size, changed_at=datetime.fromtimestamp(changed, tz=UTC)
            )
