"""Files that are incomplete, changing, removed or unreadable during a tick wait, and the tick says so."""

from pathlib import Path
from typing import Any

import pytest

from settlement_platform.orchestration.sensors import arrivals as arrival_sensors
from settlement_platform.pipeline.landing import landed_date
from settlement_platform.pipeline.landing.land import LandedDeliveries
from settlement_platform_tests.orchestration.dagster_home import NAME, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import tick
from settlement_platform_tests.orchestration.sensors.arriving_files import SENSOR, Provider, others, visa

pytestmark = pytest.mark.usefixtures("never_closing")


def test_an_overwritten_file_waits_for_its_control_file(provider: Provider) -> None:
    """Data newer than its control file is still on its way."""
    home, first = provider.home, day(0)
    provider.put(visa(first), *others(first))
    tick(home, SENSOR)
    home.run(first)

    provider.put(visa(first, 6), parts=["data"])
    half = tick(home, SENSOR)
    provider.put(visa(first, 6), parts=["control"])
    complete = tick(home, SENSOR)

    assert half.days == []
    assert complete.days == [first.isoformat()]


def test_what_cannot_be_read_in_time_is_left_for_the_next_tick(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And said, so that nothing is left out silently."""
    home.deliver(day(0))
    monkeypatch.setattr(arrival_sensors, "READ_BUDGET_SECONDS", 0.0)
    late = tick(home, SENSOR)
    monkeypatch.undo()

    next_one = tick(home, SENSOR)

    assert late.said == "files of 1 date not read in this tick; they are read in the next ones"
    assert (late.days, late.observed) == ([], [])
    assert next_one.days == [day(0).isoformat()]


def test_a_delivery_that_is_removed_while_it_is_read_only_waits(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other dates of the tick go on."""
    home.deliver(day(0))
    home.deliver(day(1))
    unreadable = home.landing / f"{day(1)}" / "visa" / "cards.csv"
    unreadable.replace(unreadable.with_name("elsewhere"))
    unreadable.mkdir()
    (unreadable / "x").write_bytes(b"")

    found = tick(home, SENSOR)

    assert found.days == [day(0).isoformat()]


def test_what_changes_while_it_is_read_waits_and_is_requested_as_it_is_then(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content that was there for a moment never gets a run."""
    home.deliver(day(0))
    land = landed_date.land

    def land_and_correct(*arguments: Any) -> LandedDeliveries:  # noqa: ANN401 - those of `land`
        landed = land(*arguments)
        home.correct(day(0))
        return landed

    monkeypatch.setattr(landed_date, "land", land_and_correct)
    changing = tick(home, SENSOR)
    monkeypatch.undo()
    settled = tick(home, SENSOR)
    home.run(day(0))
    after = tick(home, SENSOR)

    assert changing.said == f"{day(0)} waits: {NAME} {day(0)} changed while it was being read."
    assert (settled.days, after.days) == ([day(0).isoformat()], [])
    assert home.query(f"SELECT count(*) FROM lake.published.{NAME} WHERE source = 'visa'") == [(5,)]


def test_a_name_that_cannot_be_read_stops_no_date_and_is_reported(tmp_path: Path) -> None:
    """Neither its own date nor another; it is reported as it is escaped, and what arrives later is seen as well."""
    home = DagsterHome(tmp_path / "home")
    provider, first, second = Provider(home=home), day(0), day(1)
    provider.put(visa(first), *others(first), visa(second), *others(second))
    (home.landing / str(first) / "visa" / "caf\udce9\t.csv").touch()
    reported = (
        f"skipped in the landing zone, because the names cannot be read: '{first}/visa/caf\\udce9\\t.csv'; "
        "for the fix, run: settlement doctor"
    )

    requested = tick(home, SENSOR)
    home.run(first)
    home.run(second)
    settled = tick(home, SENSOR)
    provider.put(visa(first, 5, version=2))
    corrected = tick(home, SENSOR)

    assert sorted(requested.days) == [str(first), str(second)]
    assert (settled.days, settled.said) == ([], reported)
    assert corrected.days == [str(first)]
    home.close()
