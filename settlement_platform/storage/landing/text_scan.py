"""The scan of delivered text in one pass: its sha256, its encoding, and the regularity of its lines."""

import codecs
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from settlement_platform.control.policies import DeliveryLimits
from settlement_platform.control.reasons.landing import DELIVERY_TOO_LARGE, LINE_TOO_LONG

_COMMA, _LF, _CR = 44, 10, 13

_OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}

_EMPTY_LINES = (b"\n\n", b"\n\r\n")
_LONGEST_END = 3

_LONGEST_MARK = max(map(len, _OTHER_MARKS))


@dataclass(frozen=True, kw_only=True)
class TextScan:
    """The result of a scan.

    `sha256` and `bytes` are those of the text as scanned. `fault` says why the text is not acceptable (empty if it
    is), and `fault_line` where (from 1). `lines` counts line feeds, and `longest_line` the bytes between two of them.
    `ends_with_empty_line` says that the last line is empty, which is no record. `irregular` is True if a lenient CSV
    reader could miss a defect, so that a strict one has to read the text.
    """

    sha256: str
    bytes: int
    lines: int
    longest_line: int
    has_quote: bool
    irregular: bool
    has_carriage_return: bool = False
    ends_with_empty_line: bool = False
    fault: str = ""
    fault_line: int | None = None


class TextScanner:
    """A scanner that takes a text in chunks with `feed`, and then returns the `result`."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._bytes = 0
        self._lines = 0
        self._longest = 0
        self._last_end = -1
        self._opening = b""
        # As after a line end, so that an empty first line counts as irregular too.
        self._tail = b"\n"
        self._ending = self._tail
        self._has_quote = False
        self._irregular = False
        self._has_carriage_return = False
        self._fault = ""
        self._fault_line: int | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(chunk)
        self._opening = (self._opening + chunk[:_LONGEST_MARK])[:_LONGEST_MARK]
        if not self._fault:
            self._find_faults(chunk)
        self._measure_lines(chunk)
        self._bytes += len(chunk)

    def fault(self, limits: DeliveryLimits) -> str:
        """Return why the text so far is not acceptable, its last line included; empty if it is."""
        if self._bytes - self._last_end - 1 > limits.most_line_bytes:
            return self._fault or LINE_TOO_LONG(most_bytes=limits.most_line_bytes)
        return self._fault or self.excess(limits)

    def excess(self, limits: DeliveryLimits) -> str:
        """Return the fault of a text that is too large; empty if it is not."""
        return DELIVERY_TOO_LARGE(most_bytes=limits.most_bytes) if self._bytes > limits.most_bytes else ""

    def result(self, fault: str = "") -> TextScan:
        """Return the scan of the whole text, with the caller's fault if no other was found."""
        self._fault = self._fault or fault
        if not self._fault:
            self._decode(b"", final=True)
        if encoding := next((name for mark, name in _OTHER_MARKS.items() if self._opening.startswith(mark)), ""):
            self._fault, self._fault_line = f"encoded as {encoding}, not UTF-8", 1
        if not self._fault and self._has_carriage_return and not self._lines:
            self._fault, self._fault_line = "lines end in a lone carriage return, not in LF or CRLF", 1
        return TextScan(
            sha256=self._hash.hexdigest(),
            bytes=self._bytes,
            lines=self._lines,
            longest_line=max(self._longest, self._bytes - self._last_end - 1),
            has_quote=self._has_quote,
            has_carriage_return=self._has_carriage_return,
            irregular=self._irregular or self._tail.rstrip(b"\r").endswith(b","),
            ends_with_empty_line=self._ending.endswith(_EMPTY_LINES) and self._lines > 1,
            fault=self._fault,
            fault_line=self._fault_line,
        )

    def _find_faults(self, chunk: bytes) -> None:
        text, nul, _ = chunk.partition(b"\0") if b"\0" in chunk else (chunk, b"", b"")
        # Decoding is skipped where it cannot fail: most files are plain ASCII.
        if not text.isascii() or self._decoder.getstate()[0]:
            self._decode(text, final=bool(nul))
        if nul and not self._fault:
            self._fault, self._fault_line = "contains a NUL byte", self._line_of(text, len(text))

    def _decode(self, chunk: bytes, *, final: bool) -> None:
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            self._fault = f"not UTF-8 (byte 0x{error.object[error.start]:02x})"
            # The decoder's text may begin with bytes of the chunk before.
            self._fault_line = self._line_of(error.object, error.start)

    def _line_of(self, text: bytes, position: int) -> int:
        return self._lines + text.count(b"\n", 0, position) + 1

    def _measure_lines(self, chunk: bytes) -> None:
        self._has_carriage_return = self._has_carriage_return or b"\r" in chunk
        self._has_quote = self._has_quote or b'"' in chunk
        text = self._tail + chunk
        # An empty line is accepted if it is the last one, which only the next chunk tells.
        self._irregular = self._irregular or (bool(chunk) and self._ending.endswith(_EMPTY_LINES))
        self._ending = (self._ending + chunk[-_LONGEST_END:])[-_LONGEST_END:]
        if self._has_quote and not self._irregular:
            self._irregular = b'" ' in text or b'"\t' in text
        codes = np.frombuffer(text, dtype=np.uint8)
        ends = np.flatnonzero(codes[len(self._tail) :] == _LF) + len(self._tail)
        self._lines += len(ends)
        if len(ends):
            at = ends + (self._bytes - len(self._tail))
            self._longest = max(self._longest, int(np.diff(at, prepend=self._last_end).max()) - 1)
            self._last_end = int(at[-1])
        if len(ends) and not self._irregular:
            before = codes[np.maximum(ends - 1, 0)]
            if self._has_carriage_return:
                before = np.where(before == _CR, codes[np.maximum(ends - 2, 0)], before)
            within = before[:-1] if ends[-1] == len(text) - 1 else before
            self._irregular = bool((within == _LF).any() or (before == _COMMA).any())
        self._tail = text[-2:]


def scan(chunks: Iterable[bytes]) -> TextScan:
    """Return the scan of a whole text given in chunks."""
    scanner = TextScanner()
    for chunk in chunks:
        scanner.feed(chunk)
    return scanner.result()
