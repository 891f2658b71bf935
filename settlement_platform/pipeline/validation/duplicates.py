"""The checks on duplicate keys: within a business date, and against the dates published around it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import duckdb

from settlement_platform.control.facts import Check, CurrentPublication, Staging
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.platform import Platform
from settlement_platform.pipeline.staging.csv_structure import MAX_SAMPLES
from settlement_platform.pipeline.staging.findings import counted_check, quantity
from settlement_platform.pipeline.validation.measures import describe_place, sample_of, staged_relation
from settlement_platform.storage.engines.duckdb_engine import quote_identifier
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import Lake

KeyRanges = tuple[tuple[str, str], ...]
"""The least and greatest key of each source, as text."""

_ANY_KEY = ("", "\U0010ffff")


def key_ranges_of(stagings: Sequence[Staging]) -> KeyRanges:
    """Return the range of each source that has rows; an unknown range covers every key."""
    known = [s.key_range or _ANY_KEY for s in stagings if s.rows]
    return tuple((low, high) for low, high in known)


def neighbour_dates(
    dataset: Dataset, business_date: date, publications: Mapping[date, CurrentPublication]
) -> dict[str, str]:
    """Return the content hash per ISO date, of the dates with rows in the duplicate window around this one."""
    reach = timedelta(days=dataset.duplicate_window_days)
    return {
        day.isoformat(): publication.content_hash
        for day, publication in publications.items()
        if day != business_date and abs(day - business_date) <= reach and publication.rows
    }


def unique_in_date(lake: Lake, dataset: Dataset, stagings: Sequence[Staging]) -> Check:
    """Return the check that each key appears once over all sources of the date.

    Ascending keys are unique: the cheapest proof. Distinct 64-bit hashes prove it at half the memory of distinct
    keys. Only when both fail are the keys themselves grouped.
    """
    name, rows = "unique_in_date", sum(s.rows for s in stagings)
    clean = counted_check(name, 0, "every key is unique")
    if not rows:
        return clean
    key = ", ".join(quote_identifier(k) for k in dataset.key)
    relation = staged_relation(stagings)
    with translate_errors("Finding duplicate keys", dependency="staging"), lake.cursor() as cursor:
        if _count_ascending(cursor, dataset, stagings) == rows - 1:
            return clean
        distinct = cursor.execute(f"SELECT count(DISTINCT hash({key})) FROM {relation}").fetchone()
        if distinct and distinct[0] == rows:
            return clean
        found = cursor.execute(
            f"SELECT {key}, count(*) - 1, min((source, source_row_number)), max((source, source_row_number)), "
            f"sum(count(*) - 1) OVER () FROM {relation} GROUP BY ALL HAVING count(*) > 1 ORDER BY 1 LIMIT {MAX_SAMPLES}"
        ).fetchall()
    return _duplicates_check(name, dataset, stagings, found) if found else clean


def _count_ascending(cursor: duckdb.DuckDBPyConnection, dataset: Dataset, stagings: Sequence[Staging]) -> int:
    """Count the rows whose key is greater than the one before, over files in the order of their least keys.

    The answer is -1, which proves nothing, unless the files do not overlap and their first rows ascend.
    """
    ordered = sorted((s for s in stagings if s.rows), key=lambda s: s.key_range)
    ranges = [s.key_range for s in ordered]
    apart = all(before and after and before[1] < after[0] for before, after in pairwise(ranges))
    if len(dataset.key) > 1 or not apart:
        return -1
    key = quote_identifier(dataset.key[0])
    pairs = f"SELECT {key} AS key, lag({key}) OVER () AS before FROM"
    ascending = -1
    for relation in (f"(FROM {staged_relation(ordered[:1])} LIMIT 2000)", staged_relation(ordered)):
        query = f"SELECT count(*) FILTER (WHERE key > before), count(*) FROM ({pairs} {relation})"
        ascending, seen = cursor.execute(query).fetchone() or (-1, 0)
        if ascending != seen - 1:
            return -1
    return int(ascending)


def _duplicates_check(name: str, dataset: Dataset, stagings: Sequence[Staging], found: list[tuple]) -> Check:  # type: ignore[type-arg]
    width, samples = len(dataset.key), []
    for row in found:
        key, (_, first, last, total) = row[:width], row[width:]
        shown = "/".join(str(part) for part in key)
        samples += [sample_of(stagings, source, record, dataset.key[0], shown) for source, record in (first, last)]
    message = (
        f"{quantity(total, 'row')} {'repeats' if total == 1 else 'repeat'} a key; first: "
        f"{', '.join(dataset.key)} {samples[0].value!r} in "
        f"{describe_place(samples[0])} and {describe_place(samples[1])}"
    )
    return counted_check(name, total, message, samples[:MAX_SAMPLES])


def unique_in_window(
    platform: Platform,
    dataset: Dataset,
    stagings: Sequence[Staging],
    key_ranges: KeyRanges,
    around: Mapping[str, str],
) -> Check:
    """Return the check that no staged key is published on the dates `around` (ISO date to content hash).

    A date is not read if the key ranges in its verdict lie outside the staged ones.
    """
    days = sorted(date.fromisoformat(day) for day in around)
    ranges = platform.ledger.key_ranges(dataset.name, days[0], days[-1]) if days else {}
    near = [day for day, content in around.items() if _overlap(key_ranges, ranges.get(content))]
    with platform.lake.cursor() as cursor:
        check = find_published_keys(cursor, dataset, stagings, key_ranges, near)
    return (
        replace(check, message=f"not published on the {quantity(len(around), 'date')} compared")
        if check.passed
        else check
    )


def _overlap(first: KeyRanges, second: KeyRanges | None) -> bool:
    """Return whether two sets of ranges can share a key; an unknown set can."""
    if second is None:
        return True
    return any(low <= high_2 and low_2 <= high for low, high in first for low_2, high_2 in second)


def find_published_keys(
    cursor: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    stagings: Sequence[Staging],
    key_ranges: KeyRanges,
    days: Sequence[str],
) -> Check:
    """Return the check that no staged key is among the rows published on `days` (ISO dates).

    The range of the staged keys lets the lake skip every file whose keys all lie outside it.
    """
    name = "unique_in_window"
    clean = counted_check(name, 0, f"not published on the {quantity(len(days), 'date')} compared")
    readable = [s for s in stagings if s.rows]
    if not days or not key_ranges or not readable:
        return clean
    found = _find_published(cursor, dataset, readable, key_ranges, days)
    return _published_check(name, dataset, readable, found) if found else clean


def _find_published(
    cursor: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    stagings: Sequence[Staging],
    key_ranges: KeyRanges,
    days: Sequence[str],
) -> list[tuple]:  # type: ignore[type-arg]
    """Return the first few staged keys that are published: key, source and record, first and last date, total.

    The places are queried only when there is such a key, because that reads more columns than the key.
    """
    key = ", ".join(f"s.{quote_identifier(k)}" for k in dataset.key)
    same = " AND ".join(f"p.{quote_identifier(k)} = s.{quote_identifier(k)}" for k in dataset.key)
    listed = ", ".join(f"DATE '{day}'" for day in days)
    staged = f"{staged_relation(stagings)} s"
    published = (
        f"lake.published.{quote_identifier(dataset.name)} p WHERE p.business_date IN ({listed}) "
        f"AND p.{quote_identifier(dataset.key[0])}::VARCHAR BETWEEN ? AND ?"
    )
    reach = [min(low for low, _ in key_ranges), max(high for _, high in key_ranges)]
    with translate_errors("Finding published keys", dependency="lake"):
        seen = f"SELECT 1 FROM {published} AND EXISTS (FROM {staged} WHERE {same}) LIMIT 1"
        if not cursor.execute(seen, reach).fetchall():
            return []
        return cursor.execute(
            f"SELECT {key}, min((s.source, s.source_row_number)), min(p.business_date), max(p.business_date), "
            f"count(*) OVER () FROM {staged}, (FROM {published}) p WHERE {same} GROUP BY ALL ORDER BY ALL "
            f"LIMIT {MAX_SAMPLES}",
            reach,
        ).fetchall()


def _published_check(name: str, dataset: Dataset, stagings: Sequence[Staging], found: list[tuple]) -> Check:  # type: ignore[type-arg]
    width, samples = len(dataset.key), []
    for row in found:
        shown = "/".join(str(part) for part in row[:width])
        source, record = row[width]
        samples.append(sample_of(stagings, source, record, dataset.key[0], shown))
    first, (_, earliest, latest, total) = samples[0], found[0][width:]
    dates = f"{earliest} and {latest}" if latest != earliest else str(earliest)
    message = (
        f"{quantity(total, 'key')} {'is' if total == 1 else 'are'} already published on other dates; first: "
        f"{', '.join(dataset.key)} {first.value!r} in {describe_place(first)}, published on {dates}"
    )
    return counted_check(name, total, message, samples)
