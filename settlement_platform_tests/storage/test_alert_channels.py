"""Alerts reach the channels of their owners over real HTTP, and a dead channel is a fact and no error."""

import logging
import time
from collections.abc import Iterator

import pytest

from settlement_platform.control.alerts.episodes import AlertKind
from settlement_platform.control.failures import PermanentFailure
from settlement_platform.settings import load_settings
from settlement_platform.storage.alert_channels import LOG, AlertChannels, parse_channels
from settlement_platform_tests.http_channel import SECRETS, HttpChannel, free_port, http_channel

OWNER = "finance-data@example.com"


@pytest.fixture
def channel() -> Iterator[HttpChannel]:
    with http_channel() as found:
        yield found


def named(channels: AlertChannels, owner: str) -> list[str]:
    return [c.url for c in channels.channels_for(owner)]


@pytest.mark.parametrize(
    ("text", "ours", "others"),
    [
        ("", [], []),
        ("json://a", ["json://a"], ["json://a"]),
        (f"{OWNER}=json://a", ["json://a"], []),
        (f"{OWNER}=json://a,xml://b\n json://c", ["json://a", "xml://b"], ["json://c"]),
        (f"json://a {OWNER}=json://b {OWNER}=json://c", ["json://b", "json://c"], ["json://a"]),
        ("json://a/?x=1,2&to=b@c", ["json://a/?x=1,2&to=b@c"], ["json://a/?x=1,2&to=b@c"]),
        (f"{OWNER}=mailto://u:p@h?to=x@y", ["mailto://u:p@h?to=x@y"], []),
    ],
)
def test_an_owner_has_the_channels_given_for_it_or_else_the_default_ones(
    text: str, ours: list[str], others: list[str]
) -> None:
    channels = parse_channels(text)

    assert named(channels, OWNER) == ours
    assert named(channels, "somebody else") == others


def test_what_concerns_everyone_goes_to_the_default_channels_or_to_all() -> None:
    assert named(parse_channels("json://a b=json://b"), "") == ["json://a"]
    assert named(parse_channels("a=json://a b=json://b"), "") == ["json://a", "json://b"]


def test_a_channel_is_sent_the_kinds_that_it_names_and_none_is_sent_nothing() -> None:
    """Kinds that no channel of an owner takes go to the default channels that take them."""
    text = f"{OWNER}=json://all {OWNER}[restated,provisional]=json://analysts b[late]=json://b [late]=json://c json://d"
    channels = parse_channels(text)

    def notified(owner: str, kind: str) -> list[str]:
        return [c.url for c in channels.channels_for(owner, kind)]

    assert notified(OWNER, "restated") == ["json://all", "json://analysts"]
    assert notified(OWNER, "late") == ["json://all"]
    assert notified("b", "late") == ["json://b"]
    assert notified("b", "restated") == ["json://d"]
    assert notified("", "late") == ["json://c", "json://d"]
    assert parse_channels("b[late]=json://b").channels_for("b", "restated") == ()


@pytest.mark.parametrize(
    ("entry", "seen"), [("[lates,late]=json://a", "lates"), (f"{OWNER}[]=json://a", "no kind at all")]
)
def test_a_kind_that_no_alert_has_is_refused_with_those_that_there_are(entry: str, seen: str) -> None:
    """When the settings are read, not when the alert is due."""
    with pytest.raises(PermanentFailure) as refused:
        load_settings({"SETTLEMENT_ALERT_URLS": f"json://h/s3cr3t {entry}"})

    assert f"SETTLEMENT_ALERT_URLS names {seen} in [" in str(refused.value)
    assert all(kind in str(refused.value) for kind in AlertKind)
    assert "s3cr3t" not in str(refused.value)


def test_an_alert_is_posted_once_to_each_channel_of_its_owner(channel: HttpChannel) -> None:
    with http_channel() as other, http_channel() as default:
        channels = parse_channels(f"{OWNER}={channel.url},{other.url} {default.url}")

        delivered = channels.deliver(OWNER, "[warning] late", "amex, by 03:45\n<b>not</b> there & late")

        assert delivered.delivered
        assert channel.posts == other.posts
        assert [(p["title"], p["message"]) for p in channel.posts] == [
            ("[warning] late", "amex, by 03:45\n<b>not</b> there & late")
        ]
        assert default.posts == []


