"""Contenders that run as services and are asked for work: what they have in common."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

import duckdb
import requests

from benchmarks.peers.files import Content
from benchmarks.peers.peer import Place
from benchmarks.peers.processes import Services
from benchmarks.peers.sampling import wait_until_calm
from benchmarks.peers.work import EVENTS, FIRST, LANDING, OUT

POLL_SECONDS = 0.25
CALM_SECONDS = 180.0
START_SECONDS = 240.0
MIDDLE = 0.25
"""The share of a backfill's dates that is published when the first fresh date is asked for."""


class Serving(ABC):
    """A contender with services; its driver says how to start them and how to ask."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.out = place.folder / "out"
        self.out.mkdir(parents=True)
        self.services = Services(place.folder / "services", own_environment(place, self.out))

    @abstractmethod
    def ask_many(self, days: Sequence[date]) -> None:
        """Ask for a backfill."""

    @abstractmethod
    def ask_one(self, day: date) -> None:
        """Ask for a fresh date, ahead of a backfill where it can be said."""

    def publications(self) -> Mapping[date, float]:
        """When each date was published, in seconds since the epoch."""
        path = self.out / EVENTS
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        events = [json.loads(line) for line in lines]
        return {date.fromisoformat(e["business_date"]): e["at"] for e in events}

    def published(self) -> Mapping[date, Content]:
        """The warehouse's table, date by date."""
        return in_warehouse(self.out / "warehouse.duckdb")

    def drain(self, days: Sequence[date]) -> float:
        """From the request to the last publication."""
        self.place.deliver(days)
        asked = time.time()
        self.ask_many(days)
        return self._last(days) - asked

    def idle_fresh(self, day: date) -> float:
        """Once the services have come to rest."""
        self.place.deliver([day])
        wait_until_calm(seconds=CALM_SECONDS)
        return self._fresh(day)

    def fresh_under_backfill(self, days: Sequence[date], fresh: Sequence[date]) -> list[float]:
        """Asked for when a quarter of the backfill is published, each when the one before it is there."""
        self.place.deliver([*days, *fresh])
        self.ask_many(days)
        wanted = max(1, int(len(days) * MIDDLE))
        self.wait(lambda: len(self.publications()) >= wanted, _limit(days), f"{wanted} dates of a backfill")
        took = []
        for day in fresh:
            seconds = self._fresh(day)
            if set(days) <= self.publications().keys():
                break
            took.append(seconds)
        return took

    def wait(self, reached: Callable[[], object], seconds: float, what: str) -> None:
        """Ask again and again, as long as the services live.

        Raises:
            RuntimeError: a service has ended, or it takes longer than that.
        """
        ends = time.monotonic() + seconds
        while not reached():
            self.services.require_alive()
            if time.monotonic() > ends:
                raise RuntimeError(f"{what}: not reached within {seconds:,.0f} s")
            time.sleep(POLL_SECONDS)

    def wait_for_answer(self, url: str) -> None:
        """Until a service answers under this address."""
        self.wait(lambda: answers(url), START_SECONDS, f"an answer of {url}")

    def _fresh(self, day: date) -> float:
        asked = time.time()
        self.ask_one(day)
        return self._last([day]) - asked

    def _last(self, days: Sequence[date]) -> float:
        """When the last of these dates was published, which this waits for."""
        wanted = set(days)
        self.wait(lambda: wanted <= self.publications().keys(), _limit(days), f"{len(days)} dates published")
        found = self.publications()
        return max(found[day] for day in days)


def own_environment(place: Place, out: Path) -> Mapping[str, str]:
    """Where the work finds its files and leaves its results, and the first date of all."""
    return {LANDING: str(place.landing), OUT: str(out), FIRST: place.first.isoformat()}


def in_warehouse(path: Path, table: str = "card_settlements") -> Mapping[date, Content]:
    """The published table in a DuckDB file, date by date."""
    query = f"""
        SELECT business_date, count(*), count(DISTINCT transaction_id), sum(amount_minor)
        FROM {table} GROUP BY business_date
    """
    with duckdb.connect(str(path)) as connection:
        found = connection.execute(query).fetchall()
    return {day: Content(rows=rows, keys=keys, amount_minor=int(amount)) for day, rows, keys, amount in found}


def answers(url: str) -> bool:
    """Whether anything answers there without an error."""
    with suppress(requests.RequestException):
        return requests.get(url, timeout=5).ok
    return False


def _limit(days: Sequence[date]) -> float:
    """How long the slowest may take before the benchmark gives it up, in seconds."""
    return 600.0 + 60.0 * len(days)
