"""Messages to owners: their text, and when each is due."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from settlement_platform.control.alerts.episodes import RESOLVED, AlertDelivery, AlertEvent, AlertSeverity
from settlement_platform.control.policies import RetryPolicy

REDELIVERY_BACKOFF = RetryPolicy(base_seconds=60.0, cap_seconds=3600.0)
"""The pauses between tries to deliver an alert: a minute, two, up to an hour."""

MAX_SEPARATE_MESSAGES = 5
"""The most messages that an owner gets at once; more become one, which names the first `MAX_LISTED`."""

MAX_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class AlertMessage:
    """One message to one owner: its events, their severity, a title and a text.

    `severity` is the worst of the events that are not over, or `resolved` where all are.
    """

    owner: str
    events: tuple[AlertEvent, ...]
    severity: str
    title: str
    text: str


def _owner_of(event: AlertEvent) -> Hashable:
    return event.owner


def due_messages(
    events: Iterable[AlertEvent],
    deliveries: Iterable[AlertDelivery],
    now: datetime,
    *,
    place: Callable[[AlertEvent], Hashable] = _owner_of,
) -> list[AlertMessage]:
    """Return the messages that are due, oldest first, for the events that no delivery has reached.

    An episode that ended before anybody was notified is one message. So are all events due at once in one `place`,
    where they are more than a few.
    """
    failed: dict[str, list[datetime]] = {}
    for delivery in deliveries:
        if not delivery.delivered:
            failed.setdefault(delivery.episode, []).append(delivery.recorded_at)
    episodes: dict[str, list[AlertEvent]] = {}
    for event in events:
        episodes.setdefault(event.episode, []).append(event)
    ready: dict[Hashable, list[AlertMessage]] = {}
    for episode, unsent in episodes.items():
        if now >= next_delivery_at(failed.get(episode, []), now):
            ready.setdefault(place(unsent[0]), []).append(_message(unsent))
    return [
        m
        for messages in ready.values()
        for m in (messages if len(messages) <= MAX_SEPARATE_MESSAGES else [_digest(messages)])
    ]


def next_delivery_at(failed: Sequence[datetime], now: datetime) -> datetime:
    """Return when an alert may be sent again, after tries that failed at these moments."""
    if not failed:
        return now
    return max(failed) + timedelta(seconds=REDELIVERY_BACKOFF.delay_seconds(len(failed), jitter=1.0))


def _message(events: Sequence[AlertEvent]) -> AlertMessage:
    last = events[-1]
    ended = last.event == RESOLVED
    severity = RESOLVED if ended else last.severity
    lines = [f"{e.event} at {e.recorded_at:%Y-%m-%d %H:%M} UTC: {e.summary}" for e in events]
    lines.append(f"Meaning: {last.meaning}.")
    if not ended:
        lines += [f"First: {last.first_move}", f"Then: docs/runbooks/{last.kind}.md"]
    return AlertMessage(
        owner=last.owner,
        events=tuple(events),
        severity=severity,
        title=f"[{severity}] {last.kind}: {last.about}",
        text="\n".join(lines),
    )


def _digest(messages: Sequence[AlertMessage]) -> AlertMessage:
    lines = [m.title for m in messages[:MAX_LISTED]]
    if len(messages) > MAX_LISTED:
        lines.append(f"and {len(messages) - MAX_LISTED} more")
    severities = {m.events[-1].severity for m in messages if m.events[-1].event != RESOLVED}
    worst = next((s for s in reversed(AlertSeverity) if s in severities), RESOLVED)
    return AlertMessage(
        owner=messages[0].owner,
        events=tuple(e for m in messages for e in m.events),
        severity=worst,
        title=f"[{worst}] {len(messages)} alerts at once",
        text="\n".join([*lines, "All of them: settlement alerts"]),
    )
