"""The landing zone: listing delivered files, and reading each so that the bytes hashed are the bytes used."""

import hashlib
import io
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import BinaryIO

import obstore

from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.landing.control_files import MAX_CONTROL_FILE_BYTES
from settlement_platform.control.landing.deliveries import LandedFile, SourcePattern
from settlement_platform.control.policies import DeliveryLimits, date_range
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.object_store import CHUNK_BYTES, open_store
from settlement_platform.storage.errors import translator_for
from settlement_platform.storage.landing.folder import open_file
from settlement_platform.storage.landing.listing import Listing, bucket_prefixes, landed_file, source_folders
from settlement_platform.storage.landing.location import LandingLocation
from settlement_platform.storage.landing.text_scan import TextScan, TextScanner

translate_errors = translator_for("landing")

STABLE_SECONDS = 2.0
"""A file that changed within this time is copied before it is read: file system times are too coarse to prove that
it stayed the same."""

_FAULT_GZIP = "incomplete or damaged gzip file"


@dataclass(frozen=True, kw_only=True)
class ReceivedControlFile:
    """A control file's text and sha256, from one reading; `text` ends one byte after the largest accepted size."""

    sha256: str
    text: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ReceivedFile:
    """A delivered data file, ready to be read as text at `path`; `sha256` and `bytes` are those of the delivered file.

    `private` says that `path` is a copy; otherwise it is that of the open file, whatever takes the file's place in its
    folder meanwhile. Call `is_unchanged` before trusting what was read, and `close` at the end.
    """

    sha256: str
    bytes: int
    path: Path
    text: TextScan
    private: bool
    stream: io.FileIO | None = field(default=None, repr=False)
    proof: tuple[int, ...] = ()

    def is_unchanged(self) -> bool:
        """Return whether the file that was read is still the one that was hashed."""
        return self.stream is None or _file_signature(self.stream) == self.proof

    def close(self) -> None:
        """Close the file, or remove the private copy."""
        if self.stream:
            self.stream.close()
        else:
            self.path.unlink(missing_ok=True)


class LandingZone:
    """Delivered files in a folder or an S3 bucket, read-only; `make` creates a folder that does not exist yet.

    A folder that `was_there` and is missing raises a TransientFailure; it neither counts as empty nor is created.
    """

    def __init__(
        self, url: str, *, workspace: Path, s3: S3Credentials | None = None, make: bool = True, was_there: bool = False
    ) -> None:
        self.url = url
        self._workspace = workspace
        self._root = None if url.startswith("s3://") else Path(url)
        self._location = LandingLocation(url, s3, opening=partial(open_store, url, s3), make=make, was_there=was_there)

    def list_date(self, business_date: date) -> list[LandedFile]:
        """Return every file delivered for a business date, except names that object storage cannot read."""
        with translate_errors(f"Listing {self.url}/{business_date}"), self._location.lister() as lister:
            found = [landed_file(entry) for entry in lister.list_prefixes([(f"{business_date}/", "")]).entries]
        return [f for f in found if not any(part.startswith(".") for part in f.key.split("/"))]

    def list_dates(self, patterns: Sequence[SourcePattern], first: date, last: date) -> Listing:
        """Return a listing of the deliveries of these sources over a range of business dates, both ends included."""
        with translate_errors(f"Listing {self.url}"), self._location.lister() as lister:
            days = date_range(first, last)
            return Listing(
                lister.list_prefixes(source_folders(patterns, days) if self._root else bucket_prefixes(patterns, first))
            )

    def list_each(self, patterns: Sequence[SourcePattern], days: Iterable[date]) -> Listing:
        """Return a listing of the deliveries of these sources on a few business dates, with one request per folder."""
        with translate_errors(f"Listing {self.url}"), self._location.lister() as lister:
            return Listing(lister.list_prefixes(source_folders(patterns, days)))

    def linked_names(self, first: date, last: date) -> tuple[str, ...]:
        """Return the keys, sorted, of symbolic links in the folders of these dates; none of them is followed."""
        if not self._root:
            return ()
        with translate_errors(f"Listing {self.url}"), self._location.lister() as lister:
            found = lister.list_prefixes((f"{day}/", "") for day in date_range(first, last))
        return Listing(found).links

    def unreadable_names(self, patterns: Sequence[SourcePattern], first: date, last: date) -> tuple[str, ...]:
        """Return the keys, sorted, that `list_dates` or `list_date` skip: object storage cannot read their names."""
        found = self.list_dates(patterns, first, last).unreadable
        if not self._root:
            return found
        with translate_errors(f"Listing {self.url}"), self._location.lister() as lister:
            whole = lister.list_prefixes((f"{day}/", "") for day in date_range(first, last))
        return tuple(sorted({*found, *whole.unreadable}))

    def receive_control(self, file: LandedFile) -> ReceivedControlFile:
        """Read a control file once, so that the bytes hashed are the bytes parsed; keep the start of a huge one."""
        found, text = hashlib.sha256(), b""
        for chunk in self._chunks(file):
            found.update(chunk)
            text += chunk[: MAX_CONTROL_FILE_BYTES + 1 - len(text)]
        return ReceivedControlFile(sha256=found.hexdigest(), text=text)

    def receive(self, file: LandedFile, limits: DeliveryLimits | None = None) -> ReceivedFile:
        """Hash a data file and make its text readable, in place if that is safe, or else as a private copy.

        A compressed file is unpacked up to its first fault, or up to a limit.

        Raises:
            TransientFailure: the file changed while it was being read, or the store did not answer.
        """
        bounds = limits or DeliveryLimits()
        if self._root and not file.key.endswith(".gz") and _OPEN_FILES.is_dir():
            with translate_errors(f"Reading {self._root / file.key}"):
                stream = open_file(self._root, file.key)
            with ExitStack() as opened:
                opened.enter_context(stream)
                if self._is_stable(stream):
                    received = self._receive_in_place(stream, file.key, bounds)
                    opened.pop_all()
                    return received
        return self._receive_copy(file, bounds)

    def _is_stable(self, stream: io.FileIO) -> bool:
        """Return whether a file last changed at least `STABLE_SECONDS` ago, by the clock of a file system."""
        with translate_errors("Reading the clock of a file system"):
            self._workspace.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._workspace) as probe:
                now = os.fstat(probe.fileno()).st_mtime
            status = os.fstat(stream.fileno())
        return now - max(status.st_mtime, status.st_ctime) > STABLE_SECONDS

    def _receive_in_place(self, stream: io.FileIO, key: str, limits: DeliveryLimits) -> ReceivedFile:
        with translate_errors(f"Reading {key}"):
            before = _file_signature(stream)
            scanner = TextScanner()
            while chunk := stream.read(CHUNK_BYTES):
                scanner.feed(chunk)
            text = scanner.result(scanner.excess(limits))
            received = ReceivedFile(
                sha256=text.sha256,
                bytes=text.bytes,
                path=_OPEN_FILES / str(stream.fileno()),
                text=text,
                private=False,
                stream=stream,
                proof=before,
            )
            if not received.is_unchanged():
                raise _changed_failure(key)
        return received

    def _receive_copy(self, file: LandedFile, limits: DeliveryLimits) -> ReceivedFile:
        delivered, size, scanner = hashlib.sha256(), 0, TextScanner()
        with translate_errors(f"Copying {file.key}"):
            self._workspace.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix="received-", suffix=".csv", dir=self._workspace)
        fault = ""
        unpack = GzipReader(piece_bytes=CHUNK_BYTES) if file.key.endswith(".gz") else None
        try:
            with translate_errors(f"Copying {file.key}"), os.fdopen(descriptor, "wb") as copy:
                for chunk in self._chunks(file):
                    delivered.update(chunk)
                    size += len(chunk)
                    _take(chunk, unpack, scanner, copy, limits)
                if unpack and not unpack.complete and not unpack.stopped:
                    fault = _FAULT_GZIP
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        text = scanner.result(scanner.fault(limits) if unpack else scanner.excess(limits))
        if fault:
            text = replace(text, fault=fault, fault_line=None)
        return ReceivedFile(sha256=delivered.hexdigest(), bytes=size, path=Path(name), text=text, private=True)

    def _chunks(self, file: LandedFile) -> Iterator[bytes]:
        with translate_errors(f"Reading {file.key}"):
            if self._root:
                with open_file(self._root, file.key) as stream:
                    while chunk := stream.read(CHUNK_BYTES):
                        yield chunk
                return
            for chunk in obstore.get(self._location.store, file.key).stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)


