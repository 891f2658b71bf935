"""From facts to conditions: what is raised, how grave it is, and what it means for readers."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from settlement_platform.control.alerts.data_conditions import (
    AlertSubject,
    freshness_conditions,
    lateness_conditions,
    orphan_condition,
    provisional_condition,
    quarantine_condition,
    replaced_condition,
    restated_condition,
)
from settlement_platform.control.alerts.episodes import AlertKind, AlertSeverity, Condition
from settlement_platform.control.alerts.platform_conditions import (
    ActiveRun,
    PlatformProblem,
    RunningBackfill,
    breaker_condition,
    retry_storm_condition,
    stalled_backfill_condition,
    stalled_run_condition,
)
from settlement_platform.control.facts import AttemptStep, State
from settlement_platform.control.policies import Timeliness
from settlement_platform.control.publishing.partition_state import Pending
from settlement_platform.control.timeliness.freshness import judge_freshness
from settlement_platform.control.timeliness.lateness import Lateness, LatenessStage
from settlement_platform_tests.builders import DATASET, DAY, NOW, a_publication, an_attempt, codes

SUBJECT = AlertSubject(
    name=DATASET, owner="finance-data@example.com", criticality="critical", readers=("merchant_daily_net",)
)
QUARANTINED = Pending(state=State.QUARANTINED, content_hash="x", reasons=("null_rates: too many",))
PROMISE = Timeliness(expected_by=time(3, 45), target=time(6, 0), deadline=time(6, 0))


def lateness(*, is_late: bool, is_escalated: bool) -> Lateness:
    return Lateness(
        stage=LatenessStage.LATE,
        since=NOW,
        due=NOW,
        reasons=("amex: late",),
        is_late=is_late,
        is_escalated=is_escalated,
    )


def seen(conditions: list[Condition]) -> dict[str, bool]:
    """The kinds of the conditions, and whether each begins an episode."""
    return {c.kind.value: c.begins for c in conditions}


@pytest.mark.parametrize(
    ("is_late", "is_escalated", "expected"),
    [
        (False, False, {}),
        (True, False, {"late": True}),
        (True, True, {"late": False, "escalated": True}),
    ],
)
def test_lateness_warns_first_and_escalates_once(is_late: bool, is_escalated: bool, expected: dict[str, bool]) -> None:
    found = lateness_conditions(SUBJECT, DAY, lateness(is_late=is_late, is_escalated=is_escalated))

    assert seen(found) == expected
    assert all(c.key == f"{c.kind}:{DATASET}:{DAY}" for c in found)
    assert all(c.first_move == f"settlement explain {DATASET} {DAY}" for c in found)


def test_only_what_is_declared_critical_is_alerted_as_critical() -> None:
    minor = AlertSubject(name=DATASET, owner="a", criticality="standard")

    (_, critical), (_, warning) = (
        lateness_conditions(s, DAY, lateness(is_late=True, is_escalated=True)) for s in (SUBJECT, minor)
    )

    assert (critical.severity, warning.severity) == (AlertSeverity.CRITICAL, AlertSeverity.WARNING)


def test_a_held_correction_is_less_grave_than_a_date_that_readers_lack() -> None:
    lacking = quarantine_condition(SUBJECT, DAY, QUARANTINED, None)
    held = quarantine_condition(SUBJECT, DAY, QUARANTINED, a_publication(generation=2))

    assert (lacking.severity, held.severity) == (AlertSeverity.CRITICAL, AlertSeverity.WARNING)
    assert lacking.meaning.code == "quarantine_means"
    assert held.meaning.code == "quarantine_beside_published_means"
    assert held.meaning.parameters == {"business_date": DAY.isoformat(), "generation": 2, "state": "final"}
    assert lacking.first_move == f"settlement quarantine show {DATASET} {DAY}"
    assert lacking.summary == "null_rates: too many"


def test_what_waits_for_approval_begins_the_same_episode_and_names_both_ways_out() -> None:
    """A date that only waits to be published, as during a pause, begins no episode and ends none."""
    waiting = Pending(
        state=State.STAGED, content_hash="x", reasons=("4 rows differ", "it waits for it"), awaits_approval=True
    )

    approval = quarantine_condition(SUBJECT, DAY, waiting, a_publication(generation=2))
    paused = quarantine_condition(SUBJECT, DAY, replace(waiting, awaits_approval=False), None)

    assert approval.key == paused.key == quarantine_condition(SUBJECT, DAY, QUARANTINED, None).key
    assert (approval.begins, paused.begins) == (True, False)
    assert approval.summary.code == "approval_pending"
    assert approval.summary.parameters == {"reasons": ("4 rows differ", "it waits for it")}
    assert approval.first_move == (
        f"settlement approve {DATASET} {DAY} --reason … "
        f"(settlement quarantine discard {DATASET} {DAY} --reason … declines it)"
    )
    assert approval.meaning.code == "quarantine_beside_published_means"
    assert paused.first_move == f"settlement explain {DATASET} {DAY}"


def test_with_a_provisional_cut_published_readers_are_said_to_see_it() -> None:
    cut = a_publication(state=State.PROVISIONAL, missing=("amex",), completeness=2 / 3)

    found = lateness_conditions(SUBJECT, DAY, lateness(is_late=True, is_escalated=True), cut)

    assert {c.meaning.code for c in found} == {"late_beside_provisional_means"}
    assert [(c.meaning.parameters["generation"], c.meaning.parameters["missing"]) for c in found] == [
        (1, ("amex",))
    ] * 2


def test_analysts_are_notified_what_a_provisional_cut_lacks_and_what_replaced_it() -> None:
    cut = a_publication(state=State.PROVISIONAL, missing=("amex",), completeness=2 / 3)
    found = provisional_condition(SUBJECT, cut)
    replaced = replaced_condition(SUBJECT, a_publication(generation=2))

    assert (found.summary.code, found.meaning.code) == ("provisional", "provisional_means")
    assert found.summary.parameters == {"generation": 1, "missing": ("amex",), "completeness": 2 / 3}
    assert found.meaning.parameters["missing"] == ("amex",)
    assert replaced.key == found.key == f"provisional:{DATASET}:{DAY}"
    assert (replaced.begins, replaced.over) == (False, True)
    assert replaced.ending.code == "provisional_replaced"
    assert replaced.ending.parameters == {"generation": 2, "state": "final"}


@pytest.mark.parametrize(("state", "code"), [(State.RESTATED, "restated"), (State.ROLLED_BACK, "rolled_back")], ids=str)
def test_a_restatement_is_reported_once_per_generation_and_is_over_when_every_mart_has_followed(
    state: State, code: str
) -> None:
    publication = a_publication(generation=3, state=state, reason="a corrected file")

    waiting = restated_condition(SUBJECT, publication, ("merchant_daily_net",))
    followed = restated_condition(SUBJECT, publication, ())

    assert waiting.key == followed.key == f"restated:{DATASET}:{DAY}:3"
    assert (waiting.recurs, waiting.over, followed.over) == (False, False, True)
    assert waiting.summary.code == code
    assert waiting.summary.parameters == {"generation": 3, "actor": "ines", "note": "a corrected file"}
    assert waiting.meaning.parameters["marts"] == ("merchant_daily_net",)


FRESHNESS = {
    "04:59": {},
    "05:00": {"freshness_at_risk": True},
    "06:00": {"freshness_at_risk": True},
    "06:01": {"freshness_at_risk": False, "freshness_missed": True},
}


@pytest.mark.parametrize("clock", FRESHNESS)
@pytest.mark.parametrize("watermark", [DAY - timedelta(days=1), None], ids=["moving", "never moved"])
def test_freshness_is_at_risk_in_the_last_hour_and_missed_after_it(clock: str, watermark: date | None) -> None:
    """Measured on the published watermark; known lateness begins neither, and ends none that has begun."""
    now = datetime.combine(DAY + timedelta(days=1), time.fromisoformat(clock), UTC)
    fresh = judge_freshness(first_date=DAY, watermark=watermark, timeliness=PROMISE, now=now)

    assert seen(freshness_conditions(SUBJECT, fresh, now)) == FRESHNESS[clock]
    excused = freshness_conditions(SUBJECT, fresh, now, expected=True)
    assert seen(excused) == dict.fromkeys(FRESHNESS[clock], False)


def test_a_missed_promise_is_one_episode_while_the_watermark_catches_up() -> None:
    """Each date at risk is one of its own, for it has a target of its own."""
    now = NOW + timedelta(days=9)
    keys = []
    for watermark in (DAY, DAY + timedelta(days=3)):
        fresh = judge_freshness(first_date=DAY, watermark=watermark, timeliness=PROMISE, now=now)
        keys.append([c.key for c in freshness_conditions(SUBJECT, fresh, now)])

    assert keys[0][1] == keys[1][1] == f"freshness_missed:{DATASET}"
    assert keys[0][0] != keys[1][0]


def test_a_missed_promise_names_the_marts_that_stop_with_the_dataset() -> None:
    now = NOW + timedelta(days=1)
    fresh = judge_freshness(first_date=DAY, watermark=None, timeliness=PROMISE, now=now)

    missed = freshness_conditions(SUBJECT, fresh, now)[-1]

    assert missed.severity is AlertSeverity.CRITICAL
    assert missed.meaning.code == "freshness_missed_means"
    assert missed.meaning.parameters == {"readers": (DATASET, "merchant_daily_net"), "due": DAY.isoformat()}


def test_orphaned_work_names_the_step_and_the_rerun() -> None:
    found = orphan_condition(SUBJECT, an_attempt(step=AttemptStep.PUBLISH))

    assert found.key == f"orphaned_work:{DATASET}:{DAY}"
    assert found.summary.code == "work_orphaned"
    assert found.summary.parameters == {"step": "publish", "began_at": "2026-11-21T04:00:00Z"}
    assert found.first_move == f"settlement materialize {DATASET} --from {DAY} --to {DAY}"


def test_an_open_circuit_is_an_episode_per_opening_and_needs_an_operator_where_nothing_else_closes_it() -> None:
    trouble = PlatformProblem(
        name="lake", since=NOW, until=NOW + timedelta(minutes=10), reasons=("5 failures in a row",)
    )
    handed_over = PlatformProblem(name="lake", since=NOW + timedelta(hours=1))

    first, second = breaker_condition(trouble), breaker_condition(handed_over)

    assert first.key == "breaker_open:lake:2026-11-21T04:00:00Z"
    assert second.key != first.key
    assert (first.summary.code, second.summary.code) == ("breaker_retries", "breaker_waits")
    assert first.summary.parameters == {
        "since": "2026-11-21T04:00:00Z",
        "until": "2026-11-21T04:10:00Z",
        "reasons": ("5 failures in a row",),
    }
    assert first.first_move == "settlement doctor"
    assert second.first_move.startswith("settlement reset-breaker lake --reason ")


def test_a_storm_of_retries_is_one_episode_for_as_long_as_it_lasts() -> None:
    found = [
        retry_storm_condition(PlatformProblem(name="lake", since=NOW + timedelta(hours=n), reasons=("x",)))
        for n in (0, 1)
    ]

    assert {c.key for c in found} == {"retry_storm:lake"}
    assert found[0].kind is AlertKind.RETRY_STORM


@pytest.mark.parametrize(
    ("changes", "stalled"),
    [
        ({}, True),
        ({"done": 30}, False),
        ({"done": 29}, True),
        ({"last_progress": NOW - timedelta(hours=1)}, False),
        ({"last_progress": NOW - timedelta(hours=1, seconds=1)}, True),
        ({"requested": 0, "done": 0}, False),
    ],
    ids=["stands", "done", "one left", "an hour ago", "longer ago", "asked for nothing"],
)
def test_a_backfill_is_stalled_when_it_has_work_left_and_ended_nothing_for_an_hour(
    changes: dict[str, Any], stalled: bool
) -> None:
    usual = {"name": "b1", "requested": 30, "done": 10, "last_progress": NOW - timedelta(hours=3)}

    found = stalled_backfill_condition(RunningBackfill(**{**usual, **changes}), NOW)

    assert (found is not None) == stalled
    assert found is None or found.key == "backfill_stalled:b1"


@pytest.mark.parametrize(("idle", "stalled"), [(timedelta(hours=1), False), (timedelta(hours=1, seconds=1), True)])
def test_a_run_is_stalled_when_no_step_of_it_began_or_ended_for_an_hour(idle: timedelta, *, stalled: bool) -> None:
    """The alert names its dates, since when it runs, and how many runs wait meanwhile."""
    run = ActiveRun(
        name="r1",
        dataset="card_settlements",
        first=DAY,
        last=DAY + timedelta(days=37),
        began_at=NOW - timedelta(hours=5),
        last_progress=NOW - idle,
        queued=3,
        owner="ana",
    )

    found = stalled_run_condition(run, NOW)

    assert (found is not None) == stalled
    if found:
        assert (found.key, found.owner, found.business_date) == ("run_stalled:r1", "ana", None)
        assert codes([found.summary, found.meaning]) == ["run_stalled", "run_stalled_means"]
        assert found.first_move == f"settlement explain card_settlements {DAY}"
