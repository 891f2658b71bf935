"""Durable files: finished files that survive a power loss, and moving them between folders and buckets."""

import errno
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import IO

import obstore

from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.object_store import open_store


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents, and make the name of each durable."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        make_durable(folder.parent)


def make_durable(path: Path) -> None:
    """Make a file's bytes, or a folder's entries, survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_file(location: str, folder: str, *, s3: S3Credentials | None) -> str:
    """Move a file into a folder or below an S3 prefix, completely or not at all; return its new location.

    A rename keeps the file's name, which was never used there. A copy gets a new name, because an interrupted copy may
    have left a file under the same one.
    """
    copy = f"{Path(location).stem}-{uuid.uuid4().hex[:8]}{Path(location).suffix}"
    if folder.startswith("s3://"):
        target = f"{folder}/{copy}"
        _move_into_bucket(location, target, s3)
    elif location.startswith("s3://"):
        target = f"{folder}/{copy}"
        _move_out_of_bucket(location, Path(target), s3)
    else:
        return _move_into_folder(Path(location), Path(folder))
    remove_file(location, s3=s3)
    return target


def remove_file(location: str, *, s3: S3Credentials | None) -> None:
    """Remove a file.

    Raises:
        FileNotFoundError: there is none; a bucket does not always report that.
    """
    if location.startswith("s3://"):
        bucket, key = _split(location)
        obstore.delete(open_store(bucket, s3), key)
    else:
        Path(location).unlink()


def _move_into_bucket(location: str, target: str, s3: S3Credentials | None) -> None:
    bucket, key = _split(target)
    store = open_store(bucket, s3)
    if not location.startswith("s3://"):
        obstore.put(store, key, Path(location))
        return
    source, name = _split(location)
    if source == bucket:
        obstore.copy(store, name, key)
    else:
        with tempfile.TemporaryFile() as copy:
            _read_into(copy, source, name, s3)
            copy.seek(0)
            obstore.put(store, key, copy)


def _move_out_of_bucket(location: str, target: Path, s3: S3Credentials | None) -> None:
    make_folder(target.parent)
    bucket, key = _split(location)
    copy = target.with_name(f".{target.name}.tmp")
    try:
        with copy.open("wb") as stream:
            _read_into(stream, bucket, key, s3)
        make_durable(copy)
        copy.rename(target)
    finally:
        copy.unlink(missing_ok=True)
    make_durable(target.parent)


def _read_into(stream: IO[bytes], bucket: str, key: str, s3: S3Credentials | None) -> None:
    for chunk in obstore.get(open_store(bucket, s3), key).stream():
        stream.write(chunk)


def _move_into_folder(location: Path, folder: Path) -> str:
    target = folder / location.name
    make_folder(folder)
    try:
        location.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The folder is on another file system.
        copy = target.with_name(f".{target.name}.tmp")
        shutil.copyfile(location, copy)
        make_durable(copy)
        copy.rename(target)
        location.unlink()
    make_durable(folder)
    return str(target)


def _split(location: str) -> tuple[str, str]:
    """Return the URL of a bucket, and the key within it."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return f"s3://{bucket}", key
