"""Retries of runs: a transient failure heals; bad input and wrong settings are never retried."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import duckdb
import pytest

from settlement_platform.control.failures import PermanentFailure, SettlementError, TransientFailure
from settlement_platform.control.landing.deliveries import LandedFile
from settlement_platform.control.policies import DeliveryLimits, RetryPolicy
from settlement_platform.orchestration.assets.step import end_step
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.processing.process_dates import FailedDate
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import Lake
from settlement_platform.storage.lake.writer import LakeWriter
from settlement_platform.storage.landing.zone import LandingZone, ReceivedFile
from settlement_platform_tests.deliveries import Delivery
from settlement_platform_tests.orchestration.dagster_home import BOTH, NAME, PUBLISHED, STAGED, DagsterHome, day

if TYPE_CHECKING:
    from datetime import date


def test_a_transient_failure_is_tried_again_and_stops_no_other_date(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is away while it is read is read by the next try; the other dates are published by the first."""
    for number in range(3):
        home.deliver(day(number))
    delivery = Delivery(business_date=day(1), source="visa")
    file = delivery.data_path(home.landing)
    away = file.with_name(".away")
    tries: list[tuple[date, str]] = []
    tries_of_its_date: list[DateOutcome | FailedDate] = []

    receive = LandingZone.receive

    def hide_and_receive(zone: LandingZone, landed: LandedFile, limits: DeliveryLimits) -> ReceivedFile:
        if landed.key == delivery.data_key and not tries_of_its_date:
            file.rename(away)
        return receive(zone, landed, limits)

    def hear(outcome: DateOutcome | FailedDate) -> None:
        tries.append((outcome.business_date, "failed" if isinstance(outcome, FailedDate) else outcome.decision.action))
        if outcome.business_date == day(1):
            tries_of_its_date.append(outcome)
        if isinstance(outcome, FailedDate):
            away.rename(file)

    monkeypatch.setattr(LandingZone, "receive", hide_and_receive)
    run = home.run(day(0), day(2), listener=hear)

    assert run.success
    assert tries[:3] == [(day(0), "publish"), (day(1), "failed"), (day(2), "publish")]
    assert tries[3:] == [(day(0), "already_published"), (day(1), "publish"), (day(2), "already_published")]
    assert (run.count("STEP_START"), run.count("STEP_UP_FOR_RETRY"), run.count("STEP_RESTARTED")) == (1, 1, 1)
    assert home.materialized(PUBLISHED) == {day(n).isoformat() for n in range(3)}
    assert home.query(f"SELECT count(*) FROM lake.published.{NAME}") == [(27,)]


def end_of(failure: SettlementError, *, retry: int = 0, refusals: tuple[str, ...] = ()) -> Exception:
    """How a step ends whose only date failed."""
    outcomes = [FailedDate(business_date=day(0), failure=failure)]
    with pytest.raises((dg.Failure, dg.RetryRequested)) as raised:
        end_step(outcomes, retry=retry, refusals=refusals)
    return raised.value


BUSY, WRONG = TransientFailure("the store did not answer"), PermanentFailure("the settings are wrong")


def test_only_a_transient_failure_is_tried_again() -> None:
    """The date that failed is named in both cases."""
    again, ended = end_of(BUSY), end_of(WRONG)

    assert isinstance(again, dg.RetryRequested)
    assert f"{day(0)}: failed: {BUSY}" in str(again.__cause__)
    assert isinstance(ended, dg.Failure)
    assert not ended.allow_retries
    assert f"{day(0)}: failed: {WRONG}" in str(ended.description)


def test_retries_are_as_many_and_as_far_apart_as_the_policy_says() -> None:
    """Each pause is drawn anew from the upper half of what doubles up to the cap; after the last, the step fails."""
    policy = RetryPolicy()

    drawn = {n: [end_of(BUSY, retry=n) for _ in range(20)] for n in range(policy.max_retries + 1)}

    *retried, ended = drawn.values()
    for number, tries in enumerate(retried, start=1):
        pauses = [t.seconds_to_wait for t in tries if isinstance(t, dg.RetryRequested)]
        low, high = policy.delay_seconds(number, 0.0), policy.delay_seconds(number, 1.0)
        assert all(low <= float(pause or 0) <= high <= policy.cap_seconds for pause in pauses)
        assert len(set(pauses)) == len(tries)
    assert all(isinstance(e, dg.Failure) and not e.allow_retries for e in ended)


