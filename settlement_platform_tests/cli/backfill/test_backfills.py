"""`settlement backfill`: what it says that it will do, where it does it, and what can be done while it runs."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta

import pytest
import typer.main

from settlement_platform.cli.app import app
from settlement_platform.orchestration.dagster_internals.instance import open_instance, prepare_dagster_home
from settlement_platform.orchestration.queue.backfill_launch import DAEMON_TYPE
from settlement_platform.settings import PROJECT
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
from settlement_platform_tests.orchestration.private_daemon import DaemonHeartbeat
from settlement_platform_tests.pipeline.installation import open_home
from settlement_platform_tests.shown_reasons import shows

WHY = ("--reason", "a new rule", "--actor", "ana")


def backfilled(settle: Settle, first: str, last: str, *more: str) -> Finished:
    """Backfill a range."""
    return settle("backfill", NAME, "--from", first, "--to", last, *more, *WHY)


def a_daemon_gives_a_sign(shell: Shell) -> None:
    """As if one ran: what is launched stays on the instance."""
    dagster = shell.home / "dagster"
    prepare_dagster_home(dagster, PROJECT, exported=False)
    with open_instance(dagster) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(datetime.now(UTC).timestamp(), DAEMON_TYPE, "a-daemon", []))


def test_without_a_daemon_it_is_done_in_this_process(settle: Settle) -> None:
    """Marts follow; what is refused or waits is named, and the exit code says that not everything is published."""
    deliver_days(settle, 6, "--late", DAYS[1], "--corrupt", DAYS[3])

    shown = backfilled(settle, DAYS[0], DAYS[4])
    again = backfilled(settle, DAYS[0], DAYS[4], "--json")
    rest = backfilled(settle, DAYS[4], DAYS[5], "--json")

    assert (shown.code, again.code, rest.code) == (3, 3, 0), shown.err
    assert "3 of 5 published (3 new, 90 rows), 1 refused, 1 waiting" in shown.out
    assert all(f"{mart}: 3 of 3 published" in shown.out for mart in MARTS)
    assert "5 dates" in shown.err
    assert "No daemon is running" in shown.err
    outcomes = {d["business_date"]: d["outcome"] for d in again.json["runs"][0]["dates"]}
    assert outcomes == dict(zip(DAYS, ["already_published", "wait", "already_published", "refuse"], strict=False)) | {
        DAYS[4]: "already_published"
    }
    assert rest.json["complete"] is True
    assert [run["dataset"] for run in rest.json["runs"]] == [NAME, *MARTS]


def test_a_dry_run_says_what_it_would_do_and_makes_nothing(shell: Shell, settle: Settle) -> None:
    """Dates, runs, bytes, time; what waits for files, and what is left out and why."""
    deliver_days(settle, 4, "--late", DAYS[1])

    before = backfilled(settle, DAYS[0], DAYS[3], "--dry-run", "--json")
    made = {p.name for p in shell.home.iterdir()}
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[2], "--no-marts")
    missing = backfilled(settle, DAYS[0], DAYS[3], "--only-missing", "--dry-run", "--json")
    shown = backfilled(settle, DAYS[0], DAYS[3], "--only-missing", "--dry-run")

    document = before.json
    assert (before.code, missing.code, shown.code) == (0, 0, 0), before.err
    assert document["dates"] == DAYS[:4]
    assert document["lacking_files"] == [DAYS[1]]
    assert (document["runs"], document["backfill"]) == (2, None)
    assert document["bytes"] > 10_000
    assert document["estimated_seconds"] > 0
    assert made == {"landing"}
    assert missing.json["dates"] == [DAYS[1], DAYS[3]]
    (left_out,) = missing.json["left_out"]
    assert left_out["dates"] == [DAYS[0], DAYS[2]]
    assert shows(left_out["reason"], "published_already")
    assert [m["dates"] for m in missing.json["marts"]] == [DAYS[:4]] * 2
    assert f"left out, 2 dates ({left_out['reason']}): {DAYS[0]}, {DAYS[2]}" in shown.out
    assert "a running code location uses them after a reload" in shown.out


@pytest.mark.parametrize("future", [False, True])
@pytest.mark.parametrize("name", [NAME, MARTS[0]])
def test_a_dry_run_refuses_what_the_launch_refuses(shell: Shell, settle: Settle, name: str, *, future: bool) -> None:
    """With the same words; neither prints a plan that cannot be done."""
    deliver_days(settle, 1)
    today = datetime.now(UTC).date()
    first, last = (today, today + timedelta(days=1)) if future else ("2025-12-01", DAYS[1])
    requested = ("backfill", name, "--from", str(first), "--to", str(last))

    dry, launch = settle(*requested, "--dry-run"), settle(*requested, *WHY)

    assert (dry.code, launch.code) == (2, 2)
    assert (f"{last} is in the future" if future else f"{first} is before the first business date") in dry.err
    assert (dry.out, dry.err) == (launch.out, launch.err)
    assert not (shell.home / "dagster").exists()


def test_what_is_missing_is_all_that_is_done(settle: Settle) -> None:
    """Marts too that are behind although their dataset is published, as after a kill between both."""
    deliver_days(settle, 3)
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[1], "--no-marts")

    done = settle("backfill", NAME, "--only-missing", "--to", DAYS[2], *WHY, "--json")
    nothing = settle("backfill", NAME, "--only-missing", "--to", DAYS[2], *WHY)

    runs = {run["dataset"]: [d["business_date"] for d in run["dates"]] for run in done.json["runs"]}
    assert (done.code, nothing.code) == (0, 0), done.err
    assert runs == {NAME: [DAYS[2]]} | dict.fromkeys(MARTS, DAYS[:3])
    assert "nothing to do" in nothing.out


def test_what_failed_is_done_again_and_nothing_else(shell: Shell, settle: Settle) -> None:
    deliver_days(settle, 4, "--corrupt", DAYS[1], "--late", DAYS[2])
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[2])
    correct(shell, DAYS[1])

    planned = settle("backfill", NAME, "--only-failed", "--to", DAYS[3], *WHY, "--dry-run", "--json")

    left_out = {tuple(each["dates"]): each["reason"] for each in planned.json["left_out"]}
    assert planned.json["dates"] == [DAYS[1]]
    assert left_out.keys() == {(DAYS[0],), (DAYS[2],), (DAYS[3],)}
    assert shows(left_out[(DAYS[0],)], "last_try_succeeded")
    assert shows(left_out[(DAYS[2],)], "last_try_waits")
    assert shows(left_out[(DAYS[3],)], "never_tried")


def test_what_a_bad_source_reached_is_found_and_replayed(shell: Shell, settle: Settle) -> None:
    """Once a corrected file stands in its place, nothing that readers see is made from it any more."""
    deliver_days(settle, 2)
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[1])
    lineage = settle("lineage", MARTS[0], DAYS[0], "--json")
    sha256 = next(s["sha256"] for s in lineage.json["inputs"][0]["sources"] if s["source"] == "visa")

    reached = settle("impact", "--sha256", sha256, "--json")
    shown = settle("impact", "--sha256", sha256.upper())
    correct(shell, DAYS[0])
    replayed = settle("backfill", NAME, "--sha256", sha256, *WHY, "--json")
    after = settle("impact", "--sha256", sha256, "--json")

    names = sorted([NAME, *MARTS])
    assert [(r["dataset"], r["business_date"], r["current"]) for r in reached.json["reached"]] == [
        (name, DAYS[0], True) for name in names
    ]
    assert reached.json["replay"] == [f"settlement backfill {NAME} --sha256 {sha256} --reason '…'"]
    assert all(name in shown.out for name in names)
    assert (replayed.code, replayed.json["dates"]) == (0, [DAYS[0]])
    assert [(r["dataset"], r["generation"], r["current"]) for r in after.json["reached"]] == [
        (name, 1, False) for name in names
    ]
    assert after.json["replay"] == []
    assert all(RFC3339_UTC.fullmatch(time) for time in times_in(after.json) + times_in(lineage.json))


def test_nothing_is_reached_by_a_file_that_never_came(settle: Settle) -> None:
    deliver_days(settle, 1)
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[0])

    unknown = settle("impact", "--sha256", "ab" * 32)
    wrong = settle("impact", "--sha256", "abc")
    unpublished = settle("lineage", NAME, DAYS[5], "--json")

    assert (unknown.code, wrong.code, unpublished.code) == (0, 2, 3)
    assert "No publication was made from" in unknown.out
    assert "is not a sha256" in wrong.err
    assert unpublished.json["generation"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("backfill", NAME), "needs a range"),
        (("backfill", NAME, "--from", DAYS[0]), "needs a range"),
        (("backfill", NAME, "--only-missing", "--only-failed"), "exclude each other"),
        (("backfill", NAME, "--from", DAYS[1], "--to", DAYS[0]), f"--to {DAYS[0]} is before --from {DAYS[1]}"),
        (("backfill", "nothing", "--only-missing"), "There is no dataset or mart 'nothing'"),
        (("backfill", NAME, "--sha256", "xyz"), "is not a sha256"),
        (("backfill", "status", "--watch", "--json"), "exclude each other"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(settle: Settle, arguments: tuple[str, ...], said: str) -> None:
    finished = settle(*arguments)

    assert finished.code == 2
    assert said in finished.err


def test_an_actor_without_the_role_launches_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = Shell(home=shell.home, exported=(("SETTLEMENT_ROLES", "operator=ben"),))

    refused = closed.here(monkeypatch, capsys, "backfill", NAME, "--from", DAYS[0], "--to", DAYS[0], *WHY)
    empty = shell.here(monkeypatch, capsys, "backfill", NAME, "--from", DAYS[0], "--to", DAYS[0], "--reason", " ")

    assert (refused.code, empty.code) == (3, 3)
    assert shows(refused.err, "role_missing", action="rerun", role="operator", actor="ana")
    assert shows(empty.err, "note_missing")


def test_on_a_running_instance_it_is_launched_shown_held_moved_and_canceled(shell: Shell, settle: Settle) -> None:
    """Everything that is done to it is on record, with who and why."""
    deliver_days(settle, 3)
    a_daemon_gives_a_sign(shell)

    launched = backfilled(settle, DAYS[0], DAYS[2], "--json")
    backfill_id = launched.json["backfill"]
    status = settle("backfill", "status", backfill_id, "--json")
    shown = settle("backfill", "status")
    paused = settle("backfill", "pause", backfill_id, *WHY)
    held = settle("backfill", "status", backfill_id, "--json")
    resumed = settle("backfill", "resume", backfill_id, *WHY, "--json")
    moved = settle("backfill", "priority", backfill_id, "3", *WHY)
    canceled = settle("backfill", "cancel", backfill_id, *WHY)
    ending, ending_told = settle("backfill", "status", "--json"), settle("backfill", "status")
    listed = settle("backfill", "list", "--json")
    unknown, unseen = settle("backfill", "cancel", "nothing", *WHY), settle("backfill", "status", "nothing")

    codes = [f.code for f in (launched, status, shown, paused, held, resumed, moved, canceled, listed, unknown, unseen)]
    found = status.json["backfills"][0]
    assert codes == [0] * 9 + [1, 1], [launched.err, paused.err, moved.err]
    assert (found["id"], found["status"], found["dates"], found["actor"]) == (backfill_id, "running", 3, "ana")
    assert [(p["dataset"], p["remaining"]) for p in found["progress"]] == [(n, 3) for n in (NAME, *MARTS)]
    assert [c["code"] for c in found["held_back_by_codes"]] == ["runs_not_requested"]
    assert f"{backfill_id}  running, priority 10" in shown.out
    assert f"why it waits: {found['held_back_by'][0]}" in shown.out
    assert held.json["backfills"][0]["status"] == "paused"
    assert {"code": "backfill_paused", "parameters": {"paused": "ana: a new rule"}} in held.json["backfills"][0][
        "held_back_by_codes"
    ]
    assert resumed.json["action"] == "backfill_resume"
    assert (listed.json["backfills"][0]["status"], listed.json["backfills"][0]["priority"]) == ("canceling", 3)
    assert ending.json["backfills"][0]["estimated_end_at"] is None
    assert ending.json["backfills"][0]["held_back_by_codes"][0]["code"] == "backfill_ending"
    assert "estimated end:" not in ending_told.out
    assert "No backfill has the id 'nothing'" in unknown.err
    assert unseen.err == unknown.err
    recorded = [a for a in open_home(shell.home).ledger.actions(NAME) if a.action.startswith("backfill")]
    assert [a.action for a in recorded] == [
        "backfill",
        "backfill_pause",
        "backfill_resume",
        "backfill_priority",
        "backfill_cancel",
    ]
    assert {(a.actor, a.reason, a.detail["backfill"]) for a in recorded} == {("ana", "a new rule", backfill_id)}


def test_without_any_backfill_the_reading_commands_say_so(settle: Settle) -> None:
    """And make no instance."""
    deliver_days(settle, 1)

    status, listed = settle("backfill", "status"), settle("backfill", "list", "--json")
    unknown, cancel = settle("backfill", "status", "nothing"), settle("backfill", "cancel", "nothing", *WHY)

    assert (status.code, listed.code, unknown.code, cancel.code) == (0, 0, 2, 2)
    assert "No backfill is running." in status.out
    assert json.loads(listed.out) == {"backfills": []}
    assert "no Dagster instance" in cancel.err
    assert (unknown.out, unknown.err) == ("", cancel.err)


def test_a_mart_can_be_backfilled_alone(settle: Settle) -> None:
    """A date that was built from older inputs counts as missing."""
    deliver_days(settle, 2)
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[1], "--no-marts")

    done = settle("backfill", MARTS[0], "--only-missing", "--to", DAYS[1], *WHY, "--json")
    again = settle("backfill", MARTS[0], "--only-missing", "--to", DAYS[1], *WHY, "--json")

    assert (done.code, done.json["dates"]) == (0, DAYS[:2])
    assert again.json["dates"] == []


GUIDE = PROJECT / "docs" / "backfills.md"


def test_every_command_of_the_guide_works_when_it_is_pasted(settle: Settle) -> None:
    """On a home of two dates; where something is not published they say so."""
    deliver_days(settle, 5)
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]

    found = {command: settle(*shlex.split(command)[1:]) for command in commands}

    assert len(commands) > 5
    assert {c: f.err for c, f in found.items() if f.code not in {0, 3}} == {}


def test_the_guide_names_every_command_and_option_of_backfills() -> None:
    """So that an operator finds them."""
    group = typer.main.get_command(app).commands["backfill"]  # type: ignore[attr-defined]
    options = [o for p in group.commands["launch"].params for o in p.opts if o.startswith("--only") or "dry" in o]
    names = [f"settlement backfill {name}" for name in group.commands if name != "launch"]

    missing = [each for each in [*names, *options] if each not in GUIDE.read_text()]

    assert options
    assert missing == []
