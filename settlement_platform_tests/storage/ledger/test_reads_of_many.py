"""Reading many dates, contents or datasets at once gives the same as reading each of them."""

from pathlib import Path

from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform_tests.builders import (
    DATASET,
    a_failed_check,
    a_publication,
    a_verdict,
    an_arrival,
    day,
)
from settlement_platform_tests.storage.lakes import open_lake


def test_arrivals_are_counted_per_date(ledger: Ledger) -> None:
    """Of one dataset, within a range that includes both ends."""
    ledger.append(*(an_arrival(business_date=day(n)) for n in (0, 1, 1, 2, 3)), an_arrival(dataset="other"))

    assert ledger.arrival_counts(DATASET, day(1), day(2)) == {day(1): 2, day(2): 1}


def test_the_latest_verdict_on_each_content_is_found(ledger: Ledger) -> None:
    """However many are requested; those without a verdict are left out."""
    names = [f"content-{n}" for n in range(1100)]
    ledger.append(*(a_verdict(name) for name in names[::2]), a_verdict(names[0], checks=(a_failed_check(),)))

    found = ledger.latest_verdicts(names)

    assert set(found) == set(names[::2])
    assert (found[names[0]].passed, found[names[2]].passed) == (False, True)
    assert ledger.latest_verdicts([]) == {}


def test_what_is_published_of_several_datasets_is_that_of_each(catalog_url: str, tmp_path: Path) -> None:
    """The last generation of every date; nothing of datasets that were not requested."""
    with open_lake(catalog_url, str(tmp_path / "lake")) as lake:
        with lake.publishing() as transaction:
            for name in ("one", "two", "three"):
                for number, generation in ((0, 2), (0, 1), (1, 1)):
                    record = a_publication(dataset=name, business_date=day(number), generation=generation)
                    transaction.record_publication(record, None)

        found = lake.current_publications_of(["one", "two", "none"])

        assert found == {name: lake.current_publications(name) for name in ("one", "two", "none")}
        assert {when: s.generation for when, s in found["one"].items()} == {day(0): 2, day(1): 1}
        assert found["none"] == {}
