"""A file in another encoding, damaged or doubled quarantines its date."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from settlement_platform_tests.deliveries import (
    CsvForm,
    Delivery,
    members,
    some_rows,
)
from settlement_platform_tests.pipeline.installation import NAME, Installation
from settlement_platform_tests.pipeline.quarantine import Fault, assert_quarantined

TEXTS: dict[str, tuple[Callable[[bytes], bytes], tuple[str, ...]]] = {
    "Latin-1": (lambda b: b.replace(b"m-1", "café".encode("latin-1")), ("line 2", "not UTF-8 (byte 0xe9)")),
    "Windows-1252": (lambda b: b.replace(b"m-2", "€".encode("cp1252")), ("line 3", "not UTF-8")),
    "UTF-16": (lambda b: b.decode().encode("utf-16"), ("UTF-16",)),
    "UTF-16 big-endian": (lambda b: b"\xfe\xff" + b.decode().encode("utf-16-be"), ("UTF-16",)),
    "UTF-16 without a byte-order mark": (lambda b: b.decode().encode("utf-16-le"), ("NUL",)),
    "UTF-32": (lambda b: b.decode().encode("utf-32"), ("UTF-32",)),
    "an overlong form": (lambda b: b.replace(b"m-1", b"\xc0\xaf"), ("line 2", "not UTF-8")),
    "a surrogate": (lambda b: b.replace(b"m-1", b"\xed\xa0\x80"), ("line 2", "not UTF-8")),
    "a character cut off at the end": (lambda b: b.removesuffix(b"\n") + b"\xe2\x82", ("not UTF-8",)),
    "a NUL": (lambda b: b.replace(b"m-1", b"m\x001"), ("line 2", "NUL")),
    "a NUL as the last byte": (lambda b: b + b"\0", ("line 5", "NUL")),
    "CR alone as line ends": (lambda b: b.replace(b"\n", b"\r"), ("carriage return",)),
}


@pytest.mark.parametrize("gzipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(("spoil", "words"), TEXTS.values(), ids=TEXTS.keys())
def test_text_in_another_encoding_is_refused(
    installation: Installation, spoil: Callable[[bytes], bytes], words: tuple[str, ...], gzipped: bool
) -> None:
    """Only UTF-8 is accepted, and nothing is guessed."""
    day = installation.fresh_date()
    rows = some_rows(day, "visa")
    data = spoil(CsvForm().render(rows))
    delivery = Delivery(
        business_date=day, source="visa", rows=rows, data=members(data) if gzipped else data, gzipped=gzipped
    )

    assert_quarantined(installation, delivery, Fault(check="file_readable", words=words))


FILES: dict[str, tuple[Callable[[bytes], bytes], bool, str, str]] = {
    "an empty file": (lambda _: b"", False, "columns_as_declared", "the header is missing"),
    "nothing but a line end": (lambda _: b"\n", False, "columns_as_declared", "the header is missing"),
    "nothing but a byte-order mark": (
        lambda _: b"\xef\xbb\xbf",
        False,
        "columns_as_declared",
        "the header is missing",
    ),
    "an empty gzip file": (lambda _: b"", True, "file_readable", "gzip"),
    "a gzip file of nothing": (lambda _: members(b""), True, "columns_as_declared", "the header is missing"),
    "a truncated gzip file": (lambda b: members(b)[:-9], True, "file_readable", "gzip"),
    "a gzip file without its last byte": (lambda b: members(b)[:-1], True, "file_readable", "gzip"),
    "a gzip file with a wrong checksum": (
        lambda b: members(b)[:-8] + b"\0\0\0\0" + members(b)[-4:],
        True,
        "file_readable",
        "gzip",
    ),
    "a gzip file with text behind it": (lambda b: members(b) + b"more", True, "file_readable", "gzip"),
    "a gzip file with half a second member": (lambda b: members(b, b)[:-20], True, "file_readable", "gzip"),
    "garbage that is called gzip": (lambda _: b"\x07" * 500, True, "file_readable", "gzip"),
    "plain text that is called gzip": (lambda b: b, True, "file_readable", "gzip"),
    "gzip that is called plain": (members, False, "file_readable", ""),
    "a JSON document": (lambda _: b'{"a": 1}\n', False, "columns_as_declared", "missing"),
}


@pytest.mark.parametrize(("spoil", "gzipped", "check", "word"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_csv_is_refused(
    installation: Installation, spoil: Callable[[bytes], bytes], gzipped: bool, check: str, word: str
) -> None:
    """A file that was damaged or misnamed on its way is never half read."""
    day = installation.fresh_date()
    rows = some_rows(day, "visa")
    data = spoil(CsvForm().render(rows))
    delivery = Delivery(business_date=day, source="visa", rows=rows, data=data, gzipped=gzipped)

    assert_quarantined(installation, delivery, Fault(check=check, words=(word,)))


def test_a_plain_and_a_compressed_file_at_once_are_refused(installation: Installation) -> None:
    """Nothing says which of the two counts; what to do ends with one full stop."""
    day = installation.fresh_date()
    delivery = Delivery(business_date=day, source="visa", rows=some_rows(day, "visa"))
    replace(delivery, gzipped=True).write_data(installation.landing)
    words = ("cards.csv.gz", "both", "deliver the next version.")

    assert_quarantined(installation, delivery, Fault(check="file_readable", words=words))

    (verdict,) = installation.platform.ledger.verdicts(NAME, day, day).values()
    assert not [c for c in verdict.checks if ".." in c.message]
