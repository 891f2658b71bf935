"""Permissions to launch for sensors and schedules, over a real ledger and several processes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from settlement_platform.control.facts import AttemptOutcome, AttemptStep, OperatorActionType
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.reliability.circuit_breakers import BreakerState
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.pipeline.inspection.attempt_history import (
    attempt_summaries,
    current_retry_storm,
    describe_last_attempt,
)
from settlement_platform.pipeline.launching.circuit_breakers import all_breakers
from settlement_platform.pipeline.launching.launch_permission import claim_launch, launch_refusals
from settlement_platform.pipeline.open_platform import open_ledger_alone
from settlement_platform.pipeline.platform import LedgerStores
from settlement_platform.pipeline.processing import process_date
from settlement_platform.pipeline.processing.process_date import prepare, publish_validated
from settlement_platform_tests.builders import an_action, an_attempt
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, REQUEST, Installation, stores_in
from settlement_platform_tests.shown_reasons import shows

START = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAYS = [FIRST_DATE + timedelta(days=n) for n in range(3)]


@dataclass
class Bench:
    """A ledger, and a clock that moves only when a test moves it."""

    home: Path
    now: datetime = START
    facts: LedgerStores = field(init=False)

    def __post_init__(self) -> None:
        self.facts = self.another()

    def another(self) -> LedgerStores:
        """The ledger as another process opens it."""
        return open_ledger_alone(stores_in(self.home), clock=lambda: self.now)

    def fail(self, count: int, *, dataset: str = NAME, dependency: str = "landing") -> None:
        """So many attempts of a dataset fail."""
        usual = {"dataset": dataset, "dependency": dependency, "outcome": "failed", "detail": "no answer"}
        for n in range(count):
            self.facts.ledger.append(an_attempt(attempt_id=f"{n}", recorded_at=self.now, **usual))

    def succeed(self, *, dataset: str = NAME) -> None:
        """An attempt of a dataset publishes."""
        usual = {"attempt_id": f"good at {self.now}", "dataset": dataset, "recorded_at": self.now}
        self.facts.ledger.append(
            an_attempt(**usual), an_attempt(**usual, step=AttemptStep.PUBLISH, outcome=AttemptOutcome.SUCCEEDED)
        )

    def states(self) -> dict[str, str]:
        """Every breaker that is not closed, as a process sees it that has just started."""
        found = all_breakers(self.another())
        return {f"{b.kind} {b.name}": b.state for b in found if b.state is not BreakerState.CLOSED}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "home")


def test_nothing_keeps_a_fresh_installation_from_launching(bench: Bench) -> None:
    """All dates that were requested are granted, and no probe is recorded."""
    launch = claim_launch(bench.facts, NAME, DAYS)

    assert launch_refusals(bench.facts, NAME) == ()
    assert (launch.granted, launch.refusals) == (tuple(DAYS), ())
    assert bench.facts.ledger.attempts(NAME, DAYS[0], DAYS[-1]) == []


def test_every_breaker_has_its_name_kind_state_and_reasons(bench: Bench) -> None:
    """Datasets and marts first, then the stores."""
    bench.fail(5)

    found = {b.name: b for b in all_breakers(bench.facts)}

    assert list(found) == [NAME, MERCHANT_DAILY_NET.name, "network_fee_summary", "landing", "staging", "lake", "ledger"]
    landing = found["landing"]
    assert (landing.kind, landing.state, landing.until, landing.failures, landing.handed_over) == (
        "dependency",
        BreakerState.OPEN,
        START + 10 * MINUTE,
        5,
        False,
    )
    assert landing.reasons[0].code == "failures_in_a_row"
    assert landing.reasons[0].parameters == {
        "failures": 5,
        "last_at": "2026-11-21T04:00:00Z",
        "detail": "no answer",
    }
    assert found["lake"].reasons == ()


def test_a_store_that_fails_one_dataset_stops_all_that_depend_on_it(bench: Bench) -> None:
    """A mart reads the lake and never the landing zone."""
    bench.fail(5, dependency="landing")
    without_landing = launch_refusals(bench.facts, MERCHANT_DAILY_NET.name)
    bench.fail(5, dependency="lake")
    without_lake = launch_refusals(bench.facts, MERCHANT_DAILY_NET.name)

    assert without_landing == ()
    assert len(without_lake) == 1
    blocked = {"kind": "dependency", "name": "lake", "state": "open", "until": "2026-11-21T04:10:00Z"}
    assert without_lake[0].code == "breaker_blocks"
    assert blocked.items() <= without_lake[0].parameters.items()
    assert shows(without_lake[0], "failures_in_a_row", failures=5)


def test_failures_of_several_datasets_add_up_to_an_outage_of_their_store(bench: Bench) -> None:
    """None of them alone has failed often enough."""
    bench.fail(3, dataset=NAME, dependency="lake")
    bench.fail(2, dataset=MERCHANT_DAILY_NET.name, dependency="lake")

    assert bench.states() == {"dependency lake": "open"}


def test_a_mart_that_is_published_shows_nothing_of_the_landing_zone(bench: Bench) -> None:
    """Its record since then is not all that counts."""
    bench.fail(5, dependency="landing")
    bench.now += 5 * MINUTE
    usual = {"attempt_id": "mart", "dataset": MERCHANT_DAILY_NET.name, "recorded_at": bench.now}
    bench.facts.ledger.append(an_attempt(**usual, step=AttemptStep.PUBLISH, outcome=AttemptOutcome.SUCCEEDED))

    assert bench.states() == {f"dataset {NAME}": "open", "dependency landing": "open"}


def test_a_success_closes_what_it_shows_to_be_well(bench: Bench) -> None:
    """Everything that it asked, and its dataset."""
    bench.fail(5)
    bench.now += 11 * MINUTE
    assert bench.states() == {f"dataset {NAME}": "half_open", "dependency landing": "half_open"}

    bench.succeed()

    assert bench.states() == {}


def test_of_many_askers_one_gets_the_probe(bench: Bench) -> None:
    """Each as a process of its own would ask; the probe is the first of the dates that were requested."""
    bench.fail(5)
    bench.now += 11 * MINUTE
    askers = [bench.another() for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        launches = list(pool.map(lambda facts: claim_launch(facts, NAME, DAYS), askers))

    granted = [launch for launch in launches if launch.granted]
    assert [launch.granted for launch in granted] == [(DAYS[0],)]
    assert "half-open: 2026-01-01 is the probe, and all else waits for it" in granted[0].refusals[0]
    refusals = [launch.refusals[0] for launch in launches if not launch.granted]
    assert {refusal.code for refusal in refusals} == {"breaker_blocks"}
    assert all(shows(refusal, "probe_running") for refusal in refusals)


def test_a_probe_that_is_never_heard_of_is_given_up(bench: Bench) -> None:
    """A quarter of an hour later another one is launched."""
    bench.fail(5)
    bench.now += 11 * MINUTE
    claim_launch(bench.facts, NAME, DAYS)

    bench.now += 14 * MINUTE
    before = claim_launch(bench.facts, NAME, DAYS)
    bench.now += 1 * MINUTE
    after = claim_launch(bench.facts, NAME, DAYS)

    assert before.granted == ()
    assert after.granted == (DAYS[0],)


def test_a_pause_keeps_everything_from_being_launched(bench: Bench) -> None:
    """Until someone resumes."""
    bench.facts.ledger.append(an_action())
    paused = claim_launch(bench.facts, NAME, DAYS)
    bench.facts.ledger.append(an_action(action=OperatorActionType.RESUME))

    assert paused.granted == ()
    (refusal,) = paused.refusals
    assert refusal.code == "dataset_paused"
    assert refusal.parameters == {
        "dataset": NAME,
        "actor": "ines",
        "at": "2026-11-21T04:00:00Z",
        "note": "provider announced a re-delivery",
    }
    assert claim_launch(bench.facts, NAME, DAYS).granted == tuple(DAYS)


def test_an_error_of_the_program_is_on_record_without_its_text(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as a failure, and its text could hold what was delivered."""
    day = installation.fresh_date()
    installation.deliver(day)

    def mistake(*_: object, **__: object) -> None:
        message = "the card 4111111111111111"
        raise KeyError(message)

    monkeypatch.setattr(process_date, "stage", mistake)
    with pytest.raises(KeyError):
        installation.run(day)

    last = installation.platform.ledger.attempts(NAME, day, day)[-1]
    assert (last.step, last.outcome, last.detail) == ("stage", "failed", "an error of the program, KeyError")


