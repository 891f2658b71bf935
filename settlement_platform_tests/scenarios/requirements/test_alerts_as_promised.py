"""Requirements for freshness and alerts: owners are notified of what readers notice, and of nothing else."""

from datetime import timedelta
from pathlib import Path

import pytest

from settlement_platform.control.timeliness.freshness import Freshness, judge_freshness
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.attempt_log import AttemptLog
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform_tests.pipeline.installation import NAME, REQUEST
from settlement_platform_tests.pipeline.operating import a_refused_visa, a_visa
from settlement_platform_tests.scenarios.mornings import Morning, day


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    return Morning(tmp_path / "home")


def freshness(morning: Morning, name: str = NAME) -> Freshness:
    """How late readers' data is now."""
    return judge_freshness(
        first_date=day(0),
        watermark=morning.watermark(name),
        timeliness=CARD_SETTLEMENTS.timeliness,
        now=morning.now,
    )


def test_a_failed_task_that_readers_never_notice_alerts_nobody(morning: Morning) -> None:
    """Three tries fail while the landing zone is away, the fourth publishes before six: no word of it."""
    morning.deliver(day(0))
    folder, away = morning.there.landing, morning.home / "away"
    folder.rename(away)
    folder.write_text("no folder")
    for minute in range(3):
        morning.at(day(0), f"03:0{minute}")
        assert morning.fails(day(0)) is not None
        morning.watch()
    folder.unlink()
    away.rename(folder)

    morning.at(day(0), "03:05")
    morning.run(day(0))
    morning.build(day(0))
    for clock in ("03:06", "03:50", "05:01", "06:01"):
        morning.at(day(0), clock)
        morning.watch()

    assert morning.notified == []
    assert freshness(morning).lag == timedelta(0)


def test_alerts_are_about_published_watermark_lag_not_failed_tasks(morning: Morning) -> None:
    """Every task is green, and one that publishes never ran: at risk at five, missed at six, over when it did."""
    morning.deliver(day(0))
    staged = validate_and_publish(prepare(morning.platform, CARD_SETTLEMENTS, day(0), REQUEST), publishing=False)
    for clock in ("04:59", "05:01", "06:01"):
        morning.at(day(0), clock)
        morning.watch()
    lag = freshness(morning).lag
    morning.at(day(0), "06:30")
    morning.run(day(0))
    morning.build(day(0))
    morning.watch()

    failed = [a for a in morning.platform.ledger.attempts(NAME, day(0), day(0)) if a.outcome in {"failed", "refused"}]
    assert staged.verdict is not None
    assert staged.verdict.passed
    assert failed == []
    assert morning.notified == [
        f"raised freshness_at_risk {day(0)}",
        f"raised freshness_missed {NAME}",
        f"resolved freshness_at_risk {day(0)}",
        f"resolved freshness_missed {NAME}",
    ]
    assert lag == timedelta(minutes=1)


def test_freshness_lag_is_measured_on_what_is_published_whatever_ran_in_between(morning: Morning) -> None:
    """A replay of an old date, though green, takes nothing off the lag of today's, which is quarantined."""
    morning.settle(day(0))
    morning.deliver(day(1))
    a_refused_visa(day(1)).write(morning.there.landing)
    morning.at(day(1), "08:00")
    morning.run(day(1))
    before = freshness(morning).lag

    morning.run(day(0))
    a_visa(day(0)).write(morning.there.landing)
    morning.run(day(0))

    assert before == freshness(morning).lag == timedelta(hours=2)


def test_every_alert_names_its_owner_what_readers_notice_and_the_first_move(morning: Morning) -> None:
    """On a morning on which one file is late, one delivery is held, and a date was restated after its marts."""
    morning.settle(day(0))
    morning.at(day(1), "15:00")
    a_visa(day(0)).write(morning.there.landing)
    morning.run(day(0))
    morning.deliver(day(1))
    a_refused_visa(day(1)).write(morning.there.landing)
    morning.run(day(1))
    morning.deliver(day(2), "visa")
    morning.at(day(2), "06:01")

    alerts = morning.watch()

    kinds = {a.kind for a in alerts}
    assert kinds == {"escalated", "quarantined", "restated", "freshness_missed"}
    assert {a.owner for a in alerts} == {CARD_SETTLEMENTS.owner}
    assert all("readers" in a.meaning or "figures" in a.meaning or "relied on" in a.meaning for a in alerts)
    assert all(a.first_move.startswith("settlement ") for a in alerts)


def test_work_that_never_published_and_never_ended_is_found(morning: Morning) -> None:
    """A process that died with a date is reported six hours later, and over when the date was worked on again."""
    morning.settle(day(0))
    log = AttemptLog(platform=morning.platform, dataset=NAME, business_date=day(1), request=REQUEST)
    log.record("stage", "started")
    begun = morning.now

    morning.now = begun + timedelta(hours=6)
    morning.watch()
    morning.now += timedelta(seconds=1)
    morning.watch()
    morning.deliver(day(1))
    morning.run(day(1))
    morning.watch()

    found = [shown for shown in morning.notified if "orphaned" in shown]
    assert found == [f"raised orphaned_work {day(1)}", f"resolved orphaned_work {day(1)}"]


def test_a_sudden_spike_of_retries_is_alerted(morning: Morning) -> None:
    """Ten in an hour notify nobody, one more does, and the next quiet hour ends it."""
    for number in range(10):
        morning.run(day(number), retry=1)
    morning.watch()
    quiet = list(morning.notified)

    morning.run(day(10), retry=1)
    morning.watch()
    morning.now += timedelta(minutes=61)
    morning.watch()

    assert quiet == []
    assert [t for t in morning.notified if "retry_storm" in t] == [
        "raised retry_storm retries",
        "resolved retry_storm retries",
    ]


def test_silent_days_end_in_an_alert_even_when_no_task_ever_ran(morning: Morning) -> None:
    """A scheduler that is down fails nothing: what readers were promised is what is watched."""
    morning.settle(day(0))
    morning.at(day(1), "06:01")
    morning.watch()

    assert f"raised freshness_missed {NAME}" in morning.notified
    assert len([t for t in morning.notified if "freshness_missed" in t]) == 1
    assert freshness(morning, MARTS[0].name).lag == timedelta(minutes=1)
