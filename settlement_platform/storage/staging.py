"""The staging area: immutable Parquet files, each under a path that is used once, and their way into the lake."""

import hashlib
import os
import shutil
import uuid
from contextlib import suppress
from datetime import date
from pathlib import Path

import obstore

from settlement_platform.storage.engine import S3Access
from settlement_platform.storage.errors import judging
from settlement_platform.storage.landing import CHUNK_BYTES, open_store

judged = judging("staging")


class StagingArea:
    """A folder, or a bucket whose files are first made in a local workspace."""

    def __init__(self, url: str, *, workspace: Path, s3: S3Access | None = None) -> None:
        self._url = url.rstrip("/")
        self._remote = open_store(url, s3) if url.startswith("s3://") else None
        self._workspace = workspace

    def draft(self, dataset: str, business_date: date, name: str) -> tuple[Path, str]:
        """A local temporary path to write to, and the final location to `settle` it at."""
        unique = f"{dataset}/{business_date}/{name}-{uuid.uuid4().hex[:12]}.parquet"
        with judged("Preparing the staging area"):
            if self._remote:
                self._workspace.mkdir(parents=True, exist_ok=True)
                return self._workspace / unique.replace("/", "-"), f"{self._url}/{unique}"
            final = Path(self._url) / unique
            final.parent.mkdir(parents=True, exist_ok=True)
        return final.with_name(f".{final.name}.tmp"), str(final)

    def settle(self, temporary: Path, final: str) -> tuple[str, int]:
        """Make a written draft durable under its final location; returns its sha256 and its bytes."""
        with judged(f"Staging {final}"):
            sha256, size = _hash(temporary), temporary.stat().st_size
            if self._remote:
                obstore.put(self._remote, final.removeprefix(f"{self._url}/"), temporary)
                temporary.unlink()
            else:
                _make_durable(temporary)
                temporary.rename(final)
                _make_durable(temporary.parent)
        return sha256, size

    def intact(self, location: str, sha256: str) -> bool:
        """Whether a staged file is still there, byte for byte."""
        if not location:
            return True
        with judged(f"Checking {location}"):
            if self._remote and location.startswith("s3://"):
                return self._remote_sha256(location) == sha256
            path = Path(location)
            return path.exists() and _hash(path) == sha256

    def _remote_sha256(self, location: str) -> str | None:
        found = hashlib.sha256()
        try:
            for chunk in obstore.get(self._remote, location.removeprefix(f"{self._url}/")).stream():  # type: ignore[arg-type]
                found.update(chunk)
        except FileNotFoundError:
            return None
        return found.hexdigest()

    def hand_over(self, location: str, *, lake_url: str, table: str, business_date: date) -> str:
        """Move a staged file to where the lake keeps its files; in a bucket it is registered where it is.

        The old path is never used again, whether or not the publication that follows is committed.
        """
        if location.startswith("s3://"):
            return location
        target = Path(lake_url) / "published" / table / f"business_date={business_date}" / Path(location).name
        with judged(f"Moving {location} into the lake"):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                Path(location).rename(target)
            except OSError as error:
                if error.errno != 18:  # noqa: PLR2004 - EXDEV: the lake lies on another file system
                    raise
                copy = target.with_name(f".{target.name}.tmp")
                shutil.copyfile(location, copy)
                _make_durable(copy)
                copy.rename(target)
                Path(location).unlink()
            _make_durable(target.parent)
        return str(target)

    def discard(self, location: str) -> None:
        """Remove a staged file that nothing will publish."""
        if not location:
            return
        with judged(f"Removing {location}"), suppress(FileNotFoundError):
            if self._remote and location.startswith("s3://"):
                obstore.delete(self._remote, location.removeprefix(f"{self._url}/"))
            else:
                Path(location).unlink()


def _hash(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()


def _make_durable(path: Path) -> None:
    """Have a file's bytes, or a folder's names, survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
