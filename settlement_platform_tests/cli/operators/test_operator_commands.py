"""Each operator's command once from end to end: what it says to people and programs, and how it ends."""

import getpass
import json

import pytest

from settlement_platform_tests.cli.command import (
    DAYS,
    MARTS,
    NAME,
    RFC3339_UTC,
    Finished,
    Settle,
    Shell,
    correct,
    deliver_days,
    times_in,
)
from settlement_platform_tests.pipeline.installation import open_home
from settlement_platform_tests.pipeline.operating import open_breaker

WHY = ("--reason", "the provider confirmed it", "--actor", "ana")


def _materialize(settle: Settle, first: str, last: str, *more: str) -> Finished:
    return settle("materialize", NAME, "--from", first, "--to", last, *more)


def _miscount(shell: Shell, day: str) -> None:
    """Let the control file of visa declare a row too many."""
    control = shell.home / "landing" / day / "visa" / "cards.control.json"
    document = json.loads(control.read_text())
    control.write_text(json.dumps({**document, "rows": document["rows"] + 1}))


def test_rollback_says_what_is_current_and_what_changed(shell: Shell, settle: Settle) -> None:
    """In one sentence, and as one document; the marts follow, and the next run does not publish it again."""
    deliver_days(settle, 1)
    _materialize(settle, DAYS[0], DAYS[0])
    correct(shell, DAYS[0])
    _materialize(settle, DAYS[0], DAYS[0])

    there = settle("rollback", NAME, DAYS[0], "--to", "1", *WHY)
    back = settle("rollback", NAME, DAYS[0], "--to", "2", *WHY, "--json")
    again = settle("rollback", NAME, DAYS[0], "--to", "2", *WHY, "--json")
    third = _materialize(settle, DAYS[0], DAYS[0], "--json")

    document = back.json
    assert (there.code, back.code, again.code, third.code) == (0, 0, 3, 0), there.err + back.err + third.err
    assert f"{NAME} {DAYS[0]}: published as generation 3 (rolled_back), 30 rows; " in there.out
    assert "rows added" in there.out
    assert "rollback: card_settlements 2026-01-01, by ana: the provider confirmed it" in there.err
    assert {k: document[k] for k in ("action", "dataset", "business_date", "outcome", "state", "generation")} == {
        "action": "rollback",
        "dataset": NAME,
        "business_date": DAYS[0],
        "outcome": "publish",
        "state": "rolled_back",
        "generation": 4,
    }
    assert "against generation 3" in document["restatement"]
    assert [(m["dataset"], m["outcome"], m["generation"]) for m in document["marts"]] == [
        (mart, "publish", 4) for mart in MARTS
    ]
    assert again.out == ""
    assert "already has the content" in again.err


def test_skip_lets_the_watermark_pass(settle: Settle) -> None:
    deliver_days(settle, 3, "--late", DAYS[1])
    _materialize(settle, DAYS[0], DAYS[2])

    before = settle("status", NAME, "--json").json["datasets"][0]["watermark"]
    skipped = settle("skip", NAME, DAYS[1], *WHY, "--json")
    after = [d["watermark"] for d in settle("status", "--json").json["datasets"]]
    refused = settle("skip", NAME, DAYS[0], *WHY)

    assert (skipped.code, refused.code) == (0, 3)
    assert (skipped.json["state"], skipped.json["generation"]) == ("skipped", 1)
    assert (before, after) == (DAYS[0], [DAYS[2]] * 3)
    assert "is not skipped: generation 1 (final) is published" in refused.err


def test_pause_and_resume_hold_and_let_go(settle: Settle) -> None:
    """A paused dataset says who paused it and why; the next step is to resume it."""
    deliver_days(settle, 1)

    paused = settle("pause", NAME, *WHY, "--json")
    held = _materialize(settle, DAYS[0], DAYS[0], "--json")
    explained = settle("explain", NAME, DAYS[0], "--json")
    twice = settle("pause", NAME, *WHY)
    resumed = settle("resume", NAME, *WHY)
    published = _materialize(settle, DAYS[0], DAYS[0])

    assert [f.code for f in (paused, held, twice, resumed, published)] == [0, 3, 3, 0, 0]
    assert set(paused.json) == {"action", "dataset", "business_date", "actor", "reason", "recorded_at", "marts"}
    assert (paused.json["actor"], paused.json["reason"]) == ("ana", "the provider confirmed it")
    assert all(RFC3339_UTC.fullmatch(time) for time in times_in(paused.json))
    assert held.json["runs"][0]["dates"][0]["outcome"] == "hold"
    assert explained.json["decision"] == "hold"
    assert "paused by ana" in explained.json["decision_reasons"][0]
    assert explained.json["next_step"].startswith(f"settlement resume {NAME}")
    assert "is paused already, by ana" in twice.err
    assert resumed.out == f"{NAME}: resume is on record\n"


