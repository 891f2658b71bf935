"""Messages to owners, and when a failed one is sent again."""

from datetime import timedelta

from settlement_platform.control.alerts.episodes import AlertDelivery, AlertEvent
from settlement_platform.control.alerts.messages import (
    MAX_LISTED,
    MAX_SEPARATE_MESSAGES,
    due_messages,
    next_delivery_at,
)
from settlement_platform_tests.builders import DATASET, DAY, NOW, an_alert, an_alert_delivery


def an_end(**changes: object) -> AlertEvent:
    return an_alert(event="resolved", summary="it has come", recorded_at=NOW + timedelta(hours=1), **changes)


def failed(minutes: int, **changes: object) -> AlertDelivery:
    return an_alert_delivery(delivered=False, recorded_at=NOW + timedelta(minutes=minutes), **changes)


def test_a_message_says_what_it_means_and_what_to_do_first() -> None:
    (message,) = due_messages([an_alert()], [], NOW)

    assert (message.title, message.severity) == (f"[warning] late: {DATASET} {DAY}", "warning")
    assert message.owner == "finance-data@example.com"
    assert message.text.splitlines() == [
        "raised at 2026-11-21 04:00 UTC: amex has not delivered",
        "Meaning: readers see the day before.",
        f"First: settlement explain {DATASET} {DAY}",
        "Then: docs/runbooks/late.md",
    ]


def test_the_end_of_an_episode_has_no_first_action() -> None:
    (message,) = due_messages([an_end()], [], NOW)

    assert (message.title, message.severity) == (f"[resolved] late: {DATASET} {DAY}", "resolved")
    assert "First:" not in message.text


def test_an_episode_that_ended_before_anybody_was_notified_is_one_message() -> None:
    (message,) = due_messages([an_alert(), an_end()], [], NOW)

    assert message.title.startswith("[resolved]")
    assert [line.split(" at ")[0] for line in message.text.splitlines()[:2]] == ["raised", "resolved"]
    assert len(message.events) == 2


def test_what_failed_waits_twice_as_long_each_time_and_an_hour_at_most() -> None:
    waits = [(next_delivery_at([NOW] * n, NOW) - NOW).total_seconds() for n in range(9)]

    assert waits == [0, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_a_message_that_failed_is_held_back_until_its_turn() -> None:
    tries = [failed(0), failed(1)]

    assert due_messages([an_alert()], tries, NOW + timedelta(minutes=2, seconds=59)) == []
    assert len(due_messages([an_alert()], tries, NOW + timedelta(minutes=3))) == 1
    assert len(due_messages([an_alert(episode="another")], tries, NOW)) == 1


def test_much_at_once_is_one_message_per_owner() -> None:
    """So that an outage of a week is no hundred messages."""
    many = [an_alert(episode=f"late:{n}", owner="a") for n in range(MAX_LISTED + 5)]
    few = [an_alert(episode=f"escalated:{n}", owner="b") for n in range(MAX_SEPARATE_MESSAGES)]

    digest, *single = due_messages([*many, *few], [], NOW)

    assert digest.title == f"[warning] {MAX_LISTED + 5} alerts at once"
    assert len(digest.events) == MAX_LISTED + 5
    assert "and 5 more" in digest.text
    assert [len(m.events) for m in single] == [1] * MAX_SEPARATE_MESSAGES


def test_much_at_once_is_as_grave_as_the_gravest_that_lasts() -> None:
    ended = [an_end(episode=f"late:{n}", severity="critical") for n in range(MAX_SEPARATE_MESSAGES)]
    one, another = (an_alert(episode=f"escalated:{s}", severity=s) for s in ("critical", "info"))

    lasting = [due_messages([*ended, *more], [], NOW)[0] for more in ([another], [another, one])]
    over = due_messages([*ended, an_end(episode="another")], [], NOW)[0]

    assert [m.severity for m in (*lasting, over)] == ["info", "critical", "resolved"]
    assert [m.title for m in lasting] == [
        f"[info] {MAX_SEPARATE_MESSAGES + 1} alerts at once",
        f"[critical] {MAX_SEPARATE_MESSAGES + 2} alerts at once",
    ]
    assert over.title == f"[resolved] {MAX_SEPARATE_MESSAGES + 1} alerts at once"


def test_much_at_once_is_reported_place_by_place() -> None:
    """A message contains nothing that its receiver does not subscribe to."""
    late = [an_alert(episode=f"late:{n}") for n in range(MAX_SEPARATE_MESSAGES + 1)]
    restated = [an_alert(episode=f"restated:{n}", kind="restated") for n in range(MAX_SEPARATE_MESSAGES + 1)]

    digests = due_messages([*late, *restated], [], NOW, place=lambda event: event.kind)

    assert [{e.kind for e in digest.events} for digest in digests] == [{"late"}, {"restated"}]
