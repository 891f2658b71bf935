"""A story on a clock of its own: files are delivered, sensors and schedules tick, and what they request is run."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import time_machine

from settlement_platform.datasets.dataset import Dataset
from settlement_platform.definitions import platform_resource
from settlement_platform.pipeline.inspection.date_view import DateView, date_views
from settlement_platform.pipeline.platform import Platform
from settlement_platform_tests.cli.command import Finished
from settlement_platform_tests.deliveries import SOURCES, Delivery, some_rows
from settlement_platform_tests.http_channel import HttpChannel
from settlement_platform_tests.orchestration.dagster_home import NAME, DagsterHome, evaluate_schedule
from settlement_platform_tests.scenarios.story_runs import (
    Execute,
    RequestedRun,
    evaluate_sensor,
    execute_here,
    requested_by_schedule,
    requested_by_sensor,
)

ARRIVALS, MARTS_FOLLOW, ALERTS = f"arrivals_{NAME}", "marts_follow", "alerts"
SCREEN_LINES, SCREEN_COLUMNS = 40, 120
DAILY = time(4, 0)


class Story:
    """One installation and everybody around it: providers, the daemon, operators, and owners on a webhook.

    `execute` is how a run that was requested is run, `launched` what was run so far, as `job date`.
    """

    def __init__(
        self,
        home: DagsterHome,
        dataset: Dataset,
        clock: time_machine.Traveller,
        channel: HttpChannel,
        command: Callable[..., Finished],
    ) -> None:
        self.home = home
        self.dataset = dataset
        self.command = command
        self.execute: Execute = execute_here
        self.launched: list[str] = []
        self._clock = clock
        self._channel = channel

    @property
    def now(self) -> datetime:
        """The time that every clock shows."""
        return datetime.now(UTC)

    def at(self, moment: str) -> "Story":
        """Let time pass until `2026-01-02 03:50`, or `03:50` of the same day; meanwhile the daily schedule ticks."""
        day, clock = moment.split() if " " in moment else (f"{self.now:%Y-%m-%d}", moment)
        then = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)
        due = datetime.combine(self.now.date(), DAILY, UTC)
        while due <= then:
            if due > self.now:
                self._clock.move_to(due)
                self._run(requested_by_schedule(evaluate_schedule(self.home.definitions, self.home.settings, due)))
            due += timedelta(days=1)
        self._clock.move_to(then)
        return self

    def deliver(self, day: date, *sources: str, rows: int = 3, **changes: Any) -> list[Delivery]:  # noqa: ANN401 - any field
        """Deliver some sources of a date, all if none is named; `changes` are fields of the deliveries."""
        found = [
            Delivery(**{"business_date": day, "source": s, "rows": some_rows(day, s, rows), **changes})
            for s in sources or SOURCES
        ]
        for delivery in found:
            delivery.write(self.home.landing)
        return found

    def tick(self, *clocks: str) -> list[list[str]]:
        """Let the sensors tick at these times of the day (now if none is given), and run what they request.

        Returns what was launched since the time before, by the schedule too.
        """
        found = []
        for clock in clocks or (f"{self.now:%H:%M}",):
            before = len(self.launched)
            if clocks:
                self.at(clock)
            self.scan()
            self._run(requested_by_sensor(self.home, MARTS_FOLLOW, evaluate_sensor(self.home, MARTS_FOLLOW)))
            self.watch()
            found.append(self.launched[before:])
        return found

    def scan(self) -> str:
        """Let the arrivals sensor tick, and run its requests; return its message if it requested nothing."""
        found = evaluate_sensor(self.home, ARRIVALS)
        self._run(requested_by_sensor(self.home, ARRIVALS, found))
        return found.skip_message or ""

    def watch(self) -> None:
        """Let the sensor that tells owners tick."""
        evaluate_sensor(self.home, ALERTS)

    def _run(self, requested: list[RequestedRun]) -> None:
        for each in requested:
            self.launched.append(each.title)
            self.execute(self.home, each)

    def explain(self, day: date) -> str:
        """The output of `settlement explain`: on one screen, with the next action."""
        said = self.command("explain", NAME, str(day)).out
        rows = sum(max(1, -(-len(line) // SCREEN_COLUMNS)) for line in said.splitlines())
        assert rows <= SCREEN_LINES, f"{rows} lines of {SCREEN_COLUMNS} columns are more than a screen:\n{said}"
        assert re.search(r"^  next: \S", said, re.MULTILINE), said
        return said

    def alerts(self) -> list[str]:
        """All that the webhook received, in order, as `warning late 2026-01-01`; of the dataset if nothing is named."""
        titles = [
            line
            for post in self._channel.posts
            for line in [post["title"], *post["message"].splitlines()]
            if not line.endswith("alerts at once")
        ]
        found = [re.fullmatch(r"\[(\w+)\] (\w+): (.*)", title) for title in titles]
        return [" ".join([f[1], f[2], *f[3].replace(NAME, "").split()]) for f in found if f]

    def sent(self, title: str) -> str:
        """The message of the one post with this title."""
        (message,) = [p["message"] for p in self._channel.posts if p["title"] == title]
        return str(message)

    def view_of(self, day: date) -> DateView:
        """A date as reading commands show it."""
        with self.stores() as stores:
            return date_views(stores, self.dataset, day, day)[0]

    def state(self, day: date) -> str:
        """State and generation of a date and what is pending beside it, as `restated 2 (quarantined)`."""
        outlook = self.view_of(day)
        published, pending = outlook.publication, outlook.state.pending
        if published is None:
            return outlook.state.state.value
        return f"{published.state} {published.generation}" + (f" ({pending.state})" if pending else "")

    @contextmanager
    def stores(self) -> Iterator[Platform]:
        """All stores."""
        with platform_resource(self.home.settings).open() as stores:
            yield stores