def test_skip_and_rollback_go_on_beside_a_pause_and_say_so(shell: Shell, settle: Settle) -> None:
    """A pause stops what starts by itself; an operator who names a date means it, and sees that it is paused."""
    deliver_days(settle, 2, "--late", DAYS[1])
    _materialize(settle, DAYS[0], DAYS[0])
    correct(shell, DAYS[0])
    _materialize(settle, DAYS[0], DAYS[0])
    before = settle("skip", NAME, DAYS[2], *WHY, "--json")
    settle("pause", NAME, *WHY)

    skipped = settle("skip", NAME, DAYS[1], *WHY)
    back = settle("rollback", NAME, DAYS[0], "--to", "1", *WHY, "--json")

    words = f"{NAME} stays paused by ana at "
    assert (skipped.code, back.code) == (0, 0), skipped.err + back.err
    assert before.json["paused"] is None
    assert words in skipped.out
    assert back.json["paused"].startswith(words)
    assert back.json["paused"].endswith(f"settlement resume {NAME} ends it")
    assert back.json["state"] == "rolled_back"


def test_release_publishes_what_is_held_and_discard_puts_it_aside(shell: Shell, settle: Settle) -> None:
    """Both named by the evidence; a release that leaves out a finding ends with the options to name."""
    deliver_days(settle, 3)
    for day in DAYS[:2]:
        _miscount(shell, day)
    _materialize(settle, DAYS[0], DAYS[2])
    shown = settle("quarantine", "show", NAME, DAYS[0], "--json").json
    failing = [c["name"] for c in shown["checks"] if not c["passed"] and c["severity"] == "error"]
    despite = [word for name in failing for word in ("--despite", name)]

    wrong = settle("quarantine", "release", NAME, DAYS[0], "--despite", "minimum_rows", *WHY)
    released = settle("quarantine", "release", NAME, DAYS[0], *despite, *WHY, "--json")
    discarded = settle("quarantine", "discard", NAME, DAYS[1], *WHY)
    left = settle("quarantine", "list", "--json")
    follows = settle("explain", NAME, DAYS[1], "--json").json["next_step"]
    not_held = settle("quarantine", "discard", NAME, DAYS[2], *WHY)

    assert failing == ["rows_as_declared"]
    assert [f.code for f in (wrong, discarded, left, not_held)] == [3, 0, 0, 3]
    assert all(f"--despite {name}" in wrong.err for name in failing)
    assert released.code == 0, released.err
    assert (released.json["outcome"], released.json["state"]) == ("publish", "final")
    assert [m["outcome"] for m in released.json["marts"]] == ["publish"] * len(MARTS)
    assert discarded.out == f"{NAME} {DAYS[1]}: discard is on record\n"
    assert left.json["quarantined"] == []
    assert follows == "nothing until a corrected file arrives"
    assert "is not in quarantine" in not_held.err


def test_approve_of_what_does_not_wait_for_it_is_refused(settle: Settle) -> None:
    deliver_days(settle, 1)

    nothing = settle("approve", NAME, DAYS[0], *WHY, "--json")
    _materialize(settle, DAYS[0], DAYS[0])
    published = settle("approve", NAME, DAYS[0], *WHY)

    assert (nothing.code, published.code) == (3, 3)
    assert nothing.out == ""
    assert "waits for approval" in published.err


@pytest.mark.parametrize("breaker", [NAME, MARTS[0], "landing", "lake"])
def test_reset_breaker_is_on_record_for_datasets_marts_and_dependencies(
    shell: Shell, settle: Settle, breaker: str
) -> None:
    """Under the name whose roles count, and with the breaker's own; one that is closed is refused."""
    closed = settle("reset-breaker", breaker, *WHY)
    open_breaker(open_home(shell.home), breaker)
    finished = settle("reset-breaker", breaker, *WHY, "--json")
    open_breaker(open_home(shell.home), breaker)
    shown = settle("reset-breaker", breaker, *WHY)

    assert (closed.code, closed.out) == (3, "")
    assert f"The circuit breaker of {breaker} is closed" in closed.err
    assert finished.code == 0, finished.err
    assert (finished.json["action"], finished.json["breaker"]) == ("reset_breaker", breaker)
    assert finished.json["dataset"] == (MARTS[0] if breaker == MARTS[0] else NAME)
    assert shown.out == f"circuit breaker of {breaker} closed; reset_breaker is on record\n"
    assert f"reset_breaker: {breaker}, by ana" in shown.err


