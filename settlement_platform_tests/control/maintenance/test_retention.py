"""Times, names and sizes decide what is removed; the snapshots that stay have no gap."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.landing.content_hash import content_hash
from settlement_platform.control.maintenance.retention import (
    RETENTION,
    DataFile,
    RetentionPolicy,
    Snapshot,
    StoredFile,
    expirable_snapshots,
    orphan_files,
    plan_merges,
    unneeded_staging,
    why_suspicious,
    why_unmerged,
)
from settlement_platform_tests.builders import DATASET, DAY, NOW, a_staging, codes

POLICY = RetentionPolicy(
    snapshots=timedelta(days=10), grace=timedelta(days=1), small_bytes=100, merged_bytes=1000, fewest_files=3
)
OLD = NOW - timedelta(days=2)


def snapshots_before_now(*days: float) -> list[Snapshot]:
    """Snapshots that were committed so many days ago, in that order."""
    return [Snapshot(number=n, committed_at=NOW - timedelta(days=ago)) for n, ago in enumerate(days)]


def a_file(size: int = 10, *, layout: int = 1, changed: bool = False) -> DataFile:
    """A data file."""
    return DataFile(location="f.parquet", since=1, bytes=size, layout=layout, changed=changed)


def stored(name: str, *, changed_at: datetime = OLD) -> StoredFile:
    """A file somewhere."""
    return StoredFile(location=f"s3://bucket/{name}", bytes=7, changed_at=changed_at)


def test_snapshots_are_kept_for_over_a_year() -> None:
    """An audit of a year reads its first day as it was shown then."""
    assert timedelta(days=366 + 28) <= RETENTION.snapshots
    assert RETENTION.description == "400 days"


@pytest.mark.parametrize(
    ("ages", "gone"),
    [
        ((), ()),
        ((5, 4), ()),
        ((12, 5), ()),
        ((14, 12, 5), (0,)),
        ((14, 12, 11), (0, 1)),
        ((12, 10, 9), (0,)),
    ],
    ids=["none", "all within", "one before", "two before", "all before", "one on the border"],
)
def test_the_last_snapshot_before_the_retention_is_kept(ages: tuple[float, ...], gone: tuple[int, ...]) -> None:
    """It is what was published when the retention begins."""
    assert expirable_snapshots(snapshots_before_now(*ages), NOW, POLICY) == gone


@given(st.lists(st.floats(0, 30), max_size=12), st.floats(0, 10))
def test_every_moment_of_the_retention_is_read_from_the_same_snapshot_as_before(ages: list[float], ago: float) -> None:
    """A moment is read from the last snapshot at or before it."""
    known = snapshots_before_now(*sorted(ages, reverse=True))
    moment = NOW - timedelta(days=ago)

    gone = expirable_snapshots(known, NOW, POLICY)

    read = [s.number for s in known if s.committed_at <= moment]
    kept = [number for number in read if number not in gone]
    assert kept[-1:] == read[-1:]
    assert gone == tuple(range(len(gone)))


def test_small_files_are_merged_in_order_up_to_the_wanted_size() -> None:
    files = [a_file(size) for size in [90] * 14]

    groups = plan_merges(files, POLICY)

    assert [len(group) for group in groups] == [12, 2]


def test_no_file_is_merged_alone() -> None:
    files = [a_file(90) for _ in range(13)]

    assert [len(group) for group in plan_merges(files, POLICY)] == [12]


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ([a_file(), a_file()], "too_few_small_files"),
        ([a_file(), a_file(), a_file(layout=2), a_file(layout=2)], "too_few_small_files"),
        ([a_file(changed=True)] * 3, "files_with_deleted_rows"),
        ([a_file(100)] * 3, "files_large_enough"),
    ],
    ids=["too few", "of different columns", "with deleted rows", "large"],
)
def test_files_that_are_not_merged_are_reported_with_the_reason(files: list[DataFile], left: str) -> None:
    assert plan_merges(files, POLICY) == ()
    assert codes(why_unmerged(files, POLICY)) == [left]
    assert why_unmerged(files, POLICY)[0].parameters["files"] == len(files)


def test_files_of_different_columns_are_merged_apart() -> None:
    files = [a_file(layout=1), a_file(layout=2), a_file(layout=1), a_file(layout=1), a_file(layout=2)]

    groups = plan_merges(files, POLICY)

    assert [[f.layout for f in group] for group in groups] == [[1, 1, 1], [2, 2]]
    assert why_unmerged(files, POLICY) == ()


@given(st.lists(st.integers(0, 120), max_size=60))
def test_merging_comes_to_an_end(sizes: list[int]) -> None:
    """A merged file is large enough, or alone, so that its bytes are not merged again and again."""
    eager = RetentionPolicy(small_bytes=100, merged_bytes=1000, fewest_files=2)
    files = [a_file(size) for size in sizes]
    rounds = 0
    while groups := plan_merges(files, eager):
        merged = [file for group in groups for file in group]
        files = [f for f in files if not any(f is m for m in merged)]
        files += [a_file(sum(f.bytes for f in group)) for group in groups]
        rounds += 1

        assert rounds < 10


@pytest.mark.parametrize("sizes", [{"small_bytes": 0}, {"small_bytes": 60, "merged_bytes": 100}, {"fewest_files": 1}])
def test_a_policy_that_would_merge_for_ever_is_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="never end"):
        RetentionPolicy(**sizes)  # type: ignore[arg-type]


def test_an_orphan_is_a_file_that_no_catalog_names_and_that_has_lain_for_longer_than_the_grace() -> None:
    young = stored("b.parquet", changed_at=NOW - timedelta(hours=23))

    found = orphan_files([stored("a.parquet"), young, stored("c.parquet")], {"c.parquet"}, NOW, POLICY)

    assert found == (stored("a.parquet"),)


def test_orphans_are_doubtful_where_there_are_more_of_them_than_of_known_files() -> None:
    """As after the catalog was lost and made anew."""
    found = [stored("a.parquet"), stored("b.parquet")]

    assert why_suspicious(found, {"c.parquet", "d.parquet"}) is None
    assert why_suspicious(found, {"c.parquet"}).code == "catalog_suspicious"
    assert why_suspicious(found, {"c.parquet"}).parameters == {"orphans": 2, "known": 1}


def test_a_staged_file_that_nothing_on_record_names_may_go() -> None:
    found = unneeded_staging([stored("a.parquet"), stored(".b.parquet.tmp")], [a_staging()], (), NOW, POLICY)

    assert set(codes(found.values())) == {"staging_not_on_record"}
    assert len(found) == 2


def test_a_staged_file_that_the_record_names_stays_wherever_its_folder_has_moved() -> None:
    """Its date waits for another source, is held in quarantine, or was judged."""
    staging = a_staging(path="/elsewhere/visa.parquet")

    assert unneeded_staging([stored("visa.parquet")], [staging], (), NOW, POLICY) == {}


def test_a_staged_file_may_go_once_its_input_was_staged_again() -> None:
    lost, again = a_staging(path="a/visa-1.parquet"), a_staging(path="a/visa-2.parquet")

    found = unneeded_staging([stored("visa-1.parquet"), stored("visa-2.parquet")], [lost, again], (), NOW, POLICY)

    assert {file: reason.code for file, reason in found.items()} == {stored("visa-1.parquet"): "staged_again"}


@pytest.mark.parametrize("judged", [True, False])
def test_a_staged_file_that_was_replaced_stays_only_if_a_verdict_speaks_of_it(judged: bool) -> None:
    """A content is made of one input of every source that was there."""
    first = a_staging(input_hash="one", path="a/visa-1.parquet")
    amex = a_staging(source="amex", input_hash="two", path="a/amex-1.parquet")
    second = a_staging(input_hash="three", path="a/visa-2.parquet")
    content = content_hash(dataset=DATASET, business_date=DAY, inputs=["one", "two"])

    found = unneeded_staging(
        [stored("visa-1.parquet")], [first, amex, second], {content} if judged else {"another"}, NOW, POLICY
    )

    assert codes(found.values()) == ([] if judged else ["replaced_before_verdict"])


def test_a_young_staged_file_stays() -> None:
    assert unneeded_staging([stored("a.parquet", changed_at=NOW)], [], (), NOW, POLICY) == {}


def test_where_too_many_inputs_were_staged_all_of_them_stay() -> None:
    """A verdict could speak of any of thousands of sets."""
    stagings = [
        a_staging(source=source, input_hash=f"{source}-{n}", path=f"{source}-{n}.parquet")
        for source in ("visa", "mastercard", "amex")
        for n in range(20)
    ]

    assert unneeded_staging([stored("visa-0.parquet")], stagings, {"another"}, NOW, POLICY) == {}
