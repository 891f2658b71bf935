"""The landing zone is away for an hour, and nobody takes that for a morning without deliveries."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from settlement_platform.control.policies import RetryPolicy
from settlement_platform.orchestration.assets import step
from settlement_platform.storage.landing.upload import upload
from settlement_platform_tests.deliveries import Delivery
from settlement_platform_tests.orchestration.dagster_home import NAME, SCHEDULE, day
from settlement_platform_tests.pipeline.operating import a_visa
from settlement_platform_tests.scenarios.conftest import Tell
from settlement_platform_tests.scenarios.ending import DateEnd, assert_ends, resolved
from settlement_platform_tests.scenarios.outages import Upstream, not_closed, tick_in_vain, tries
from settlement_platform_tests.scenarios.story import Story
from settlement_platform_tests.shown_reasons import shows

THURSDAY, FRIDAY = day(0), day(1)
OPENED = ["critical breaker_open landing"]
RESTATED = [f"info restated {THURSDAY}", f"resolved restated {THURSDAY}"]

Act = Callable[[], object]


def lose_for_an_hour(story: Story, leave: Act, come_back: Act, deliver: Act, *, said: str) -> None:
    """From 03:28 to 04:28 nothing can be listed; a correction of Thursday and all of Friday come meanwhile.

    `said` is what looks and commands fail with.
    """
    story.launched.clear()
    leave()
    failed = tick_in_vain(story, "2026-01-03 03:30", "03:31", "03:32", "03:33")
    assert all(said in each for each in failed)
    assert (not_closed(story), story.alerts()) == ([], [])
    tick_in_vain(story, "03:34")
    assert (not_closed(story), story.alerts()) == (["landing open"], OPENED)
    tick_in_vain(story, "03:35", "03:43")
    assert story.launched == [], "nothing is launched while it is open"
    blocked = {"name": "landing", "state": "open"}
    assert all(said in shown and shows(shown, "breaker_blocks", **blocked) for shown in _messages(story))
    tick_in_vain(story, "03:50", "04:10", "04:25")
    assert story.launched == [f"{SCHEDULE} {FRIDAY}"], "the daily schedule launches the probe"
    assert tries(story, FRIDAY) == ["04:00 failed"]
    assert all(said in shown for shown in _messages(story))
    come_back()
    deliver()


def _messages(story: Story) -> list[str]:
    """The output of commands about the outage; they show the current publications all the same."""
    shown = [story.command("explain", NAME, str(FRIDAY)), story.command("status", NAME)]
    return [" ".join(command.out.split()) for command in shown]


def comes_in_once(story: Story, there: list[Delivery], correction: Delivery, friday: list[Delivery]) -> None:
    """The latest date is the next probe, and all else follows it."""
    before = story.alerts()
    assert story.tick("2026-01-03 04:29", "04:30", "04:31") == [
        [f"{SCHEDULE} {FRIDAY}"],
        [f"{SCHEDULE} {THURSDAY}"],
        [],
    ]
    assert (before, not_closed(story)) == (OPENED, [])
    ends = {
        THURSDAY: DateEnd(generations=["final", "restated"], of=[correction, *there[1:]]),
        FRIDAY: DateEnd(generations=["final"], of=friday),
    }
    alerts = [*OPENED, *resolved(OPENED), *RESTATED]
    assert_ends(story, ends, watermark=FRIDAY, alerts=alerts)


@pytest.mark.slow
def test_a_landing_folder_that_was_there_and_is_missing_is_an_outage(story: Story) -> None:
    """Nobody is notified that files are late, as nobody knows if they came; no empty folder is made in its place."""
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    story.tick("03:30")
    landing, away = story.home.landing, story.home.home / "away"
    correction, friday = a_visa(THURSDAY, 5), []

    def deliver() -> None:
        correction.write(landing)
        friday.extend(story.deliver(FRIDAY))

    story.at("2026-01-03 03:28")
    said = f"The landing zone {landing} is missing, although it was there before."
    lose_for_an_hour(story, lambda: landing.rename(away), lambda: away.rename(landing), deliver, said=said)

    comes_in_once(story, there, correction, friday)


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Upstream]:
    found = Upstream(tmp_path / "s3")
    yield found
    found.stop()


@pytest.mark.slow
def test_a_landing_bucket_that_does_not_answer_is_the_same_outage(
    tell: Tell, bucket: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server is stopped and started again."""
    server = bucket.start()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.access.secret)
    monkeypatch.setattr(step, "_POLICY", RetryPolicy(base_seconds=0.0))
    url = server.new_prefix()
    story = tell(SETTLEMENT_LANDING_URL=url, SETTLEMENT_S3_ENDPOINT_URL=str(server.access.endpoint_url))
    there = story.at("2026-01-02 03:30").deliver(THURSDAY)
    upload(story.home.landing, url, server.access)
    story.tick("03:30")
    correction, friday = a_visa(THURSDAY, 5), []

    def deliver() -> None:
        correction.write(tmp_path / "new")
        friday.extend(story.deliver(FRIDAY))
        for each in friday:
            each.write(tmp_path / "new")
        upload(tmp_path / "new", url, server.access)

    story.at("2026-01-03 03:28")
    lose_for_an_hour(story, bucket.stop, bucket.start, deliver, said=f"Listing {url}")

    comes_in_once(story, there, correction, friday)
