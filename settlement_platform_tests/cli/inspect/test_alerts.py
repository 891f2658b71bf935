"""`settlement alerts`: what is wrong now, who was notified, and what to do first."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from settlement_platform.cli.inspect.alerts import alert_lines
from settlement_platform.control.facts import AttemptOutcome, AttemptStep
from settlement_platform.pipeline.alerts.alert_round import open_alerts
from settlement_platform.storage.ledger.alert_queries import alert_history
from settlement_platform_tests.builders import an_attempt
from settlement_platform_tests.cli.command import NAME, Finished, Shell, times_in
from settlement_platform_tests.deliveries import deliver_date
from settlement_platform_tests.http_channel import SECRETS, HttpChannel, free_port, http_channel
from settlement_platform_tests.pipeline.installation import open_home

FIRST = (datetime.now(UTC) - timedelta(days=1)).date() - timedelta(days=1)
"""Due yesterday, whenever the test runs."""
DAY = timedelta(days=1)
TODAY = FIRST + 2 * DAY


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

    def __call__(self, *arguments: str, urls: str = "", first: date = FIRST) -> Finished:
        exported = (("SETTLEMENT_FIRST_DATE", first.isoformat()), ("SETTLEMENT_ALERT_URLS", urls))
        return Shell(home=self.home, exported=exported).here(self._monkeypatch, self._capsys, *arguments)


def test_a_fresh_home_has_no_open_alert(settle: "Settle") -> None:
    """And one that is not there is most likely another than was meant; neither is changed by looking."""
    missing = settle("alerts", first=TODAY)
    settle.home.mkdir()
    shown, read = settle("alerts", first=TODAY), settle("alerts", "--json", first=TODAY)

    assert (missing.code, f"{settle.home} does not exist" in missing.err) == (1, True)
    assert (shown.code, shown.out) == (0, "No alert is open.\n")
    assert read.json == {"alerts": [], "not_told": [], "not_judged": [], "last_recorded_at": None}
    assert list(settle.home.iterdir()) == []


def test_what_no_round_has_seen_is_no_health(settle: "Settle") -> None:
    """The daemon is dead: what is wrong is shown all the same, as not sent, with the command that sends it."""
    settle.home.mkdir()

    shown, read = settle("alerts"), settle("alerts", "--json")
    reported = settle("alerts", "--send", "--json")

    unrecorded = read.json["not_told"]
    assert (shown.code, read.json["alerts"]) == (0, [])
    assert {a["kind"] for a in unrecorded} == {"escalated", "freshness_missed"}
    assert [(a["kind"], a["dataset"]) for a in reported.json["alerts"]] == [
        (a["kind"], a["dataset"]) for a in unrecorded
    ]
    assert reported.json["not_told"] == []
    assert "No alert is open" not in shown.out
    assert f"critical  freshness_missed  {NAME}  finance-data@example.com (nobody notified yet)" in shown.out
    assert "alerts have not been evaluated since this began" in shown.out
    assert "settlement alerts --send evaluates now" in shown.out


def test_a_breaker_that_nobody_was_notified_of_is_shown_while_the_lake_is_away(settle: "Settle") -> None:
    """The ledger alone tells it, and what only the lake could tell is not passed off as well."""
    ledger = open_home(settle.home).ledger
    now = datetime.now(UTC)
    ledger.append(
        an_attempt(
            business_date=FIRST, step=AttemptStep.PUBLISH, outcome=AttemptOutcome.SUCCEEDED, recorded_at=now - DAY
        )
    )
    for number in range(5):
        failed = {"attempt_id": f"try-{number}", "outcome": "failed", "dependency": "lake", "recorded_at": now}
        ledger.append(an_attempt(business_date=FIRST, step=AttemptStep.PUBLISH, **failed))
    (settle.home / "lake").rename(settle.home / "away")

    shown, read = settle("alerts"), settle("alerts", "--json")

    assert shown.code == 0
    assert "critical  breaker_open  lake" in shown.out
    assert "breaker_open" in {a["kind"] for a in read.json["not_told"]}
    assert "Only conditions of the ledger are evaluated" in shown.err


def test_an_open_alert_is_shown_in_the_words_of_now_and_nothing_is_recorded(settle: "Settle") -> None:
    """All that was late has come: what waits is said, what is over is over, and the webhook hears nothing."""
    with http_channel() as channel:
        settle("alerts", "--send", urls=channel.url)
        sent = list(channel.titles)
        platform = open_home(settle.home)
        deliver_date(settle.home / "landing", FIRST)
        before = alert_history(platform.ledger, [f"escalated:{NAME}:{FIRST}"])

        shown, read = settle("alerts", urls=channel.url), settle("alerts", "--json", urls=channel.url)
        status = settle("status", NAME, "--json", urls=channel.url)

    over = {a["kind"]: a["over"] for a in read.json["alerts"] if a["business_date"] in {None, f"{FIRST}"}}
    lines = " ".join(status.json["datasets"][0]["alerts"])
    assert over == {"escalated": True, "freshness_missed": False}
    assert f"over  escalated  {NAME} {FIRST}" in shown.out
    assert "nobody notified yet" in shown.out
    assert f"alert, over: escalated {NAME} {FIRST}: no file is waited for any more" in lines
    assert f"visa: expected by {FIRST + DAY} " not in shown.out + lines
    assert channel.titles == sent
    assert alert_history(platform.ledger, [f"escalated:{NAME}:{FIRST}"]) == before


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
    moving = {"summary": 0, "summary_code": 0}  # they name how late it is by now
    assert [a | moving for a in again.json["alerts"]] == [a | moving for a in first.json["alerts"]]
    assert (found["summary_code"]["code"], found["meaning_code"]["code"]) == ("files_late", "late_means")
    assert found["delivered"]
    assert (found["severity"], found["owner"]) == ("critical", "finance-data@example.com")
    assert found["first_move"] == f"settlement explain {NAME} {FIRST}"
    assert len(times_in([a | moving for a in first.json["alerts"]])) == len(first.json["alerts"])
    assert f"  first: settlement explain {NAME} {FIRST}" in shown.out
    assert "meaning: readers get no new data of" in shown.out


def test_a_message_that_was_not_delivered_is_refused_work_and_stays_visible(settle: "Settle") -> None:
    """The exit code says that something is left to do; no secret of the address is printed."""
    url = f"json://robot:hunter2@127.0.0.1:{free_port()}/s3cr3t-path?+x=t0k3n"

    sent, shown = settle("alerts", "--send", urls=url), settle("alerts", urls=url)
    again = settle("alerts", "--send", "--json", urls=url)

    left = again.json["round"]["messages_not_delivered"]
    assert (sent.code, again.code, shown.code) == (3, 3, 0)
    assert left == len(again.json["alerts"]) > 1
    assert f"0 messages delivered, {left} will be retried." in sent.err
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
    found = open_alerts(open_home(settle.home).ledger)

    ours, others = alert_lines(found, NAME), alert_lines(found, "merchant_daily_net")

    (line,) = [at for at in ours if "freshness_missed" in at]
    assert line.startswith(f"alert, critical: freshness_missed {NAME} since ")
    assert "(not delivered to finance-data@example.com: " in line or "not tried yet" in line
    assert others == []
