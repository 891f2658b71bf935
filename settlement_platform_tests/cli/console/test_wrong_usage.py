"""Commands that cannot be meant: exit code 2, a sentence that says what would be right, nothing on standard output."""

from pathlib import Path

import pytest

from settlement_platform_tests.cli.command import NAME, Shell

CASES = {
    "an unknown dataset": ("materialize nope --from 2026-01-01 --to 2026-01-02", "There is no dataset or mart 'nope'"),
    "a bad date": (f"materialize {NAME} --from 2026-13-01 --to 2026-01-02", "2026-13-01"),
    "a reversed range": (f"materialize {NAME} --from 2026-01-03 --to 2026-01-02", "is before --from 2026-01-03"),
    "a future date": (f"materialize {NAME} --from 2026-01-03 --to 2999-01-01", "2999-01-01 is in the future"),
    "a date before the first": (f"materialize {NAME} --from 2025-12-31 --to 2026-01-01", "before the first"),
    "no range": (f"materialize {NAME}", "--from"),
    "partitions of nothing": ("partitions nope", "Choose one of card_settlements"),
    "a reversed range to list": (f"partitions {NAME} --from 2026-01-02 --to 2026-01-01", "is before --from 2026-01-02"),
    "status of nothing": ("status nope", "Choose one of card_settlements"),
    "a bad time": (f"explain {NAME} 2026-01-01 --at yesterday", "is not a time"),
    "the lateness of a mart": ("lateness merchant_daily_net", "is a mart"),
    "no days to generate": ("generate --days 0 --rows 10", "days must be at least 1"),
    "an unknown source": ("generate --days 1 --rows 10 --corrupt 2026-01-01:discover", "no source 'discover'"),
    "a flaw outside the range": (
        "generate --days 1 --rows 10 --late 2026-09-09",
        "settlement: late 2026-09-09 (mastercard) is outside the generated dates, 2026-01-01 to 2026-01-01",
    ),
    "the end of time": (f"explain {NAME} 9999-12-31", "is out of range"),
    "partitions to the end of time": (f"partitions {NAME} --to 9999-12-31", "Give a date from 1970-01-01"),
    "partitions from the beginning": (f"partitions {NAME} --from 0001-01-01", "Give a date from 1970-01-01"),
    "quarantine at the end of time": (f"quarantine show {NAME} 9999-12-31", "Give a date from 1970-01-01"),
    "a time before time": (f"explain {NAME} 2026-01-01 --at 0001-01-01T00:00:00+10:00", "is not a time"),
    "an unknown command": ("frobnicate", "No such command"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_usage_exits_2_and_says_what_is_wrong(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written for it either."""
    arguments, said = CASES[case]

    finished = Shell(home=tmp_path / "home").here(monkeypatch, capsys, *arguments.split())

    assert finished.code == 2, finished.err
    assert finished.out == ""
    assert said in finished.err
    assert "Traceback" not in finished.err
    assert not (tmp_path / "home" / "landing" / "2026-01-01").exists()


def test_what_nobody_meant_exits_1(tmp_path: Path) -> None:
    """Settings that cannot be read, a store that does not answer, a home that is a file."""
    (tmp_path / "file").write_text("not a folder")
    shells = [
        Shell(home=tmp_path / "a", exported=(("SETTLEMENT_FIRST_DATE", "yesterday"),)),
        Shell(home=tmp_path / "b", exported=(("SETTLEMENT_LAKE_URL", "gs://bucket"),)),
        Shell(home=tmp_path / "file"),
    ]

    found = [shell("status", "--json") for shell in shells]

    assert [f.code for f in found] == [1, 1, 1]
    assert [f.out for f in found] == ["", "", ""]
    assert "SETTLEMENT_FIRST_DATE" in found[0].err
    assert "SETTLEMENT_LAKE_URL" in found[1].err
