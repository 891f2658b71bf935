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
from settlement_platform_tests.shown_reasons import shows

MART, OTHER = MARTS
RESUME = f"settlement resume {NAME} --reason …"

BUILT_AFTER_INPUT = {
    "code": "build_after_inputs",
    "parameters": {"awaited": [{"code": "input_published", "parameters": {"dataset": NAME}}]},
}

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


def _is_pause(reason: dict[str, Any] | None) -> bool:
    """Return whether a reason is the pause of the dataset by ana."""
    at = reason["parameters"] if reason and reason["code"] == "dataset_paused" else {}
    return (at.get("dataset"), at.get("actor")) == (NAME, "ana")


def _step(code: str, state: str, remark: str | None = None, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The next step of a mart as JSON, which names the state of its input."""
    found = {"code": remark, "parameters": {}} if remark else None
    of_input = {"code": "input_state", "parameters": {"dataset": NAME, "state": state, "remark": found}}
    step = {"code": code, "parameters": {**parameters, "remark": of_input}}
    return {"code": "steps_of_inputs", "parameters": {"steps": [step], "remark": None}}


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


SHOW = f"settlement quarantine show {NAME} {day(0)}"
WAITS = {
    "an input in quarantine": (
        _refused,
        _step("run_command", "quarantined", "correction_supersedes", command=SHOW),
    ),
    "an input that is complete": (_complete, _step("run_command", "waiting", command=_materialize(NAME))),
    "an input that a pause holds": (_held, _step("run_command", "staged", command=RESUME)),
    "an input that was discarded": (_discarded, _step("no_step_until_corrected", "late")),
    "an input of which nothing came": (_nothing, _step("no_step_until_files_arrive", "late")),
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

    assert explained["next_step_code"] == status["next_step_code"] == step
    assert explained["next_step"] == status["next_step"]
    assert f"next: {explained['next_step']}" in said
    follows = explained["what_follows_codes"][-1]
    assert follows["code"].startswith(BUILT_AFTER_INPUT["code"])
    assert follows["parameters"] == BUILT_AFTER_INPUT["parameters"]
    if explained["next_step"].startswith(SHOW):
        assert _obeyed(settlement, explained["next_step"]) == 0


def test_what_follows_for_a_mart_begins_with_what_follows_for_its_input(morning: Morning, settlement: Command) -> None:
    morning.deliver(day(0))

    explained, document = settlement("explain", MART.name, f"{day(0)}").out, _explained(settlement, MART.name)

    of_input = {"code": "files_read_at_next_tick", "parameters": {"reason": None}}
    assert document["what_follows_codes"] == [
        {"code": "input_follows", "parameters": {"dataset": NAME, "reason": of_input}},
        BUILT_AFTER_INPUT,
    ]
    told = [line.strip() for line in explained.splitlines()]
    shown = told[told.index("next automatic action:") + 1 :][:2]
    assert "; ".join(line.removeprefix("- ") for line in shown) == document["what_follows"]


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

    superseded = {"code": "either_supersedes", "parameters": {"mart": MART.name, "inputs": [NAME]}}
    show = f"settlement quarantine show {MART.name} {day(0)}"
    step = {"code": "run_command", "parameters": {"command": show, "remark": superseded}}
    failed = [c["name"] for c in document["checks"] if not c["passed"]]
    assert explained["state"] == "quarantined"
    assert explained["next_step_code"] == status["next_step_code"] == step
    assert [(q["dataset"], q["business_date"]) for q in listed] == [(MART.name, f"{day(0)}")]
    assert failed == ["reconciles_with_input"]
    assert [(i["source"], i["key"]) for i in document["inputs"]] == [(NAME, f"published.{NAME}/{day(0)}#1")]
    assert document["content_hash"] == explained["content_hash"]
    assert shown.code == 0
    assert "reconciles_with_input" in shown.out
    assert f"next: {explained['next_step'].removeprefix(f'{show}; ')}" in shown.out
    assert f"published.{NAME}/{day(0)}#1" in shown.out
    assert (well.code, well.out) == (2, "")
    assert shows(well.err, "not_in_quarantine", state="final")


def test_a_pause_of_what_is_on_time_is_a_reason_and_the_next_step(morning: Morning, settlement: Command) -> None:
    """Of the dataset and of the marts that wait for it; what is published is as safe to read as before."""
    morning.at(day(0), "05:00")
    morning.settle(day(0))
    actions.pause(morning.platform, CARD_SETTLEMENTS, ANA)

    paused, said = _statuses(settlement), settlement("status")
    (pause,) = {r for found in paused.values() for r in found["reasons"] if "paused" in r}
    actions.resume(morning.platform, CARD_SETTLEMENTS, ANA)
    resumed = _statuses(settlement)

    assert said.code == 0
    assert said.out.count(f"- {pause}") == said.out.count(f"next: {RESUME}") == len(paused)
    for found in paused.values():
        assert found["safe_to_read"] is True
        assert [_is_pause(each) for each in found["reason_codes"]][-1:] == [True]
        assert sum(_is_pause(each) for each in found["reason_codes"]) == 1
        assert found["next_step"] == RESUME
    for found in resumed.values():
        assert not any("paused" in r for r in found["reasons"])
        assert found["next_step_code"] == {"code": "no_step", "parameters": {}}


def test_a_pause_beside_missing_files_is_a_reason_and_what_can_be_done(morning: Morning, settlement: Command) -> None:
    """Nothing can be done about the files."""
    morning.settle(day(0))
    morning.at(day(1), "06:30")
    actions.pause(morning.platform, CARD_SETTLEMENTS, ANA)

    found = _statuses(settlement)

    assert all(any(map(_is_pause, each["reason_codes"])) for each in found.values())
    files = {"code": "no_step_until_files_arrive", "parameters": {"remark": None}}
    then = {"code": "after_resume", "parameters": {"then": files}}
    step = {"code": "run_command", "parameters": {"command": RESUME, "remark": then}}
    assert found[NAME]["next_step_code"] == step
    of_input = {"code": "input_state", "parameters": {"dataset": NAME, "state": "late", "remark": then}}
    (of_mart,) = found[MART.name]["next_step_code"]["parameters"]["steps"]
    assert of_mart == {"code": "run_command", "parameters": {"command": RESUME, "remark": of_input}}
    assert {each["safe_to_read"] for each in found.values()} == {False}


def test_what_presses_more_than_a_pause_comes_before_it(morning: Morning, settlement: Command) -> None:
    morning.settle(day(0))
    morning.at(day(1), "05:00")
    morning.deliver(day(1))
    a_refused_visa(day(1)).write(morning.there.landing)
    morning.run(day(1))
    actions.pause(morning.platform, CARD_SETTLEMENTS, ANA)

    found = _statuses(settlement)[NAME]

    assert any(map(_is_pause, found["reason_codes"]))
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

    broken = {("dataset", "card_settlements"), ("dependency", "staging")}
    for each in found.values():
        opened = [r["parameters"] for r in each["reason_codes"] if r and r["code"] == "breaker_blocks"]
        assert {(breaker["kind"], breaker["name"]) for breaker in opened} == broken
        assert {breaker["state"] for breaker in opened} == {"open"}
        assert any(map(_is_pause, each["reason_codes"])) == paused
        assert each["safe_to_read"] is True
    assert set(stopped) <= set(found[NAME]["reasons"])
    assert len(stopped) == len(broken) + paused
