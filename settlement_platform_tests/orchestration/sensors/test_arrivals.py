"""Files that arrive are recorded and observed, and every new content gets its one run; on a folder and in a bucket."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import obstore
import pytest
import time_machine

from settlement_platform.control.facts import Arrival, Attempt, AttemptOutcome
from settlement_platform.control.policies import ProvisionalCut
from settlement_platform.control.timeliness.calendars import MONDAY_TO_FRIDAY, Calendar
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.orchestration.queue.run_index import CONTENT_TAG
from settlement_platform.orchestration.sensors import arrivals as arrival_sensors
from settlement_platform.pipeline.landing import landed_date
from settlement_platform.pipeline.landing.land import LandedDeliveries
from settlement_platform.pipeline.operators import actions
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform_tests.builders import an_action, an_attempt
from settlement_platform_tests.deliveries import SOURCES, Delivery, some_rows
from settlement_platform_tests.orchestration.dagster_home import LANDING, NAME, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import Tick, tick
from settlement_platform_tests.pipeline.operating import ANA, EVERYONE, states

if TYPE_CHECKING:
    from settlement_platform_tests.servers import S3Server

SENSOR = f"arrivals_{NAME}"
OPEN = replace(CARD_SETTLEMENTS, recompute_window=timedelta(days=365_000))
"""Its dates never close, so that what is tested here does not depend on the day of the test."""
CLOCK_SECONDS = 1.1
"""A bucket stamps its files in whole seconds."""


@pytest.fixture(autouse=True)
def never_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every home has the dataset whose dates stay open."""
    monkeypatch.setattr("settlement_platform.catalog.DATASETS", (OPEN,))


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Whoever delivers, into a folder or a bucket."""

    home: DagsterHome
    store: object = None

    def put(self, *deliveries: Delivery, parts: Iterable[str] = ("data", "control")) -> None:
        """Deliver files; in a bucket later than all before."""
        if self.store:
            time.sleep(CLOCK_SECONDS)
        for delivery in deliveries:
            for part in parts:
                if self.store is None:
                    getattr(delivery, f"write_{part}")(self.home.landing)
                    continue
                content = delivery.data_bytes if part == "data" else delivery.control_bytes
                obstore.put(self.store, _key(delivery, part), content)  # type: ignore[call-overload]

    def remove(self, delivery: Delivery) -> None:
        """Archive a delivery."""
        for part in ("data", "control"):
            if self.store is None:
                (self.home.landing / _key(delivery, part)).unlink()
            else:
                obstore.delete(self.store, _key(delivery, part))  # type: ignore[call-overload]


def _key(delivery: Delivery, part: str) -> str:
    return delivery.data_key if part == "data" else delivery.data_key.replace(".csv", ".control.json")


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def provider(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A fresh installation and its provider."""
    if request.param == "folder":
        home = DagsterHome(tmp_path / "home")
        yield Provider(home=home)
    else:
        server: S3Server = request.getfixturevalue("s3")
        url = server.new_prefix()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access.key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.access.secret)
        endpoint = str(server.access.endpoint_url)
        home = DagsterHome(tmp_path / "home", SETTLEMENT_LANDING_URL=url, SETTLEMENT_S3_ENDPOINT_URL=endpoint)
        yield Provider(home=home, store=open_store(url, server.access))
    home.close()


def visa(business_date: date, count: int = 3, version: int = 1) -> Delivery:
    return Delivery(
        business_date=business_date, source="visa", rows=some_rows(business_date, "visa", count), version=version
    )


def others(business_date: date) -> list[Delivery]:
    return [Delivery(business_date=business_date, source=s, rows=some_rows(business_date, s)) for s in SOURCES[1:]]


def arrivals(home: DagsterHome, business_date: date) -> list[Arrival]:
    return home.without_dagster().platform.ledger.arrivals(NAME, business_date, business_date)


def rule(home: DagsterHome, action: str) -> None:
    home.without_dagster().platform.ledger.append(
        an_action(action=action, dataset=NAME, recorded_at=datetime.now(UTC), detail={})
    )


def shown(home: DagsterHome, business_date: date) -> str | None:
    """The data version of a landed date in Dagster."""
    record = home.instance.get_latest_data_version_record(
        LANDING, is_source=True, partition_key=business_date.isoformat()
    )
    return record.asset_observation.data_version if record and record.asset_observation else None


def test_a_date_is_asked_for_once_when_it_is_complete(provider: Provider) -> None:
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

    assert empty.said == f"nothing new has arrived for {NAME}"
    assert half.days == []
    assert half.said.startswith(f"{first} waits: visa: the control file has not arrived")
    assert [o.partition for o in half.observed] == [first.isoformat()]
    (request,) = complete.launched
    assert request.partition_key == first.isoformat()
    assert request.run_key == f"{NAME}:{first}:{shown(home, first)}"
    assert request.tags["settlement/reason"] == "all required files have arrived"
    assert (before_it_ran.days, before_it_ran.said) == ([], f"{first} has been asked for: its run is STARTED")
    assert (after_it_ran.days, after_it_ran.said) == ([], f"nothing new has arrived for {NAME}")
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


