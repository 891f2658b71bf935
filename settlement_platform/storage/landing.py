"""The landing zone: listing delivered files, and reading each so that what was hashed is what is read."""

import hashlib
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import obstore
from obstore.store import LocalStore, S3Store

from settlement_platform.control.control_files import LARGEST_BYTES
from settlement_platform.control.deliveries import LandedFile, SourcePattern
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.policies import date_range
from settlement_platform.storage.engine import S3Access
from settlement_platform.storage.errors import judging
from settlement_platform.storage.gunzip import Gunzip
from settlement_platform.storage.landing_listing import Listing, folders, landed_file, prefixes
from settlement_platform.storage.landing_place import LandingPlace
from settlement_platform.storage.text_scan import TextScan, TextScanner

judged = judging("landing")

CHUNK_BYTES = 1024 * 1024
"""Small enough to stay in a core's cache while a chunk is hashed and looked at."""

SETTLED_SECONDS = 2.0
"""A file changed more recently than this is copied before it is read: a file system's clock ticks too coarsely to
prove that such a file stayed the same."""

_FAULT_GZIP = "it is no complete gzip file"


@dataclass(frozen=True, kw_only=True)
class ReceivedControl:
    """A control file's text and its sha256, from one reading; `text` ends soon after what such a file may have."""

    sha256: str
    text: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Received:
    """A delivered data file, ready to be read as text at `path`; `sha256` and `bytes` are those delivered.

    Call `release` when done, and `unchanged` before trusting what was read.
    """

    sha256: str
    bytes: int
    path: Path
    text: TextScan
    private: bool
    proof: tuple[int, ...] = ()

    def unchanged(self) -> bool:
        """Whether the file that was read is still the one that was hashed."""
        return self.private or _proof(self.path) == self.proof

    def release(self) -> None:
        """Remove the private copy, if there is one."""
        if self.private:
            with suppress(FileNotFoundError):
                self.path.unlink()


