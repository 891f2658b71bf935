"""An operator's process that is killed leaves the date as it was, and doing it again ends it well."""

import signal
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from settlement_platform.storage.ledger.open import open_ledger
from settlement_platform_tests.deliveries import Delivery, deliver_date, some_rows
from settlement_platform_tests.pipeline.boundaries import ACTION_BOUNDARIES
from settlement_platform_tests.pipeline.installation import (
    FIRST_DATE,
    NAME,
    open_home,
    plain_reader,
    rows_on,
    stores_in,
)
from settlement_platform_tests.scenarios.processes import (
    operate_and_die,
    operate_on,
    publish_dates,
    run_to_end,
    settle_under_limits,
)

ACTIONS = ("rollback", "skip", "release", "approve")
BEFORE = "before the action is recorded"
DONE_AGAIN = [
    pytest.param(a, b, marks=pytest.mark.slow if a in ("approve", "skip") else ())
    for a in ACTIONS
    for b in ACTION_BOUNDARIES
    if a != "release" or b == BEFORE
]
"""A release that is on record need not be said again: it is the next run's to publish."""


class Scene:
    """One home for all kills, and dates far enough from each other."""

    def __init__(self, home: Path) -> None:
        open_home(home)
        self.home = home
        self._reader = plain_reader(home)
        self._ledger = open_ledger(stores_in(home).ledger_url, now=datetime.now(UTC))
        self._days = (FIRST_DATE + timedelta(days=10 * n) for n in count())

    def next_date(self, action: str) -> date:
        """A date for which the action is due."""
        day = next(self._days)
        if action == "skip":
            return day
        deliver_date(self.home / "landing", day)
        run_to_end(publish_dates, self.home, [day])
        declared = {"rows": 6} if action == "release" else {}
        visa = Delivery(business_date=day, source="visa", rows=some_rows(day, "visa", 5), declared=declared)
        visa.write(self.home / "landing")
        if action == "approve":
            run_to_end(settle_under_limits, self.home, day)
        else:
            run_to_end(publish_dates, self.home, [day])
        return day

    def seen(self, day: date) -> tuple[list[tuple[Any, ...]], list[Any]]:
        """The rows and the records that a plain DuckDB client sees."""
        records = self._reader.execute(
            "SELECT generation, state, rows FROM lake.published.publications WHERE dataset = ? AND business_date = ? "
            "ORDER BY ALL",
            [NAME, day],
        ).fetchall()
        return rows_on(self._reader, day), records

    def actions(self, day: date) -> int:
        """How many actions on the date are on record."""
        return sum(a.business_date == day for a in self._ledger.actions(NAME))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize(("action", "boundary"), DONE_AGAIN)
def test_a_kill_changes_nothing_for_readers_and_doing_it_again_does_it_once(
    scene: Scene, action: str, boundary: str
) -> None:
    """The action may be on record twice, with its reason each time; the publication never is."""
    day = scene.next_date(action)
    before = scene.seen(day)

    died = run_to_end(operate_and_die, scene.home, day, action, boundary)
    left, recorded = scene.seen(day), scene.actions(day)
    again = run_to_end(operate_on, scene.home, day, action)
    after = scene.seen(day)
    once_more = run_to_end(operate_on, scene.home, day, action)

    assert died == -signal.SIGKILL
    assert left == before
    assert recorded == (boundary != BEFORE)
    assert again == 0
    assert len(after[1]) == len(before[1]) + 1
    assert once_more == 3
    assert scene.seen(day) == after


@pytest.mark.parametrize("action", ["approve", "release"])
def test_what_an_operator_has_let_through_the_next_run_publishes(scene: Scene, action: str) -> None:
    """The action is on record: nobody has to say it twice."""
    day = scene.next_date(action)
    before = scene.seen(day)

    run_to_end(operate_and_die, scene.home, day, action, "after the action is recorded")
    left = scene.seen(day)
    if action == "approve":
        run_to_end(settle_under_limits, scene.home, day)
    else:
        run_to_end(publish_dates, scene.home, [day])

    assert left == before
    assert [record[0] for record in scene.seen(day)[1]] == [1, 2]
    assert scene.seen(day)[0] != before[0]


def test_after_a_rollback_that_died_the_next_run_changes_nothing(scene: Scene) -> None:
    """The current publication stays until somebody rolls it back for good."""
    day = scene.next_date("rollback")
    before = scene.seen(day)

    run_to_end(operate_and_die, scene.home, day, "rollback", "after the action is recorded")
    run_to_end(publish_dates, scene.home, [day])

    assert scene.seen(day) == before
