"""DuckDB's fast reader and a strict reading agree on every text, or the text is refused."""

import csv
import io
from datetime import date, time
from pathlib import Path

import pandera.ibis as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settlement_platform.control.landing.deliveries import SourcePattern
from settlement_platform.control.policies import Timeliness
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.landing.land import land
from settlement_platform.pipeline.staging import csv_structure
from settlement_platform.pipeline.staging.stage import stage
from settlement_platform_tests.deliveries import Delivery
from settlement_platform_tests.pipeline.installation import FIRST_DATE, REQUEST, Installation


class Note(pa.DataFrameModel):
    """Two texts."""

    a: str = pa.Field(nullable=True)
    b: str = pa.Field(nullable=True)


NOTES = Dataset(
    name="notes",
    description="Texts.",
    owner="nobody@example.com",
    criticality="none",
    schema=Note,
    sources=(SourcePattern(source="visa", stem="{business_date}/{source}/cards"),),
    key=("a",),
    timeliness=Timeliness(expected_by=time(0), target=time(0), deadline=time(0)),
)

GOOD = ["x", "y z", "", '"p"', '"q""r"', '"s\nt"', '"u,v"', '"w\r\nx"', " ", '""', '"a\\"', '""""', "'"]
BAD = ['"', '"a" ', ' "a"', 'a"b', '"a"b', "\r", '"a"\t', '""x', '"""', "x\ry", 'a""b', '"a""']
FIELDS = st.one_of(*[st.sampled_from(GOOD)] * 6, st.sampled_from(BAD))
RECORDS = st.lists(st.one_of(*[st.lists(FIELDS, min_size=2, max_size=2)] * 8, st.lists(FIELDS, max_size=4)), max_size=5)
LINE_ENDS = st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"], ["\r\n", "\n"], ["\n", "\n\n"], ["\n", "\r"]])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A text that is RFC 4180, or nearly."""
    records = [draw(st.sampled_from([["a", "b"], ['"a"', '"b"']])), *draw(RECORDS)]
    ends = draw(LINE_ENDS)
    text = "".join(",".join(fields) + ends[n % len(ends)] for n, fields in enumerate(records))
    return text if draw(st.booleans()) else text.removesuffix(ends[(len(records) - 1) % len(ends)])


def _strictly(text: str) -> list[tuple[str | None, ...]] | None:
    """The records of RFC 4180 after the header, character by character; None where the text is none.

    One empty line at the end is no record.
    """
    records: list[list[str]] = [[]]
    rest = text
    while True:
        field, rest = _field(rest)
        if field is None:
            return None
        records[-1].append(field)
        if not rest:
            break
        if rest[0] == ",":
            rest = rest[1:]
            continue
        end = next((e for e in ("\r\n", "\n") if rest.startswith(e)), None)
        if end is None:
            return None
        rest = rest[len(end) :]
        if rest in {"", "\n", "\r\n"}:
            break
        records.append([])
    if any(len(fields) != 2 for fields in records):
        return None
    return [tuple(value or None for value in fields) for fields in records[1:]]


def _field(text: str) -> tuple[str | None, str]:
    """The first field of a text and what follows it."""
    if text.startswith('"'):
        at = 1
        while (at := text.find('"', at)) >= 0:
            if text[at + 1 : at + 2] != '"':
                return text[1:at].replace('""', '"'), text[at + 1 :]
            at += 2
        return None, text
    end = next((n for n, c in enumerate(text) if c in ",\r\n"), len(text))
    return (None if '"' in text[:end] else text[:end]), text[end:]


@pytest.mark.parametrize("chunk", [1, 3, 4 * 1024 * 1024])
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(text=texts())
def test_a_text_is_staged_as_rfc_4180_reads_it_or_refused(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, chunk: int, text: str
) -> None:
    """Nothing is repaired, skipped, cut or shifted, wherever the chunks of the file end."""
    monkeypatch.setattr(csv_structure, "CHUNK_BYTES", chunk)
    Delivery(business_date=FIRST_DATE, source="visa", data=text.encode(), declared={"rows": 0}).write(
        installation.landing
    )

    (staging,) = stage(installation.platform, land(installation.platform, NOTES, FIRST_DATE, REQUEST), REQUEST)

    assert _staged_rows(installation, staging.path) == _strictly(text)


def _staged_rows(installation: Installation, path: str) -> list[tuple[str | None, ...]] | None:
    if not path:
        return None
    query = "SELECT a, b FROM read_parquet(?) ORDER BY source_row_number"
    return installation.platform.lake.cursor().execute(query, [path]).fetchall()


@given(text=texts())
def test_the_oracle_agrees_with_pythons_reader_on_what_it_accepts(text: str) -> None:
    """Python's reader accepts more, but reads what is accepted here in the same way."""
    read = _strictly(text)

    if read is not None:
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        assert [tuple(v or None for v in row) for row in list(rows)[1:] if row] == read


def test_a_header_is_never_taken_for_a_record(installation: Installation, tmp_path: Path) -> None:
    """Nor is the first record for a header."""
    day = date(2027, 1, 1)
    Delivery(business_date=day, source="visa", data=b"a,b\na,b\n", declared={"rows": 1}).write(installation.landing)

    (staging,) = stage(installation.platform, land(installation.platform, NOTES, day, REQUEST), REQUEST)

    assert _staged_rows(installation, staging.path) == [("a", "b")]
