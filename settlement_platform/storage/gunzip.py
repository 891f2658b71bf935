"""Unpacking gzip in pieces of bounded size."""

import zlib
from collections.abc import Iterator

_GZIP = 31  # zlib's number for the largest window with a gzip header


class Gunzip:
    """Unpacks gzip of any number of members in bounded pieces; `complete` once the last member has ended."""

    def __init__(self, *, piece_bytes: int) -> None:
        self._piece_bytes = piece_bytes
        self._inflate = zlib.decompressobj(wbits=_GZIP)
        self._broken = False
        self._fed = False

    @property
    def complete(self) -> bool:
        """Whether all that was fed was gzip, and ended where a member does."""
        return self._fed and not self._broken and self._inflate.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next packed bytes; gives what they unpack to, up to the first fault."""
        self._fed = self._fed or bool(data)
        while data and not self._broken:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(wbits=_GZIP)
            try:
                piece = self._inflate.decompress(data, self._piece_bytes)
            except zlib.error:
                self._broken = True
                return
            data = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            if piece:
                yield piece
