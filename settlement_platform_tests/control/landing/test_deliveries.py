"""Per source the highest complete delivery counts, whatever else lies beside it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.landing.deliveries import (
    DateDeliveries,
    LandedFile,
    SourcePattern,
    choose_deliveries,
    without_superseded,
)
from settlement_platform_tests.builders import DAY, NOW, a_landed_file, codes, day
from settlement_platform_tests.shown_reasons import shows

VISA = SourcePattern(source="visa", stem="{business_date}/{source}/cards")
AMEX = SourcePattern(source="amex", stem="{business_date}/{source}/cards")
EARLIER = NOW - timedelta(minutes=1)
LATER = NOW + timedelta(minutes=1)


def landed(name: str, **changes: object) -> LandedFile:
    """A file in Visa's folder of `DAY`."""
    return replace(a_landed_file(f"{DAY}/visa/{name}"), **changes)


def choose(*files: LandedFile, required: bool = True) -> DateDeliveries:
    """The delivery of Visa that counts."""
    return choose_deliveries(DAY, [replace(VISA, required=required)], files)


def name_of(version: int, suffix: str) -> str:
    """How a version of a file is spelled; the first has no number."""
    return f"cards{'' if version == 1 else f'.{version}'}.{suffix}"


def pair(version: int = 1, suffix: str = "csv") -> list[LandedFile]:
    """A complete delivery."""
    control = landed(name_of(version, "control.json"))
    return [landed(name_of(version, suffix), modified_at=EARLIER), control]


deliveries = st.dictionaries(
    st.integers(min_value=1, max_value=30),
    st.tuples(st.sampled_from(["csv", "csv.gz"]), st.sampled_from(["complete", "data", "control", "newer data"])),
    max_size=6,
)


def files_of(delivered: dict[int, tuple[str, str]]) -> list[LandedFile]:
    """The files that a set of deliveries left."""
    files = []
    for version, (suffix, condition) in delivered.items():
        if condition != "control":
            moment = LATER if condition == "newer data" else EARLIER
            files.append(landed(name_of(version, suffix), modified_at=moment))
        if condition != "data":
            files.append(landed(name_of(version, "control.json")))
    return files


@given(delivered=deliveries)
def test_the_highest_complete_version_wins(delivered: dict[int, tuple[str, str]]) -> None:
    """Newer versions that are incomplete are in flight, and hide nothing."""
    complete = [version for version, (_, condition) in delivered.items() if condition == "complete"]
    newer = [version for version in delivered if complete and version > max(complete)]

    inputs = choose(*files_of(delivered))

    assert [d.version for d in inputs.deliveries] == ([max(complete)] if complete else [])
    assert inputs.complete == bool(complete)
    assert len(inputs.in_flight) == len(newer)
    assert inputs.unrecognised == ()


@given(listings=deliveries.map(files_of).flatmap(lambda f: st.tuples(st.just(f), st.permutations(f))))
def test_the_order_of_the_listing_does_not_matter(
    listings: tuple[list[LandedFile], list[LandedFile]],
) -> None:
    """Object stores and file systems list in orders of their own."""
    listed, shuffled = listings

    assert choose(*shuffled) == choose(*listed)


def test_versions_are_compared_as_numbers() -> None:
    """Ten is more than nine."""
    inputs = choose(*pair(9), *pair(10))

    assert [d.version for d in inputs.deliveries] == [10]


def test_a_newer_version_on_its_way_does_not_hide_the_older_complete_one() -> None:
    """The complete version is published, and the coming one is named."""
    inputs = choose(*pair(1), landed("cards.2.csv"))

    assert [d.version for d in inputs.deliveries] == [1]
    assert inputs.complete
    assert "cards.2.csv" in inputs.in_flight[0]


def test_an_older_version_that_arrives_later_never_wins() -> None:
    """The number counts, not the time of arrival."""
    late = [replace(file, modified_at=LATER) for file in pair(2)]

    inputs = choose(*pair(3), *late)

    assert [d.version for d in inputs.deliveries] == [3]
    assert inputs.in_flight == ()


def test_data_that_is_newer_than_its_control_file_is_waited_for() -> None:
    """An overwritten file is complete when its control file has followed."""
    inputs = choose(landed("cards.csv", modified_at=LATER), landed("cards.control.json"))

    assert not inputs.complete
    assert codes(inputs.waiting) == ["data_file_newer"]


def test_data_as_old_as_its_control_file_is_complete() -> None:
    """Some stores count time in whole seconds."""
    inputs = choose(landed("cards.csv"), landed("cards.control.json"))

    assert inputs.complete


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([], "no_file_yet"),
        ([landed("cards.csv")], "control_file_missing"),
        ([landed("cards.control.json")], "data_file_missing"),
    ],
)
def test_what_a_source_waits_for_is_named(files: list[LandedFile], why: str) -> None:
    """An operator sees what to ask the provider for."""
    inputs = choose(*files)

    assert codes(inputs.waiting) == [why]
    assert inputs.waiting[0].parameters["source"] == "visa"


