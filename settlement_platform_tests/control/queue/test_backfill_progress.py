"""Which dates a backfill takes, what became of them, and when it will end."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from settlement_platform.control.facts import Attempt, AttemptStep
from settlement_platform.control.queue.backfill_progress import (
    BackfillProgress,
    BackfillRun,
    BytesWritten,
    DateFilter,
    DateProgress,
    DateRecord,
    fold_progress,
    select_dates,
)
from settlement_platform_tests.builders import DATASET, NOW, an_attempt, day

MART = "merchant_daily_net"
KNOWN = [
    DateRecord(business_date=day(0), published=True, last_outcome="succeeded", reached=True),
    DateRecord(business_date=day(1), published=False, last_outcome="refused"),
    DateRecord(business_date=day(2), published=True, last_outcome="failed"),
    DateRecord(business_date=day(3), published=False, last_outcome="started"),
    DateRecord(business_date=day(4), published=False, last_outcome="waiting"),
    DateRecord(business_date=day(5), published=False),
]


def a_run(run_id: str = "run-1", first: int = 0, last: int = 9, **changes: object) -> BackfillRun:
    """A started run of the dataset over ten dates."""
    usual = {"run_id": run_id, "names": frozenset({DATASET}), "first": day(first), "last": day(last)}
    return BackfillRun(**{**usual, **changes})


def tried(number: int, outcome: str, *, minutes: float = 0, **changes: object) -> Attempt:
    """How the try on a date stands, that many minutes after the beginning."""
    usual = {
        "attempt_id": f"try-{number}",
        "business_date": day(number),
        "outcome": outcome,
        "run_id": "run-1",
        "recorded_at": NOW + timedelta(minutes=minutes),
    }
    return an_attempt(**{**usual, **changes})


def fold(
    dates: int, attempts: Sequence[Attempt], runs: Sequence[BackfillRun], *, minutes: float = 10, **more: object
) -> BackfillProgress:
    """The work on so many dates, that many minutes after the beginning."""
    now = NOW + timedelta(minutes=minutes)
    return fold_progress(DATASET, [day(n) for n in range(dates)], attempts=attempts, runs=runs, now=now, **more)


@pytest.mark.parametrize(
    ("only", "taken"),
    [
        (DateFilter.EVERY, [0, 1, 2, 3, 4, 5]),
        (DateFilter.MISSING, [1, 3, 4, 5]),
        (DateFilter.FAILED, [1, 2, 3]),
        (DateFilter.REACHED, [0]),
    ],
)
def test_the_dates_that_are_requested_are_taken_and_of_the_others_it_is_said_why_not(
    only: DateFilter, taken: list[int]
) -> None:
    """A try that began and never ended counts as failed."""
    choice = select_dates(KNOWN, only)

    assert choice.dates == tuple(day(n) for n in taken)
    left = [d for days in choice.left_out.values() for d in days]
    assert sorted([*choice.dates, *left]) == [day(n) for n in range(6)]
    assert all(choice.left_out)


def test_the_reasons_of_what_is_left_out_are_distinguished() -> None:
    left_out = select_dates(KNOWN, DateFilter.FAILED).left_out

    assert {reason.code: days for reason, days in left_out.items()} == {
        "last_try_succeeded": (day(0),),
        "last_try_waits": (day(4),),
        "never_tried": (day(5),),
    }


def test_every_date_is_where_its_last_try_left_it() -> None:
    """A date that began is running as long as its run; one that its run has not reached remains."""
    attempts = [
        tried(0, "failed"),
        tried(0, "succeeded", attempt_id="again"),
        tried(1, "refused"),
        tried(2, "waiting"),
        tried(3, "failed"),
        tried(4, "started"),
    ]

    work = fold(6, attempts, [a_run()])

    assert [work.progress[day(n)] for n in range(6)] == [
        DateProgress.DONE,
        DateProgress.REFUSED,
        DateProgress.WAITING,
        DateProgress.FAILED,
        DateProgress.RUNNING,
        DateProgress.REMAINING,
    ]
    assert work.left == 2


def test_what_other_runs_did_is_none_of_it() -> None:
    """Nor is a probe, nor a date that was not requested."""
    attempts = [
        tried(0, "succeeded", run_id="another"),
        tried(1, "started", step=AttemptStep.PROBE),
        tried(5, "succeeded"),
    ]

    work = fold(2, attempts, [a_run()])

    assert set(work.progress.values()) == {DateProgress.REMAINING}


def test_what_a_run_that_ended_left_behind_has_failed_unless_another_run_takes_it() -> None:
    """Killed half-way: the date at which it was, and those that it had not reached."""
    attempts = [tried(0, "succeeded"), tried(1, "started")]

    killed = fold(3, attempts, [a_run(ended=True)])
    again = fold(3, attempts, [a_run(ended=True), a_run("run-2", queued=True)])

    assert list(killed.progress.values()) == [DateProgress.DONE, DateProgress.FAILED, DateProgress.FAILED]
    assert list(again.progress.values()) == [DateProgress.DONE, DateProgress.REMAINING, DateProgress.REMAINING]


def test_a_mart_is_blocked_where_its_input_was_not_published() -> None:
    dataset = fold(3, [tried(0, "succeeded"), tried(1, "refused")], [a_run()])

    mart = fold_progress(MART, [day(n) for n in range(3)], attempts=[], runs=[], inputs=[dataset], now=NOW)

    assert list(mart.progress.values()) == [DateProgress.REMAINING, DateProgress.BLOCKED, DateProgress.REMAINING]
    assert mart.left == 2


def test_the_rate_is_that_of_the_last_ten_minutes() -> None:
    """Ten dates an hour ago count no more; what is left takes as long as the last ones did."""
    old = [tried(n, "succeeded", minutes=n / 10) for n in range(10)]
    recent = [tried(n, "succeeded", minutes=60 + n - 10) for n in range(10, 15)]
    written = [BytesWritten(bytes=10**9, at=NOW), BytesWritten(bytes=6_000_000, at=NOW + timedelta(minutes=62))]

    work = fold(20, old + recent, [a_run(last=20)], minutes=65, written=written)

    assert work.per_minute == pytest.approx(0.5)
    assert work.bytes_per_second == pytest.approx(10_000)
    assert work.ends_at == NOW + timedelta(minutes=75)


def test_a_backfill_that_has_ended_has_the_rate_of_all_of_it() -> None:
    """And no end to come, however long ago it was."""
    attempts = [tried(n, "succeeded", minutes=n) for n in range(5)]

    work = fold(5, attempts, [a_run(ended=True)], minutes=10_000)

    assert (work.per_minute, work.ends_at, work.left) == (pytest.approx(5 / 4), None, 0)


def test_before_anything_ended_there_is_no_rate_and_no_estimate() -> None:
    work = fold(2, [tried(0, "started")], [a_run()])

    assert (work.per_minute, work.bytes_per_second, work.ends_at) == (None, None, None)


def test_a_canceled_backfill_has_no_rate_of_the_days_since() -> None:
    """Its unfinished dates remain, and no end is estimated."""
    attempts = [tried(n, "succeeded", minutes=n) for n in range(5)]
    ended: datetime = NOW + timedelta(minutes=4)

    work = fold_progress(
        DATASET, [day(n) for n in range(8)], attempts=attempts, runs=[a_run(first=0, last=4)], now=ended
    )

    assert work.left == 3
    assert work.per_minute == pytest.approx(5 / 4)
