"""The catalog's list of the lake's files, and the abort of a merge that does not match its plan."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.control.maintenance.retention import RetentionPolicy, plan_merges
from settlement_platform.storage.lake import files as lake_files
from settlement_platform.storage.lake.files import LakeTable
from settlement_platform.storage.lake.lake import Lake
from settlement_platform_tests.builders import NOW, day
from settlement_platform_tests.storage.lakes import TABLE, TABLES, a_card_publication, open_lake, publish

EAGER = RetentionPolicy(fewest_files=2)
WIDER = {TABLE: (*TABLES[TABLE], ("note", "VARCHAR"))}


@pytest.fixture
def lake(catalog_url: str, data_url: str) -> Iterator[Lake]:
    """A lake with three dates of twelve rows."""
    with open_lake(catalog_url, data_url) as opened:
        for number in range(3):
            publish(opened, a_card_publication(day(number), rows=12))
        yield opened


def the_table(lake: Lake) -> LakeTable:
    """The published table."""
    with lake.cursor() as cursor:
        return next(t for t in lake_files.lake_tables(lake, cursor) if t.name == TABLE)


def shown(lake: Lake) -> list[tuple[int, int]]:
    """How many rows every snapshot with the table shows, with a sum over their values."""
    with lake.cursor() as cursor:
        return [
            cursor.execute(
                f"SELECT count(*), sum(hash(transaction_id, amount_minor, business_date)) "
                f"FROM lake.published.{TABLE} AT (VERSION => {s.number})"
            ).fetchall()[0]
            for s in lake_files.lake_snapshots(cursor)[1:]
        ]


def test_the_catalog_names_every_file_and_where_it_is(lake: Lake) -> None:
    with lake.cursor() as cursor:
        files = lake_files.data_files(cursor, the_table(lake))
        known = lake_files.known_file_names(cursor)

    assert [Path(f.location).stat().st_size for f in files] == [f.bytes for f in files]
    assert {Path(f.location).name for f in files} == known
    assert [f.changed for f in files] == [False] * 3


@pytest.mark.parametrize("rows", [3, 12], ids=["few, kept in the catalog", "many, in a file"])
def test_a_file_with_deleted_rows_is_reported_as_such(lake: Lake, rows: int) -> None:
    """DuckDB does not merge it."""
    with lake.publishing() as transaction:
        transaction.cursor.execute(
            f"DELETE FROM lake.published.{TABLE} WHERE business_date = ? AND transaction_id < ?",
            [day(0), "t-11" if rows > 10 else "t-10"],
        )

    with lake.cursor() as cursor:
        files = lake_files.data_files(cursor, the_table(lake))

    assert [f.changed for f in files] == [True, False, False]


def test_a_merge_of_other_files_than_planned_is_given_up_and_changes_nothing(lake: Lake) -> None:
    """It is compared with the files that it replaces, row for row, before the commit."""
    table, before = the_table(lake), shown(lake)
    with lake.cursor() as cursor:
        files = lake_files.data_files(cursor, table)

    with pytest.raises(PermanentFailure, match="was aborted"), lake.publishing() as transaction:
        lake_files.merge_table_files(transaction.cursor, table, [files[:2]], EAGER)

    with lake.cursor() as cursor:
        assert lake_files.data_files(cursor, table) == files
    assert shown(lake) == before


def test_a_merge_is_compared_snapshot_for_snapshot_too(lake: Lake) -> None:
    """Rows that would appear to have come with another snapshot are seen too early or too late."""
    table = the_table(lake)
    with lake.cursor() as cursor:
        files = lake_files.data_files(cursor, table)
    wrong = [files[0], replace(files[1], since=files[0].since), files[2]]

    with pytest.raises(PermanentFailure, match="was aborted"), lake.publishing() as transaction:
        lake_files.merge_table_files(transaction.cursor, table, [wrong], EAGER)


def test_files_from_before_and_after_a_column_was_added_are_merged_apart(lake: Lake) -> None:
    """Older snapshots show the columns that they had."""
    lake.ensure_schema(WIDER, now=NOW)
    table, before = the_table(lake), shown(lake)
    with lake.publishing() as transaction:
        for number in (3, 4):
            transaction.cursor.execute(
                f"INSERT INTO lake.published.{TABLE} SELECT 't-' || i, 1, ?, 'new' FROM range(12) r(i)", [day(number)]
            )
    with lake.publishing() as transaction:
        transaction.cursor.execute(
            f"INSERT INTO lake.published.{TABLE} SELECT 't-' || i, 1, ?, 'new' FROM range(12) r(i)", [day(5)]
        )

    while True:
        with lake.publishing() as transaction:
            groups = plan_merges(lake_files.data_files(transaction.cursor, table), EAGER)
            if not groups:
                break
            lake_files.merge_table_files(transaction.cursor, table, groups, EAGER)

    with lake.cursor() as cursor:
        files = lake_files.data_files(cursor, table)
        notes = cursor.execute(
            f"SELECT note, count(*) FROM lake.published.{TABLE} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert len({f.layout for f in files}) == len(files) == 2
    assert shown(lake)[: len(before)] == before
    assert notes == [("new", 36), (None, 36)]
