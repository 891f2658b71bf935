"""What is tried again, and what is not: a transient failure heals, bad input and wrong settings never do."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from settlement_platform.control.deliveries import LandedFile
from settlement_platform.control.failures import PermanentFailure, SettlementError, TransientFailure
from settlement_platform.control.policies import RetryPolicy
from settlement_platform.orchestration.outcomes import STEP_RETRIES, raise_unless_all_visible
from settlement_platform.pipeline.concluded import Concluded
from settlement_platform.pipeline.many_dates import Failed
from settlement_platform.storage.landing import LandingZone, Received
from settlement_platform_tests.deliveries import Delivery
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, STAGED, DagsterHome, day

if TYPE_CHECKING:
    from datetime import date


def test_a_transient_failure_is_tried_again_and_stops_no_other_date(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is away while it is read is read by the next try; the other dates are published by the first."""
    for number in range(3):
        home.deliver(day(number))
    delivery = Delivery(business_date=day(1), source="visa")
    file = delivery.data_path(home.landing)
    away = file.with_name(".away")
    tries: list[tuple[date, str]] = []
    tries_of_its_date: list[Concluded | Failed] = []

    receive = LandingZone.receive

    def hide_and_receive(zone: LandingZone, landed: LandedFile) -> Received:
        if landed.key == delivery.data_key and not tries_of_its_date:
            file.rename(away)
        return receive(zone, landed)

    def hear(outcome: Concluded | Failed) -> None:
        tries.append((outcome.business_date, "failed" if isinstance(outcome, Failed) else outcome.decision.move))
        if outcome.business_date == day(1):
            tries_of_its_date.append(outcome)
        if isinstance(outcome, Failed):
            away.rename(file)

    monkeypatch.setattr(LandingZone, "receive", hide_and_receive)
    run = home.run(day(0), day(2), listener=hear)

    assert run.success
    assert tries[:3] == [(day(0), "publish"), (day(1), "failed"), (day(2), "publish")]
    assert tries[3:] == [(day(0), "already_published"), (day(1), "publish"), (day(2), "already_published")]
    assert (run.count("STEP_START"), run.count("STEP_UP_FOR_RETRY"), run.count("STEP_RESTARTED")) == (1, 1, 1)
    assert home.materialized(PUBLISHED) == {day(n).isoformat() for n in range(3)}
    assert home.query(f"SELECT count(*) FROM lake.published.{NAME}") == [(27,)]


@pytest.mark.parametrize(
    ("failure", "allowed"),
    [(TransientFailure("the store did not answer"), True), (PermanentFailure("the settings are wrong"), False)],
)
def test_only_a_transient_failure_allows_retries(failure: SettlementError, allowed: bool) -> None:
    """The date that failed is named in both cases."""
    outcomes = [Failed(business_date=day(0), failure=failure)]

    with pytest.raises(dg.Failure) as raised:
        raise_unless_all_visible(outcomes)

    assert raised.value.allow_retries is allowed
    assert f"{day(0)}: failed: {failure}" in str(raised.value.description)


def test_retries_follow_the_declared_policy() -> None:
    """As many as the policy of the core says, with growing pauses."""
    assert STEP_RETRIES.max_retries == RetryPolicy().max_retries
    assert STEP_RETRIES.delay == RetryPolicy().base_seconds
    assert STEP_RETRIES.backoff is dg.Backoff.EXPONENTIAL


def test_wrong_settings_are_tried_once(tmp_path: Path) -> None:
    """A catalog that processes cannot share is named, and no retry pretends that it could heal."""
    home = DagsterHome(tmp_path / "home", SETTLEMENT_CATALOG_URL="duckdb:///catalog.db")
    home.deliver(day(0))

    run = home.run(day(0), keys=[STAGED, PUBLISHED])

    assert not run.success
    assert "catalog" in run.failure
    assert (run.count("STEP_START"), run.count("STEP_UP_FOR_RETRY")) == (1, 0)
    home.close()


def test_an_error_of_the_program_is_tried_once(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying again would meet the same error, and hide it behind a delay."""
    home.deliver(day(0))

    def receive(zone: LandingZone, landed: LandedFile) -> Received:
        message = f"a mistake in the code met {landed.key}"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(LandingZone, "receive", receive)
    run = home.run(day(0), keys=[STAGED, PUBLISHED])

    assert not run.success
    assert "ZeroDivisionError: a mistake in the code" in run.failure
    assert (run.count("STEP_START"), run.count("STEP_UP_FOR_RETRY")) == (1, 0)
