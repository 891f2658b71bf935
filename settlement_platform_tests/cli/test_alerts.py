"""`settlement alerts`: what is wrong now, who was told, and what to do first."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from settlement_platform.cli.alerts import alert_lines
from settlement_platform_tests.cli.command import NAME, Finished, Shell, times_in
from settlement_platform_tests.http_channel import SECRETS, HttpChannel, free_port, http_channel
from settlement_platform_tests.pipeline.installation import open_home

FIRST = (datetime.now(UTC) - timedelta(days=1)).date() - timedelta(days=1)
"""Due yesterday, whenever the test runs."""


@pytest.fixture
def channel() -> Iterator[HttpChannel]:
    with http_channel() as found:
        yield found


@pytest.fixture
def settle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Settle":
    return Settle(tmp_path / "home", monkeypatch, capsys)


class Settle:
    """Commands on one home, whose first business date was due yesterday and never came."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._monkeypatch, self._capsys = home, monkeypatch, capsys

    def __call__(self, *arguments: str, urls: str = "") -> Finished:
        exported = (("SETTLEMENT_FIRST_DATE", FIRST.isoformat()), ("SETTLEMENT_ALERT_URLS", urls))
        return Shell(home=self.home, exported=exported).here(self._monkeypatch, self._capsys, *arguments)


def test_a_fresh_home_has_no_open_alert(settle: "Settle") -> None:
    """And one that is not there is most likely another than was meant; neither is changed by looking."""
    missing = settle("alerts")
    settle.home.mkdir()
    shown, read = settle("alerts"), settle("alerts", "--json")

    assert (missing.code, f"There is nothing at {settle.home}" in missing.err) == (1, True)
    assert (shown.code, shown.out) == (0, "No alert is open.\n")
    assert read.json == {"alerts": []}
    assert list(settle.home.iterdir()) == []


def test_what_is_sent_by_hand_is_sent_once_and_shown_until_it_is_over(settle: "Settle", channel: HttpChannel) -> None:
    first = settle("alerts", "--send", "--json", urls=channel.url)
    again = settle("alerts", "--send", "--json", urls=channel.url)
    shown = settle("alerts", urls=channel.url)

    episode = f"escalated:{NAME}:{FIRST}"
    (found,) = [a for a in first.json["alerts"] if a["episode"] == episode]
    assert (first.code, again.code) == (0, 0)
    assert episode in first.json["round"]["raised"]
    assert first.json["round"]["messages_delivered"] == len(channel.posts) == len(set(channel.titles))
    assert again.json["round"]["raised"] == []
    assert again.json["alerts"] == first.json["alerts"]
    assert found["delivered"]
    assert (found["severity"], found["owner"]) == ("critical", "finance-data@example.com")
    assert found["first_move"] == f"settlement explain {NAME} {FIRST}"
    assert len(times_in(first.json)) == len(first.json["alerts"])
    assert f"  first: settlement explain {NAME} {FIRST}" in shown.out
    assert "meaning: readers see nothing new of" in shown.out


def test_a_message_that_was_not_delivered_is_refused_work_and_stays_visible(settle: "Settle") -> None:
    """The exit code says that something is left to do; no secret of the address is printed."""
    url = f"json://robot:hunter2@127.0.0.1:{free_port()}/s3cr3t-path?+x=t0k3n"

    sent, shown = settle("alerts", "--send", urls=url), settle("alerts", urls=url)
    again = settle("alerts", "--send", "--json", urls=url)

    left = again.json["round"]["messages_not_delivered"]
    assert (sent.code, again.code, shown.code) == (3, 3, 0)
    assert left == len(again.json["alerts"]) > 1
    assert f"0 messages delivered, {left} to be tried again." in sent.err
    assert "not delivered to finance-data@example.com: channel 1 of SETTLEMENT_ALERT_URLS (json)" in shown.out
    assert [s for s in SECRETS if s in sent.out + sent.err + shown.out + shown.err] == []


def test_without_channels_alerts_go_to_standard_error(tmp_path: Path) -> None:
    """In a process of its own, as cron runs it; standard output stays one document."""
    shell = Shell(home=tmp_path / "home", exported=(("SETTLEMENT_FIRST_DATE", FIRST.isoformat()),))

    sent = shell("alerts", "--send", "--json")

    assert sent.code == 0
    assert f"[critical] freshness_missed: {NAME}" in sent.err
    assert all(a["delivery_detail"] == "log" for a in sent.json["alerts"])


def test_a_line_for_each_alert_of_a_dataset(settle: "Settle") -> None:
    """`status` shows them beside what readers can rely on."""
    settle("alerts", "--send", urls=f"json://127.0.0.1:{free_port()}")
    platform = open_home(settle.home)

    ours, others = alert_lines(platform.ledger, NAME), alert_lines(platform.ledger, "merchant_daily_net")

    (line,) = [at for at in ours if "freshness_missed" in at]
    assert line.startswith(f"alert, critical: freshness_missed {NAME} since ")
    assert "(not delivered to finance-data@example.com: " in line or "not tried yet" in line
    assert others == []
