"""A content that is still not published is previous for again, ever later."""

from datetime import timedelta

import pytest

from settlement_platform.control.reliability.retry_backoff import PreviousRun, RetryBackoff, next_try
from settlement_platform_tests.builders import NOW

PATIENCE = RetryBackoff(first=timedelta(minutes=5), longest=timedelta(hours=1))
MINUTE = timedelta(minutes=1)


def test_what_was_never_requested_is_requested_now() -> None:
    turn = next_try((), running=False, backoff=PATIENCE, now=NOW)

    assert (turn.number, turn.not_yet) == (1, None)


@pytest.mark.parametrize(("runs", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (5000, 60)])
def test_each_wait_is_twice_as_long_up_to_the_longest(runs: int, minutes: int) -> None:
    requested = [PreviousRun(ended_at=NOW - n * MINUTE) for n in range(runs)]

    early = next_try(requested, running=False, backoff=PATIENCE, now=NOW + minutes * MINUTE - timedelta(seconds=1))
    due = next_try(requested, running=False, backoff=PATIENCE, now=NOW + minutes * MINUTE)

    assert (early.number, due.number) == (runs + 1, runs + 1)
    assert early.not_yet.code == "next_try_due"
    assert early.not_yet.parameters["tries"] == runs
    assert due.not_yet is None


@pytest.mark.parametrize(("previous", "running"), [((), True), ((PreviousRun(ended_at=None),), False)])
def test_nothing_is_requested_while_a_run_is_running(previous: tuple[PreviousRun, ...], running: bool) -> None:
    assert next_try(previous, running=running, backoff=PATIENCE, now=NOW).not_yet.code == "run_in_progress"
