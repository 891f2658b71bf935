"""The files in a folder or a bucket, with their age, whatever a rename says."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore

from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.staging.inventory import stored_files
from settlement_platform_tests.servers import S3Server


def test_every_file_of_a_folder_is_found_with_its_size_drafts_too(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / ".x.parquet.tmp").write_text("draft")
    (tmp_path / "y.parquet").write_text("four")

    found = stored_files(str(tmp_path), s3=None)

    assert [(f.location, f.bytes) for f in found] == [
        (f"{tmp_path}/a/b/.x.parquet.tmp", 5),
        (f"{tmp_path}/y.parquet", 4),
    ]
    assert [f.name for f in found] == [".x.parquet.tmp", "y.parquet"]


def test_a_file_that_was_written_long_ago_and_moved_now_is_new_where_it_lies(tmp_path: Path) -> None:
    """Else it would be taken for an orphan while it is being published."""
    (tmp_path / "staged.parquet").write_text("old")
    long_ago = (datetime.now(UTC) - timedelta(days=9)).timestamp()
    os.utime(tmp_path / "staged.parquet", (long_ago, long_ago))
    (tmp_path / "staged.parquet").rename(tmp_path / "published.parquet")

    (found,) = stored_files(str(tmp_path), s3=None)

    assert datetime.now(UTC) - found.changed_at < timedelta(hours=1)


def test_where_there_is_no_folder_there_are_no_files(tmp_path: Path) -> None:
    assert stored_files(str(tmp_path / "nowhere"), s3=None) == []
    assert not (tmp_path / "nowhere").exists()


def test_every_file_beneath_a_prefix_is_found_and_none_beside_it(s3: S3Server) -> None:
    prefix = s3.new_prefix()
    for name in ("lake/a.parquet", "lake/t/b.parquet", "lake2/c.parquet"):
        obstore.put(open_store(prefix, s3.access), name, b"four")

    found = stored_files(f"{prefix}/lake", s3=s3.access)

    assert [(f.location, f.bytes) for f in found] == [
        (f"{prefix}/lake/a.parquet", 4),
        (f"{prefix}/lake/t/b.parquet", 4),
    ]
    assert all(datetime.now(UTC) - f.changed_at < timedelta(hours=1) for f in found)