COMMANDS = {
    "rollback": ("rollback", NAME, DAYS[0], "--to", "1"),
    "skip": ("skip", NAME, DAYS[0]),
    "pause": ("pause", NAME),
    "resume": ("resume", NAME),
    "approve": ("approve", NAME, DAYS[0]),
    "reset-breaker": ("reset-breaker", NAME),
    "reset-breaker of a mart": ("reset-breaker", MARTS[0]),
    "quarantine release": ("quarantine", "release", NAME, DAYS[0], "--despite", "rows_as_declared"),
    "quarantine discard": ("quarantine", "discard", NAME, DAYS[0]),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_needs_a_reason(settle: Settle, command: str) -> None:
    """Left out it is wrong usage; left empty it is refused; nothing is printed for programs."""
    left_out = settle(*COMMANDS[command], "--json")
    empty = settle(*COMMANDS[command], "--reason", " ", "--json")

    assert (left_out.code, empty.code) == (2, 3)
    assert (left_out.out, empty.out) == ("", "")
    assert "--reason" in left_out.err
    assert "needs a reason" in empty.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_or_a_date_that_is_none_is_wrong_usage(settle: Settle, command: str) -> None:
    """Marts are not operated on, they follow; but they have breakers of their own."""
    for name in ("card_setlements", *([] if "reset-breaker" in command else MARTS[:1])):
        finished = settle(*(name if word in {NAME, MARTS[0]} else word for word in COMMANDS[command]), *WHY)
        assert (finished.code, finished.out) == (2, ""), finished.err
    if DAYS[0] in COMMANDS[command]:
        finished = settle(*("tomorrow" if word == DAYS[0] else word for word in COMMANDS[command]), *WHY)
        assert (finished.code, finished.out) == (2, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_actor_without_the_role_is_refused(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """With who has it, and where it is given."""
    closed = Shell(home=shell.home, exported=(("SETTLEMENT_ROLES", "operator=ben, carla"),))

    finished = closed.here(monkeypatch, capsys, *COMMANDS[command], *WHY, "--json")

    assert (finished.code, finished.out) == (3, "")
    assert "needs the role 'operator', which ana does not have (members: ben, carla)" in finished.err
    assert "SETTLEMENT_ROLES" in finished.err


def test_running_again_needs_the_role_too(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = Shell(home=shell.home, exported=(("SETTLEMENT_ROLES", "operator=ben"),))
    command = ("materialize", NAME, "--from", DAYS[0], "--to", DAYS[0], "--reason", "again", "--actor")

    refused = closed.here(monkeypatch, capsys, *command, "ana")
    allowed = closed.here(monkeypatch, capsys, *command, "ben", "--json")

    assert refused.code == 3
    assert "rerun needs the role" in refused.err
    assert allowed.json["complete"] is False


def test_the_operating_systems_user_is_the_actor_if_none_is_named(settle: Settle) -> None:
    assert settle("pause", NAME, "--reason", "a test", "--json").json["actor"] == getpass.getuser()


def test_a_command_works_as_a_process_of_its_own(shell: Shell) -> None:
    """As a user's shell runs it: one document on standard output, what it does on standard error."""
    finished = shell("pause", NAME, *WHY, "--json")

    assert finished.code == 0, finished.err
    assert finished.json["action"] == "pause"
    assert "pause: card_settlements, by ana: the provider confirmed it" in finished.err


def test_skip_takes_a_range_and_can_be_repeated(shell: Shell, settle: Settle) -> None:
    """One action on record per date; dates that readers have rows of are refused, and the others are skipped."""
    deliver_days(settle, 1)
    _materialize(settle, DAYS[0], DAYS[0])

    skipped = settle("skip", NAME, "--from", DAYS[1], "--to", DAYS[3], *WHY, "--json")
    again = settle("skip", NAME, "--from", DAYS[1], "--to", DAYS[3], *WHY, "--json")
    overlapping = settle("skip", NAME, "--from", DAYS[0], "--to", DAYS[4], *WHY, "--json")

    assert (skipped.code, again.code, overlapping.code) == (0, 0, 3), skipped.err + again.err + overlapping.err
    assert [d["outcome"] for d in skipped.json["dates"]] == ["publish"] * 3
    assert [[m["state"] for m in d["marts"]] for d in skipped.json["dates"]] == [["skipped"] * len(MARTS)] * 3
    assert [d["outcome"] for d in again.json["dates"]] == ["already_published"] * 3
    assert [d["outcome"] for d in overlapping.json["dates"]] == ["refuse", *["already_published"] * 3, "publish"]
    assert (skipped.json["complete"], overlapping.json["complete"]) == (True, False)
    found = open_home(shell.home).ledger.actions(NAME)
    assert [(a.action, str(a.business_date), a.actor, a.reason) for a in found] == [
        ("skip", day, "ana", "the provider confirmed it") for day in DAYS[1:5]
    ]
    status = settle("status", NAME, "--json").json["datasets"][0]
    assert status["watermark"] == DAYS[4]


@pytest.mark.parametrize(
    ("dates", "code"),
    [
        ((DAYS[0], "--from", DAYS[0], "--to", DAYS[1]), 2),
        (("--from", DAYS[0]), 2),
        ((), 2),
        (("--from", DAYS[1], "--to", DAYS[0]), 2),
        (("--from", "2025-12-31", "--to", DAYS[0]), 3),
        (("--from", DAYS[0], "--to", "2999-01-01"), 3),
    ],
)
def test_skip_with_wrong_dates_changes_nothing(shell: Shell, settle: Settle, dates: tuple[str, ...], code: int) -> None:
    """Either one date or a whole range, all of it business dates up to today."""
    refused = settle("skip", NAME, *dates, *WHY)

    assert refused.code == code
    assert open_home(shell.home).ledger.actions(NAME) == []
