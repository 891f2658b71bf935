"""What lies in a folder or beneath an S3 prefix, whatever the catalog or the ledger knows of it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from settlement_platform.control.maintenance.retention import StoredFile
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.errors import translate_errors


def stored_files(url: str, *, s3: S3Credentials | None) -> list[StoredFile]:
    """Every file beneath a folder or a prefix, ordered by location; none where there is no such folder.

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
                known = path.stat()
            except FileNotFoundError:
                # It was moved or removed since the folder was read.
                continue
            # Moving a file does not change when it was written, only when its entry was.
            changed = max(known.st_mtime, known.st_ctime)
            yield StoredFile(
                location=str(path), bytes=known.st_size, changed_at=datetime.fromtimestamp(changed, tz=UTC)
            )
