"""Many dates are listed at once, as each of them would be on its own."""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import obstore
import pytest

from settlement_platform.control.landing.deliveries import SourcePattern
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.landing.zone import LandingZone
from settlement_platform_tests.builders import DAY, day

if TYPE_CHECKING:
    from settlement_platform_tests.servers import S3Server

STEMS = {
    "date first": "{business_date}/{source}/cards",
    "source first": "{source}/{business_date}/cards",
    "all in one folder": "{source}_{business_date}",
    "a folder per source": "in/{source}/cards-{business_date}",
}


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A landing zone and what lies behind it."""

    landing: LandingZone
    store: Any
    server: "S3Server | None" = None

    def put(self, *keys: str) -> None:
        for key in keys:
            obstore.put(self.store, key, key.encode())

    def put_stray(self, key: str) -> None:
        """Put a file there by other means than object storage, which would refuse its name."""
        if self.server is None:
            path = Path(self.landing.url, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            return
        access, (bucket, _, prefix) = self.server.access, self.landing.url.removeprefix("s3://").partition("/")
        keys = {"aws_access_key_id": access.key_id, "aws_secret_access_key": access.secret}
        client = boto3.client("s3", endpoint_url=access.endpoint_url, region_name=access.region, **keys)
        client.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=b"")


@pytest.fixture(params=["folder", "s3"])
def zone(request: pytest.FixtureRequest, tmp_path: Path) -> Zone:
    """An empty landing zone."""
    url, access = str(tmp_path / "landing"), None
    server: S3Server | None = request.getfixturevalue("s3") if request.param == "s3" else None
    if server:
        url, access = server.new_prefix(), server.access
    zone = LandingZone(url, workspace=tmp_path / "tmp", s3=access)
    return Zone(landing=zone, store=open_store(url, access), server=server)


def patterns(stem: str) -> list[SourcePattern]:
    return [SourcePattern(source=source, stem=stem) for source in ("visa", "amex")]


@pytest.mark.parametrize("stem", STEMS.values(), ids=STEMS)
def test_the_files_of_every_source_and_date_are_found(zone: Zone, stem: str) -> None:
    """Also those of the first and of the last date, wherever the declaration puts them."""
    declared, days = patterns(stem), [day(n) for n in range(3)]
    stems = [p.stem_for(d) for p in declared for d in days]
    zone.put(*(f"{s}.{end}" for s in stems for end in ("csv", "control.json", "2.csv.gz")), "note.txt")

    listing = zone.landing.list_dates(declared, days[0], days[-1])

    for each in stems:
        ends = [f.key.removeprefix(each) for f in listing.files_under(each)]
        assert ends == [".2.csv.gz", ".control.json", ".csv"]
        assert all(f.bytes == len(f.key) for f in listing.files_under(each))


def test_a_file_is_described_as_it_is_alone(zone: Zone) -> None:
    """Else every delivery would look new to the other way of listing."""
    (source, _) = patterns(STEMS["date first"])
    zone.put(f"{source.stem_for(DAY)}.csv")

    listing = zone.landing.list_dates([source], DAY, DAY)

    assert listing.files_under(source.stem_for(DAY)) == zone.landing.list_date(DAY)


def test_a_name_that_only_begins_like_a_stem_is_not_under_it(zone: Zone) -> None:
    source = SourcePattern(source="visa", stem="{business_date}/{source}/cards")
    zone.put(f"{DAY}/visa/cards2.csv", f"{DAY}/visa/cards", f"{DAY}/visa2/cards.csv", f"{DAY}/visa/.cards.csv.part")

    listing = zone.landing.list_dates([source], DAY, DAY)

    assert listing.files_under(source.stem_for(DAY)) == []
    assert listing.fingerprint([source.stem_for(DAY)]) == 0


def test_the_mark_changes_when_a_file_comes_goes_or_changes(zone: Zone) -> None:
    """And stays while nothing does."""
    (source, _) = patterns(STEMS["date first"])
    stem = source.stem_for(DAY)

    def mark() -> int:
        return zone.landing.list_dates([source], DAY, DAY).fingerprint([stem])

    marks = [mark()]
    zone.put(f"{stem}.csv")
    marks += [mark(), mark()]
    zone.put(f"{stem}.control.json")
    marks.append(mark())
    obstore.put(zone.store, f"{stem}.csv", b"other bytes of another length")
    marks.append(mark())

    assert marks[0] == 0
    assert marks[1] == marks[2]
    assert len(set(marks)) == 4


def test_dates_at_the_beginning_of_the_calendar_are_listed(zone: Zone) -> None:
    """A first date of long ago is a date."""
    (source, _) = patterns(STEMS["date first"])
    old = date(1970, 1, 1)
    zone.put(f"{source.stem_for(old)}.csv")

    assert len(zone.landing.list_dates([source], old, old)) == 1


@pytest.mark.parametrize(
    "name", ["tab\t.csv", "line\n.csv", "delete\x7f.csv", "latin-1 caf\udce9.csv", "sub\t/cards.csv"]
)
def test_a_name_that_cannot_be_read_is_left_out_and_reported(zone: Zone, name: str) -> None:
    """Files around it are described as before, or every delivery would look new."""
    if zone.server and "\udce9" in name:
        pytest.skip("a bucket's keys are UTF-8")
    (source, _) = declared = patterns(STEMS["date first"])
    stem, stray = source.stem_for(DAY), f"{DAY}/visa/{name}"
    zone.put(f"{stem}.csv", f"{stem}.control.json", f"{DAY}/amex/cards.csv", f"{DAY}/visa/é.csv")
    before = zone.landing.list_dates(declared, DAY, DAY)
    zone.put_stray(stray)

    listing = zone.landing.list_dates(declared, DAY, DAY)

    assert (before.unreadable, listing.unreadable) == ((), (stray,))
    assert listing.files_under(stem) == before.files_under(stem) != []
    assert listing.fingerprint([stem]) == before.fingerprint([stem])
    assert len(listing) == len(before)
    assert [f.key for f in zone.landing.list_date(DAY)].count(f"{stem}.csv") == 1
    assert len(zone.landing.list_date(DAY)) == len(before)
    assert zone.landing.list_each(declared, [DAY]).unreadable == (stray,)
    assert zone.landing.unreadable_names(declared, DAY, DAY) == (stray,)


def test_a_name_beside_the_folders_of_the_sources_is_reported_too(zone: Zone) -> None:
    """A single date lists it."""
    declared = patterns(STEMS["date first"])
    zone.put(f"{DAY}/visa/cards.csv")
    zone.put_stray(f"{DAY}/tab\t.csv")

    assert [f.key for f in zone.landing.list_date(DAY)] == [f"{DAY}/visa/cards.csv"]
    assert zone.landing.unreadable_names(declared, DAY, DAY) == (f"{DAY}/tab\t.csv",)


def test_what_a_bucket_holds_before_the_first_date_is_not_read_for_its_names(zone: Zone) -> None:
    """Nor is that of a folder."""
    declared = patterns(STEMS["date first"])
    zone.put(f"{day(3)}/visa/cards.csv")
    zone.put_stray(f"{day(0)}/visa/old\t.csv")
    zone.put_stray(f"{day(3)}/visa/new\t.csv")

    listing = zone.landing.list_dates(declared, day(2), day(3))

    assert listing.unreadable == (f"{day(3)}/visa/new\t.csv",)
    assert len(listing) == 1


def test_what_a_folder_never_lists_stays_unlisted_beside_such_a_name(tmp_path: Path) -> None:
    """An upload in progress, a folder and a pipe; a link is listed as what it is."""
    zone, folder = LandingZone(str(tmp_path), workspace=tmp_path / "tmp"), tmp_path / str(DAY) / "visa"
    (folder / "empty").mkdir(parents=True)
    for name in ("cards.csv", "cards.csv#1"):
        (folder / name).write_text("x")
    (folder / "lost.csv").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe")
    before = zone.list_date(DAY)
    (folder / "tab\t.csv").touch()

    after = zone.list_date(DAY)

    assert after == before
    assert [(f.key, f.is_link) for f in sorted(after, key=lambda f: f.key)] == [
        (f"{DAY}/visa/cards.csv", False),
        (f"{DAY}/visa/lost.csv", True),
    ]
    assert zone.unreadable_names([], DAY, DAY) == (f"{DAY}/visa/tab\t.csv",)
