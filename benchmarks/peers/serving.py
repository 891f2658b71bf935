"""Contenders that run as services and receive requests: their shared parts."""

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
"""The published share of a backfill at the request for the first fresh date."""


class Serving(ABC):
    """A contender with services; its driver says how to start them and how to request work."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.out = place.folder / "out"
        self.out.mkdir(parents=True)
        self.services = Services(place.folder / "services", own_environment(place, self.out))

    @abstractmethod
    def request_many(self, days: Sequence[date]) -> None:
        """Request a backfill."""

    @abstractmethod
    def request_one(self, day: date) -> None:
        """Request a fresh date, ahead of a backfill if the contender can do that."""

    def publications(self) -> Mapping[date, float]:
        """Return the time of publication of each date, in seconds since the epoch."""
        path = self.out / EVENTS
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        events = [json.loads(line) for line in lines]
        return {date.fromisoformat(e["business_date"]): e["at"] for e in events}

    def published(self) -> Mapping[date, Content]:
        """Read the table of the warehouse, date by date."""
        return in_warehouse(self.out / "warehouse.duckdb")

    def drain(self, days: Sequence[date]) -> float:
        """Return the seconds from the request to the last publication."""
        self.place.deliver(days)
        requested_at = time.time()
        self.request_many(days)
        return self._last(days) - requested_at

    def idle_fresh(self, day: date) -> float:
        """Publish a date once the services are at rest."""
        self.place.deliver([day])
        wait_until_calm(seconds=CALM_SECONDS)
        return self._fresh(day)

    def fresh_under_backfill(self, days: Sequence[date], fresh: Sequence[date]) -> list[float]:
        """Request dates when a quarter of the backfill is published, each when the one before it is there."""
        self.place.deliver([*days, *fresh])
        self.request_many(days)
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
        """Poll as long as the services live.

        Raises:
            RuntimeError: a service has ended, or it takes longer than the limit.
        """
        ends = time.monotonic() + seconds
        while not reached():
            self.services.require_alive()
            if time.monotonic() > ends:
                raise RuntimeError(f"{what}: not reached within {seconds:,.0f} s")
            time.sleep(POLL_SECONDS)

    def wait_for_answer(self, url: str) -> None:
        """Wait until a service answers under this address."""
        self.wait(lambda: answers(url), START_SECONDS, f"an answer of {url}")

    def _fresh(self, day: date) -> float:
        requested_at = time.time()
        self.request_one(day)
        return self._last([day]) - requested_at

    def _last(self, days: Sequence[date]) -> float:
        """Wait for these dates; return the time of the last publication."""
        wanted = set(days)
        self.wait(lambda: wanted <= self.publications().keys(), _limit(days), f"{len(days)} dates published")
        found = self.publications()
        return max(found[day] for day in days)


def own_environment(place: Place, out: Path) -> Mapping[str, str]:
    """Return the variables that name the files, the results and the first date for the work."""
    return {LANDING: str(place.landing), OUT: str(out), FIRST: place.first.isoformat()}


def in_warehouse(path: Path, table: str = "card_settlements") -> Mapping[date, Content]:
    """Read the published table in a DuckDB file, date by date."""
    query = f"""
        SELECT business_date, count(*), count(DISTINCT transaction_id), sum(amount_minor)
        FROM {table} GROUP BY business_date
    """
    with duckdb.connect(str(path)) as connection:
        found = connection.execute(query).fetchall()
    return {day: Content(rows=rows, keys=keys, amount_minor=int(amount)) for day, rows, keys, amount in found}


def answers(url: str) -> bool:
    """Return whether a server answers there without an error."""
    with suppress(requests.RequestException):
        return requests.get(url, timeout=5).ok
    return False


def _limit(days: Sequence[date]) -> float:
    """Return the seconds after which the benchmark gives a contender up."""
    return 600.0 + 60.0 * len(days)
