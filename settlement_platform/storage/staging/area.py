"""The staging area: immutable Parquet files, each under a path that is used once, on their way into the lake."""

import hashlib
import uuid
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import obstore

from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.object_store import CHUNK_BYTES, open_store
from settlement_platform.storage.errors import translator_for
from settlement_platform.storage.staging.durable_files import make_durable, make_folder, move_file, remove_file

translate_errors = translator_for("staging")


class Draft(NamedTuple):
    """A local temporary path to write to, removed after a `with` block, and the location for `finalize`."""

    temporary: Path
    final: str

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.temporary.unlink(missing_ok=True)


_OWN_PARTS = 3
"""Dataset, business date and name: the parts of a location below the area's own folder."""


class StagingArea:
    """A folder, or an S3 prefix whose files are first written in a local workspace."""

    def __init__(self, url: str, *, workspace: Path, s3: S3Credentials | None = None) -> None:
        self.url = url.rstrip("/")
        self._s3 = s3
        self._remote = open_store(url, s3) if url.startswith("s3://") else None
        self._workspace = workspace

    def draft(self, dataset: str, business_date: date, name: str) -> Draft:
        """Return a draft under a path that was never used.

        Raises:
            PermanentFailure: the staging area is not writable.
        """
        unique = f"{dataset}/{business_date}/{name}-{uuid.uuid4().hex[:12]}.parquet"
        with translate_errors("Preparing the staging area"):
            if self._remote:
                self._workspace.mkdir(parents=True, exist_ok=True)
                return Draft(self._workspace / unique.replace("/", "-"), f"{self.url}/{unique}")
            final = Path(self.url) / unique
            make_folder(final.parent)
        return Draft(final.with_name(f".{final.name}.tmp"), str(final))

    def finalize(self, temporary: Path, final: str) -> tuple[str, int]:
        """Make a written draft durable at its final location; return its sha256 (hex) and its size in bytes."""
        with translate_errors(f"Staging {final}"):
            sha256, size = _hash(temporary), temporary.stat().st_size
            if self._remote:
                obstore.put(self._remote, final.removeprefix(f"{self.url}/"), temporary)
                temporary.unlink()
            else:
                make_durable(temporary)
                temporary.rename(final)
                make_durable(temporary.parent)
        return sha256, size

    def locate(self, location: str) -> str:
        """Return where a file recorded at a location lies in this area, as in a home that was moved or copied.

        The last three parts are its own, and never used for another file.
        """
        if not location or location.startswith(f"{self.url}/"):
            return location
        return "/".join([self.url, *location.split("/")[-_OWN_PARTS:]])

    def is_intact(self, location: str, sha256: str) -> bool:
        """Return whether a staged file is still there, byte for byte; True for the empty location of no file."""
        if not location:
            return True
        with translate_errors(f"Checking {location}"):
            if self._remote and location.startswith("s3://"):
                return self._remote_sha256(location) == sha256
            path = Path(location)
            return path.exists() and _hash(path) == sha256

    def _remote_sha256(self, location: str) -> str | None:
        found = hashlib.sha256()
        try:
            for chunk in obstore.get(self._remote, location.removeprefix(f"{self.url}/")).stream():  # type: ignore[arg-type]
                found.update(chunk)
        except FileNotFoundError:
            return None
        return found.hexdigest()

    def move_to_lake(self, location: str, *, lake_url: str, table: str, business_date: date) -> str:
        """Move a staged file to the lake's files, from and to a folder or a bucket; return its new location.

        Neither path is used again, whether or not the publication that follows is committed.
        """
        with translate_errors(f"Moving {location} into the lake"):
            folder = f"{lake_url.rstrip('/')}/published/{table}/business_date={business_date}"
            return move_file(location, folder, s3=self._s3)

    def remove(self, location: str) -> None:
        """Remove a staged file that will not be published; a missing file is no error."""
        if not location:
            return
        with translate_errors(f"Removing {location}"), suppress(FileNotFoundError):
            remove_file(location, s3=self._s3)


def _hash(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()
