"""Next steps in `explain` and `status`: for a mart that cannot be built, and for a pause or an open breaker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine

from settlement_platform.control.facts import AttemptOutcome
from settlement_platform.control.failures import TransientFailure
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.operators import actions
from settlement_platform_tests.builders import an_attempt
from settlement_platform_tests.cli.command import Finished, Shell
from settlement_platform_tests.pipeline.boundaries import MART_BOUNDARIES, happening
from settlement_platform_tests.pipeline.installation import NAME
from settlement_platform_tests.pipeline.operating import ANA, a_refused_visa
from settlement_platform_tests.scenarios.mornings import Morning, day

MART, OTHER = MARTS
RESUME = f"settlement resume {NAME} --reason …"
ASKS = "the sensor marts_follow requests the run that builds it"
PAUSED = f"{NAME} is paused by ana at "

Command = Callable[..., Finished]


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    return Morning(tmp_path / "home")


@pytest.fixture
def settlement(morning: Morning, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A command on the home at its moment."""

    def run(*arguments: str) -> Finished:
        with time_machine.travel(morning.now, tick=True):
            return Shell(home=morning.home).here(monkeypatch, capsys, *arguments)

    return run


def _explained(settlement: Command, name: str) -> dict[str, Any]:
    return dict(settlement("explain", name, f"{day(0)}", "--json").json)


def _statuses(settlement: Command) -> dict[str, dict[str, Any]]:
    """Of the dataset and of every mart, by name."""
    return {d["dataset"]: d for d in settlement("status", "--json").json["datasets"]}


def _materialize(name: str) -> str:
    return f"settlement materialize {name} --from {day(0)} --to {day(0)}"


def _obeyed(settlement: Command, step: str) -> int:
    """How the command that a next step begins with ends."""
    return settlement(*step.partition(";")[0].split()[1:]).code


def _refused(morning: Morning) -> None:
    morning.deliver(day(0))
    a_refused_visa(day(0)).write(morning.there.landing)
    morning.run(day(0))


def _complete(morning: Morning) -> None:
    morning.deliver(day(0))


def _held(morning: Morning) -> None:
    actions.pause(morning.platform, CARD_SETTLEMENTS, ANA)
    morning.deliver(day(0))
    morning.run(day(0))


def _discarded(morning: Morning) -> None:
    _refused(morning)
    actions.discard(morning.platform, CARD_SETTLEMENTS, day(0), ANA)


def _nothing(morning: Morning) -> None:
    """Nothing has come."""


WAITS = {
    "an input in quarantine": (
        _refused,
        f"settlement quarantine show {NAME} {day(0)}; {NAME} is quarantined: a corrected file supersedes it",
    ),
    "an input that is complete": (_complete, f"{_materialize(NAME)}; {NAME} is waiting"),
    "an input that a pause holds": (_held, f"{RESUME}; {NAME} is staged"),
    "an input that was discarded": (_discarded, f"nothing until a corrected file arrives; {NAME} is waiting"),
    "an input of which nothing came": (_nothing, f"nothing until the files arrive; {NAME} is late"),
}


@pytest.mark.parametrize("waits", WAITS)
def test_the_next_step_of_a_mart_that_waits_is_that_of_its_input(
    morning: Morning, settlement: Command, waits: str
) -> None:
    """Named as the input's, and beside it what follows by itself; a command that is named is one that works."""
    happens, step = WAITS[waits]
    morning.at(day(0), "05:00")
    happens(morning)
    morning.at(day(0), "06:30")

    explained, said = _explained(settlement, MART.name), settlement("explain", MART.name, f"{day(0)}").out
    status = _statuses(settlement)[MART.name]

    assert explained["next_step"] == status["next_step"] == step
    assert f"next: {step}" in said
    assert f"{ASKS} once {NAME} is published" in explained["what_follows"]
    if step.startswith("settlement quarantine"):
        assert _obeyed(settlement, step) == 0


def test_what_follows_for_a_mart_begins_with_what_follows_for_its_input(morning: Morning, settlement: Command) -> None:
    morning.deliver(day(0))

    explained = settlement("explain", MART.name, f"{day(0)}").out

    shown = [line.strip() for line in explained.splitlines()]
    assert shown[shown.index("next automatic action:") + 1 :][:2] == [
        f"- {NAME}: the next tick of its sensor reads its files and decides",
        f"- {ASKS} once {NAME} is published",
    ]


def test_the_next_step_of_a_mart_that_was_judged_and_not_published_is_to_build_it(
    morning: Morning, settlement: Command
) -> None:
    """A dataset that is paused meanwhile is what has to be resumed, and not the mart."""
    morning.deliver(day(0))
    morning.run(day(0))

    def fail() -> None:
        message = "the catalog does not answer"
        raise TransientFailure(message)

    with happening(MART_BOUNDARIES["after the verdict is recorded"], fail), pytest.raises(TransientFailure):
        morning.there.build(MART, day(0))
    staged = _explained(settlement, MART.name)
    actions.pause(morning.platform, CARD_SETTLEMENTS, ANA)
    paused = _explained(settlement, MART.name)

    assert (staged["state"], staged["next_step"]) == ("staged", _materialize(MART.name))
    assert paused["next_step"] == RESUME
    assert _obeyed(settlement, f"{RESUME} --actor ana") == 0


