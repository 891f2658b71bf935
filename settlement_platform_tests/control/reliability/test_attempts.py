"""The record of attempts tells how each ended, and of one that died how far it got."""

from datetime import timedelta

from settlement_platform.control.facts import Attempt, Staging
from settlement_platform.control.reliability.attempts import (
    DEAD_AFTER,
    STORM_WINDOW,
    AttemptSummary,
    detect_retry_storm,
    fold_attempts,
)
from settlement_platform_tests.builders import DAY, NOW, a_staging, an_attempt

SOURCES = ("visa", "mastercard", "amex")
MINUTE = timedelta(minutes=1)


def a_step(step: str, outcome: str = "started", *, minutes: float = 0, name: str = "a", **changes: object) -> Attempt:
    """A step of an attempt in run `run-a` unless named otherwise."""
    usual = {"attempt_id": name, "run_id": f"run-{name}", "recorded_at": NOW + minutes * MINUTE}
    return an_attempt(step=step, outcome=outcome, **{**usual, **changes})


def staged(source: str, rows: int, *, run_id: str = "run-a") -> Staging:
    """A source that was staged whole."""
    return a_staging(source=source, rows=rows, run_id=run_id, staged_at=NOW + MINUTE)


def fold(*attempts: Attempt, stagings: tuple[Staging, ...] = (), minutes: float = 10) -> tuple[AttemptSummary, ...]:
    """The stories then."""
    return fold_attempts(attempts, stagings, NOW + minutes * MINUTE, sources=SOURCES)


def test_an_attempt_that_ended_did_not_die() -> None:
    """Its last step says how it ended, at which retry, and what did not answer."""
    (story,) = fold(
        a_step("land", retry=2),
        a_step("land", "failed", minutes=1, retry=2, dependency="landing", detail="no answer"),
    )

    assert (story.step, story.outcome, story.died, story.retry, story.dependency) == (
        "land",
        "failed",
        False,
        2,
        "landing",
    )
    (reason,) = story.reasons
    assert reason.code == "attempt_ended"
    assert reason.parameters == {
        "began": {
            "code": "attempt_began",
            "parameters": {"began_at": "2026-11-21T04:00:00Z", "retry": 2, "run_id": "run-a"},
        },
        "outcome": "failed",
        "step": "land",
        "last_at": "2026-11-21T04:01:00Z",
        "dependency": "landing",
        "detail": "no answer",
    }


def test_an_attempt_that_is_under_way_did_not_die() -> None:
    """Nothing began after it, and it is no older than a run may be."""
    (story,) = fold(a_step("land"), a_step("stage", minutes=1))

    assert not story.died
    assert [(reason.code, reason.parameters["step"]) for reason in story.reasons] == [("attempt_in_progress", "stage")]


def test_an_attempt_that_died_while_staging_says_at_which_source() -> None:
    """Sources that were staged whole stay; the rest is read again from its first record."""
    died, later = fold(
        a_step("land"),
        a_step("stage", minutes=1),
        a_step("land", minutes=5, name="b"),
        stagings=(staged("visa", 1234), staged("amex", 7, run_id="another run")),
    )

    assert (died.died, later.died) == (True, False)
    assert (died.staged, died.unfinished) == ((("visa", 1234),), ("mastercard", "amex"))
    assert [(reason.code, reason.parameters["source"]) for reason in died.reasons] == [
        ("attempt_died_at_source", "mastercard"),
        ("source_staged", "visa"),
        ("source_not_staged", "mastercard"),
        ("source_not_staged", "amex"),
    ]
    assert died.reasons[0].parameters["last_at"] == "2026-11-21T04:01:00Z"
    assert died.reasons[1].parameters["rows"] == 1234


def test_an_attempt_that_is_older_than_any_run_is_dead() -> None:
    """Even if nobody has tried since."""
    limit = DEAD_AFTER / MINUTE

    (alive,), (dead,) = fold(a_step("publish"), minutes=limit), fold(a_step("publish"), minutes=limit + 1)

    assert (alive.died, dead.died) == (False, True)
    assert [(reason.code, reason.parameters["step"]) for reason in dead.reasons] == [("attempt_died", "publish")]


def test_an_attempt_whose_date_nobody_holds_is_dead() -> None:
    """Whatever the time."""
    (story,) = fold_attempts([a_step("validate")], [], NOW, idle=True)

    assert story.died


def test_without_a_run_what_was_staged_since_it_began_is_its_own() -> None:
    """A pipeline that is called directly has no run."""
    (story,) = fold(
        a_step("land", run_id=""),
        a_step("stage", run_id=""),
        stagings=(staged("visa", 3, run_id=""), a_staging(source="amex", staged_at=NOW - MINUTE)),
        minutes=999,
    )

    assert story.staged == (("visa", 3),)


def test_a_launched_probe_is_no_attempt() -> None:
    """It only says that something was launched."""
    assert fold(a_step("probe", name="p")) == ()


def test_a_retried_run_counts_once_however_many_dates_it_has() -> None:
    """Two restarts of runs over 38 dates are two retries; one run that is retried three times counts three times."""
    dates = [
        a_step("land", name=f"{run}-{n}", run_id=f"run-{run}", retry=1, business_date=DAY + timedelta(days=n))
        for run in ("a", "b")
        for n in range(38)
    ]
    again = [a_step("land", name=f"c-{n}", run_id="run-c", retry=n) for n in (1, 2, 3)]

    restarted, retried = detect_retry_storm(dates, NOW), detect_retry_storm(again, NOW)

    assert (restarted.retries, restarted.reasons) == (2, ())
    assert retried.retries == 3


def test_many_retries_in_an_hour_are_a_storm() -> None:
    """Each retry counts once, however many steps it took; older ones and first tries count not at all."""
    retries = [
        step
        for n in range(11)
        for step in (a_step("land", name=str(n), retry=1), a_step("stage", name=str(n), retry=1))
    ]
    others = [a_step("land", name="first"), a_step("land", name="old", retry=1, minutes=-STORM_WINDOW / MINUTE - 1)]

    calm, storm = detect_retry_storm([*retries[2:], *others], NOW), detect_retry_storm([*retries, *others], NOW)

    assert (calm.retries, calm.reasons) == (10, ())
    assert storm.retries == 11
    (reason,) = storm.reasons
    assert reason.code == "retry_storm"
    assert reason.parameters == {
        "retries": 11,
        "datasets": ("card_settlements",),
        "since": "2026-11-21T03:00:00Z",
        "threshold": 10,
    }
