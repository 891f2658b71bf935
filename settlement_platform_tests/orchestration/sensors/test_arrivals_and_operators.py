"""The arrivals sensor keeps to what operators decided: pauses and skipped dates."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from settlement_platform.pipeline.operators import actions
from settlement_platform_tests.builders import an_action
from settlement_platform_tests.orchestration.dagster_home import NAME, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import tick
from settlement_platform_tests.orchestration.sensors.arriving_files import (
    OPEN,
    SENSOR,
    Provider,
    arrivals,
    others,
    visa,
)
from settlement_platform_tests.pipeline.operating import ANA, EVERYONE, states

pytestmark = pytest.mark.usefixtures("never_closing")


def record_override(home: DagsterHome, action: str) -> None:
    home.without_dagster().platform.ledger.append(
        an_action(action=action, dataset=NAME, recorded_at=datetime.now(UTC), detail={})
    )


def test_while_paused_arrivals_are_recorded_and_nothing_is_launched(provider: Provider) -> None:
    """Deliveries that arrive meanwhile are requested when the pause ends."""
    home, first = provider.home, day(0)
    record_override(home, "pause")
    provider.put(visa(first), *others(first))

    paused = tick(home, SENSOR)
    record_override(home, "resume")
    resumed = tick(home, SENSOR)

    assert paused.days == []
    assert f"{NAME} is paused by ines" in paused.said
    assert "1 date not requested until that ends" in paused.said
    assert [o.partition for o in paused.observed] == [first.isoformat()]
    assert len(arrivals(home, first)) == 3
    assert resumed.days == [first.isoformat()]


def test_a_run_and_a_tick_leave_a_skipped_date_alone_until_it_is_delivered_again(home: DagsterHome) -> None:
    """The run had been requested before the skip; the same files, delivered once more, are requested once more."""
    first, there = day(0), home.without_dagster()
    there.platform = replace(there.platform, members=EVERYONE)
    home.deliver(first)
    requested = tick(home, SENSOR)
    actions.skip(there.platform, OPEN, first, ANA)

    home.run(first)
    left = tick(home, SENSOR)
    stood = states(there, first)
    home.deliver(first)
    again = tick(home, SENSOR)
    home.run(first)

    assert [len(t.launched) for t in (requested, left, again)] == [1, 0, 1]
    assert left.days == []
    assert stood == ["skipped"]
    assert states(there, first) == ["skipped", "final"]