def test_the_same_bytes_again_are_recorded_and_ask_for_nothing(provider: Provider) -> None:
    """A date that is published already stays as it is."""
    home, first = provider.home, day(0)
    provider.put(visa(first), *others(first))
    tick(home, SENSOR)
    home.run(first)
    provider.put(visa(first))

    again = tick(home, SENSOR)

    assert (again.days, [o.partition for o in again.observed]) == ([], [first.isoformat()])
    assert len(arrivals(home, first)) == 4


def test_a_correction_is_asked_for_and_an_older_one_is_not(provider: Provider) -> None:
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
def test_what_was_replaced_and_comes_again_is_asked_for_once_and_published(provider: Provider, version: int) -> None:
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


def test_while_paused_arrivals_are_recorded_and_nothing_is_launched(provider: Provider) -> None:
    """What came meanwhile is asked for when the pause ends."""
    home, first = provider.home, day(0)
    rule(home, "pause")
    provider.put(visa(first), *others(first))

    paused = tick(home, SENSOR)
    rule(home, "resume")
    resumed = tick(home, SENSOR)

    assert paused.days == []
    assert f"{NAME} is paused by ines" in paused.said
    assert "runs of 1 date are left until that ends" in paused.said
    assert [o.partition for o in paused.observed] == [first.isoformat()]
    assert len(arrivals(home, first)) == 3
    assert resumed.days == [first.isoformat()]


def test_a_run_and_a_tick_leave_a_skipped_date_alone_until_it_is_delivered_again(home: DagsterHome) -> None:
    """The run had been asked for before the skip; the same files, delivered once more, are asked for once more."""
    first, there = day(0), home.without_dagster()
    there.platform = replace(there.platform, members=EVERYONE)
    home.deliver(first)
    asked = tick(home, SENSOR)
    actions.skip(there.platform, OPEN, first, ANA)

    home.run(first)
    left = tick(home, SENSOR)
    stood = states(there, first)
    home.deliver(first)
    again = tick(home, SENSOR)
    home.run(first)

    assert [len(t.launched) for t in (asked, left, again)] == [1, 0, 1]
    assert left.days == []
    assert stood == ["skipped"]
    assert states(there, first) == ["skipped", "final"]


def test_a_refused_date_is_not_asked_for_again(home: DagsterHome) -> None:
    """Its verdict is on record for exactly this content; a correction is another content."""
    home.deliver_corrupt(day(0))
    first = tick(home, SENSOR)
    home.run(day(0))

    refused = tick(home, SENSOR)
    home.correct(day(0))
    corrected = tick(home, SENSOR)

    assert [t.days for t in (first, refused, corrected)] == [[day(0).isoformat()], [], [day(0).isoformat()]]


def test_a_run_that_failed_is_named_with_the_command_that_tries_again(home: DagsterHome) -> None:
    """Dagster launches no run key twice, so that a person has to know."""
    home.deliver(day(0))
    tick(home, SENSOR)
    for run in home.instance.get_runs():
        home.instance.report_run_failed(run)

    after = tick(home, SENSOR)

    assert after.days == []
    assert f"settlement materialize {NAME} --from {day(0)} --to {day(0)} tries again" in after.said


def test_what_an_outage_kept_from_being_published_is_asked_for_again_ever_later(home: DagsterHome) -> None:
    """Each try has a key of its own and names the same content; a word on the files ends it."""
    home.deliver(day(0))
    ledger, begun = home.without_dagster().platform.ledger, datetime.now(UTC)

    found, names = [], iter("abcdef")
    for minutes, outcome in (
        (0, AttemptOutcome.FAILED),
        (4, None),
        (6, AttemptOutcome.STARTED),
        (15, None),
        (17, AttemptOutcome.REFUSED),
        (60, None),
    ):
        with time_machine.travel(begun + timedelta(minutes=minutes), tick=True):
            found.append(tick(home, SENSOR))
            if outcome:
                ledger.append(_an_end(next(names), outcome))
            for run in home.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
                home.instance.report_run_failed(run)

    launched = [t.launched[0] for t in found if t.launched]
    key = launched[0].run_key
    assert [len(t.launched) for t in found] == [1, 0, 1, 0, 1, 0]
    assert [r.run_key for r in launched] == [key, f"{key}:try 2", f"{key}:try 3"]
    assert {r.tags[CONTENT_TAG] for r in launched} == {key}
    assert launched[1].tags["settlement/reason"] == "the last try failed; try 2"
    assert f"{day(0)}: 1 try did not publish it; the next is due at" in found[1].said
    assert f"settlement materialize {NAME}" in found[5].said


