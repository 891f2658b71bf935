"""What is tried again, and what is not: a transient failure heals, bad input and wrong settings never do."""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from settlement_platform.control.failures import PermanentFailure, SettlementError, TransientFailure
from settlement_platform.control.policies import RetryPolicy
from settlement_platform.orchestration.outcomes import STEP_RETRIES, raise_unless_all_visible
from settlement_platform.pipeline.many_dates import Failed
from settlement_platform_tests.deliveries import Delivery, some_rows
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, STAGED, DagsterHome, day
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, happening


def once(action: object, *arguments: object) -> object:
    """The action, the first time that it is called."""
    left = [action]

    def call() -> None:
        if left:
            left.pop()(*arguments)  # type: ignore[operator]

    return call


def overwrite(landing: Path, business_date: date) -> None:
    """Deliver another visa file of a date."""
    Delivery(business_date=business_date, source="visa", rows=some_rows(business_date, "visa", 7)).write(landing)


def test_a_delivery_that_changes_while_it_is_read_is_taken_by_the_next_try(home: DagsterHome) -> None:
    """The step is tried again after a pause; the other dates were published by the first try."""
    for number in range(3):
        home.deliver(day(number))
    changing = once(overwrite, home.landing, day(1))

    with happening(BOUNDARIES["after a draft is settled"], changing):
        run = home.run(day(0), day(2))

    rows = home.query(f"SELECT business_date, count(*) FROM lake.published.{NAME} GROUP BY ALL ORDER BY ALL")
    assert run.success
    assert rows[0] == (day(0), 9)
    assert rows[1] == (day(1), 13)
    assert rows[2] == (day(2), 9)
    assert home.materialized(PUBLISHED) == {day(n).isoformat() for n in range(3)}


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
