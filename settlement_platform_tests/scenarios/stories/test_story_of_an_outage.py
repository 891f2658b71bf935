"""A store that does not answer for an hour: it is tried, left alone, probed, and forgotten when it is back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from settlement_platform.control.policies import RetryPolicy
from settlement_platform.orchestration.assets import step
from settlement_platform.pipeline.launching.circuit_breakers import all_breakers
from settlement_platform_tests.orchestration.dagster_home import NAME, SCHEDULE, day
from settlement_platform_tests.scenarios.conftest import Tell
from settlement_platform_tests.scenarios.ending import DateEnd, assert_ends
from settlement_platform_tests.scenarios.outages import Upstream
from settlement_platform_tests.scenarios.story import Story

THURSDAY = day(0)
RUN = [f"{SCHEDULE} {THURSDAY}"]


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    found = Upstream(tmp_path / "s3")
    yield found
    found.stop()


@pytest.fixture
def on_s3(tell: Tell, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A story whose staging area is a bucket; a step is tried again at once, as time does not pass while it waits."""
    server = upstream.start()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.access.secret)
    monkeypatch.setattr(step, "_POLICY", RetryPolicy(base_seconds=0.0))
    endpoint = str(server.access.endpoint_url)
    return tell(SETTLEMENT_STAGING_URL=server.new_prefix(), SETTLEMENT_S3_ENDPOINT_URL=endpoint)


def tries(story: Story) -> list[str]:
    """How each try of the date ended, with the minute in which it did."""
    with story.stores() as stores:
        attempts = stores.ledger.attempts(NAME, THURSDAY, THURSDAY)
    return [f"{a.recorded_at:%H:%M} {a.outcome}" for a in attempts if a.outcome != "started"]


def closed(story: Story) -> bool:
    """Return whether every breaker is closed."""
    with story.stores() as stores:
        return all(b.state == "closed" for b in all_breakers(stores))


@pytest.mark.slow
def test_an_hour_without_the_staging_area_costs_eight_tries_and_the_date_is_in_time(
    on_s3: Story, upstream: Upstream
) -> None:
    """Five failures open the breaker, each probe that fails doubles the wait, and the one that does not closes it.

    From the third opening on it is an operator's turn, and the owner is notified once.
    """
    story = on_s3
    story.at("2026-01-02 03:30")
    upstream.stop()
    there = story.deliver(THURSDAY)
    opened = story.tick("03:30", "03:36")
    explained = story.explain(THURSDAY)
    left_alone = story.tick("03:45")
    probed = story.tick("03:47", "04:01", "04:08")
    story.at("04:30")
    upstream.start()
    waited = story.tick("04:40")
    during = tries(story)
    healed = story.tick("04:49", "04:50")

    assert opened == [RUN, RUN]
    assert "the breaker of dataset card_settlements is open until 2026-01-02 03:46" in explained
    assert "staging did not answer" in explained
    assert "next: nothing until sensors and schedules launch again" in explained
    assert (left_alone, probed, waited) == ([[]], [RUN, [], RUN], [[]])
    assert during == [*["03:30 failed"] * 4, "03:36 failed", "03:47 failed", "04:08 failed"]
    assert healed == [RUN, []]
    assert closed(story)
    alerts = [
        "critical breaker_open",
        "critical breaker_open staging",
        "critical retry_storm",
        "critical retry_storm staging",
        "resolved breaker_open",
        "resolved retry_storm",
        "resolved breaker_open staging",
        "resolved retry_storm staging",
    ]
    assert_ends(story, {THURSDAY: DateEnd(generations=["final"], of=there)}, watermark=THURSDAY, alerts=alerts)
