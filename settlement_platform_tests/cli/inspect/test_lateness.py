"""`settlement lateness`: what past arrivals say, for people and for programs."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from settlement_platform.storage.ledger.open import open_ledger
from settlement_platform_tests.builders import NOW, an_arrival
from settlement_platform_tests.cli.command import NAME, Shell

LINE = 'RecurringLateness(weekday=0, by=timedelta(minutes=50), sources=("amex",), note="late on 4 of 4 Mondays"),'


def arrived(home: Path) -> None:
    """Four Mondays on which amex came at 04:32 and visa at 03:30."""
    ledger = open_ledger(f"sqlite:///{home}/ledger.sqlite", now=NOW)
    for week in range(4):
        day = date(2026, 1, 4) + timedelta(weeks=week)
        for source, hour, minute in (("visa", 3, 30), ("amex", 4, 32)):
            observed = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) + timedelta(days=1)
            ledger.append(an_arrival(dataset=NAME, business_date=day, source=source, observed_at=observed))
    ledger.engine.dispose()


def test_recurring_lateness_is_shown_with_the_line_to_declare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table says when each source comes; the line can be pasted into the dataset."""
    arrived(tmp_path)

    finished = Shell(home=tmp_path).here(monkeypatch, capsys, "lateness", NAME)

    assert finished.code == 0
    assert LINE in finished.out
    assert "15 min early" in finished.out
    assert "47 min late" in finished.out


def test_programs_get_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Times in seconds, below 0 when early."""
    arrived(tmp_path)

    document = Shell(home=tmp_path).here(monkeypatch, capsys, "lateness", NAME, "--json").json

    amex, visa = document["patterns"]
    assert (document["dataset"], document["expected_by"], document["suggestions"]) == (NAME, "03:45", [LINE])
    assert (amex["source"], amex["count"], amex["median_seconds"], amex["suggested_seconds"]) == ("amex", 4, 2820, 3000)
    assert (visa["worst_seconds"], visa["suggestion"], visa["covered"]) == (-900, None, False)


def test_without_arrivals_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = Shell(home=tmp_path).here(monkeypatch, capsys, "lateness", NAME)

    assert (finished.code, finished.out) == (0, f"Nothing has arrived for {NAME} yet.\n")


def test_a_mart_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody delivers it."""
    finished = Shell(home=tmp_path).here(monkeypatch, capsys, "lateness", "merchant_daily_net")

    assert finished.code == 2
