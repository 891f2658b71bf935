"""Reasons for which a backfill waits."""

import pytest

from settlement_platform.control.queue.backfill_progress import BackfillConditions, why_waiting
from settlement_platform.control.reasons.reason import reason_codes
from settlement_platform_tests.builders import a_reason, codes

BREAKER, THROTTLE = a_reason("breaker_blocks"), a_reason("write_budget_spent")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, []),
        ({"daemon": False}, ["daemon_stopped"]),
        ({"paused": "ana: month end"}, ["backfill_paused"]),
        ({"stopped": (BREAKER,)}, ["breaker_blocks"]),
        ({"requested": False}, ["runs_not_requested"]),
        ({"queued": 3, "taken": "3 runs have all 3 slots"}, ["runs_queued"]),
        ({"queued": 3, "started": 1}, []),
        ({"queued": 1}, ["runs_queued"]),
        ({"throttled": (THROTTLE,)}, ["write_budget_spent"]),
        ({"waiting": 2}, ["dates_waiting"]),
        ({"waiting": 1}, ["dates_waiting"]),
        ({"daemon": False, "requested": False}, ["daemon_stopped"]),
        ({"paused": "ana: month end", "queued": 3}, ["backfill_paused"]),
        ({"over": True, "daemon": False, "queued": 3}, []),
        ({"ending": True, "queued": 3, "waiting": 1}, ["backfill_ending"]),
        ({"ending": True, "daemon": False}, ["daemon_stopped", "backfill_ending"]),
    ],
)
def test_what_a_backfill_waits_for_is_given_and_nothing_else(found: dict[str, object], expected: list[str]) -> None:
    assert codes(why_waiting(BackfillConditions(**{"over": False, "daemon": True, **found}))) == expected


def test_the_reasons_say_how_many_wait_and_for_whom() -> None:
    found = {"paused": "", "queued": 3, "taken": "3 runs have all 3 slots", "waiting": 2}

    assert reason_codes(why_waiting(BackfillConditions(over=False, daemon=True, **found))) == [
        {"code": "runs_queued", "parameters": {"runs": 3, "slots_taken": "3 runs have all 3 slots"}},
        {"code": "dates_waiting", "parameters": {"dates": 2}},
    ]