def _an_end(name: str, outcome: str) -> Attempt:
    return an_attempt(
        attempt_id=name, dataset=NAME, business_date=day(0), outcome=outcome, recorded_at=datetime.now(UTC)
    )


def test_what_cannot_be_read_in_time_is_left_for_the_next_tick(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And said, so that nothing is left out silently."""
    home.deliver(day(0))
    monkeypatch.setattr(arrival_sensors, "READ_BUDGET_SECONDS", 0.0)
    late = tick(home, SENSOR)
    monkeypatch.undo()

    next_one = tick(home, SENSOR)

    assert late.said == "the files of 1 date are left to be read in the next ticks"
    assert (late.days, late.observed) == ([], [])
    assert next_one.days == [day(0).isoformat()]


def test_the_latest_dates_are_asked_for_first_and_the_rest_is_left(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backlog does not keep today's files waiting."""
    for number in range(3):
        home.deliver(day(number))
    monkeypatch.setattr(arrival_sensors, "REQUESTS_PER_TICK", 2)

    ticks = [tick(home, SENSOR) for _ in range(3)]

    days = [str(day(n)) for n in (2, 1, 0)]
    assert [t.days for t in ticks] == [days[:2], days[2:], []]


def test_an_observation_that_was_lost_is_made_up_for(home: DagsterHome) -> None:
    """A tick that died after it had recorded what came has told Dagster nothing."""
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


@pytest.mark.parametrize("moment", ["04:00", "06:01"])
def test_dates_become_due_without_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """A date on which nobody works, and a provisional cut at the deadline."""
    declared = replace(
        CARD_SETTLEMENTS,
        calendar=Calendar(name="weekdays", weekdays=MONDAY_TO_FRIDAY),
        provisional=ProvisionalCut(minimum_sources=2),
    )
    monkeypatch.setattr("settlement_platform.catalog.DATASETS", (declared,))
    home = DagsterHome(tmp_path / "home", SETTLEMENT_FIRST_DATE="2026-01-03")
    home.deliver_incomplete(date(2026, 1, 5))

    with time_machine.travel(f"2026-01-06T{moment}:00+00:00", tick=False):
        due = tick(home, SENSOR)

    home.close()
    closed = [f"{NAME}:2026-01-0{n}:not_expected" for n in (4, 3)]
    cut = [f"{NAME}:2026-01-05:{shown_in(due)}:provisional"] if moment == "06:01" else []
    assert [r.run_key for r in due.launched] == [*cut, *closed]


def test_a_cut_whose_files_were_archived_is_asked_for_when_another_source_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the content that its run publishes; archiving alone asks for nothing."""
    declared = replace(OPEN, provisional=ProvisionalCut(minimum_sources=2))
    monkeypatch.setattr("settlement_platform.catalog.DATASETS", (declared,))
    home = DagsterHome(tmp_path / "home")
    home.deliver_incomplete(day(0))
    cut = tick(home, SENSOR)
    home.run(day(0))
    Provider(home=home).remove(visa(day(0)))
    archived = tick(home, SENSOR)
    others(day(0))[-1].write(home.landing)

    completed = tick(home, SENSOR)
    home.run(day(0))
    after = tick(home, SENSOR)

    found = home.query("SELECT content_hash, state, rows FROM lake.published.publications ORDER BY generation")
    home.close()
    assert (cut.days, archived.days, completed.days, after.days) == ([str(day(0))], [], [str(day(0))], [])
    assert [(state, rows) for _, state, rows in found] == [("provisional", 6), ("final", 9)]
    assert completed.launched[0].run_key == f"{NAME}:{day(0)}:{found[-1][0]}"


def shown_in(found: Tick) -> str:
    """The data version of the one date that was observed."""
    (observation,) = found.observed
    return str(observation.data_version)


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


def test_what_changes_while_it_is_read_waits_and_is_asked_for_as_it_is_then(
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


def test_a_name_that_cannot_be_read_stops_no_date_and_is_told(tmp_path: Path) -> None:
    """Neither its own date nor another; it is told as it is escaped, and what arrives later is seen as well."""
    home = DagsterHome(tmp_path / "home")
    provider, first, second = Provider(home=home), day(0), day(1)
    provider.put(visa(first), *others(first), visa(second), *others(second))
    (home.landing / str(first) / "visa" / "caf\udce9\t.csv").touch()
    told = (
        f"left out in the landing zone, as such names cannot be read: '{first}/visa/caf\\udce9\\t.csv': "
        "settlement doctor says what to do"
    )

    asked = tick(home, SENSOR)
    home.run(first)
    home.run(second)
    settled = tick(home, SENSOR)
    provider.put(visa(first, 5, version=2))
    corrected = tick(home, SENSOR)

    assert sorted(asked.days) == [str(first), str(second)]
    assert (settled.days, settled.said) == ([], told)
    assert corrected.days == [str(first)]
    home.close()