@pytest.mark.parametrize(
    ("severity", "kind"),
    [("critical", "failure"), ("warning", "warning"), ("resolved", "success"), ("info", "info"), ("", "info")],
)
def test_a_channel_shows_how_bad_it_is_in_its_own_words(channel: HttpChannel, severity: str, kind: str) -> None:
    parse_channels(channel.url).deliver(OWNER, "t", "b", severity=severity)

    assert [p["type"] for p in channel.posts] == [kind]


def test_without_channels_an_alert_goes_to_the_log_and_counts_as_delivered(caplog: pytest.LogCaptureFixture) -> None:
    """Even where a library has switched off every logger that existed."""
    LOG.disabled = True
    LOG.addHandler(caplog.handler)
    try:
        delivered = parse_channels("").deliver(OWNER, "[warning] late", "amex is late")
    finally:
        LOG.removeHandler(caplog.handler)

    assert (delivered.delivered, delivered.detail) == (True, "log")
    assert "[warning] late (for finance-data@example.com)\namex is late" in caplog.text


@pytest.mark.parametrize("answer", [500, 403])
def test_a_channel_that_refuses_is_said_to(channel: HttpChannel, answer: int) -> None:
    channel.status = answer

    delivered = parse_channels(channel.url).deliver(OWNER, "t", "b")

    assert not delivered.delivered
    assert delivered.detail == f"channel 1 of SETTLEMENT_ALERT_URLS (json): it answered HTTP {answer}"


def test_a_channel_that_is_not_there_is_said_to_be() -> None:
    delivered = parse_channels(f"json://127.0.0.1:{free_port()}").deliver(OWNER, "t", "b")

    assert not delivered.delivered
    assert delivered.detail == "channel 1 of SETTLEMENT_ALERT_URLS (json): it could not be reached"


def test_a_channel_that_does_not_answer_holds_nobody_up(channel: HttpChannel) -> None:
    channel.delay_seconds = 3.0
    began = time.monotonic()

    delivered = parse_channels(channel.url, timeout_seconds=0.5).deliver(OWNER, "t", "b")

    assert time.monotonic() - began < 2.0
    assert not delivered.delivered
    assert "no answer within" in delivered.detail


def test_one_channel_that_took_it_is_enough_and_the_other_is_named(channel: HttpChannel) -> None:
    """Sending to both again would tell some people twice."""
    channels = parse_channels(f"json://127.0.0.1:{free_port()} {channel.url}")

    delivered = channels.deliver(OWNER, "t", "b")

    assert delivered.delivered
    assert delivered.detail == (
        "channel 2 of SETTLEMENT_ALERT_URLS (json); channel 1 of SETTLEMENT_ALERT_URLS (json): it could not be reached"
    )


@pytest.mark.parametrize("entry", ["nonsense", "a=b", "nosuch://place", "json://"])
def test_an_entry_that_nobody_understands_delivers_nothing_and_says_so(entry: str) -> None:
    delivered = parse_channels(entry).deliver(OWNER, "t", "b")

    assert not delivered.delivered
    assert "channel 1 of SETTLEMENT_ALERT_URLS" in delivered.detail
    assert "no service supports URLs of this form" in delivered.detail


@pytest.mark.parametrize("answer", [200, 500])
def test_the_secrets_of_an_address_are_shown_nowhere(
    channel: HttpChannel, answer: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in the record, nor in any log at its lowest level, nor where the channel itself is printed."""
    channel.status = answer
    channels = parse_channels(f"{channel.url} {channel.url.replace('json', 'nosuch')}")

    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3").setLevel(logging.NOTSET)
        delivered = channels.deliver(OWNER, "t", "b")

    printed = capfd.readouterr()
    shown = f"{delivered} {channels} {caplog.text} {printed.out} {printed.err}"
    assert [s for s in SECRETS if s in shown] == []
