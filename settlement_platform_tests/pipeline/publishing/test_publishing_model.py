"""Whatever happens in whatever order, what is published is what a simple model says."""

import tempfile
import threading
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from settlement_platform.control.facts import State
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.timeliness.freshness import WATERMARK_PASSES
from settlement_platform_tests.deliveries import Delivery, a_row, deliver_date, some_rows
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, happening
from settlement_platform_tests.pipeline.installation import (
    FIRST_DATE,
    NAME,
    Installation,
    all_rows,
    open_home,
    plain_reader,
)
from settlement_platform_tests.pipeline.published_rows import expected_rows

DAYS = [FIRST_DATE + timedelta(days=n) for n in range(3)]
SHARED_KEY = "a key that only one date may have"


class Crash(Exception):
    """DateEnd for whatever ends a process between two steps."""


@dataclass
class Modelled:
    """A date as it must be: what is delivered, and each content that was published."""

    delivered: tuple[int, bool, bool] | None = None
    generations: list[tuple[int, bool, bool]] = field(default_factory=list)

    @property
    def published(self) -> tuple[int, bool, bool] | None:
        """The content that readers see."""
        return self.generations[-1] if self.generations else None


def _visa(day: date, content: tuple[int, bool, bool]) -> Delivery:
    """The delivery with so many rows, one of which may have the shared key, and with honest totals or not."""
    count, shared, corrupt = content
    rows = some_rows(day, "visa", count)
    if shared:
        rows.append(a_row(day, "visa", 99, transaction_id=SHARED_KEY))
    delivery = Delivery(business_date=day, source="visa", rows=rows)
    return replace(delivery, declared={"rows": 1_000}) if corrupt else delivery


