"""An error of the program that one date meets: the other dates go on, and its traceback is kept."""

from datetime import date
from typing import Any

import dagster as dg
import pytest

from settlement_platform.control.landing.deliveries import LandedFile
from settlement_platform.control.policies import DeliveryLimits
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.jobs.run_in_process import failure_text
from settlement_platform.orchestration.keys import published_key
from settlement_platform.pipeline.processing import process_dates
from settlement_platform.pipeline.processing.process_dates import FailedDate
from settlement_platform.storage.landing.zone import LandingZone, ReceivedFile
from settlement_platform_tests.orchestration.dagster_home import PUBLISHED, STAGED, DagsterHome, Run, day

MART_KEY = published_key("merchant_daily_net")


def errors_logged(home: DagsterHome, run: Run) -> str:
    """The messages of level error in the run's log."""
    events = home.instance.all_logs(run.result.run_id)
    return "\n".join(e.user_message for e in events if e.level >= 40)


def assert_only_its_date_failed(home: DagsterHome, run: Run, key: dg.AssetKey) -> None:
    """Two of three dates are there, and the step was tried once."""
    failed = run.outcomes[day(1)]
    assert isinstance(failed, FailedDate)
    assert isinstance(failed.defect, ZeroDivisionError)
    assert not run.success
    assert run.failure.splitlines()[0] == "1 of 3 dates are not published."
    assert f"{day(1)}: failed: ZeroDivisionError: a mistake in the code" in run.failure
    assert home.materialized(key) == {day(n).isoformat() for n in (0, 2)}
    assert (run.count("STEP_START"), run.count("STEP_UP_FOR_RETRY")) == (1, 0)
    assert "Traceback (most recent call last)" in errors_logged(home, run)
    assert "in break_down" in errors_logged(home, run)


def test_a_dataset_publishes_the_other_dates(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is met while a file of the second of three dates is read."""
    for number in range(3):
        home.deliver(day(number))
    receive = LandingZone.receive

    def break_down(zone: LandingZone, landed: LandedFile, limits: DeliveryLimits) -> ReceivedFile:
        if landed.key.startswith(f"{day(1)}/"):
            message = "a mistake in the code"
            raise ZeroDivisionError(message)
        return receive(zone, landed, limits)

    monkeypatch.setattr(LandingZone, "receive", break_down)
    run = home.run(day(0), day(2), keys=[STAGED, PUBLISHED])

    assert_only_its_date_failed(home, run, PUBLISHED)


def test_a_mart_publishes_the_other_dates(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is met while the second of three dates is built."""
    for number in range(3):
        home.deliver(day(number))
    home.run(day(0), day(2))
    build_mart = process_dates.build_mart

    def break_down(platform: Any, mart: Mart, business_date: date, request: Any) -> Any:  # noqa: ANN401 - as it is
        if business_date == day(1):
            message = "a mistake in the code"
            raise ZeroDivisionError(message)
        return build_mart(platform, mart, business_date, request)

    monkeypatch.setattr(process_dates, "build_mart", break_down)
    run = home.run(day(0), day(2), keys=[MART_KEY])

    assert_only_its_date_failed(home, run, MART_KEY)


def test_only_what_ended_a_run_beside_its_named_dates_is_its_failure(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused dates are reported one by one; an error in reporting is named, without a stack of frames."""
    home.deliver_corrupt(day(0))
    home.deliver(day(1))

    refused = home.run(day(0))
    monkeypatch.setattr("settlement_platform.orchestration.assets.dataset_assets.report_watermark", _refuse_to_report)
    broken = home.run(day(1))

    assert failure_text(refused.result) is None
    assert failure_text(broken.result) == "ZeroDivisionError: nothing to divide"


def _refuse_to_report(*_: object) -> None:
    message = "nothing to divide"
    raise ZeroDivisionError(message)
