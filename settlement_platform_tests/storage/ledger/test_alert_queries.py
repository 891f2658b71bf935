"""Queries of the ledger for alerts, on SQLite and on PostgreSQL alike."""

from datetime import timedelta

from settlement_platform.control.alerts.episodes import (
    AlertKind,
    AlertSeverity,
    Condition,
    EpisodeChanges,
    episode_changes,
)
from settlement_platform.control.facts import AttemptOutcome, AttemptStep
from settlement_platform.storage.ledger.alert_queries import (
    alert_history,
    delivery_attempts,
    last_steps_of_runs,
    latest_attempts,
    open_alert_events,
    undelivered_alerts,
)
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform_tests.builders import DATASET, NOW, an_alert, an_alert_delivery, an_attempt, day

KEY = f"late:{DATASET}:{day(0)}"


def test_episodes_stand_until_they_are_resolved(ledger: Ledger) -> None:
    """The second episode of a key stands although the first has ended."""
    second = an_alert(episode=f"{KEY}#2")
    other = an_alert(episode="late:other", dataset="other", business_date=None)
    ledger.append(an_alert(), an_alert(event="resolved"), other, second)

    assert open_alert_events(ledger) == [other, second]


def test_what_was_decided_is_recorded_and_read_back_as_it_was(ledger: Ledger) -> None:
    """Kinds and severities are words of their own, and come back as the same words."""
    condition = Condition(
        key=KEY,
        kind=AlertKind.LATE,
        severity=AlertSeverity.WARNING,
        dataset=DATASET,
        business_date=None,
        owner="",
        summary="1 h 5 min late: \u20ac \U0001f600",
        meaning="none",
        first_move="none",
    )
    decided = episode_changes([condition], [], now=NOW)

    ledger.append(*decided.raised)

    assert open_alert_events(ledger) == list(decided.raised)
    assert episode_changes([condition], open_alert_events(ledger), now=NOW) == EpisodeChanges()


def test_the_history_of_a_key_holds_all_of_its_episodes_and_those_of_no_other(ledger: Ledger) -> None:
    """An underscore is no wildcard, and one date is no beginning of another."""
    ours = [an_alert(), an_alert(event="resolved"), an_alert(episode=f"{KEY}#2")]
    others = [
        an_alert(episode=f"{KEY}0"),
        an_alert(episode=f"{KEY}:3#2"),
        an_alert(episode=KEY.replace("_", "x") + "#2"),
    ]
    ledger.append(*ours, *others)

    assert alert_history(ledger, [KEY]) == ours
    assert alert_history(ledger, []) == []


def test_the_history_of_a_thousand_keys_is_read(ledger: Ledger) -> None:
    """An outage of years begins that many episodes at once."""
    ledger.append(an_alert(episode="late:999"), an_alert(episode="late:0"))

    found = alert_history(ledger, [f"late:{n}" for n in range(1000)])

    assert {e.episode for e in found} == {"late:999", "late:0"}


def test_an_event_is_untold_until_a_delivery_of_exactly_that_event_reached_somebody(ledger: Ledger) -> None:
    end, another = an_alert(event="resolved"), an_alert(episode="another")
    ledger.append(an_alert(), end, another)
    ledger.append(an_alert_delivery(), an_alert_delivery(event="resolved", delivered=False))

    assert undelivered_alerts(ledger) == [end, another]


def test_every_try_of_an_episode_is_found(ledger: Ledger) -> None:
    failed = an_alert_delivery(delivered=False, detail="channel 1: it answered 500")
    ledger.append(failed, an_alert_delivery(), an_alert_delivery(episode="another"))

    assert delivery_attempts(ledger, [KEY]) == [failed, an_alert_delivery()]
    assert delivery_attempts(ledger, []) == []


def test_the_last_step_of_each_date_is_found_if_it_is_recent_or_did_not_end_well(ledger: Ledger) -> None:
    since, before = NOW - timedelta(days=2), NOW - timedelta(days=3)
    stuck = an_attempt(business_date=day(0), recorded_at=before, step=AttemptStep.STAGE)
    refused = an_attempt(business_date=day(2), outcome=AttemptOutcome.REFUSED, step=AttemptStep.PUBLISH)
    elsewhere = an_attempt(dataset="other", business_date=day(2), recorded_at=before)
    failed = an_attempt(business_date=day(3), recorded_at=before, outcome=AttemptOutcome.FAILED)
    ledger.append(
        an_attempt(business_date=day(0), recorded_at=before),
        stuck,
        an_attempt(business_date=day(1), recorded_at=before),
        an_attempt(business_date=day(1), recorded_at=before, outcome=AttemptOutcome.SUCCEEDED),
        an_attempt(business_date=day(2)),
        refused,
        elsewhere,
        failed,
    )

    assert latest_attempts(ledger, since=since) == [stuck, refused, elsewhere, failed]


def test_the_last_step_of_a_run_is_the_latest_of_all_its_dates(ledger: Ledger) -> None:
    minute = timedelta(minutes=1)
    ledger.append(
        an_attempt(run_id="a", business_date=day(0), recorded_at=NOW),
        an_attempt(run_id="a", business_date=day(1), recorded_at=NOW + minute),
        an_attempt(run_id="b", recorded_at=NOW + 2 * minute),
        an_attempt(run_id="c", recorded_at=NOW + 3 * minute),
    )

    assert last_steps_of_runs(ledger, ["a", "b", "d"], since=NOW) == {"a": NOW + minute, "b": NOW + 2 * minute}
