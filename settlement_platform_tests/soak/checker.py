"""The checker of a soak: compares what readers see with what was delivered, in a process that lasts as long as a home.

It reads with a DuckDB client that knows nothing of the platform, and computes everything again from the files.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import duckdb

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.inspect.status import assess_status
from settlement_platform.pipeline.open_platform import open_to_read
from settlement_platform.storage.engines.duckdb_engine import connect_engine
from settlement_platform_tests.pipeline.installation import NAME, all_rows, plain_reader
from settlement_platform_tests.pipeline.published_rows import PUBLISHED_COLUMNS, expected_rows
from settlement_platform_tests.soak.children import Place
from settlement_platform_tests.soak.deliveries_of_dates import Delivered

Row = tuple[Any, ...]
Rows = list[Row]

MART_COLUMNS = {
    "merchant_daily_net": ("merchant_id", "currency", "gross_minor", "fee_minor", "net_minor", "transactions"),
    "network_fee_summary": ("network", "currency", "gross_minor", "fee_minor", "transactions"),
}
_SUMS = {"gross_minor": "amount_minor", "fee_minor": "fee_minor", "net_minor": "net_minor"}


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The contents that a date may show before and after the work, with the number of generations at each."""

    contents: tuple[tuple[int, Delivered], ...]
    earlier: tuple[Delivered, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Question:
    """The contents to compare with; `recovered` asks for the end of the work, and for a status that agrees."""

    expected: Mapping[date, Expected]
    recovered: bool
    ahead: timedelta


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Every violation, and how many dates already show the content after the work."""

    violations: tuple[str, ...]
    committed: int = 0


def check_until_closed(connection: Connection, place: Place) -> None:
    """Answer questions until the connection is closed."""
    reader: duckdb.DuckDBPyConnection | None = None
    while True:
        try:
            question = connection.recv()
        except EOFError:
            return
        try:
            reader = reader or _reader(place)
            connection.send(_answer(reader, place, question))
        except Exception as error:  # noqa: BLE001 - a reader's error is a violation
            connection.send(Answer(violations=(f"a reader got an error: {type(error).__name__}: {error}",)))


def _reader(place: Place) -> duckdb.DuckDBPyConnection | None:
    """Return a client of the lake; None while its catalog has not been made whole."""
    catalog = place.home / "lake" / "catalog.sqlite"
    if not catalog.exists():
        return None
    with closing(sqlite3.connect(catalog)) as connection:
        made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'ducklake_metadata'").fetchone()
    return plain_reader(place.home) if made[0] else None


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """Everything that readers see at one moment, by date: rows, generations with their rows on record, and marts."""

    rows: Mapping[date, Rows]
    generations: Mapping[date, list[tuple[int, int]]]
    marts: Mapping[str, Mapping[date, Rows]]


def _answer(reader: duckdb.DuckDBPyConnection | None, place: Place, question: Question) -> Answer:
    if reader is None or not _has_tables(reader):
        lost = [day for day, expected in question.expected.items() if expected.contents[0][1]]
        return Answer(violations=tuple(f"{day}: the lake has no publication at all" for day in lost))
    seen = _read(reader)
    violations: list[str] = []
    stale: list[str] = []
    committed = 0
    for day, expected in question.expected.items():
        rows = seen.rows.get(day, [])
        violations += _compare_rows(day, expected, rows, seen.generations.get(day, []))
        committed += len(expected.contents) > 1 and rows == expected_rows(expected.contents[-1][1])
        for mart, found in seen.marts.items():
            violations += _compare_mart(mart, day, expected, found.get(day, []))
            if found.get(day, []) != _aggregate(mart, rows):
                stale.append(f"{mart} {day}")
    if question.recovered:
        violations += [f"{each}: differs from its input after the recovery" for each in stale]
    if stale or question.recovered:
        violations += _status_violations(place, question, stale)
    return Answer(violations=tuple(violations), committed=committed)


def _read(reader: duckdb.DuckDBPyConnection) -> _Seen:
    """Read each table once, all in one snapshot."""
    reader.execute("BEGIN")
    try:
        rows = _by_date(all_rows(reader), PUBLISHED_COLUMNS.index("business_date"))
        records = reader.execute(
            "SELECT business_date, generation, rows FROM lake.published.publications WHERE dataset = ? ORDER BY ALL",
            [NAME],
        ).fetchall()
        marts = {mart: _mart_rows(reader, mart) for mart in MART_COLUMNS}
    finally:
        reader.execute("ROLLBACK")
    generations = {day: [row[1:] for row in found] for day, found in _by_date(records, 0).items()}
    return _Seen(rows=rows, generations=generations, marts=marts)


def _by_date(rows: Sequence[Row], at: int) -> dict[date, Rows]:
    found: dict[date, Rows] = defaultdict(list)
    for row in rows:
        found[row[at]].append(row)
    return dict(found)


def _has_tables(reader: duckdb.DuckDBPyConnection) -> bool:
    query = "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'lake' AND table_name = 'publications'"
    found = reader.execute(query).fetchone()
    return bool(found and found[0])


def _compare_rows(day: date, expected: Expected, seen: Rows, records: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Yield how a date's rows or its records differ from each content that it may have."""
    generations = [generation for generation, _ in records]
    if generations != list(range(1, len(generations) + 1)):
        yield f"{day}: its generations are {generations}"
    fitting = [n for n, content in expected.contents if seen == expected_rows(content)]
    if not fitting:
        lengths = [len(expected_rows(content)) for _, content in expected.contents]
        yield f"{day}: {len(seen)} rows that are no content it may have ({lengths} rows): {_difference(expected, seen)}"
    elif len(generations) not in fitting:
        yield f"{day}: {len(generations)} generations, where its rows belong to one of {fitting}"
    if records and records[-1][1] != len(seen):
        yield f"{day}: {len(seen)} rows, where its record says {records[-1][1]}"


def _difference(expected: Expected, seen: Rows) -> str:
    wanted = expected_rows(expected.contents[-1][1])
    extra, lacking = Counter(seen) - Counter(wanted), Counter(wanted) - Counter(seen)
    return f"{extra.total()} too many, {lacking.total()} missing"


def _mart_rows(reader: duckdb.DuckDBPyConnection, mart: str) -> dict[date, Rows]:
    query = f"SELECT business_date, {', '.join(MART_COLUMNS[mart])} FROM lake.published.{mart} ORDER BY ALL"
    found = _by_date(reader.execute(query).fetchall(), 0)
    return {day: [_as_integers(row[1:]) for row in rows] for day, rows in found.items()}


def _as_integers(row: Row) -> Row:
    return tuple(value if isinstance(value, str) else int(value) for value in row)


def _aggregate(mart: str, rows: Sequence[Row]) -> Rows:
    """Return what a mart has to show over these rows, by Python alone."""
    columns = MART_COLUMNS[mart]
    groups: dict[Row, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        named = dict(zip(PUBLISHED_COLUMNS, row, strict=True))
        groups[tuple(named[c] for c in columns[:2])].append(named)
    sums = [c for c in columns if c in _SUMS]
    return sorted((*key, *(sum(r[_SUMS[c]] for r in found) for c in sums), len(found)) for key, found in groups.items())


def _compare_mart(mart: str, day: date, expected: Expected, rows: Rows) -> Iterator[str]:
    """Yield a mart's date that is neither empty nor over any content that its input ever had."""
    known = [*(content for _, content in expected.contents), *expected.earlier]
    if rows and rows not in [_aggregate(mart, expected_rows(content)) for content in known]:
        yield f"{mart} {day}: its rows belong to no content of its input"


def _status_violations(place: Place, question: Question, stale: Sequence[str]) -> Iterator[str]:
    """Yield where `status` calls safe what is not, or unsafe what has recovered."""
    now = datetime.now(UTC) + question.ahead
    connection = connect_engine()
    try:
        platform = open_to_read(place.stores, connection, clock=lambda: now)
        found = {d.name: assess_status(platform, d, now, ()) for d in load_catalog().tables}
    finally:
        connection.close()
    for each in stale:
        if found[each.split(" ")[0]].safe_to_read:
            yield f"{each}: stale, and status calls it safe"
    if question.recovered and _all_due_are_there(question, now):
        for name, status in found.items():
            if not status.safe_to_read:
                yield f"{name}: whole, and status calls it unsafe: {'; '.join(status.reasons)}"


def _all_due_are_there(question: Question, now: datetime) -> bool:
    """Return whether each date that is due by now has content; targets are at 06:00 UTC of the day after."""
    due = (now - timedelta(hours=6)).date() - timedelta(days=1)
    return max(question.expected) >= due and all(e.contents[-1][1] for e in question.expected.values())
