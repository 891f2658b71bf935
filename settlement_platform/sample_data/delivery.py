"""The writing of one delivery: a data file, then the control file that declares it."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from settlement_platform.sample_data.transactions import COLUMNS, MACROS, PLACES, TRANSACTIONS, SourceDay

_COPY = f"COPY ({TRANSACTIONS}) TO $path (FORMAT csv, HEADER, COMPRESSION none, USE_TMP_FILE false)"

# An unreadable amount without its decimal point is the amount that the source declares.
_SUMS = f"""
SELECT currency, count(*), sum(replace(amount_minor, '.', '')::BIGINT), sum(fee_minor::BIGINT)
FROM read_csv($path, columns = {dict.fromkeys(COLUMNS, "VARCHAR")}, header = true, auto_detect = false)
GROUP BY currency ORDER BY currency
"""


@dataclass(frozen=True, kw_only=True)
class SampleDelivery:
    """One delivered data file.

    `key` is its path in the landing zone. `rows` leaves the header out. `totals` are sums in minor units, by
    currency and column.
    """

    key: str
    bytes: int
    sha256: str
    rows: int
    totals: Mapping[str, Mapping[str, int]]


@contextmanager
def open_engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB in memory that keeps the process under 1 GiB for any number of rows."""
    with closing(duckdb.connect()) as engine:
        # Each thread of an ordered COPY holds some batches of rows, so the threads bound the memory.
        engine.execute(f"SET threads = {min(4, os.cpu_count() or 1)}")
        engine.execute("SET memory_limit = '768MiB'; SET temp_directory = ''")
        engine.execute("SET preserve_insertion_order = true")
        engine.execute("SET enable_progress_bar = false")
        engine.execute(MACROS)
        yield engine


def deliver(
    engine: duckdb.DuckDBPyConnection, landing: Path, content: SourceDay, *, version: int = 1
) -> SampleDelivery:
    """Write `{date}/{source}/cards.csv` and its control file; from version 2 on, `cards.{version}.csv`.

    Both appear complete, under their final names, the control file last and never older than its data.

    Raises:
        OSError: the folder cannot be written.
        duckdb.Error: the file cannot be written, for example because the disk is full.
    """
    landing = landing.resolve()
    folder = landing / content.business_date.isoformat() / content.source
    folder.mkdir(parents=True, exist_ok=True)
    stem = "cards" if version == 1 else f"cards.{version}"
    data = folder / f"{stem}.csv"
    with _appearing_complete(data) as draft:
        engine.execute(PLACES, content.place_parameters())
        engine.execute(_COPY, {**content.transaction_parameters(), "path": str(draft)})
        delivery = _measure(engine, draft, key=data.relative_to(landing).as_posix())
    with _appearing_complete(folder / f"{stem}.control.json") as draft:
        draft.write_text(_control_text(content, delivery), encoding="utf-8")
        newest = max(draft.stat().st_mtime_ns, data.stat().st_mtime_ns)
        os.utime(draft, ns=(newest, newest))
    return delivery


@contextmanager
def _appearing_complete(path: Path) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}.part")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _measure(engine: duckdb.DuckDBPyConnection, path: Path, *, key: str) -> SampleDelivery:
    with path.open("rb") as data:
        sha256 = hashlib.file_digest(data, "sha256").hexdigest()
    # DuckDB reads a path as a pattern; a bracket around a special character makes it an ordinary one.
    sums = engine.execute(_SUMS, {"path": re.sub(r"([*?\[])", r"[\1]", str(path))}).fetchall()
    return SampleDelivery(
        key=key,
        bytes=path.stat().st_size,
        sha256=sha256,
        rows=sum(rows for _, rows, _, _ in sums),
        totals={currency: {"amount_minor": amount, "fee_minor": fee} for currency, _, amount, fee in sums},
    )


def _control_text(content: SourceDay, delivery: SampleDelivery) -> str:
    declared = {
        "business_date": content.business_date.isoformat(),
        "source": content.source,
        "sha256": delivery.sha256,
        "rows": delivery.rows,
        "totals": delivery.totals,
    }
    return json.dumps(declared, indent=2) + "\n"
