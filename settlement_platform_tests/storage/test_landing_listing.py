"""Many dates are listed at once, as each of them would be on its own."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
import pytest

from settlement_platform.control.deliveries import SourcePattern
from settlement_platform.storage.landing import LandingZone, open_store
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

    def put(self, *keys: str) -> None:
        for key in keys:
            obstore.put(self.store, key, key.encode())


@pytest.fixture(params=["folder", "s3"])
def zone(request: pytest.FixtureRequest, tmp_path: Path) -> Zone:
    """An empty landing zone."""
    url, access = str(tmp_path / "landing"), None
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        url, access = server.new_prefix(), server.access
    return Zone(landing=LandingZone(url, workspace=tmp_path / "tmp", s3=access), store=open_store(url, access))


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
        ends = [f.key.removeprefix(each) for f in listing.under(each)]
        assert ends == [".2.csv.gz", ".control.json", ".csv"]
        assert all(f.bytes == len(f.key) for f in listing.under(each))


def test_a_file_is_described_as_it_is_alone(zone: Zone) -> None:
    """Else every delivery would look new to the other way of listing."""
    (source, _) = patterns(STEMS["date first"])
    zone.put(f"{source.stem_for(DAY)}.csv")

    listing = zone.landing.list_dates([source], DAY, DAY)

    assert listing.under(source.stem_for(DAY)) == zone.landing.list_date(DAY)


def test_a_name_that_only_begins_like_a_stem_is_not_under_it(zone: Zone) -> None:
    source = SourcePattern(source="visa", stem="{business_date}/{source}/cards")
    zone.put(f"{DAY}/visa/cards2.csv", f"{DAY}/visa/cards", f"{DAY}/visa2/cards.csv", f"{DAY}/visa/.cards.csv.part")

    listing = zone.landing.list_dates([source], DAY, DAY)

    assert listing.under(source.stem_for(DAY)) == []
    assert listing.mark([source.stem_for(DAY)]) == 0


def test_the_mark_changes_when_a_file_comes_goes_or_changes(zone: Zone) -> None:
    """And stays while nothing does."""
    (source, _) = patterns(STEMS["date first"])
    stem = source.stem_for(DAY)

    def mark() -> int:
        return zone.landing.list_dates([source], DAY, DAY).mark([stem])

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