class Publishing(RuleBasedStateMachine):
    """Two opened platforms over one home, three neighbouring dates."""

    @initialize()
    def open(self) -> None:
        """Begin with an empty home."""
        self.folder = tempfile.TemporaryDirectory()
        home = Path(self.folder.name)
        self.installations = [Installation(home=home, platform=open_home(home)) for _ in range(2)]
        self.reader = plain_reader(home)
        self.model = {day: Modelled() for day in DAYS}

    @rule(day=st.sampled_from(DAYS), count=st.integers(0, 3), shared=st.booleans(), corrupt=st.sampled_from([0, 0, 1]))
    def deliver(self, day: date, count: int, shared: bool, corrupt: int) -> None:
        """A delivery, a correction, or the same once more."""
        content = (count, shared, bool(corrupt))
        deliver_date(self.installations[0].landing, day, visa=_visa(day, content))
        self.model[day].delivered = content

    @rule(day=st.sampled_from(DAYS), which=st.integers(0, 1))
    def process(self, day: date, which: int) -> None:
        """Either platform takes the date through; also the replay of what is done."""
        expected = self._expected(day)

        concluded = self.installations[which].run(day)

        assert concluded.decision.action is expected, concluded.decision.reasons
        self._follow(day, expected)

    @rule(day=st.sampled_from(DAYS), which=st.integers(0, 1), boundary=st.sampled_from(list(BOUNDARIES)))
    def crash(self, day: date, which: int, boundary: str) -> None:
        """An attempt breaks off at a boundary, or never reaches it."""
        expected = self._expected(day)

        def break_off() -> None:
            raise Crash

        try:
            with happening(BOUNDARIES[boundary], break_off):
                self.installations[which].run(day)
        except Crash:
            if not BOUNDARIES[boundary].commits:
                return
        self._follow(day, expected)

    @rule(day=st.sampled_from(DAYS))
    def race(self, day: date) -> None:
        """Both platforms take the same date at once; only one of them can publish it."""
        expected = self._expected(day)
        moves: list[Action] = []
        threads = [
            threading.Thread(target=lambda i=i: moves.append(i.run(day).decision.action)) for i in self.installations
        ]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        second = Action.ALREADY_PUBLISHED if expected is Action.PUBLISH else expected
        assert sorted(moves) == sorted([expected, second])
        self._follow(day, expected)

    @rule(day=st.sampled_from(DAYS), other=st.sampled_from(DAYS))
    def race_of_neighbours(self, day: date, other: date) -> None:
        """Two dates at once; where both hold the shared key, whichever comes second is refused."""
        if day == other:
            return
        before = {d: self._expected(d) for d in (day, other)}
        clash = self._wants_shared(day) and self._wants_shared(other)
        moves: dict[date, Action] = {}

        def run(installation: Installation, which: date) -> None:
            moves[which] = installation.run(which).decision.action

        threads = [
            threading.Thread(target=run, args=pair) for pair in zip(self.installations, (day, other), strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        if not clash:
            assert moves == before or self._released(day, other)
        published = [d for d in (day, other) if moves[d] is Action.PUBLISH]
        for d in published:
            self._follow(d, Action.PUBLISH)

    @invariant()
    def readers_see_the_model(self) -> None:
        """Rows, generations, states and watermark, by a client that knows nothing of the platform."""
        if not hasattr(self, "model"):
            return
        rows = [row for day, modelled in self.model.items() for row in self._rows(day, modelled)]
        records = [r for day, modelled in self.model.items() for r in self._expected_records(day, modelled)]
        assert all_rows(self.reader) == rows
        assert self._records() == records
        assert self._watermark() == self._expected_watermark()

    @invariant()
    def the_shared_key_is_published_once_at_most(self) -> None:
        """No order of events lets two neighbours publish one key."""
        if hasattr(self, "model"):
            query = f"SELECT count(*) FROM lake.published.{NAME} WHERE transaction_id = ?"
            found = self.reader.execute(query, [SHARED_KEY]).fetchone()
            assert found is not None
            assert found[0] <= 1

    def teardown(self) -> None:
        """Remove the home."""
        if hasattr(self, "folder"):
            self.reader.close()
            self.folder.cleanup()

    def _wants_shared(self, day: date) -> bool:
        content = self.model[day].delivered
        return bool(content and content[1] and content != self.model[day].published)

    def _released(self, day: date, other: date) -> bool:
        """Return whether one of the dates had the key and may have released it to the other meanwhile."""
        held = any((p := self.model[d].published) and p[1] for d in (day, other))
        return held and (self._wants_shared(day) or self._wants_shared(other))

    def _expected(self, day: date) -> Action:
        modelled = self.model[day]
        if modelled.delivered is None:
            return Action.WAIT
        if modelled.delivered == modelled.published:
            return Action.ALREADY_PUBLISHED
        _, shared, corrupt = modelled.delivered
        taken = any(m.published and m.published[1] for d, m in self.model.items() if d != day)
        return Action.REFUSE if corrupt or (shared and taken) else Action.PUBLISH

    def _follow(self, day: date, move: Action) -> None:
        modelled = self.model[day]
        if move is Action.PUBLISH and modelled.delivered is not None:
            modelled.generations.append(modelled.delivered)

    @staticmethod
    def _rows(day: date, modelled: Modelled) -> list[tuple[Any, ...]]:
        if modelled.published is None:
            return []
        others = [Delivery(business_date=day, source=s, rows=some_rows(day, s)) for s in ("mastercard", "amex")]
        return expected_rows([_visa(day, modelled.published), *others])

    def _records(self) -> list[tuple[Any, ...]]:
        return self.reader.execute(
            "SELECT business_date, generation, state, rows FROM lake.published.publications "
            "WHERE dataset = ? ORDER BY ALL",
            [NAME],
        ).fetchall()

    @staticmethod
    def _expected_records(day: date, modelled: Modelled) -> list[tuple[Any, ...]]:
        return [
            (day, n, State.FINAL if n == 1 else State.RESTATED, 6 + count + shared)
            for n, (count, shared, _) in enumerate(modelled.generations, start=1)
        ]

    def _watermark(self) -> date | None:
        query = "SELECT watermark FROM lake.published.watermarks WHERE dataset = ?"
        found = self.reader.execute(query, [NAME]).fetchall()
        assert len(found) <= 1
        return found[0][0] if found else None

    def _expected_watermark(self) -> date | None:
        assert {State.FINAL, State.RESTATED} <= WATERMARK_PASSES
        reached = None
        for day in DAYS:
            if not self.model[day].generations:
                break
            reached = day
        return reached


FEW = settings(
    max_examples=4,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
Publishing.TestCase.settings = FEW
test_what_is_published_is_what_the_model_says = Publishing.TestCase


@pytest.mark.slow
def test_what_is_published_is_what_the_model_says_for_long() -> None:
    """Each run has other, longer stories."""
    many = settings(FEW, max_examples=6, stateful_step_count=25, derandomize=False)

    run_state_machine_as_test(Publishing, settings=many)
