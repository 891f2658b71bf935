"""Requirements for circuit breakers: nothing is launched on an upstream that is down, then one probe is."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import time_machine

from settlement_platform.control.reliability.circuit_breakers import BreakerState
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.launching.circuit_breakers import all_breakers
from settlement_platform.pipeline.launching.launch_permission import LaunchPermission, claim_launch
from settlement_platform.pipeline.operators.actions import reset_breaker
from settlement_platform_tests.deliveries import Delivery, some_rows
from settlement_platform_tests.orchestration.dagster_home import DagsterHome
from settlement_platform_tests.orchestration.sensor_ticks import tick
from settlement_platform_tests.pipeline.installation import NAME
from settlement_platform_tests.pipeline.operating import ANA
from settlement_platform_tests.scenarios.mornings import Morning, day, on_the_morning_after
from settlement_platform_tests.shown_reasons import shows

MINUTE = timedelta(minutes=1)


class Outage:
    """A morning on which the landing zone goes away and comes back; a file stands where its folder should be."""

    def __init__(self, morning: Morning) -> None:
        self.morning = morning
        self._folder, self._away = morning.there.landing, morning.home / "away"
        self.start = morning.now

    def begin(self) -> None:
        self._folder.rename(self._away)
        self._folder.write_text("no folder")

    def end(self) -> None:
        self._folder.unlink()
        self._away.rename(self._folder)

    def fail(self, times: int) -> None:
        """Tries in a row that fail, all in this minute."""
        for _ in range(times):
            assert self.morning.fails(day(0)) is not None

    def after(self, minutes: float) -> None:
        """Let it be that many minutes after the start."""
        self.morning.now = self.start + minutes * MINUTE

    def launched(self, *dates: date) -> LaunchPermission:
        """The dates of these that sensors and schedules may launch now."""
        return claim_launch(self.morning.platform, NAME, dates or (day(0),))

    def state(self) -> BreakerState:
        """The dataset's breaker."""
        return next(b.state for b in all_breakers(self.morning.platform) if b.name == NAME)


@pytest.fixture
def outage(tmp_path: Path) -> Outage:
    """Two dates are delivered, and the landing zone is away."""
    morning = Morning(tmp_path / "home")
    for number in range(2):
        morning.deliver(day(number))
    found = Outage(morning)
    found.begin()
    return found


def test_a_circuit_breaker_opens_after_five_consecutive_failures_for_ten_minutes_then_half_opens_with_one_attempt(
    outage: Outage,
) -> None:
    """Four let everything through; after the fifth nothing is launched for 600 seconds, then one of two dates."""
    outage.fail(4)
    four = outage.launched(day(1), day(0))
    outage.fail(1)
    five = outage.launched(day(1), day(0))
    outage.after(10 - 1 / 60)
    too_early = outage.launched(day(1), day(0))
    outage.after(10)
    half_open = outage.state()
    probe, beside = outage.launched(day(1), day(0)), outage.launched(day(1), day(0))

    assert four.granted == (day(1), day(0))
    assert (five.granted, too_early.granted) == ((), ())
    assert "5 failures in a row" in five.refusals[0]
    assert half_open is BreakerState.HALF_OPEN
    assert probe.granted == (day(1),)
    assert beside.granted == ()


def test_only_failures_in_a_row_open_a_breaker(outage: Outage) -> None:
    """Eight failures with one success among them leave it closed."""
    outage.fail(4)
    outage.end()
    outage.morning.run(day(0))
    outage.begin()
    outage.fail(4)

    assert outage.state() is BreakerState.CLOSED


def test_an_attempt_that_succeeds_after_the_pause_closes_the_breaker(outage: Outage) -> None:
    """Everything may be launched again at once."""
    outage.fail(5)
    outage.end()
    outage.after(10)
    outage.launched()

    outage.morning.run(day(0))

    assert outage.state() is BreakerState.CLOSED
    assert outage.launched(day(1), day(0)).granted == (day(1), day(0))


