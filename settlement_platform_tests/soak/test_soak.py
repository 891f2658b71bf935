"""A share of the soak: some minutes of kills, and nothing lost, doubled, partial, or stale without being called so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

KILLS, SEED = 60, 11
PATIENCE_SECONDS = 1200


def soak(report: Path, kills: int) -> "subprocess.CompletedProcess[str]":
    """Run the soak as `make soak` does: it forks, which a process with threads must not."""
    command = [sys.executable, "-m", "settlement_platform_tests.soak.run", "--report", str(report)]
    return subprocess.run(
        [*command, "--kills", str(kills), "--seed", str(SEED)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_partial_however_often_work_is_killed(tmp_path: Path) -> None:
    """It goes on from its report: the second half adds to the first."""
    report = tmp_path / "report.json"

    first, second = soak(report, KILLS // 2), soak(report, KILLS)

    assert (first.returncode, second.returncode) == (0, 0), first.stdout + second.stdout + second.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["kills"] >= KILLS
    assert found["sessions"] == 2
    assert found["violations"] == []
