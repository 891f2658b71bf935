"""Settling a delivery that nobody should send, in a process of its own, to see what memory it takes."""

from datetime import date
from pathlib import Path

from settlement_platform_tests.deliveries import COLUMNS, SOURCES, Delivery, a_row, some_rows
from settlement_platform_tests.pipeline.installation import Installation, open_home
from settlement_platform_tests.storage.big_files import peak_bytes

DAY = date(2026, 1, 1)
_HEADER = ",".join(COLUMNS).encode() + b"\n"


def _short_records() -> bytes:
    return _HEADER + b"".join(b"t-%09d,%s,4111\n" % (n, b"x" * 150) for n in range(300_000))


def _one_line() -> bytes:
    return b"x" * 300_000_000


def _one_line_after_a_header() -> bytes:
    return _HEADER + b"x" * 300_000_000


def _one_line_among_records() -> bytes:
    good = [",".join(row.values()).encode() + b"\n" for row in some_rows(DAY, "visa")]
    return _HEADER + good[0] + b"x" * 40_000_000 + b"\n" + good[1] + good[2]


def _many_columns() -> bytes:
    return b",".join([*map(str.encode, COLUMNS), *(b"added_%d" % n for n in range(100_000))]) + b"\n"


def _many_doubled_columns() -> bytes:
    return b",".join([*map(str.encode, COLUMNS), *(b"added_%d" % (n // 2) for n in range(900))]) + b"\n"


def _many_currencies() -> bytes:
    row = a_row(DAY, "visa", 1, transaction_id="@", currency="#")
    line = ",".join(row.values()).encode() + b"\n"
    return _HEADER + b"".join(line.replace(b"@", b"t-%d" % n).replace(b"#", b"C%d" % n) for n in range(400_000))


HEAVY = {
    "records of too few fields": _short_records,
    "one line": _one_line,
    "one line after a header": _one_line_after_a_header,
    "one line among records": _one_line_among_records,
    "a header of 100,000 columns": _many_columns,
    "a header of 450 doubled columns": _many_doubled_columns,
    "400,000 currencies": _many_currencies,
}


def write_heavy(home: Path, what: str) -> None:
    """Deliver it as one source of a date, beside valid files of the others."""
    for source in SOURCES:
        Delivery(
            business_date=DAY,
            source=source,
            rows=some_rows(DAY, source),
            data=HEAVY[what]() if source == "visa" else None,
        ).write(home / "landing")


def peak_while_settling(home: str) -> tuple[int, dict[str, str]]:
    """By how many bytes the peak grew, and what the failing checks say."""
    installation = Installation(home=Path(home), platform=open_home(Path(home)))
    before = peak_bytes()
    concluded = installation.run(DAY)
    assert concluded.verdict is not None
    return peak_bytes() - before, {c.name: c.message for c in concluded.verdict.checks if not c.passed}
