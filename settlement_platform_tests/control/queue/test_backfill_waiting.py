"""What holds a backfill back."""

import pytest

from settlement_platform.control.queue.backfill_progress import BackfillConditions, why_waiting


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({}, []),
        ({"daemon": False}, ["no daemon is running"]),
        ({"paused": "ana: month end"}, ["paused by ana: month end"]),
        ({"stopped": ("the breaker of store lake is open",)}, ["the breaker of store lake is open"]),
        ({"asked": False}, ["have not been asked for yet"]),
        ({"queued": 3, "taken": "3 runs have all 3 slots"}, ["3 runs wait in the queue: 3 runs have all 3 slots"]),
        ({"queued": 3, "started": 1}, []),
        ({"queued": 1}, ["1 run waits in the queue"]),
        ({"throttled": ("150 MB/s are used up",)}, ["150 MB/s are used up"]),
        ({"waiting": 2}, ["2 dates wait for files"]),
        ({"waiting": 1}, ["1 date waits for files"]),
        ({"daemon": False, "asked": False}, ["no daemon is running"]),
        ({"paused": "ana: month end", "queued": 3}, ["paused by ana"]),
        ({"over": True, "daemon": False, "queued": 3}, []),
        ({"ending": True, "queued": 3, "waiting": 1}, ["it is to end"]),
        ({"ending": True, "daemon": False}, ["no daemon is running", "it is to end"]),
    ],
)
def test_what_holds_it_back_is_said_and_nothing_else(found: dict[str, object], words: list[str]) -> None:
    reasons = why_waiting(BackfillConditions(**{"over": False, "daemon": True, **found}))

    assert len(reasons) == len(words)
    assert all(word in reason for word, reason in zip(words, reasons, strict=True))