def test_a_plain_and_a_gzipped_file_of_one_version_are_a_problem() -> None:
    """Nothing says which of the two counts, so neither does."""
    inputs = choose(*pair(1, "csv"), landed("cards.csv.gz", modified_at=EARLIER))

    assert shows(inputs.deliveries[0].problem, "both_forms_delivered")


def test_a_plain_and_a_gzipped_file_of_two_versions_are_none() -> None:
    """A correction may come packed differently."""
    inputs = choose(*pair(1, "csv"), *pair(2, "csv.gz"))

    assert (inputs.deliveries[0].version, inputs.deliveries[0].problem) == (2, "")
    assert inputs.deliveries[0].data.key.endswith("cards.2.csv.gz")


def test_either_of_two_data_files_may_be_the_one_still_being_delivered() -> None:
    """Newer than the control file is newer, packed or not."""
    inputs = choose(*pair(1, "csv"), landed("cards.csv.gz", modified_at=LATER))

    assert not inputs.complete


@pytest.mark.parametrize(
    "name",
    [
        "cards.1.csv",
        "cards.1.control.json",
        "cards.0.csv",
        "cards.01.csv",
        "cards.-2.csv",
        "cards.2.csv.zip",
        "cards.csv.tmp",
        "cards2.csv",
        "Cards.csv",
        "cards.99999999999999999999.csv",
        "readme.txt",
        "sub/cards.csv",
    ],
)
def test_a_name_that_no_pattern_explains_is_unrecognised(name: str) -> None:
    """It is reported, and never taken for a version."""
    inputs = choose(*pair(1), landed(name))

    assert inputs.unrecognised == (f"{DAY}/visa/{name}",)
    assert [d.version for d in inputs.deliveries] == [1]


def test_sources_are_distinguished_by_their_folders() -> None:
    """Each required source is waited for on its own."""
    files = pair(1)

    inputs = choose_deliveries(DAY, [VISA, AMEX], files)

    assert [d.source for d in inputs.deliveries] == ["visa"]
    assert [reason.parameters["source"] for reason in inputs.waiting] == ["amex"]


def test_another_dates_files_are_not_this_dates() -> None:
    """A stem names its date."""
    inputs = choose_deliveries(day(1), [VISA], pair(1))

    assert inputs.deliveries == ()
    assert len(inputs.unrecognised) == 2


def test_a_source_that_is_not_required_is_not_waited_for() -> None:
    """Without it the date is complete."""
    inputs = choose(required=False)

    assert inputs.complete


def test_a_source_that_is_not_required_is_taken_when_it_is_there() -> None:
    """Every delivered file is published."""
    inputs = choose(*pair(1), required=False)

    assert [d.source for d in inputs.deliveries] == ["visa"]


@pytest.mark.parametrize("change", [{"bytes": 101}, {"modified_at": NOW}, {"tag": "t2"}])
@pytest.mark.parametrize("index", [0, 1])
def test_a_change_of_either_file_changes_the_signature(index: int, change: dict[str, object]) -> None:
    """A delivery that was overwritten is read again."""
    files = [landed("cards.csv", modified_at=EARLIER), landed("cards.control.json", modified_at=LATER)]
    before = choose(*files).deliveries[0].signature

    files[index] = replace(files[index], **change)
    after = choose(*files).deliveries[0].signature

    assert after != before


def test_an_older_version_left_behind_does_not_replace_a_newer_one_that_is_gone() -> None:
    """Its source waits, and says why; versions that are as new as what is on record stay."""
    left = choose(*pair(1))

    same = without_superseded(left, {"visa": 1, "amex": 7})
    older = without_superseded(left, {"visa": 3})

    assert same == left
    assert older.deliveries == ()
    assert codes(older.waiting) == ["version_superseded"]
    assert older.waiting[0].parameters == {"source": "visa", "newest": 3, "version": 1}


def test_a_newer_version_than_any_on_record_counts() -> None:
    delivered = choose(*pair(1), *pair(4))

    assert without_superseded(delivered, {"visa": 3}) == delivered


@given(delivered=deliveries, newest=st.integers(min_value=0, max_value=30))
def test_nothing_older_than_what_is_on_record_is_ever_taken(delivered: dict[int, tuple[str, str]], newest: int) -> None:
    inputs = without_superseded(choose(*files_of(delivered)), {"visa": newest})

    assert all(d.version >= newest for d in inputs.deliveries)
    assert bool(inputs.deliveries) != bool(inputs.waiting)
