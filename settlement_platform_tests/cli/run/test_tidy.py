"""`settlement tidy` says what it will do before it does it, and what is no longer kept is reported as such."""

from pathlib import Path

import pytest

from settlement_platform.storage.lake import files as lake_files
from settlement_platform_tests.cli.command import Shell
from settlement_platform_tests.pipeline.tidying import days, files_of, local_stores, opened, publish, snapshots


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A home with three published dates."""
    publish(opened(local_stores(tmp_path / "home")), *days(3))
    return Shell(home=tmp_path / "home")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a reason, and for programs too."""
    before = files_of(opened(local_stores(shell.home)))

    shown = shell.here(monkeypatch, capsys, "tidy", "--dry-run", "--nobody-reads")
    reported = shell.here(monkeypatch, capsys, "tidy", "--dry-run", "--nobody-reads", "--json")

    steps = {(s["step"], s["table"]): s for s in reported.json["steps"]}
    assert (shown.code, reported.code) == (0, 0)
    assert "the lake keeps 400 days" in shown.out
    assert reported.json["dry_run"] is True
    assert reported.json["retention"]["snapshots_days"] == 400
    assert steps["merge", "published.card_settlements"]["files"] == 9
    assert files_of(opened(local_stores(shell.home))) == before


def test_it_says_what_it_will_do_and_then_what_it_did(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = shell.here(monkeypatch, capsys, "tidy", "--nobody-reads", "--reason", "the year's end", "--json")

    assert done.code == 0
    assert "merge 9 files of published.card_settlements" in done.err
    assert done.json["steps"] == done.json["planned"]
    actions = opened(local_stores(shell.home)).platform.ledger.actions("lake")
    assert [(a.action, a.reason) for a in actions] == [("tidy", "the year's end"), ("tidied", "the year's end")]


def test_what_somebody_works_on_is_left_and_the_command_ends_with_3(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    locks = opened(local_stores(shell.home)).platform.locks

    with locks.hold(f"card_settlements-{days(1)[0]}", timeout_seconds=0):
        done = shell.here(monkeypatch, capsys, "tidy", "--nobody-reads", "--reason", "why")

    assert done.code == 3
    assert f"somebody works on {days(1)[0]}" in done.out


@pytest.mark.parametrize(
    ("arguments", "roles", "code", "words"),
    [
        ((), "operator=*", 2, "needs a reason"),
        (("--reason", "why", "--actor", "eve"), "operator=ana", 3, "needs the role 'operator'"),
    ],
    ids=["no reason", "not an operator"],
)
def test_it_needs_a_reason_and_an_operator(
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    roles: str,
    code: int,
    words: str,
) -> None:
    other = Shell(home=shell.home, exported=(("SETTLEMENT_ROLES", roles),))

    refused = other.here(monkeypatch, capsys, "tidy", *arguments)

    assert refused.code == code
    assert words in refused.err


def test_a_read_as_of_a_moment_that_is_no_longer_kept_says_from_when_on_the_past_is(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It never shows another moment's figures instead."""
    installation = opened(local_stores(shell.home))
    known = snapshots(installation)
    with installation.platform.lake.publishing() as lake:
        lake_files.expire_snapshots(lake.cursor, [s.number for s in known[:-2]])

    gone = shell.here(monkeypatch, capsys, "sql", "select 1", "--as-of", known[-3].committed_at.isoformat())
    kept = shell.here(monkeypatch, capsys, "sql", "select 1", "--as-of", known[-2].committed_at.isoformat())

    assert (gone.code, kept.code) == (2, 0)
    assert "is expired: the lake keeps 400 days" in gone.err
    assert known[-2].committed_at.isoformat()[:23] in gone.err
