"""An upstream that is down is tried five times, then left alone, then probed once: seen through a real instance."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from settlement_platform.control.facts import AttemptStep, OperatorActionType
from settlement_platform.control.reliability.circuit_breakers import BreakerState
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.keys import published_key
from settlement_platform.pipeline.launching.circuit_breakers import all_breakers
from settlement_platform.pipeline.processing.process_dates import MAX_PREPARED
from settlement_platform_tests.builders import a_publication, an_action, an_attempt
from settlement_platform_tests.orchestration.dagster_home import NAME, DagsterHome, Run, day, evaluate_schedule

START = datetime(2026, 1, 2, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Outage:
    """A home with a clock of its own, whose landing zone can be put out of order."""

    def __init__(self, home: DagsterHome, clock: time_machine.Traveller) -> None:
        self.home = home
        self.clock = clock
        self._away = home.home / "away"

    def begin(self) -> None:
        """A file stands where the landing zone's folder should be, which no permission of root's heals."""
        self.home.landing.rename(self._away)
        self.home.landing.write_text("no folder")

    def end(self) -> None:
        """The landing zone is back."""
        self.home.landing.unlink()
        self._away.rename(self.home.landing)

    def at(self, minutes: float) -> None:
        """Let it be that many minutes after the start."""
        self.clock.move_to(START + minutes * MINUTE)

    def run(self, minutes: float) -> Run:
        """Run the date then."""
        self.at(minutes)
        return self.home.run(day(0))

    def tick(self) -> tuple[list[str], str]:
        """The dates that the daily schedule requests now, and why it skips."""
        found = evaluate_schedule(self.home.definitions, self.home.settings, START)
        return [str(r.partition_key) for r in found.run_requests or []], str(found.skip_message or "")

    def states(self) -> dict[str, BreakerState]:
        """Every breaker that is not closed now."""
        found = all_breakers(self.home.without_dagster().platform)
        return {b.name: b.state for b in found if b.state is not BreakerState.CLOSED}


@pytest.fixture
def outage(home: DagsterHome) -> "Outage":
    """A date is delivered, and the landing zone goes away."""
    with time_machine.travel(START, tick=True) as clock:
        home.deliver(day(0))
        home.without_dagster()
        found = Outage(home, clock)
        found.begin()
        yield found


def test_an_outage_is_cut_probed_once_and_forgotten_when_it_ends(outage: Outage) -> None:
    """Each run has a fresh process's view: nothing but the ledger knows of the breaker."""
    four = [outage.run(n) for n in range(4)]
    allowed = outage.tick()
    fifth = outage.run(4)
    refused = outage.tick()
    outage.end()
    opened = outage.states()
    outage.at(15)
    granted, beside = outage.tick(), outage.tick()
    probe = outage.run(16)
    after = outage.tick()

    assert not any(run.success for run in [*four, fifth])
    assert "File exists" in fifth.failure
    assert allowed == (["2026-01-01"], "")
    assert refused[0] == []
    assert "the breaker of dataset card_settlements is open until 2026-01-02 04:14:" in refused[1]
    assert "the breaker of dependency landing is open until 2026-01-02 04:14:" in refused[1]
    assert "5 failures in a row" in refused[1]
    assert opened == {NAME: BreakerState.OPEN, "landing": BreakerState.OPEN}
    assert granted == (["2026-01-01"], "")
    assert beside[0] == []
    assert "half-open: 5 failures in a row" in beside[1]
    assert "a probe is running; nothing else is launched" in beside[1]
    assert probe.success
    assert outage.states() == {}
    assert after == (["2026-01-01"], "")


def test_a_probe_that_fails_opens_it_for_twice_as_long(outage: Outage) -> None:
    """And the run that was the probe names what is wrong."""
    for minute in range(5):
        outage.run(minute)

    outage.at(15)
    outage.tick()
    probe = outage.run(15)
    outage.at(34)
    refused = outage.tick()
    outage.at(36)
    granted = outage.tick()

    assert not probe.success
    assert refused[0] == []
    assert "open until 2026-01-02 04:35:" in refused[1]
    assert granted[0] == ["2026-01-01"]


