"""The end of a story, compared with its deliveries: rows, marts, watermarks, records, events and alerts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import pytest

from settlement_platform.control.facts import State
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.keys import published_key, watermark_key
from settlement_platform.pipeline.platform import Platform
from settlement_platform_tests.deliveries import Delivery
from settlement_platform_tests.orchestration.dagster_home import NAME
from settlement_platform_tests.pipeline.installation import all_rows, plain_reader
from settlement_platform_tests.pipeline.published_rows import PUBLISHED_COLUMNS, expected_rows
from settlement_platform_tests.scenarios.story import Story


@dataclass(frozen=True, kw_only=True)
class DateEnd:
    """The expected end of a date: the state of each generation, oldest first, and the deliveries that readers see."""

    generations: Sequence[str]
    of: Sequence[Delivery] = ()


def assert_ends(story: Story, dates: Mapping[date, DateEnd], *, watermark: date | None, alerts: Sequence[str]) -> None:
    """All stores, the instance and the owners agree on how the story ended, and nothing is left undone."""
    story.tick()
    delivered = [d for current in dates.values() for d in current.of]
    assert {day: story.view_of(day).state.pending for day in dates} == dict.fromkeys(dates)
    with story.stores() as stores:
        _assert_records(story, stores, dates)
        assert {name: stores.lake.watermark(name)[0] for name in _all_names()} == dict.fromkeys(_all_names(), watermark)
    _assert_rows(story, delivered)
    _assert_watermarks_shown(story, watermark)
    assert story.alerts() == list(alerts)


def resolved(raised: Iterable[str]) -> list[str]:
    """The endings of these alerts, in the same order."""
    return [f"resolved {alert.partition(' ')[2]}" for alert in raised]


def _all_names() -> list[str]:
    return [NAME, *(m.name for m in MARTS)]


def _assert_records(story: Story, stores: Platform, dates: Mapping[date, DateEnd]) -> None:
    """Every generation is as expected, marts were built from the last, and Dagster shows the contents in order."""
    for day, current in dates.items():
        history = stores.lake.history(NAME, day)
        assert [p.state.value for p in history] == list(current.generations), day
        assert history[-1].rows == sum(len(d.rows) for d in current.of), day
        for mart in MARTS:
            (source,) = stores.lake.history(mart.name, day)[-1].sources
            assert (source.source, source.generation) == (NAME, history[-1].generation), (mart.name, day)
    for name in _all_names():
        shown = _shown(story, name)
        assert set(shown) == {str(day) for day in dates}, name
        for day in dates:
            contents = [_content(p.content_hash, p.state) for p in stores.lake.history(name, day)]
            assert shown[str(day)] == [content for content, _ in groupby(contents)], (name, day)


def _content(content_hash: str, state: State) -> str:
    return content_hash or state.value


def _shown(story: Story, name: str) -> dict[str, list[str]]:
    """The contents that Dagster shows of each partition, oldest first; the same one reported again is no other."""
    found: dict[str, list[str]] = {}
    for event in reversed(story.home.materializations(published_key(name))):
        found.setdefault(str(event.partition), []).append(str(event.tags and event.tags["dagster/data_version"]))
    return {partition: [version for version, _ in groupby(versions)] for partition, versions in found.items()}


def _assert_watermarks_shown(story: Story, watermark: date | None) -> None:
    """Dagster shows every watermark as far as it is, and reported it once for each advance."""
    for name in _all_names():
        reported = [e.metadata["watermark"].value for e in story.home.materializations(watermark_key(name))]
        assert reported[:1] == ([str(watermark)] if watermark else []), name
        assert reported == sorted(set(reported), reverse=True), name


def _assert_rows(story: Story, delivered: Sequence[Delivery]) -> None:
    """A plain DuckDB client reads exactly what was delivered, and marts that sum it up."""
    reader = plain_reader(story.home.home, story.home.settings.catalog_url)
    try:
        rows = all_rows(reader)
        marts = [reader.execute(f"SELECT * FROM lake.published.{m.name} ORDER BY ALL").fetchall() for m in MARTS]
    finally:
        reader.close()
    by_date = sorted(expected_rows(delivered), key=lambda row: row[PUBLISHED_COLUMNS.index("business_date")])
    assert rows == by_date
    net, fees = marts
    assert [tuple(_whole(v) for v in row) for row in net] == _sums(
        rows, by="merchant_id", of=("amount_minor", "fee_minor", "net_minor")
    )
    sums = _sums(rows, by="network", of=("amount_minor", "fee_minor"))
    assert [tuple(_whole(v) for v in row[:-1]) for row in fees] == sums
    assert [row[-1] for row in fees] == [pytest.approx(10_000 * row[4] / row[3]) for row in sums]


def _whole(value: Any) -> Any:  # noqa: ANN401 - an SQL value
    return value if isinstance(value, date | str) else int(value)


def _sums(rows: Sequence[tuple[Any, ...]], *, by: str, of: Sequence[str]) -> list[tuple[Any, ...]]:
    """Per date, `by` and currency: the sums of some columns and the number of rows, by Python alone."""
    keys = [PUBLISHED_COLUMNS.index(c) for c in ("business_date", by, "currency")]
    sums = [PUBLISHED_COLUMNS.index(c) for c in of]
    found: dict[tuple[Any, ...], Counter[int]] = {}
    for row in rows:
        counter = found.setdefault(tuple(row[k] for k in keys), Counter())
        counter.update({place: row[column] for place, column in enumerate(sums)})
        counter.update({len(sums): 1})
    return sorted((*key, *(counter[n] for n in range(len(sums) + 1))) for key, counter in found.items())