def test_an_attempt_that_fails_after_the_pause_opens_the_breaker_for_exponentially_longer(outage: Outage) -> None:
    """Ten minutes, twenty, forty, and so on up to four hours."""
    outage.fail(5)
    pauses = []
    for _ in range(7):
        until = next(b.until for b in all_breakers(outage.morning.platform) if b.name == NAME)
        assert until is not None
        pauses.append((until - outage.morning.now) / MINUTE)
        outage.morning.now = until
        assert outage.launched().granted == (day(0),)
        outage.fail(1)

    assert pauses == [10, 20, 40, 80, 160, 240, 240]


def test_a_breaker_that_keeps_opening_is_handed_to_an_operator(outage: Outage) -> None:
    """Who has to know is notified when it opens, once more when it is an operator's turn, and when it is over."""
    shown = []
    outage.fail(5)
    outage.morning.watch()
    for minutes in (10, 30, 70):
        outage.after(minutes)
        outage.launched()
        outage.fail(1)
        shown.append([e for e in outage.morning.watch() if e.dataset in {NAME, "landing"}])
    handed_over = outage.launched()
    reset_breaker(outage.morning.platform, CARD_SETTLEMENTS, NAME, ANA)
    reset_breaker(outage.morning.platform, CARD_SETTLEMENTS, "landing", ANA)

    over = [e for e in outage.morning.watch() if e.dataset in {NAME, "landing"}]

    opened = [t for t in outage.morning.notified if "raised breaker_open" in t]
    assert sorted(opened) == [f"raised breaker_open {NAME}", "raised breaker_open landing"]
    assert [[e.episode for e in events] for events in shown] == [[], [f"retry_storm:{NAME}", "retry_storm:landing"], []]
    assert [e.owner for e in shown[1]] == [CARD_SETTLEMENTS.owner, ""]
    for event in shown[1]:
        assert event.first_move == f"settlement reset-breaker {event.dataset} --reason 'it answers again'"
        assert shows(event.summary, "breaker_handed_over")
        assert shows(event.summary, "handed_to_operator", openings=3)
    assert sorted(f"{e.event} {e.kind} {e.dataset}" for e in over) == [
        f"resolved breaker_open {NAME}",
        "resolved breaker_open landing",
        f"resolved retry_storm {NAME}",
        "resolved retry_storm landing",
    ]
    assert shows(handed_over.refusals[0], "handed_to_operator", openings=4)
    assert outage.launched().granted == (day(0),)


def test_bad_input_opens_no_breaker(tmp_path: Path) -> None:
    """Six refused deliveries are six answers of every store that was asked."""
    morning = Morning(tmp_path / "home")
    for number in range(6):
        each = day(number)
        visa = Delivery(business_date=each, source="visa", rows=some_rows(each, "visa"), declared={"rows": 1})
        morning.there.deliver(each, visa=visa)
        morning.run(each)

    launch = claim_launch(morning.platform, NAME, [day(6)])

    assert launch.granted == (day(6),)


def test_when_an_upstream_recovers_one_run_goes_first_and_the_others_follow_it(tmp_path: Path) -> None:
    """Three dates came meanwhile: the sensor launches one to try, and the two others once it went well."""
    home = DagsterHome(tmp_path / "home")
    begun = on_the_morning_after(day(2), "03:00")
    with time_machine.travel(begun, tick=True) as clock:
        outage = Outage(_on_the_clock(home))
        outage.begin()
        outage.fail(5)
        outage.end()
        for number in range(3):
            home.deliver(day(number))
        clock.move_to(begun + 11 * MINUTE)
        first, beside = tick(home, f"arrivals_{NAME}"), tick(home, f"arrivals_{NAME}")
        home.run(day(2))
        rest = tick(home, f"arrivals_{NAME}")
    home.close()

    assert first.days == [str(day(2))]
    assert beside.days == []
    assert rest.days == [str(day(1)), str(day(0))]


def _on_the_clock(home: DagsterHome) -> Morning:
    """A morning at the time that the home's own processes see."""
    morning = Morning(home.home)
    morning.at(day(2), "03:00")
    return morning
