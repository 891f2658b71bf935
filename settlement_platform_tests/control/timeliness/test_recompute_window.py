"""Regular runs look back over a declared window; what changes after it waits for a backfill."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from settlement_platform.control.timeliness.recompute_window import backfill_commands, why_outside_window
from settlement_platform_tests.builders import DATASET, DAY


@pytest.mark.parametrize(
    ("now", "waits"),
    [(datetime(2026, 11, 22, 23, 59, tzinfo=UTC), False), (datetime(2026, 11, 23, tzinfo=UTC), True)],
)
def test_a_date_is_open_for_its_window_after_its_end(now: datetime, *, waits: bool) -> None:
    """Of 2026-11-20 the 48 hours end with 2026-11-22."""
    reason = why_outside_window(DATASET, DAY, window=timedelta(hours=48), now=now)

    assert bool(reason) == waits


def test_a_change_that_came_too_late_names_the_backfill_that_takes_it() -> None:
    """The reason can be pasted."""
    now = datetime(2026, 12, 1, tzinfo=UTC)

    reason = why_outside_window(DATASET, DAY, window=timedelta(hours=48), now=now)

    assert reason.code == "closed_for_corrections"
    assert reason.parameters["closed_at"] == "2026-11-23T00:00:00Z"
    assert reason.endswith("settlement backfill card_settlements --from 2026-11-20 --to 2026-11-20")


def _january(*days: int) -> list[date]:
    return [date(2026, 1, n) for n in days]


@pytest.mark.parametrize(
    ("dates", "ranges"),
    [
        ([], []),
        (_january(1), [(1, 1)]),
        (_january(9, 3, 2, 1), [(1, 3), (9, 9)]),
        (_january(1, 3, 5), [(1, 1), (3, 3), (5, 5)]),
        (_january(1, 3, 5, 7), [(1, 7)]),
    ],
    ids=["none", "one", "two ranges", "as many as are named", "more than are named"],
)
def test_what_waits_is_drained_by_few_commands(dates: Sequence[date], ranges: Sequence[tuple[int, int]]) -> None:
    """Each can be pasted, and no date is left out."""
    commands = backfill_commands(DATASET, dates)

    assert list(commands) == [
        f"settlement backfill {DATASET} --from 2026-01-{first:02} --to 2026-01-{last:02}" for first, last in ranges
    ]
