"""Commands as processes: two at once, one killed, one whose reader goes away, and what they import and export."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from settlement_platform_tests.cli.command import NAME, SETTLEMENT, Shell
from settlement_platform_tests.pipeline.installation import plain_reader

HEAVY = ("dagster", "duckdb", "ibis", "numpy", "pandas", "pandera", "sqlalchemy")
RECORDS = f"SELECT business_date, generation, rows FROM published.publications WHERE dataset = '{NAME}' ORDER BY ALL"


def test_two_commands_on_the_same_dates_both_end_well(tmp_path: Path) -> None:
    """One publishes each date, the other finds it published; nothing is doubled."""
    shell = Shell(home=tmp_path / "home")
    shell("generate", "--days", "4", "--rows", "300")
    command = ("materialize", NAME, "--from", "2026-01-01", "--to", "2026-01-04")

    both = [shell.start(*command) for _ in range(2)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in both]

    assert [code for _, code in ended] == [0, 0], ended
    assert shell.rows_of(RECORDS) == [[f"2026-01-0{n}", 1, 300] for n in range(1, 5)]
    assert shell.rows_of(f"SELECT count(*) FROM published.{NAME}") == [[1200]]
    assert shell.rows_of("SELECT sum(transactions) FROM published.merchant_daily_net") in ([[1200]], [["1200"]])


@pytest.mark.slow
def test_a_killed_command_is_completed_by_the_next(tmp_path: Path) -> None:
    """Killed after its first publication, it leaves whole dates only; the next command does the rest."""
    shell = Shell(home=tmp_path / "home")
    shell("generate", "--days", "8", "--rows", "3000")
    command = ("materialize", NAME, "--from", "2026-01-01", "--to", "2026-01-08")

    killed = shell.start(*command)
    deadline = time.monotonic() + 60
    while not any((tmp_path / "home" / "lake" / "published" / NAME).rglob("*.parquet")):
        assert time.monotonic() < deadline, "nothing was published"
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    left = plain_reader(shell.home).execute(f"SELECT business_date, count(*) FROM lake.published.{NAME} GROUP BY ALL")
    counts = {count for _, count in left.fetchall()}
    completed = shell(*command)

    assert killed.returncode == -signal.SIGKILL
    assert counts <= {3000}
    assert completed.code == 0, completed.err
    assert shell.rows_of(RECORDS) == [[f"2026-01-0{n}", 1, 3000] for n in range(1, 9)]
    assert shell.rows_of(f"SELECT count(*) FROM published.{NAME}") == [[24000]]


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """As with `| head`: not a word on standard error."""
    shell = Shell(home=tmp_path)
    pipe = f"{SETTLEMENT} partitions {NAME} --json | head -c 1"

    piped = subprocess.run(
        ["/bin/sh", "-c", pipe], env=shell.environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert piped.stdout == "{"
    assert piped.stderr == ""


def test_the_command_line_imports_nothing_heavy_to_print_its_help() -> None:
    """Each command imports its modules when it runs."""
    program = f"import sys, settlement_platform.cli.app; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.split() == []


@pytest.mark.slow
def test_exported_homes_are_respected_by_every_command(tmp_path: Path) -> None:
    """Everything local is beneath the one, runs and events beneath the other, and nothing anywhere else."""
    home, dagster = tmp_path / "home", tmp_path / "dagster"
    shell = Shell(home=home, exported=(("DAGSTER_HOME", str(dagster)), ("HOME", str(tmp_path / "user"))))
    shell("generate", "--days", "1", "--rows", "30")

    ran = shell.materialize("2026-01-01", "2026-01-01")
    others = [
        shell("status"),
        shell("partitions", NAME),
        shell("explain", NAME, "2026-01-01"),
        shell("sql", "SELECT 1"),
        shell("quarantine", "list"),
        shell("doctor"),
    ]

    assert ran.code == 0, ran.err
    assert [o.code for o in others] == [3, 0, 0, 0, 0, 1]
    assert "has no dagster.yaml" in others[-1].out
    assert any(dagster.rglob("runs.db"))
    assert not (home / "dagster").exists()
    assert {p.name for p in home.iterdir()} <= {"landing", "staging", "lake", "locks", "tmp", "ledger.sqlite"} | {
        f"ledger.sqlite-{suffix}" for suffix in ("shm", "wal")
    }
    assert {p.name for p in tmp_path.iterdir()} <= {"home", "dagster", "user"}


@pytest.mark.slow
def test_the_demo_shows_what_is_published_and_what_is_not(tmp_path: Path) -> None:
    """A fortnight in a folder of its own: one date corrupt, one late, one corrected; what it names can be looked at."""
    shell = Shell(home=tmp_path / "home")

    demo = shell("demo", "--json")
    states = [item["state"] for item in demo.json["partitions"]]
    beneath = Shell(home=Path(demo.json["home"]), exported=(("SETTLEMENT_FIRST_DATE", demo.json["first_date"]),))

    assert demo.code == 0, demo.err
    assert Path(demo.json["home"]).is_relative_to(tmp_path / "home" / "demo")
    assert len(states) == 14
    assert {state: states.count(state) for state in set(states)} == {
        "final": 11,
        "restated": 1,
        "quarantined": 1,
        "waiting": 1,
    }
    assert beneath("quarantine", "list", "--json").json["quarantined"][0]["dataset"] == NAME
