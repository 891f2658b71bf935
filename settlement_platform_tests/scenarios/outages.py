"""Stores that go away and come back in a story, and what is seen of that meanwhile."""

import tempfile
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from settlement_platform.control.facts import AttemptStep
from settlement_platform.control.failures import SettlementError
from settlement_platform.definitions import platform_resource
from settlement_platform.pipeline.launching.circuit_breakers import all_breakers
from settlement_platform_tests.orchestration.dagster_home import NAME
from settlement_platform_tests.scenarios.story import Story
from settlement_platform_tests.servers import PostgresServer, S3Server, free_s3_port, postgres_server, s3_server


class Upstream:
    """An S3 service of one story's own, which goes away and comes back at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_s3_port()
        self._running = ExitStack()

    def start(self) -> S3Server:
        """Let it answer."""
        return self._running.enter_context(s3_server(self._folder, self._port))

    def stop(self) -> None:
        """Let nobody answer at its address."""
        self._running.close()


class CatalogServer:
    """A PostgreSQL of one story's own, which goes away and comes back at the same address."""

    def __init__(self) -> None:
        # Started by root the server runs as a user of its own, who may not enter pytest's folders.
        self._folder = tempfile.TemporaryDirectory(prefix="settlement-catalog-", ignore_cleanup_errors=True)
        self._running = ExitStack()

    def start(self) -> PostgresServer:
        """Let it answer."""
        return self._running.enter_context(postgres_server(Path(self._folder.name)))

    def stop(self) -> None:
        """Let nobody answer at its address."""
        self._running.close()

    def remove(self) -> None:
        """Stop it for good."""
        self.stop()
        self._folder.cleanup()


def tick_in_vain(story: Story, *clocks: str) -> set[str]:
    """Let the sensors tick at these times while a store does not answer; why the looks for arrivals failed."""
    found = set()
    for clock in clocks:
        story.at(clock)
        with pytest.raises((SettlementError, dg.Failure)) as failed:
            story.scan()
        story.watch()
        found.add(str(getattr(failed.value, "description", None) or failed.value))
    return found


def not_closed(story: Story) -> list[str]:
    """The breakers that are not closed, as `landing open`; only the ledger is asked."""
    with platform_resource(story.home.settings).open_ledger() as facts:
        return [f"{b.name} {b.state}" for b in all_breakers(facts) if b.state != "closed"]


def tries(story: Story, business_date: date) -> list[str]:
    """How each try of a date ended, with the minute in which it did."""
    with platform_resource(story.home.settings).open_ledger() as facts:
        attempts = facts.ledger.attempts(NAME, business_date, business_date)
    ended = [a for a in attempts if a.outcome != "started" and a.step != AttemptStep.SCAN]
    return [f"{a.recorded_at:%H:%M} {a.outcome}" for a in ended]
