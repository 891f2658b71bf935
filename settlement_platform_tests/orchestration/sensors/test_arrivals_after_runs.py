"""Contents whose run failed or was refused are requested again only when that can help."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import time_machine

from settlement_platform.control.facts import Attempt, AttemptOutcome
from settlement_platform.orchestration.queue.run_index import CONTENT_TAG
from settlement_platform_tests.builders import an_attempt
from settlement_platform_tests.orchestration.dagster_home import NAME, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import tick
from settlement_platform_tests.orchestration.sensors.arriving_files import SENSOR

pytestmark = pytest.mark.usefixtures("never_closing")


def test_a_refused_date_is_not_requested_again(home: DagsterHome) -> None:
    """Its verdict is on record for exactly this content; a correction is another content."""
    home.deliver_corrupt(day(0))
    first = tick(home, SENSOR)
    home.run(day(0))

    refused = tick(home, SENSOR)
    home.correct(day(0))
    corrected = tick(home, SENSOR)

    assert [t.days for t in (first, refused, corrected)] == [[day(0).isoformat()], [], [day(0).isoformat()]]


def test_a_run_that_failed_is_named_with_the_command_that_tries_again(home: DagsterHome) -> None:
    """Dagster launches no run key twice, so that a person has to know."""
    home.deliver(day(0))
    tick(home, SENSOR)
    for run in home.instance.get_runs():
        home.instance.report_run_failed(run)

    after = tick(home, SENSOR)

    assert after.days == []
    assert f"to run it again: settlement materialize {NAME} --from {day(0)} --to {day(0)}" in after.said


def test_what_an_outage_kept_from_being_published_is_requested_again_ever_later(home: DagsterHome) -> None:
    """Each try has a key of its own and names the same content; a word on the files ends it."""
    home.deliver(day(0))
    ledger, begun = home.without_dagster().platform.ledger, datetime.now(UTC)

    found, names = [], iter("abcdef")
    for minutes, outcome in (
        (0, AttemptOutcome.FAILED),
        (4, None),
        (6, AttemptOutcome.STARTED),
        (15, None),
        (17, AttemptOutcome.REFUSED),
        (60, None),
    ):
        with time_machine.travel(begun + timedelta(minutes=minutes), tick=True):
            found.append(tick(home, SENSOR))
            if outcome:
                ledger.append(_an_end(next(names), outcome))
            for run in home.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
                home.instance.report_run_failed(run)

    launched = [t.launched[0] for t in found if t.launched]
    key = launched[0].run_key
    assert [len(t.launched) for t in found] == [1, 0, 1, 0, 1, 0]
    assert [r.run_key for r in launched] == [key, f"{key}:try 2", f"{key}:try 3"]
    assert {r.tags[CONTENT_TAG] for r in launched} == {key}
    assert launched[1].tags["settlement/reason"] == "retry of a failed run; try 2"
    assert f"{day(0)}: 1 try did not publish it; the next is due at" in found[1].said
    assert f"settlement materialize {NAME}" in found[5].said


def _an_end(name: str, outcome: str) -> Attempt:
    return an_attempt(
        attempt_id=name, dataset=NAME, business_date=day(0), outcome=outcome, recorded_at=datetime.now(UTC)
    )