def test_a_lake_that_fails_while_a_validated_date_is_published_is_on_record(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever publishes on the strength of an earlier verdict leaves the same traces."""
    day = installation.fresh_date()
    installation.deliver(day)
    ready = prepare(installation.platform, CARD_SETTLEMENTS, day, replace(REQUEST, retry=2))

    def unreachable(*_: object, **__: object) -> None:
        message = "the catalog does not answer"
        raise TransientFailure(message, dependency="lake")

    monkeypatch.setattr(process_date, "publish", unreachable)
    with pytest.raises(TransientFailure):
        publish_validated(ready)

    last = installation.platform.ledger.attempts(NAME, day, day)[-1]
    assert (last.step, last.outcome, last.dependency, last.retry) == ("publish", "failed", "lake", 2)


def test_the_story_of_a_date_comes_from_its_record(installation: Installation) -> None:
    """Nothing was tried, then it was published."""
    day = installation.fresh_date()
    nothing = describe_last_attempt(installation.platform, NAME, day)
    installation.deliver(day)
    installation.run(day)

    (story,) = attempt_summaries(installation.platform, NAME, day)

    assert nothing == ()
    assert (story.step, story.outcome, story.run_id) == ("publish", "succeeded", "run-1")
    assert story.staged == (("visa", 3), ("mastercard", 3), ("amex", 3))
    assert describe_last_attempt(installation.platform, NAME, day) == story.reasons


def test_an_attempt_is_under_way_as_long_as_its_date_is_held(installation: Installation) -> None:
    """Once the lock is free and no end is on record, it is dead, however short ago it began."""
    day = installation.fresh_date()
    installation.deliver(day)
    ready = prepare(installation.platform, CARD_SETTLEMENTS, day, REQUEST)

    (held,) = attempt_summaries(installation.platform, NAME, day)
    ready.lock.close()
    (left,) = attempt_summaries(installation.platform, NAME, day)

    assert (held.step, held.outcome, held.died) == ("stage", "started", False)
    assert (left.step, left.outcome, left.died) == ("stage", "started", True)


def test_the_retries_of_all_datasets_are_counted(bench: Bench) -> None:
    """Within the last hour."""
    for minutes in (0, 70):
        bench.now = START + minutes * MINUTE
        for n in range(11):
            bench.facts.ledger.append(
                an_attempt(attempt_id=f"{minutes} {n}", dataset=f"d{n}", retry=1, recorded_at=bench.now)
            )

    assert current_retry_storm(bench.facts).retries == 11
    assert current_retry_storm(bench.facts).reasons