class LandingZone:
    """Delivered files in a folder or an S3 bucket; it only ever reads them, and makes the folder if it may.

    A folder that `was_there` and is missing does not answer: it is neither taken for empty nor made anew.
    """

    def __init__(
        self, url: str, *, workspace: Path, s3: S3Access | None = None, make: bool = True, was_there: bool = False
    ) -> None:
        self.url = url
        self._workspace = workspace
        self._root = None if url.startswith("s3://") else Path(url)
        self._place = LandingPlace(url, s3, opening=partial(open_store, url, s3), make=make, was_there=was_there)

    def list_date(self, business_date: date) -> list[LandedFile]:
        """Every file that was delivered for a business date, but for names that object storage does not read."""
        with judged(f"Listing {self.url}/{business_date}"), self._place.listed() as lister:
            found = [landed_file(entry) for entry in lister.listed([(f"{business_date}/", "")]).entries]
        return [f for f in found if not any(part.startswith(".") for part in f.key.split("/"))]

    def list_dates(self, patterns: Sequence[SourcePattern], first: date, last: date) -> Listing:
        """What was delivered by these sources for a range of business dates."""
        with judged(f"Listing {self.url}"), self._place.listed() as lister:
            days = date_range(first, last)
            return Listing(lister.listed(folders(patterns, days) if self._root else prefixes(patterns, first)))

    def list_each(self, patterns: Sequence[SourcePattern], days: Iterable[date]) -> Listing:
        """What was delivered by these sources for a few business dates: one request for each folder of theirs."""
        with judged(f"Listing {self.url}"), self._place.listed() as lister:
            return Listing(lister.listed(folders(patterns, days)))

    def unreadable_names(self, patterns: Sequence[SourcePattern], first: date, last: date) -> tuple[str, ...]:
        """Keys that `list_dates` or `list_date` leave out, as object storage does not read their names."""
        found = self.list_dates(patterns, first, last).unreadable
        if not self._root:
            return found
        with judged(f"Listing {self.url}"), self._place.listed() as lister:
            whole = lister.listed((f"{day}/", "") for day in date_range(first, last))
        return tuple(sorted({*found, *whole.unreadable}))

    def receive_control(self, file: LandedFile) -> ReceivedControl:
        """Read a control file once, so that what is hashed is what is parsed; of a huge one little is kept."""
        found, text = hashlib.sha256(), b""
        for chunk in self._chunks(file):
            found.update(chunk)
            text += chunk[: LARGEST_BYTES + 1 - len(text)]
        return ReceivedControl(sha256=found.hexdigest(), text=text)

    def receive(self, file: LandedFile) -> Received:
        """Hash a data file and make its text readable, in place where that is safe, else as a private copy.

        Raises:
            TransientFailure: it changed while it was being read.
        """
        if self._root and not file.key.endswith(".gz") and self._settled(self._root / file.key):
            return self._receive_in_place(self._root / file.key)
        return self._receive_copy(file)

    def _settled(self, path: Path) -> bool:
        """Whether a file last changed long enough ago, by the clock that stamps files."""
        with judged(f"Reading {path}"):
            self._workspace.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._workspace) as stamped_now:
                now = os.fstat(stamped_now.fileno()).st_mtime
            status = path.stat()
        return now - max(status.st_mtime, status.st_ctime) > SETTLED_SECONDS

    def _receive_in_place(self, path: Path) -> Received:
        with judged(f"Reading {path}"):
            before = _proof(path)
            scanner = TextScanner()
            with path.open("rb", buffering=0) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    scanner.feed(chunk)
            text = scanner.result()
            received = Received(sha256=text.sha256, bytes=text.bytes, path=path, text=text, private=False, proof=before)
            if not received.unchanged():
                raise _changed(str(path))
        return received

    def _receive_copy(self, file: LandedFile) -> Received:
        delivered, size, scanner = hashlib.sha256(), 0, TextScanner()
        with judged(f"Copying {file.key}"):
            self._workspace.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix="received-", suffix=".csv", dir=self._workspace)
        fault = ""
        try:
            with judged(f"Copying {file.key}"), os.fdopen(descriptor, "wb") as copy:
                unpack = Gunzip(piece_bytes=CHUNK_BYTES) if file.key.endswith(".gz") else None
                for chunk in self._chunks(file):
                    delivered.update(chunk)
                    size += len(chunk)
                    for piece in unpack.feed(chunk) if unpack else (chunk,):
                        scanner.feed(piece)
                        copy.write(piece)
                if unpack and not unpack.complete:
                    fault = _FAULT_GZIP
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        text = scanner.result()
        if fault:
            text = replace(text, fault=fault, fault_line=None)
        return Received(sha256=delivered.hexdigest(), bytes=size, path=Path(name), text=text, private=True)

    def _chunks(self, file: LandedFile) -> Iterator[bytes]:
        with judged(f"Reading {file.key}"):
            for chunk in obstore.get(self._place.store, file.key).stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)


def open_store(url: str, s3: S3Access | None) -> Any:  # noqa: ANN401 - obstore has no common public type
    """An object store over a folder (created if missing) or `s3://bucket/prefix`."""
    if not url.startswith("s3://"):
        with judged(f"Opening {url}"):
            return LocalStore(url, mkdir=True)
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if s3 is None:
        return S3Store(bucket, prefix=prefix or None)
    # What is not set has to be left out: None is no value to obstore.
    optional = {"endpoint": s3.endpoint_url, "session_token": s3.session_token}
    return S3Store(
        bucket,
        prefix=prefix or None,
        region=s3.region,
        access_key_id=s3.key_id,
        secret_access_key=s3.secret,
        virtual_hosted_style_request=s3.endpoint_url is None,
        client_options={"allow_http": True},
        retry_config={"max_retries": 2},
        **{name: value for name, value in optional.items() if value is not None},  # type: ignore[arg-type]
    )


def _proof(path: Path) -> tuple[int, ...]:
    """What changes whenever a file's bytes do: device, inode, size, and when content or inode last changed."""
    status = path.stat()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _changed(name: str) -> TransientFailure:
    return TransientFailure(f"{name} changed while it was being read.", remedy="It is read again on the next try.")


def text_lines(path: Path) -> io.TextIOWrapper:
    """A received text, opened for a strict CSV reader."""
    return path.open(encoding="utf-8-sig", newline="")
