"""Incomplete deliveries wait, and corrections count in the order that the contract gives them."""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from settlement_platform.control.facts import State
from settlement_platform.control.publishing.gate import Action
from settlement_platform_tests.builders import codes
from settlement_platform_tests.deliveries import SOURCES, Delivery, a_row, some_rows
from settlement_platform_tests.pipeline.installation import NAME, Installation
from settlement_platform_tests.pipeline.published_rows import expected_rows


def _visa(day: date, count: int = 3, **options: int) -> Delivery:
    return Delivery(business_date=day, source="visa", rows=some_rows(day, "visa", count), **options)  # type: ignore[arg-type]


def _others(installation: Installation, day: date) -> list[Delivery]:
    others = [Delivery(business_date=day, source=s, rows=some_rows(day, s)) for s in SOURCES[1:]]
    for delivery in others:
        delivery.write(installation.landing)
    return others


def _older(path: Path, seconds: float) -> None:
    modified = path.stat().st_mtime - seconds
    os.utime(path, (modified, modified))


def test_a_date_without_any_file_waits(installation: Installation) -> None:
    """Nothing is wrong with a date on which nothing has come yet."""
    day = installation.fresh_date()

    concluded = installation.run(day)

    assert concluded.decision.action is Action.WAIT
    assert len(concluded.decision.reasons) == 3
    assert concluded.verdict is None