def test_the_evidence_on_a_mart_that_fails_its_own_gate_is_shown(
    morning: Morning, settlement: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its inputs and its checks are shown; the input and the other mart are not held."""
    morning.at(day(0), "06:30")
    morning.deliver(day(0))
    morning.run(day(0))
    assert MART.fingerprint
    monkeypatch.setitem(vars(MART), "sql", MART.sql.replace("sum(fee_minor)", "sum(fee_minor) + 1"))
    morning.build(day(0))

    explained, status = _explained(settlement, MART.name), _statuses(settlement)[MART.name]
    listed = settlement("quarantine", "list", "--json").json["quarantined"]
    shown = settlement("quarantine", "show", MART.name, f"{day(0)}")
    document = settlement("quarantine", "show", MART.name, f"{day(0)}", "--json").json
    well = settlement("quarantine", "show", OTHER.name, f"{day(0)}")

    superseded = f"a corrected {MART.name}.sql, or another generation of {NAME}, supersedes it"
    step = f"settlement quarantine show {MART.name} {day(0)}; {superseded}"
    failed = [c["name"] for c in document["checks"] if not c["passed"]]
    assert (explained["state"], explained["next_step"], status["next_step"]) == ("quarantined", step, step)
    assert [(q["dataset"], q["business_date"]) for q in listed] == [(MART.name, f"{day(0)}")]
    assert failed == ["reconciles_with_input"]
    assert [(i["source"], i["key"]) for i in document["inputs"]] == [(NAME, f"published.{NAME}/{day(0)}#1")]
    assert document["content_hash"] == explained["content_hash"]
    assert shown.code == 0
    assert "reconciles_with_input" in shown.out
    assert f"next: {superseded}" in shown.out
    assert f"published.{NAME}/{day(0)}#1" in shown.out
    assert (well.code, well.out) == (2, "")
    assert "is not in quarantine; it is final" in well.err


def test_a_pause_of_what_is_on_time_is_a_reason_and_the_next_step(morning: Morning, settlement: Command) -> None:
    """Of the dataset and of the marts that wait for it; what is published is as safe to read as before."""
    morning.at(day(0), "05:00")
    morning.settle(day(0))
    actions.pause(morning.platform, CARD_SETTLEMENTS, ANA)

    paused, said = _statuses(settlement), settlement("status")
    actions.resume(morning.platform, CARD_SETTLEMENTS, ANA)
    resumed = _statuses(settlement)

    assert said.code == 0
    assert said.out.count(f"- {PAUSED}") == said.out.count(f"next: {RESUME}") == len(paused)
    for found in paused.values():
        assert found["safe_to_read"] is True
        assert [r for r in found["reasons"] if r.startswith(PAUSED)] == [found["reasons"][-1]]
        assert found["next_step"] == RESUME
    for found in resumed.values():
        assert not any("paused" in r for r in found["reasons"])
        assert found["next_step"] == "nothing"


def test_a_pause_beside_missing_files_is_a_reason_and_what_can_be_done(morning: Morning, settlement: Command) -> None:
    """Nothing can be done about the files."""
    morning.settle(day(0))
    morning.at(day(1), "06:30")
    actions.pause(morning.platform, CARD_SETTLEMENTS, ANA)

    found = _statuses(settlement)

    assert all(any(r.startswith(PAUSED) for r in each["reasons"]) for each in found.values())
    assert found[NAME]["next_step"] == f"{RESUME}; then nothing until the files arrive"
    assert found[MART.name]["next_step"] == f"{RESUME}; {NAME} is late: then nothing until the files arrive"
    assert {each["safe_to_read"] for each in found.values()} == {False}


def test_what_presses_more_than_a_pause_comes_before_it(morning: Morning, settlement: Command) -> None:
    morning.settle(day(0))
    morning.at(day(1), "05:00")
    morning.deliver(day(1))
    a_refused_visa(day(1)).write(morning.there.landing)
    morning.run(day(1))
    actions.pause(morning.platform, CARD_SETTLEMENTS, ANA)

    found = _statuses(settlement)[NAME]

    assert any(r.startswith(PAUSED) for r in found["reasons"])
    assert found["next_step"].startswith(f"settlement quarantine show {NAME} {day(1)}")


@pytest.mark.parametrize("paused", [False, True], ids=["not paused", "paused"])
def test_breakers_that_stop_launches_are_reasons(morning: Morning, settlement: Command, paused: bool) -> None:
    """Of the dataset, of a store, and for a mart those of its input; a pause hides none of them."""
    morning.at(day(0), "05:00")
    morning.settle(day(0))
    failures = [
        an_attempt(
            attempt_id=f"attempt-{n}",
            dataset=NAME,
            outcome=AttemptOutcome.FAILED,
            dependency="staging",
            recorded_at=morning.now,
        )
        for n in range(CARD_SETTLEMENTS.breaker.failures)
    ]
    morning.platform.ledger.append(*failures)
    if paused:
        actions.pause(morning.platform, CARD_SETTLEMENTS, ANA)

    found, stopped = _statuses(settlement), _explained(settlement, NAME)["launches_stopped"]

    broken = {"dataset card_settlements", "dependency staging"}
    for each in found.values():
        opened = [r.partition(" is open until ") for r in each["reasons"]]
        assert {words.removeprefix("the breaker of ") for words, rest, _ in opened if rest} == broken
        assert any(r.startswith(PAUSED) for r in each["reasons"]) == paused
        assert each["safe_to_read"] is True
    assert set(stopped) <= set(found[NAME]["reasons"])
    assert len(stopped) == len(broken) + paused