def test_an_open_breaker_cuts_the_retries() -> None:
    """The step ends with the reason: a retry within a minute would meet the same outage."""
    ended = end_of(BUSY, refusals=("it is open",))

    assert isinstance(ended, dg.Failure)
    assert not ended.allow_retries
    assert "Not retried: it is open" in str(ended.description)


def test_a_retry_is_on_record_with_its_number(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try has 0, and the failure names the store that did not answer."""
    home.deliver(day(0))
    receive = LandingZone.receive
    calls: list[str] = []

    def fail_once(zone: LandingZone, landed: LandedFile, limits: DeliveryLimits) -> ReceivedFile:
        calls.append(landed.key)
        if len(calls) == 1:
            with translate_errors("Reading a file", dependency="landing"):
                raise TimeoutError
        return receive(zone, landed, limits)

    monkeypatch.setattr(LandingZone, "receive", fail_once)
    run = home.run(day(0))

    steps = home.without_dagster().platform.ledger.attempts(NAME, day(0), day(0))
    assert run.success
    assert [(a.step, a.outcome, a.retry, a.dependency) for a in steps if a.step == "land"] == [
        ("land", "started", 0, ""),
        ("land", "failed", 0, "landing"),
        ("land", "started", 1, ""),
    ]
    assert {a.run_id for a in steps} == {run.result.run_id}
    assert (steps[-1].step, steps[-1].outcome, steps[-1].retry) == ("publish", "succeeded", 1)


def test_the_run_of_a_lost_worker_counts_as_a_retry(home: DagsterHome) -> None:
    """Dagster tags the run that it launches in place of the lost one with its number."""
    home.deliver(day(0))
    job = home.definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection=set(BOTH))

    job.execute_in_process(instance=home.instance, partition_key=day(0).isoformat(), tags={"dagster/retry_number": "2"})

    steps = home.without_dagster().platform.ledger.attempts(NAME, day(0), day(0))
    assert {a.retry for a in steps} == {2}


def test_a_retry_repeats_work_and_never_compounds_it(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails after publishing half of its dates ends with each date published once."""
    days = [day(n) for n in range(4)]
    for each in days:
        home.deliver(each)
    publishing = Lake.publishing
    commits: list[int] = []

    @contextmanager
    def fail_after_two(lake: Lake) -> Iterator[LakeWriter]:
        commits.append(1)
        with publishing(lake) as transaction:
            yield transaction
            if len(commits) in {3, 4}:
                raise duckdb.IOException("the catalog went away before the commit")

    monkeypatch.setattr(Lake, "publishing", fail_after_two)
    # Opening the lake for the first time commits too.
    home.without_dagster()
    commits.clear()
    run = home.run(days[0], days[-1])

    assert run.success
    assert run.count("STEP_UP_FOR_RETRY") == 1
    assert home.query("SELECT business_date, count(*) FROM lake.published.publications GROUP BY ALL ORDER BY ALL") == [
        (each, 1) for each in days
    ]
    assert home.query(f"SELECT business_date, count(*) FROM lake.published.{NAME} GROUP BY ALL ORDER BY ALL") == [
        (each, 9) for each in days
    ]


def test_wrong_settings_are_tried_once(tmp_path: Path) -> None:
    """A catalog that processes cannot share is named, and no retry pretends that it could heal."""
    home = DagsterHome(tmp_path / "home", SETTLEMENT_CATALOG_URL="duckdb:///catalog.db")
    home.deliver(day(0))

    run = home.run(day(0), keys=[STAGED, PUBLISHED])

    assert not run.success
    assert "catalog" in run.failure
    assert (run.count("STEP_START"), run.count("STEP_UP_FOR_RETRY")) == (1, 0)
    home.close()


def test_an_error_of_the_program_is_tried_once(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying again would meet the same error, and hide it behind a delay."""
    home.deliver(day(0))

    def receive(zone: LandingZone, landed: LandedFile, limits: DeliveryLimits) -> ReceivedFile:
        message = f"a mistake in the code met {landed.key}"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(LandingZone, "receive", receive)
    run = home.run(day(0), keys=[STAGED, PUBLISHED])

    assert not run.success
    assert "ZeroDivisionError: a mistake in the code" in run.failure
    assert (run.count("STEP_START"), run.count("STEP_UP_FOR_RETRY")) == (1, 0)
