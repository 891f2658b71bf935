"""Next steps in `explain` and `status`: of dates that a sensor processes, and of those that need a backfill."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.landing.scan import scan_landing_zone
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform_tests.cli.command import DAYS, MARTS, NAME, Settle, Shell, codes_in, correct, deliver_days
from settlement_platform_tests.pipeline.installation import REQUEST, open_home

WHY = ("--reason", "the provider confirmed it", "--actor", "ana")
NOTHING = {"dates": [], "commands": []}


def _tick(shell: Shell) -> None:
    """Let the sensor put on record what arrived."""
    scan_landing_zone(open_home(shell.home), (CARD_SETTLEMENTS,), REQUEST, time_left=lambda: 1.0)


def test_explain_says_what_the_sensor_does_next_with_a_date_that_is_whole(shell: Shell, settle: Settle) -> None:
    """Before it is read and after; it is not refused, and a command takes it up at once."""
    deliver_days(settle, 1)

    unread, unread_document = settle("explain", NAME, DAYS[0]), settle("explain", NAME, DAYS[0], "--json").json
    _tick(shell)
    read, read_document = settle("explain", NAME, DAYS[0]), settle("explain", NAME, DAYS[0], "--json").json

    command = f"settlement materialize {NAME} --from {DAYS[0]} --to {DAYS[0]}"
    assert "no verdict" not in unread.out + read.out
    assert "the next tick of its sensor reads its files and decides" in unread.out
    assert "its sensor requests the run that stages, validates and publishes it" in read.out
    assert "decision: not yet" in read.out
    assert f"next: {command}" in read.out
    assert (unread_document["decision"], read_document["decision"]) == ("refuse", "refuse")
    assert unread_document["what_follows"] == "the next tick of its sensor reads its files and decides"
    assert (unread_document["next_step"], read_document["next_step"]) == (command, command)


def test_explain_of_a_past_moment_says_where_to_look_for_what_follows(shell: Shell, settle: Settle) -> None:
    deliver_days(settle, 1)
    _tick(shell)

    past = settle("explain", NAME, DAYS[0], "--at", "2100-01-01", "--json").json

    assert past["decision"] == "refuse"
    assert codes_in(past["decision_reason_codes"]) == ["validation_was_pending"]
    assert past["what_follows"] == ""
    assert past["next_step"] == f"settlement explain {NAME} {DAYS[0]} shows what to do now"


def test_status_counts_the_changes_that_wait_for_a_backfill_and_names_what_drains_them(
    shell: Shell, settle: Settle
) -> None:
    """The command that it names takes them all, and nothing waits after it."""
    deliver_days(settle, 3)
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[2])
    before = settle("status", NAME, "--json").json["datasets"][0]
    for day in DAYS[:2]:
        correct(shell, day)
    _tick(shell)

    shown, every = settle("status", NAME), settle("status", "--json").json["datasets"]
    explained = settle("explain", NAME, DAYS[1])
    (command,) = every[0]["waiting_for_backfill"]["commands"]
    drained = settle(*command.split()[1:], *WHY)
    after = settle("status", NAME, "--json").json["datasets"][0]

    assert command == f"settlement backfill {NAME} --from {DAYS[0]} --to {DAYS[1]}"
    (corrections,) = [c for c in every[0]["reason_codes"] if c["code"] == "corrections_outside_window"]
    assert (corrections["parameters"]["dates"], corrections["parameters"]["commands"]) == (2, command)
    assert f"run: {command}" in shown.out
    assert [d["waiting_for_backfill"] for d in every] == [
        {"dates": DAYS[:2], "commands": [command]},
        *[NOTHING for _ in MARTS],
    ]
    assert f"next: settlement backfill {NAME} --from {DAYS[1]} --to {DAYS[1]}" in explained.out
    assert f"{DAYS[1]} closed at 2026-01-05 00:00 UTC" in explained.out
    assert drained.code == 0, drained.err
    assert before["waiting_for_backfill"] == after["waiting_for_backfill"] == NOTHING


def test_a_date_before_the_first_one_is_said_not_to_be_processed(settle: Settle) -> None:
    """Whatever is delivered of it, and of a mart too; the first date itself is waited for."""
    shown = "is before the first date, 2026-01-01 (SETTLEMENT_FIRST_DATE), so it is not processed"
    deliver_days(settle, 1, "--from", "2025-12-30")

    found = {
        (name, day): settle("explain", name, day, "--json")
        for name in (NAME, MARTS[0])
        for day in ("2020-01-01", "2025-12-30")
    }
    first, listed = settle("explain", NAME, DAYS[0], "--json").json, settle("partitions", NAME, "--from", "2025-12-30")
    past = settle("explain", NAME, "2020-01-01", "--at", "2026-02-01", "--json").json

    for (_, day), finished in found.items():
        assert finished.code == 0
        assert finished.json["reasons"] == finished.json["decision_reasons"] == [f"{day} {shown}"]
        assert finished.json["next_step"] == "nothing; it is before SETTLEMENT_FIRST_DATE"
        assert finished.json["what_follows"] == ""
    assert found[NAME, "2020-01-01"].json["state"] == past["state"] == "late"
    assert past["reasons"] == [f"2020-01-01 {shown}"]
    assert "2025-12-30 is before" in listed.out
    assert first["next_step"] == "nothing until the files arrive"
    assert "visa: no file" in first["reasons"][0]


def test_a_date_that_was_published_before_the_first_one_stays_as_it_is(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a mart that is behind with it is built all the same."""
    assert shell.here(monkeypatch, capsys, "generate", "--days", "1", "--rows", "30").code == 0
    platform = open_home(shell.home)
    validate_and_publish(prepare(platform, CARD_SETTLEMENTS, platform.first_date, REQUEST))
    later = Shell(home=shell.home, exported=(("SETTLEMENT_FIRST_DATE", DAYS[4]),))

    published = later.here(monkeypatch, capsys, "explain", NAME, DAYS[0], "--json").json
    followed = later.here(monkeypatch, capsys, "explain", MARTS[0], DAYS[0], "--json").json

    assert (published["state"], published["next_step"]) == ("final", "nothing; it is published")
    assert "before the first date" not in published["reasons"][0] + followed["reasons"][0]
    assert followed["next_step"] == f"settlement materialize {MARTS[0]} --from {DAYS[0]} --to {DAYS[0]}"


def test_status_sends_to_doctor_while_the_landing_zone_is_away_whatever_is_published(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where every date that is due is published."""
    today = datetime.now(UTC).date()
    days = (("SETTLEMENT_FIRST_DATE", str(today - timedelta(days=2))),)
    recent = Shell(home=shell.home, exported=days)
    assert recent.here(monkeypatch, capsys, "generate", "--days", "3", "--rows", "30").code == 0
    platform = replace(open_home(shell.home), first_date=today - timedelta(days=2))
    for back in (2, 1, 0):
        validate_and_publish(prepare(platform, CARD_SETTLEMENTS, today - timedelta(days=back), REQUEST))
    before = recent.here(monkeypatch, capsys, "status", NAME, "--json")
    (shell.home / "landing").rename(shell.home / "away")

    away = recent.here(monkeypatch, capsys, "status", NAME, "--json")

    assert [f.json["datasets"][0]["freshness_lag_seconds"] for f in (before, away)] == [0, 0]
    assert [f.json["datasets"][0]["next_step"] for f in (before, away)] == ["nothing", "settlement doctor"]
