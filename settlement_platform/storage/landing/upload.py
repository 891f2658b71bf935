"""Uploading sample files to a landing bucket; apart because the landing zone itself only reads."""

from pathlib import Path

import obstore

from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.errors import translator_for

translate_errors = translator_for("landing")


def upload(folder: Path, url: str, s3: S3Credentials | None) -> None:
    """Copy the files of a folder into a landing bucket, data files before the control files that complete them.

    Raises:
        TransientFailure: the bucket did not answer.
    """
    store = open_store(url, s3)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    for path in sorted(files, key=lambda p: p.name.endswith(".control.json")):
        with translate_errors(f"Uploading {path.name}"):
            obstore.put(store, path.relative_to(folder).as_posix(), path)
