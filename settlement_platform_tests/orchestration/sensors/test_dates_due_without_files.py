"""Dates that are due without all their files are requested: closed days and provisional publications."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import time_machine

from settlement_platform.control.policies import ProvisionalCut
from settlement_platform.control.timeliness.calendars import MONDAY_TO_FRIDAY, Calendar
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform_tests.orchestration.dagster_home import NAME, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import tick
from settlement_platform_tests.orchestration.sensors.arriving_files import (
    OPEN,
    SENSOR,
    Provider,
    others,
    shown_in,
    visa,
)

pytestmark = pytest.mark.usefixtures("never_closing")


@pytest.mark.parametrize("moment", ["04:00", "06:01"])
def test_dates_become_due_without_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """A date on which nobody works, and a provisional cut at the deadline."""
    declared = replace(
        CARD_SETTLEMENTS,
        calendar=Calendar(name="weekdays", weekdays=MONDAY_TO_FRIDAY),
        provisional=ProvisionalCut(minimum_sources=2),
    )
    monkeypatch.setattr("settlement_platform.catalog.DATASETS", (declared,))
    home = DagsterHome(tmp_path / "home", SETTLEMENT_FIRST_DATE="2026-01-03")
    home.deliver_incomplete(date(2026, 1, 5))

    with time_machine.travel(f"2026-01-06T{moment}:00+00:00", tick=False):
        due = tick(home, SENSOR)

    home.close()
    closed = [f"{NAME}:2026-01-0{n}:not_expected" for n in (4, 3)]
    cut = [f"{NAME}:2026-01-05:{shown_in(due)}:provisional"] if moment == "06:01" else []
    assert [r.run_key for r in due.launched] == [*cut, *closed]


def test_a_cut_whose_files_were_archived_is_requested_when_another_source_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the content that its run publishes; archiving alone requests nothing."""
    declared = replace(OPEN, provisional=ProvisionalCut(minimum_sources=2))
    monkeypatch.setattr("settlement_platform.catalog.DATASETS", (declared,))
    home = DagsterHome(tmp_path / "home")
    home.deliver_incomplete(day(0))
    cut = tick(home, SENSOR)
    home.run(day(0))
    Provider(home=home).remove(visa(day(0)))
    archived = tick(home, SENSOR)
    others(day(0))[-1].write(home.landing)

    completed = tick(home, SENSOR)
    home.run(day(0))
    after = tick(home, SENSOR)

    found = home.query("SELECT content_hash, state, rows FROM lake.published.publications ORDER BY generation")
    home.close()
    assert (cut.days, archived.days, completed.days, after.days) == ([str(day(0))], [], [str(day(0))], [])
    assert [(state, rows) for _, state, rows in found] == [("provisional", 6), ("final", 9)]
    assert completed.launched[0].run_key == f"{NAME}:{day(0)}:{found[-1][0]}"
