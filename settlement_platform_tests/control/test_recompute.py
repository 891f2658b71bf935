"""Regular runs look back over a declared window; what changes after it waits for a backfill."""

from datetime import UTC, datetime, timedelta

import pytest

from settlement_platform.control.recompute import why_for_a_backfill
from settlement_platform_tests.builders import DATASET, DAY


@pytest.mark.parametrize(
    ("now", "waits"),
    [(datetime(2026, 11, 22, 23, 59, tzinfo=UTC), False), (datetime(2026, 11, 23, tzinfo=UTC), True)],
)
def test_a_date_is_open_for_its_window_after_its_end(now: datetime, *, waits: bool) -> None:
    """Of 2026-11-20 the 48 hours end with 2026-11-22."""
    reason = why_for_a_backfill(DATASET, DAY, window=timedelta(hours=48), now=now)

    assert bool(reason) == waits


def test_a_change_that_came_too_late_names_the_backfill_that_takes_it() -> None:
    """The reason can be pasted."""
    now = datetime(2026, 12, 1, tzinfo=UTC)

    reason = why_for_a_backfill(DATASET, DAY, window=timedelta(hours=48), now=now)

    assert "2026-11-20 closed at 2026-11-23 00:00 UTC" in reason
    assert reason.endswith("settlement backfill card_settlements --from 2026-11-20 --to 2026-11-20")