def test_an_operator_closes_a_breaker(outage: Outage) -> None:
    """Each one by its name; the other keeps everything from being launched until it is closed too."""
    for minute in range(5):
        outage.run(minute)
    outage.end()
    ledger = outage.home.without_dagster().platform.ledger

    def reset(name: str) -> None:
        action = an_action(
            action=OperatorActionType.RESET_BREAKER, detail={"breaker": name}, recorded_at=datetime.now(UTC)
        )
        ledger.append(action)

    reset("landing")
    one = outage.states()
    reset(NAME)

    assert one == {NAME: BreakerState.OPEN}
    assert outage.states() == {}
    assert outage.tick() == (["2026-01-01"], "")


def test_a_lake_that_cannot_be_opened_is_on_record_and_keeps_the_schedule_waiting(
    home: DagsterHome, tmp_path: Path
) -> None:
    """The schedule asks the ledger alone, so it can say why it skips while the lake is away."""
    home.deliver(day(0))
    home.without_dagster()
    shutil.move(home.home / "lake", tmp_path / "away")
    (home.home / "lake").write_text("no folder")

    runs = [home.run(day(0)) for _ in range(5)]
    skipped = evaluate_schedule(home.definitions, home.settings, START).skip_message

    assert not any(run.success for run in runs)
    assert "the breaker of dependency lake is open until" in str(skipped)


def test_retries_are_cut_when_the_breaker_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of a step's retries would be left: the store that no port answers for is left alone instead."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    home = DagsterHome(
        tmp_path / "home", SETTLEMENT_LANDING_URL="s3://raw", SETTLEMENT_S3_ENDPOINT_URL="http://127.0.0.1:1"
    )

    run = home.run(day(0), day(4))

    ledger = home.without_dagster().platform.ledger
    tried = ledger.attempts(NAME, day(0), day(4))
    assert not run.success
    assert run.count("STEP_UP_FOR_RETRY") == 0
    assert "Not retried: the breaker of dependency landing is open until" in run.failure
    assert [(a.outcome, a.dependency) for a in tried if a.outcome != "started"] == [("failed", "landing")] * 5
    home.close()


def test_the_rest_of_a_run_is_left_alone_when_the_breaker_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the five failures that open it, only dates that were under way ask the store; each is named."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    home = DagsterHome(
        tmp_path / "home", SETTLEMENT_LANDING_URL="s3://raw", SETTLEMENT_S3_ENDPOINT_URL="http://127.0.0.1:1"
    )

    run = home.run(day(0), day(19))

    tried = {a.business_date for a in home.without_dagster().platform.ledger.attempts(NAME, day(0), day(19))}
    left = [n for n in range(20) if day(n) not in tried]
    assert run.failure.startswith("20 of 20 dates are not published.")
    assert left == list(range(len(tried), 20))
    assert 5 <= len(tried) < 5 + MAX_PREPARED
    assert all(f"{day(n)}: failed: Not tried: the breaker of dataset {NAME} is open until" in run.failure for n in left)
    assert "Not retried: the breaker of dependency landing is open until" in run.failure
    home.close()


def test_the_rest_of_a_marts_run_is_left_alone_too(home: DagsterHome) -> None:
    """Five dates of which the staging area does not answer are enough."""
    with home.without_dagster().platform.lake.publishing() as lake:
        for number in range(8):
            lake.record_publication(a_publication(business_date=day(number)), None)
    home.without_dagster()
    shutil.rmtree(home.home / "staging", ignore_errors=True)
    (home.home / "staging").write_text("no folder")
    mart = MARTS[0].name

    run = home.run(day(0), day(7), keys=[published_key(mart)])

    tried = {a.business_date for a in home.without_dagster().platform.ledger.attempts(mart, day(0), day(7))}
    assert tried == {day(n) for n in range(5)}
    assert run.failure.count("Not tried: the breaker of dataset merchant_daily_net is open until") == 3


def test_the_probe_is_on_record_before_it_is_launched(outage: Outage) -> None:
    """It names the date that was launched, and what it is to try."""
    for minute in range(5):
        outage.run(minute)
    outage.at(15)
    outage.tick()
    outage.end()

    ledger = outage.home.without_dagster().platform.ledger
    (probe,) = [a for a in ledger.attempts(NAME, day(0), day(0)) if a.step == AttemptStep.PROBE]

    assert probe.outcome == an_attempt().outcome
    assert probe.detail == "launched to see whether card_settlements, landing is well again"