_OPEN_FILES = Path("/proc/self/fd")
"""The folder of this process's open files, by descriptor; other systems than Linux have none, and copy instead."""


def _take(
    chunk: bytes, unpack: "GzipReader | None", scanner: TextScanner, copy: BinaryIO, limits: DeliveryLimits
) -> None:
    """Copy and scan a delivered chunk; a packed one only as long as the text may be acceptable."""
    for piece in unpack.feed(chunk) if unpack else (chunk,):
        scanner.feed(piece)
        copy.write(piece)
        if unpack and scanner.fault(limits):
            # What follows changes nothing, and could be a thousand times as long as the file.
            unpack.stop()


def _file_signature(stream: io.FileIO) -> tuple[int, ...]:
    """Return values that change whenever a file's bytes do: device, inode, size, and times of content and inode."""
    status = os.fstat(stream.fileno())
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _changed_failure(name: str) -> TransientFailure:
    return TransientFailure(f"{name} changed while it was being read.", remedy="The next try reads it again.")


def text_lines(path: Path) -> io.TextIOWrapper:
    """Open a received text for a strict CSV reader."""
    return path.open(encoding="utf-8-sig", newline="")


_GZIP = 31  # zlib's number for the largest window with a gzip header


class GzipReader:
    """A decompressor of gzip with any number of members, in pieces of at most `piece_bytes` bytes."""

    def __init__(self, *, piece_bytes: int) -> None:
        self._piece_bytes = piece_bytes
        self._inflate = zlib.decompressobj(wbits=_GZIP)
        self._broken = False
        self._fed = False
        self._padded = False
        self.stopped = False

    def stop(self) -> None:
        """Ignore all further input."""
        self.stopped = True

    @property
    def complete(self) -> bool:
        """Return whether all input was gzip, and ended at the end of a member."""
        return self._fed and not self._broken and self._inflate.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next compressed bytes, and yield them decompressed, up to the first fault.

        Zero bytes after the last member pad the file, and are no part of it.
        """
        self._fed = self._fed or bool(data)
        while data and not self._broken and not self.stopped:
            if self._inflate.eof:
                self._padded = self._padded or data.startswith(b"\0")
                if self._padded:
                    self._broken = bool(data.strip(b"\0"))
                    return
                self._inflate = zlib.decompressobj(wbits=_GZIP)
            try:
                piece = self._inflate.decompress(data, self._piece_bytes)
            except zlib.error:
                self._broken = True
                return
            data = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            if piece:
                yield piece