@pytest.mark.parametrize("missing", SOURCES)
def test_a_date_waits_for_each_required_source(installation: Installation, missing: str) -> None:
    """Two of three sources are not a date."""
    day = installation.fresh_date()
    for source in SOURCES:
        if source != missing:
            Delivery(business_date=day, source=source, rows=some_rows(day, source)).write(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.WAIT
    assert [r for r in concluded.decision.reasons if r.startswith(f"{missing}:")] == list(concluded.decision.reasons)
    assert installation.rows(day) == []


def test_data_without_its_control_file_waits(installation: Installation) -> None:
    """Only the control file says that the data is complete."""
    day = installation.fresh_date()
    _others(installation, day)
    _visa(day).write_data(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.WAIT
    assert concluded.decision.reasons[0].code == "control_file_missing"


def test_a_control_file_without_data_waits(installation: Installation) -> None:
    """Files may arrive in any order."""
    day = installation.fresh_date()
    _others(installation, day)
    _visa(day).write_control(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.WAIT
    assert concluded.decision.reasons[0].code == "data_file_missing"


@pytest.mark.parametrize("seconds", [0.001, 1.0, 3600.0])
def test_data_newer_than_its_control_file_waits(installation: Installation, seconds: float) -> None:
    """The control file that it will get is still on its way, so that a disagreement is no fault yet."""
    day = installation.fresh_date()
    _others(installation, day)
    delivery = replace(_visa(day), declared={"sha256": "0" * 64})
    data = delivery.write(installation.landing)
    _older(delivery.control_path(installation.landing), seconds + 1)
    os.utime(data, (delivery.control_path(installation.landing).stat().st_mtime + seconds,) * 2)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.WAIT
    assert codes(concluded.decision.reasons)[0] == "data_file_newer"


def test_data_as_old_as_its_control_file_counts(installation: Installation) -> None:
    """Object stores keep whole seconds."""
    day = installation.fresh_date()
    others = _others(installation, day)
    delivery = _visa(day)
    moment = delivery.write(installation.landing).stat().st_mtime_ns
    os.utime(delivery.control_path(installation.landing), ns=(moment, moment))

    concluded = installation.run(day)

    assert concluded.decision.action is Action.PUBLISH
    assert installation.rows(day) == expected_rows([delivery, *others])


def test_a_bad_source_refuses_a_date_that_still_waits(installation: Installation) -> None:
    """A known fault is reported before the other sources have come."""
    day = installation.fresh_date()
    replace(_visa(day), declared={"rows": 99}).write(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.REFUSE
    assert concluded.decision.reasons[0].startswith("rows_as_declared")


def test_a_late_source_completes_the_date(installation: Installation) -> None:
    """The date is simply tried again."""
    day = installation.fresh_date()
    others = _others(installation, day)
    waited = installation.run(day)
    delivery = _visa(day)
    delivery.write(installation.landing)

    concluded = installation.run(day)

    assert waited.decision.action is Action.WAIT
    assert concluded.decision.state is State.FINAL
    assert installation.rows(day) == expected_rows([delivery, *others])


def test_a_correction_that_overwrites_the_key_restates_the_date(installation: Installation) -> None:
    """The last version to be observed counts."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    installation.run(day)
    correction = _visa(day, 5)
    correction.write(installation.landing)

    concluded = installation.run(day)

    assert (concluded.decision.state, concluded.decision.generation) == (State.RESTATED, 2)
    assert installation.rows(day) == expected_rows([correction, *delivered[1:]])


@pytest.mark.parametrize("versions", [[2], [2, 3], [3], [10, 9], [2, 10]], ids=str)
def test_the_highest_version_counts(installation: Installation, versions: list[int]) -> None:
    """Versions are numbers, so 10 comes after 9."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    corrections = {n: _visa(day, 3 + n, version=n) for n in versions}
    for correction in corrections.values():
        correction.write(installation.landing)

    concluded = installation.run(day)

    assert concluded.publication is not None
    assert f"cards.{max(versions)}.csv" in concluded.publication.sources[-1].key + repr(concluded.publication.sources)
    assert installation.rows(day) == expected_rows([corrections[max(versions)], *delivered[1:]])


def test_an_older_version_that_comes_after_a_newer_one_never_wins(installation: Installation) -> None:
    """Neither before nor after the newer one is published."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    newest = _visa(day, 4, version=3)
    newest.write(installation.landing)
    installation.run(day)
    _visa(day, 9, version=2).write(installation.landing)
    _visa(day, 8).write(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.ALREADY_PUBLISHED
    assert installation.rows(day) == expected_rows([newest, *delivered[1:]])


@pytest.mark.parametrize(
    "name", ["cards.1.csv", "cards.02.csv", "cards.0.csv", "cards.-2.csv", "cards.2.CSV", "cards.2.csv.bak"]
)
def test_a_file_with_a_name_of_its_own_is_no_delivery(installation: Installation, name: str) -> None:
    """Only the names of the contract are deliveries."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    folder = delivered[0].data_path(installation.landing).parent
    (folder / name).write_bytes(b"x")
    (folder / f"{name.split('.csv', maxsplit=1)[0]}.control.json").write_bytes(b"{}")

    concluded = installation.run(day)

    assert concluded.decision.action is Action.PUBLISH
    assert installation.rows(day) == expected_rows(delivered)


def test_an_incomplete_correction_does_not_hold_back_what_is_complete(installation: Installation) -> None:
    """The version before it is published meanwhile."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    _visa(day, 7, version=2).write_data(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.PUBLISH
    assert installation.rows(day) == expected_rows(delivered)


def test_a_bad_correction_leaves_the_published_date_as_it_was(installation: Installation) -> None:
    """A correction is quarantined beside the published rows."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    installation.run(day)
    replace(_visa(day, version=2), declared={"rows": 1}).write(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.REFUSE
    assert installation.rows(day) == expected_rows(delivered)
    assert [p.generation for p in installation.platform.lake.history(NAME, day)] == [1]


@pytest.mark.parametrize("again", ["the same files", "the same files, touched", "the same bytes as version 2"])
def test_the_same_bytes_delivered_again_change_nothing(installation: Installation, again: str) -> None:
    """Content is what counts, not when or under which name it came."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    first = installation.run(day)
    if again == "the same files, touched":
        for delivery in delivered:
            delivery.write(installation.landing)
    elif again == "the same bytes as version 2":
        replace(delivered[0], version=2).write(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.ALREADY_PUBLISHED
    assert concluded.content_hash == first.content_hash
    assert len(installation.platform.ledger.verdicts(NAME, day, day)) == 1
    assert [p.generation for p in installation.platform.lake.history(NAME, day)] == [1]


def test_the_same_rows_in_other_bytes_are_a_correction(installation: Installation) -> None:
    """The identity of content is that of bytes: another order of records is another content."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    installation.run(day)
    turned = replace(delivered[0], rows=delivered[0].rows[::-1])
    turned.write(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.generation == 2
    assert installation.rows(day) == expected_rows([turned, *delivered[1:]])


def test_a_file_of_a_source_that_is_not_declared_is_left_alone(installation: Installation) -> None:
    """A stray folder is no source."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    Delivery(business_date=day, source="visa2", rows=[a_row(day, "visa2", 1)]).write(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.PUBLISH
    assert installation.rows(day) == expected_rows(delivered)
