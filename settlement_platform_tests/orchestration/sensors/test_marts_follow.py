"""Marts follow what is published, and no date that fails stands in the way of another."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
import time_machine

from settlement_platform.control.facts import AttemptOutcome, AttemptStep, Publication, State
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.dagster_internals.runs import PARTITION_NAME_TAG
from settlement_platform.orchestration.keys import published_key
from settlement_platform.orchestration.queue.run_tags import tag_run
from settlement_platform.orchestration.sensors import marts_follow
from settlement_platform.orchestration.tags import CLASS_TAG
from settlement_platform_tests.builders import a_publication, an_action, an_attempt
from settlement_platform_tests.orchestration.dagster_home import BOTH, NAME, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import tick

SENSOR = "marts_follow"
NET, FEES = (mart.name for mart in MARTS)


def publish(home: DagsterHome, *days: date, state: State = State.FINAL) -> None:
    """Record dates as published without their rows: a mart that is only requested reads none."""
    platform = home.without_dagster().platform
    with platform.lake.publishing() as lake:
        for each in days:
            lake.record_publication(_publication(each, state), None)


def _publication(business_date: date, state: State) -> Publication:
    return a_publication(dataset=NAME, business_date=business_date, state=state, content_hash=f"of {business_date}")


def end_runs(home: DagsterHome) -> None:
    """Let every run fail that is still going on."""
    for run in home.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        home.instance.report_run_failed(run)


def test_an_outdated_date_is_requested_until_its_run_publishes_it(home: DagsterHome) -> None:
    """Once while a run lasts, and no more when the mart holds what it should."""
    home.deliver(day(0))
    home.run(day(0))

    first = tick(home, SENSOR)
    while_running = tick(home, SENSOR)
    end_runs(home)
    for mart in MARTS:
        home.run(day(0), keys=[published_key(mart.name)])
    built = tick(home, SENSOR)

    assert [(r.job_name, r.partition_key) for r in first.launched] == [
        (f"build_{name}_again", str(day(0))) for name in (NET, FEES)
    ]
    assert while_running.days == []
    assert while_running.said == "; ".join(f"{name} {day(0)}: a run is building it" for name in (NET, FEES))
    assert (built.days, built.said) == ([], "every mart is up to date with its inputs")


def test_a_date_that_a_mart_has_published_is_restated_and_another_is_not(home: DagsterHome) -> None:
    """So that what readers see wrong of a closed date is fixed before history is built."""
    home.deliver(day(0))
    home.run(day(0), keys=[*BOTH, published_key(NET)])
    home.correct(day(0))
    home.run(day(0))

    found = tick(home, SENSOR)

    requested = {
        r.job_name: dg.DagsterRun("job", tags=dict(r.tags) | {PARTITION_NAME_TAG: str(day(0))}) for r in found.launched
    }
    classes = {name: tag_run(run, parent=None, now=datetime.now(UTC))[CLASS_TAG] for name, run in requested.items()}
    assert classes == {f"build_{NET}_again": "correction", f"build_{FEES}_again": "backfill"}


def test_a_failed_build_is_requested_again_later(home: DagsterHome) -> None:
    """Each try waits longer, and has a key of its own: Dagster launches no key twice."""
    publish(home, day(0))
    begun = datetime.now(UTC)

    found = []
    for minutes in (0, 4, 6, 15, 17):
        with time_machine.travel(begun + timedelta(minutes=minutes), tick=True):
            found.append(tick(home, SENSOR))
            end_runs(home)

    numbers = [sorted({r.run_key.rpartition(":")[2] for r in t.launched}) for t in found]
    assert numbers == [["1"], [], ["2"], [], ["3"]]
    assert "1 try did not publish it; the next is due at" in found[1].said


def test_dates_that_fail_do_not_stand_in_the_way_of_others(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cut to a tick's limit comes after what cannot be requested is left out."""
    monkeypatch.setattr(marts_follow, "REQUESTS_PER_TICK", 4)
    publish(home, *(day(n) for n in range(5)))

    days = []
    for _ in range(4):
        days.append(sorted({*tick(home, SENSOR).days}, reverse=True))
        end_runs(home)

    assert days == [[str(day(4)), str(day(3))], [str(day(2)), str(day(1))], [str(day(0))], []]


