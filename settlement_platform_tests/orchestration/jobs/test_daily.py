"""The time at which the schedule requests a business date."""

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from settlement_platform.definitions import load_definitions
from settlement_platform.settings import load_settings
from settlement_platform_tests.orchestration.dagster_home import SCHEDULE, evaluate_schedule
from settlement_platform_tests.orchestration.private_dagster import ScheduleExecutionData


def tick(home: Path, when: datetime, **environment: str) -> ScheduleExecutionData:
    settings = load_settings({"SETTLEMENT_HOME": str(home), **environment})
    return evaluate_schedule(load_definitions(settings), settings, when)


@pytest.mark.parametrize(
    ("scheduled", "asked"),
    [
        (datetime(2026, 1, 2, 4, tzinfo=UTC), date(2026, 1, 1)),
        (datetime(2026, 3, 1, 4, tzinfo=UTC), date(2026, 2, 28)),
        (datetime(2026, 3, 30, 4, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 11, 1, 4, tzinfo=UTC), date(2026, 10, 31)),
    ],
    ids=["the second day", "after February", "after a change of clocks", "after October"],
)
def test_the_schedule_requests_the_day_before(tmp_path: Path, scheduled: datetime, asked: date) -> None:
    """The scheduled time counts, not the clock: a tick that is made up for requests the same date."""
    (request,) = tick(tmp_path, scheduled).run_requests

    assert request.partition_key == asked.isoformat()
    assert request.run_key == asked.isoformat()
    assert request.tags["settlement/reason"] == "daily schedule"


def test_the_schedule_skips_what_lies_before_the_first_date(tmp_path: Path) -> None:
    """On the morning of the first business date there is no date before it."""
    found = tick(tmp_path, datetime(2026, 5, 1, 4, tzinfo=UTC), SETTLEMENT_FIRST_DATE="2026-05-01")

    assert found.run_requests == []
    assert "2026-04-30 is before the first business date" in str(found.skip_message)


def test_the_schedule_runs_at_four_in_utc_from_the_start(tmp_path: Path) -> None:
    """It needs nobody to switch it on, and its job goes from staged to the marts."""
    definitions = load_definitions(load_settings({"SETTLEMENT_HOME": str(tmp_path)}))
    repository = definitions.get_repository_def()

    schedule = repository.get_schedule_def(SCHEDULE)
    nodes = {key.to_user_string() for key in repository.get_job(schedule.job_name).asset_layer.selected_asset_keys}

    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 4 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert nodes == {
        "staged/card_settlements",
        "published/card_settlements",
        "published/merchant_daily_net",
        "published/network_fee_summary",
    }
