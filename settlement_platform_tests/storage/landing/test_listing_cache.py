"""A listing of a bucket is shared by all who would list the same keys, once each and only while it is fresh."""

from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import pytest

from settlement_platform.control.landing.deliveries import SourcePattern
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.landing.listing import Listing
from settlement_platform.storage.landing.listing_cache import ListingCache
from settlement_platform.storage.landing.zone import LandingZone
from settlement_platform_tests.builders import DAY

if TYPE_CHECKING:
    from settlement_platform_tests.servers import S3Server


class Readers:
    """Readers of one landing zone, and the seconds that have passed."""

    def __init__(self, url: str, home: Path, access: object = None) -> None:
        self.landing = LandingZone(url, workspace=home / "tmp", s3=access)  # type: ignore[arg-type]
        self.store = open_store(url, access)  # type: ignore[arg-type]
        self.seconds = 0.0
        self.listings = ListingCache(seconds=15, clock=lambda: self.seconds)

    def put(self, key: str) -> None:
        obstore.put(self.store, key, b"x")

    def read(self, reader: str, stem: str = "{business_date}/{source}/cards") -> tuple[Listing, bool]:
        patterns = [SourcePattern(source=reader, stem=stem)]
        return self.listings.listing(self.landing, patterns, DAY, DAY, reader=reader)


@pytest.fixture
def bucket(s3: "S3Server", tmp_path: Path) -> Readers:
    return Readers(s3.new_prefix(), tmp_path, s3.access)


def test_what_one_reader_listed_the_next_one_is_given(bucket: Readers) -> None:
    bucket.put(f"{DAY}/visa/cards.csv")

    own, given = bucket.read("visa"), bucket.read("amex")

    assert given[0] is own[0]
    assert (own[1], given[1]) == (False, True)
    assert len(given[0]) == 1


def test_a_reader_that_comes_again_sees_what_came_since(bucket: Readers) -> None:
    """However soon; and those after it are given the new listing."""
    for reader in ("visa", "amex"):
        bucket.read(reader)
    bucket.put(f"{DAY}/visa/cards.csv")

    again, given = bucket.read("amex"), bucket.read("visa")

    assert (len(again[0]), again[1]) == (1, False)
    assert given == (again[0], True)


@pytest.mark.parametrize(("seconds", "shared"), [(15, True), (15.1, False)])
def test_an_old_listing_is_given_to_nobody(bucket: Readers, seconds: float, shared: bool) -> None:
    bucket.read("visa")

    bucket.seconds += seconds

    assert bucket.read("amex")[1] == shared


def test_readers_of_other_keys_list_for_themselves(bucket: Readers) -> None:
    bucket.read("visa")

    assert not bucket.read("amex", "{source}/{business_date}/cards")[1]


def test_of_a_folder_each_reads_its_own_part(tmp_path: Path) -> None:
    folder = Readers(str(tmp_path / "landing"), tmp_path)
    folder.put(f"{DAY}/visa/cards.csv")

    found = [folder.read(reader) for reader in ("visa", "amex")]

    assert [(len(listing), shared) for listing, shared in found] == [(1, False), (0, False)]


def test_a_failed_listing_is_not_kept(tmp_path: Path) -> None:
    """The next reader tries for itself, and nobody waits for ever."""
    from settlement_platform.control.failures import TransientFailure
    from settlement_platform.storage.engines.duckdb_engine import S3Credentials

    nowhere = S3Credentials(key_id="x", secret="x", region="us-east-1", endpoint_url="http://127.0.0.1:1")
    readers = Readers("s3://raw", tmp_path, nowhere)

    for reader in ("visa", "amex"):
        with pytest.raises(TransientFailure):
            readers.read(reader)
