"""Files that arrive are recorded and observed, and each new content gets one run; on a folder and in a bucket."""

import pytest

from settlement_platform.orchestration.sensors import arrivals as arrival_sensors
from settlement_platform_tests.deliveries import SOURCES
from settlement_platform_tests.orchestration.dagster_home import LANDING, NAME, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import tick
from settlement_platform_tests.orchestration.sensors.arriving_files import (
    SENSOR,
    Provider,
    arrivals,
    others,
    shown,
    visa,
)

pytestmark = pytest.mark.usefixtures("never_closing")


def test_a_date_is_requested_once_when_it_is_complete(provider: Provider) -> None:
    """Nothing, half a delivery, all of it, and all of it still there after its run."""
    home, first = provider.home, day(0)

    empty = tick(home, SENSOR)
    provider.put(*others(first))
    provider.put(visa(first), parts=["data"])
    half = tick(home, SENSOR)
    provider.put(visa(first), parts=["control"])
    complete = tick(home, SENSOR)
    before_it_ran = tick(home, SENSOR)
    home.run(first)
    after_it_ran = tick(home, SENSOR)

    assert empty.said == f"no new arrivals for {NAME}"
    assert half.days == []
    assert half.said.startswith(f"{first} waits: visa: the control file has not arrived")
    assert [o.partition for o in half.observed] == [first.isoformat()]
    (request,) = complete.launched
    assert request.partition_key == first.isoformat()
    assert request.run_key == f"{NAME}:{first}:{shown(home, first)}"
    assert request.tags["settlement/reason"] == "all required files have arrived"
    assert (before_it_ran.days, before_it_ran.said) == ([], f"{first} is already requested; its run is STARTED")
    assert (after_it_ran.days, after_it_ran.said) == ([], f"no new arrivals for {NAME}")
    assert len(arrivals(home, first)) == 3


def test_an_observation_says_what_arrived(provider: Provider) -> None:
    """The identity of the content as data version, and each file with its checksum."""
    first = day(0)
    provider.put(visa(first), *others(first))

    (observation,) = tick(provider.home, SENSOR).observed

    records = {r.data["source"]: r.data for r in observation.metadata["sources"].records}  # type: ignore[union-attr]
    arrived = {a.source: a for a in arrivals(provider.home, first)}
    assert observation.asset_key == LANDING
    assert observation.data_version == shown(provider.home, first)
    assert set(records) == set(SOURCES)
    assert {s: (r["key"], r["version"], r["bytes"], r["sha256"]) for s, r in records.items()} == {
        s: (a.key, a.version, a.bytes, a.sha256) for s, a in arrived.items()
    }


def test_the_same_bytes_again_are_recorded_and_request_nothing(provider: Provider) -> None:
    """A date that is published already stays as it is."""
    home, first = provider.home, day(0)
    provider.put(visa(first), *others(first))
    tick(home, SENSOR)
    home.run(first)
    provider.put(visa(first))

    again = tick(home, SENSOR)

    assert (again.days, [o.partition for o in again.observed]) == ([], [first.isoformat()])
    assert len(arrivals(home, first)) == 4


def test_a_correction_is_requested_and_an_older_one_is_not(provider: Provider) -> None:
    """Not even when the newer files are archived and the older ones are all that is left."""
    home, first = provider.home, day(0)
    provider.put(visa(first), *others(first))
    tick(home, SENSOR)
    home.run(first)
    provider.put(visa(first, 5, version=3))

    corrected = tick(home, SENSOR)
    home.run(first)
    provider.put(visa(first, 4, version=2))
    older = tick(home, SENSOR)
    provider.remove(visa(first, 5, version=3))
    archived = tick(home, SENSOR)

    (request,) = corrected.launched
    assert request.tags["settlement/reason"] == "a delivery differs from generation 1 (final)"
    assert (older.days, archived.days) == ([], [])
    assert home.query(f"SELECT count(*) FROM lake.published.{NAME} WHERE source = 'visa'") == [(5,)]


@pytest.mark.parametrize("version", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_was_replaced_and_comes_again_is_requested_once_and_published(provider: Provider, version: int) -> None:
    """Under the same key or a higher number; once more it changes nothing."""
    home, first = provider.home, day(0)
    found = []
    for delivery in (visa(first), visa(first, 5), visa(first, version=version)):
        provider.put(delivery, *([] if found else others(first)))
        found.append(tick(home, SENSOR))
        before_it_ran = tick(home, SENSOR)
        home.run(first)
        assert (before_it_ran.days, tick(home, SENSOR).days) == ([], [])
    provider.put(visa(first, version=version))

    once_more = tick(home, SENSOR)

    assert [len(t.launched) for t in found] == [1, 1, 1]
    assert found[2].launched[0].run_key == f"{found[0].launched[0].run_key}:arrival 5"
    assert once_more.days == []
    assert [s for (s,) in home.query("SELECT state FROM lake.published.publications ORDER BY generation")] == [
        "final",
        "restated",
        "restated",
    ]
    assert home.query(f"SELECT count(*) FROM lake.published.{NAME} WHERE source = 'visa'") == [(3,)]


def test_the_latest_dates_are_requested_first_and_the_rest_is_left(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backlog does not keep today's files waiting."""
    for number in range(3):
        home.deliver(day(number))
    monkeypatch.setattr(arrival_sensors, "REQUESTS_PER_TICK", 2)

    ticks = [tick(home, SENSOR) for _ in range(3)]

    days = [str(day(n)) for n in (2, 1, 0)]
    assert [t.days for t in ticks] == [days[:2], days[2:], []]


def test_an_observation_that_was_lost_is_reported_later(home: DagsterHome) -> None:
    """A tick that died after it had recorded what came has reported nothing to Dagster."""
    home.deliver(day(0))
    home.without_dagster().run(day(1))
    definition = home.definitions.get_repository_def().get_sensor_def(SENSOR)
    _unreported(home, definition.name)

    made_up = tick(home, SENSOR)

    assert [o.partition for o in made_up.observed] == [day(0).isoformat()]
    assert made_up.days == [day(0).isoformat()]


def _unreported(home: DagsterHome, sensor: str) -> None:
    """A tick of which nothing reached the instance."""
    repository = home.definitions.get_repository_def()
    resources = home.definitions.resources
    with arrival_sensors.dg.build_sensor_context(
        instance=home.instance, repository_def=repository, resources=resources
    ) as context:
        repository.get_sensor_def(sensor).evaluate_tick(context)
