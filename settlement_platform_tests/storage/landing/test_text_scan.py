"""One pass finds what is wrong with a text and where, however the text comes in chunks."""

import hashlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from settlement_platform.storage.landing.text_scan import TextScan, scan

pieces = st.lists(
    st.sampled_from(
        [
            b"a",
            b",",
            b"\n",
            b"\r",
            b"\r\n",
            b'"',
            b" ",
            b"\t",
            b"\0",
            b"\xff",
            b"\xfe",
            b"\xc3",
            b"\xa9",
            b"\xe2\x82",
            b"\xac",
            b"\xf0\x9f",
            b"\x98\x80",
            b"\xed\xa0\x80",
            b"\xef\xbb\xbf",
            b"1,2\n",
            "é€😀".encode(),
        ]
    ),
    max_size=24,
)  # fmt: skip - what text is made of, and what breaks it


def cut(text: bytes, places: list[int]) -> list[bytes]:
    """The text in chunks that end at the given places, some of them empty."""
    ends = [*sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@settings(max_examples=500)
@given(text=pieces.map(b"".join), places=st.lists(st.integers(min_value=0, max_value=100), max_size=8))
@example(text=b"\xff\xfea\0", places=[1])
@example(text=b"\xff\xfe\0\0a\0\0\0", places=[1, 2, 3])
@example(text=b"\0\0\xfe\xff\0\0\0a", places=[2, 3])
@example(text=b"\xe2\x82\xac\xff\n\n", places=[2])
@example(text=b"\n\xff\0", places=[2])
@example(text=b"\xc3\0", places=[1])
@example(text=b"\r\n1,2\n", places=[1])
def test_any_chunking_gives_the_same_result(text: bytes, places: list[int]) -> None:
    """The result depends on the bytes alone."""
    assert scan(cut(text, places)) == scan([text])


@given(text=pieces.map(b"".join))
def test_a_text_is_faulty_exactly_when_it_is_no_utf8_or_holds_nul(text: bytes) -> None:
    """Python's own decoder is the judge, but for lone carriage returns."""
    found = scan([text])

    try:
        acceptable = "\0" not in text.decode()
    except UnicodeDecodeError:
        acceptable = False
    if acceptable:
        assert not found.fault or "carriage return" in found.fault
    else:
        assert found.fault


@given(good=st.lists(st.sampled_from(["a,b", "é€😀", ""]), max_size=12), bad=st.sampled_from([b"\0", b"\xff"]))
def test_a_fault_is_found_on_its_line(good: list[str], bad: bytes) -> None:
    """Lines count from 1, in the text as delivered."""
    text = "".join(f"{line}\n" for line in good).encode() + b"x" + bad + b"\n\n"

    found = scan([text])

    assert found.fault_line == len(good) + 1


@given(text=pieces.map(b"".join))
def test_hash_size_and_lines_are_those_of_the_bytes(text: bytes) -> None:
    """A fault does not end the count: the hash is that of the whole."""
    found = scan([text])

    assert found.sha256 == hashlib.sha256(text).hexdigest()
    assert found.bytes == len(text)
    assert found.lines == text.count(b"\n")
    assert found.longest_line == max(map(len, text.split(b"\n")))
    assert found.has_quote == (b'"' in text)


@pytest.mark.parametrize(
    ("text", "fault", "line"),
    [
        (b"a\nb\0c\n", "contains a NUL byte", 2),
        (b"a\n\nb\xe9c\n", "not UTF-8 (byte 0xe9)", 3),
        (b"a\nb\xc3", "not UTF-8 (byte 0xc3)", 2),
        ("a\nb\n".encode("utf-16"), "encoded as UTF-16, not UTF-8", 1),
        (b"\xfe\xff" + "a\nb\n".encode("utf-16-be"), "encoded as UTF-16, not UTF-8", 1),
        ("a\nb\n".encode("utf-32"), "encoded as UTF-32, not UTF-8", 1),
        (b"\0\0\xfe\xff" + "a\nb\n".encode("utf-32-be"), "encoded as UTF-32, not UTF-8", 1),
        (b"\xff\xfe", "encoded as UTF-16, not UTF-8", 1),
        ("a\nb\n".encode("utf-16-le"), "contains a NUL byte", 1),
        (b"a,b\r1,2\r", "lines end in a lone carriage return, not in LF or CRLF", 1),
    ],
)
def test_a_fault_is_named_with_its_line(text: bytes, fault: str, line: int) -> None:
    """A provider can find the place."""
    found = scan([text])

    assert (found.fault, found.fault_line) == (fault, line)


@pytest.mark.parametrize(
    "text",
    [b"", b"a,b\n1,2\n", b"a,b\r\n1,2\r\n", b"a,b\n1,2", b"\xef\xbb\xbfa,b\n1,2\n", b'"a","b"\n"1\n2","3"\n'],
)
def test_ordinary_text_has_no_fault_and_is_regular(text: bytes) -> None:
    """A byte-order mark, either line end and a missing last one are all accepted."""
    found = scan([text])

    assert (found.fault, found.irregular) == ("", False)


@pytest.mark.parametrize("text", [b"a,b\n1,2\n\n", b"a,b\r\n1,2\r\n\r\n", b"a,b\r\n1,2\r\n\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 99])
def test_one_empty_line_at_the_end_is_regular(text: bytes, size: int) -> None:
    found = scan(text[at : at + size] for at in range(0, len(text), size))

    assert (found.fault, found.irregular, found.ends_with_empty_line) == ("", False, True)


@pytest.mark.parametrize("text", [b"a,b\n1,2\n", b"a,b\n1,2", b"a,b\n\n1,2\n", b"", b"\n", b"a,b\n1,2\n\nx"])
def test_other_text_does_not_end_with_an_empty_line(text: bytes) -> None:
    assert not scan([text]).ends_with_empty_line


@pytest.mark.parametrize(
    "text",
    [
        b"a,b\n1,\n",
        b"a,b\n1,2\n\n\n",
        b"a,b\n1,\n\n",
        b"a,b\r\n1,\r\n",
        b"a,b\n1,",
        b"a,b\n1,\r",
        b"a,b\n\n1,2\n",
        b"a,b\r\n\r\n1,2\r\n",
        b"\na,b\n",
        b"\r\na,b\r\n",
        b'a,b\n"1" ,2\n',
        b'a,b\n"1"\t,2\n',
        b'a,b\n1, "2" \n',
    ],
)
def test_what_a_lenient_reader_could_read_over_is_irregular(text: bytes) -> None:
    """A strict reader has to look at empty lines, last fields and blanks after quotes."""
    found: TextScan = scan([text])

    assert found.irregular