def test_a_run_of_the_whole_day_is_waited_for(home: DagsterHome) -> None:
    """It builds the marts itself; so does one over a range of dates that names them."""
    publish(home, day(0), day(1), day(2))
    job = home.definitions.get_repository_def().get_job(f"daily_{NAME}")
    started = dg.DagsterRunStatus.STARTED
    home.instance.create_run_for_job(job, tags={"dagster/partition": str(day(0))}, status=started)
    ranged = {
        "dagster/asset_partition_range_start": str(day(1)),
        "dagster/asset_partition_range_end": str(day(1)),
    }
    home.instance.create_run_for_job(job, tags=ranged, status=started, asset_selection=frozenset({published_key(NET)}))

    found = tick(home, SENSOR)

    assert [(r.job_name, r.partition_key) for r in found.launched] == [
        (f"build_{NET}_again", str(day(2))),
        (f"build_{FEES}_again", str(day(2))),
        (f"build_{FEES}_again", str(day(1))),
    ]


@pytest.mark.parametrize("paused", [NAME, NET])
def test_a_pause_of_a_mart_or_of_its_input_is_respected(home: DagsterHome, paused: str) -> None:
    """The other mart continues when only one is paused."""
    publish(home, day(0))
    home.without_dagster().platform.ledger.append(an_action(dataset=paused, recorded_at=datetime.now(UTC)))

    found = tick(home, SENSOR)

    assert [r.job_name for r in found.launched] == ([] if paused == NAME else [f"build_{FEES}_again"])
    assert paused != NAME or f"{NAME} is paused by ines" in found.said


@pytest.mark.parametrize(
    ("state", "asked"),
    [(State.NOT_EXPECTED, 2), (State.SKIPPED, 2), (State.ROLLED_BACK, 2), (State.PROVISIONAL, 0)],
)
def test_a_mart_follows_an_input_without_rows_and_no_provisional_one(
    home: DagsterHome, state: State, asked: int
) -> None:
    """The mart takes the state of its input; only marts that declare it use a provisional input."""
    publish(home, day(0), state=state)

    assert len(tick(home, SENSOR).launched) == asked


def test_a_mart_that_says_so_follows_a_provisional_input(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only that one."""
    declared = (replace(MARTS[0], provisional=True), MARTS[1])
    monkeypatch.setattr("settlement_platform.catalog.MARTS", declared)
    home = DagsterHome(tmp_path / "home")  # type: ignore[operator]
    publish(home, day(0), state=State.PROVISIONAL)

    found = tick(home, SENSOR)

    home.close()
    assert [r.job_name for r in found.launched] == [f"build_{NET}_again"]


def fail(home: DagsterHome, dataset: str, when: datetime, dependency: str = "") -> None:
    """Let five tries of a dataset or a mart fail, so that its breaker opens, and that of what is blamed."""
    ledger = home.without_dagster().platform.ledger
    for number in range(5):
        tried = an_attempt(
            attempt_id=f"{dataset} {number}",
            dataset=dataset,
            business_date=day(0),
            step=AttemptStep.BUILD,
            outcome=AttemptOutcome.FAILED,
            dependency=dependency,
            recorded_at=when,
        )
        ledger.append(tried)


@pytest.mark.parametrize(("broken", "dependency"), [(NET, ""), (NET, "lake")])
def test_while_a_breaker_is_half_open_one_run_alone_is_its_probe(
    home: DagsterHome, broken: str, dependency: str
) -> None:
    """The latest date; of a store that all marts ask, one run of all of them. Nothing else until it has ended."""
    publish(home, day(0), day(1), day(2))
    now = datetime.now(UTC)
    fail(home, broken, now - timedelta(minutes=11), dependency)

    first, second = tick(home, SENSOR), tick(home, SENSOR)

    net = [r.partition_key for r in first.launched if r.job_name == f"build_{NET}_again"]
    fees = [r.partition_key for r in first.launched if r.job_name == f"build_{FEES}_again"]
    assert net == [str(day(2))]
    assert fees == ([] if dependency else [str(day(n)) for n in (2, 1, 0)])
    assert second.days == []
    assert "half-open" in second.said


def test_a_mart_is_no_probe_of_its_inputs_breaker(home: DagsterHome) -> None:
    """Only a run of the input shows that it is well again: the one probe is left to it, and the marts wait."""
    publish(home, day(0))
    now = datetime.now(UTC)
    fail(home, NAME, now - timedelta(minutes=11), "landing")

    waiting = tick(home, SENSOR)
    home.deliver(day(1))
    probe, beside = tick(home, f"arrivals_{NAME}"), tick(home, SENSOR)
    home.run(day(1))
    after = tick(home, SENSOR)

    assert (waiting.days, beside.days) == ([], [])
    assert f"the breaker of dataset {NAME} is half-open" in waiting.said
    assert [r.partition_key for r in probe.launched] == [str(day(1))]
    assert {r.partition_key for r in after.launched} == {str(day(0))}
