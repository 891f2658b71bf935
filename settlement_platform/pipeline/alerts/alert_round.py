"""A round of alerts: evaluates conditions, records episodes and notifies each owner once."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from settlement_platform.control.alerts.episodes import (
    RESOLVED,
    AlertDelivery,
    AlertEvent,
    AlertKind,
    Condition,
    EpisodeChanges,
    EvaluatedScope,
    condition_key,
    episode_changes,
)
from settlement_platform.control.alerts.messages import due_messages
from settlement_platform.control.failures import SettlementError, TransientFailure
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.alerts.data_conditions import TOUCHED, find_data_conditions
from settlement_platform.pipeline.alerts.round_context import RoundContext, RoundFindings
from settlement_platform.pipeline.platform import LedgerAccess, Platform
from settlement_platform.storage.alert_channels import AlertChannel, AlertChannels, DeliveryResult
from settlement_platform.storage.ledger.alert_queries import (
    alert_history,
    delivery_attempts,
    latest_attempts,
    open_alert_events,
    undelivered_alerts,
)
from settlement_platform.storage.ledger.ledger import Ledger

SENDING_SECONDS = 20.0
"""A round stops sending after this long: a tick of the sensor that calls it may take a minute at most."""

Provider = Callable[[LedgerAccess, datetime], Iterable[Condition]]
"""Returns the present conditions of one kind of alert, such as open circuit breakers."""


@dataclass(frozen=True, kw_only=True)
class AlertRoundResult:
    """The result of a round: episodes that began and ended, messages delivered, and stores that did not answer.

    `not_notified` counts the messages still to be delivered, tried in this round or not. `busy` says that another
    process held the round, and this one did nothing.
    """

    raised: tuple[AlertEvent, ...] = ()
    resolved: tuple[AlertEvent, ...] = ()
    notified: int = 0
    not_notified: int = 0
    failures: tuple[str, ...] = ()
    busy: bool = False


@dataclass(frozen=True, kw_only=True)
class OpenAlert:
    """An open episode, or one whose end is not delivered yet; `detail` says where it was or was not delivered.

    `over` may be true before a round records the end: then `event` is still the beginning.
    """

    event: AlertEvent
    over: bool
    delivered: bool
    detail: str


def run_alert_round(
    platform: LedgerAccess,
    *,
    datasets: Sequence[Dataset],
    marts: Sequence[Mart],
    channels: AlertChannels,
    now: datetime,
    providers: Mapping[AlertKind, Provider] | None = None,
) -> AlertRoundResult:
    """Evaluate all conditions once, record which episodes began and ended, and notify their owners.

    A kind without a provider stays as it is. `providers` evaluate the platform's own conditions; with the ledger alone,
    only they are evaluated. One process at a time runs a round; one that dies between sending and recording sends
    that message again.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(platform.locks.hold("alerts", timeout_seconds=0.0))
        except TransientFailure:
            return AlertRoundResult(busy=True)
        ledger = platform.ledger
        open_episodes = open_alert_events(ledger)
        found, decided = evaluate(
            platform, datasets=datasets, marts=marts, now=now, providers=providers or {}, open_episodes=open_episodes
        )
        if decided.raised or decided.resolved:
            ledger.append(*decided.raised, *decided.resolved)
        notified, undelivered = _notify(platform.ledger, channels, now)
        return AlertRoundResult(
            raised=decided.raised,
            resolved=decided.resolved,
            notified=notified,
            not_notified=undelivered,
            failures=tuple(found.failures),
        )


def evaluate(
    platform: LedgerAccess,
    *,
    datasets: Sequence[Dataset],
    marts: Sequence[Mart],
    now: datetime,
    providers: Mapping[AlertKind, Provider],
    open_episodes: Sequence[AlertEvent],
    only_open: bool = False,
) -> tuple[RoundFindings, EpisodeChanges]:
    """Return the findings of this moment and the episodes that begin and end with them; record nothing.

    `open_episodes` are those on record. With `only_open`, only they are evaluated, and none begins.
    """
    found = RoundFindings()
    if isinstance(platform, Platform):
        wanted = not only_open or any(e.kind == AlertKind.ORPHANED_WORK for e in open_episodes)
        attempts = latest_attempts(platform.ledger, since=now - TOUCHED) if wanted else []
        found = find_data_conditions(
            RoundContext(
                platform=platform,
                datasets=datasets,
                marts=marts,
                open_episodes=open_episodes,
                attempts=attempts,
                now=now,
                only_open=only_open,
            )
        )
    kinds = _evaluate_providers(providers, platform, now, found)
    keys = {condition_key(e.episode) for e in open_episodes}
    conditions = [c for c in found.conditions if c.key in keys or not only_open]
    unknown = {c.key for c in conditions} - keys
    recorded = [*open_episodes, *alert_history(platform.ledger, sorted(unknown))]
    judged = EvaluatedScope(kinds=frozenset(kinds), pairs=frozenset(found.evaluated))
    return found, episode_changes(conditions, recorded, now=now, judged=judged)


def _evaluate_providers(
    providers: Mapping[AlertKind, Provider], platform: LedgerAccess, now: datetime, found: RoundFindings
) -> list[AlertKind]:
    """Add the providers' conditions, and return the kinds that could be evaluated."""
    answered: list[AlertKind] = []
    for kind, provider in providers.items():
        try:
            found.conditions += provider(platform, now)
        except SettlementError as failure:
            found.failures.append(f"{kind}: {failure}")
        else:
            answered.append(kind)
    return answered


def _notify(ledger: Ledger, channels: AlertChannels, now: datetime) -> tuple[int, int]:
    """Send the messages that are due; return how many were delivered and how many remain.

    A channel that fails is tried once a round.
    """

    def place(event: AlertEvent) -> tuple[str, tuple[AlertChannel, ...]]:
        return event.owner, channels.channels_for(event.owner, event.kind)

    undelivered = undelivered_alerts(ledger)
    messages = due_messages(undelivered, delivery_attempts(ledger, {e.episode for e in undelivered}), now, place=place)
    enough = time.monotonic() + SENDING_SECONDS
    notified, dead = set[tuple[str, str]](), set[tuple[str, tuple[AlertChannel, ...]]]()
    sent = 0
    for message in messages:
        first = message.events[0]
        if place(first) in dead or time.monotonic() > enough:
            continue
        delivered = channels.deliver(
            message.owner, message.title, message.text, kind=first.kind, severity=message.severity
        )
        ledger.append(*(_record(e, delivered, now) for e in message.events))
        if delivered.delivered:
            sent += 1
            notified |= {(e.episode, e.event) for e in message.events}
        else:
            dead.add(place(first))
    # Failed deliveries are left out, so that messages waiting for the next try count too.
    left = due_messages([e for e in undelivered if (e.episode, e.event) not in notified], (), now, place=place)
    return sent, len(left)


def _record(event: AlertEvent, result: DeliveryResult, now: datetime) -> AlertDelivery:
    return AlertDelivery(
        episode=event.episode,
        event=event.event,
        dataset=event.dataset,
        business_date=event.business_date,
        delivered=result.delivered,
        detail=result.detail,
        recorded_at=now,
    )


def open_alerts(ledger: Ledger) -> list[OpenAlert]:
    """Return the open episodes and those whose end is not delivered yet, oldest first."""
    open_episodes = open_alert_events(ledger)
    undelivered = undelivered_alerts(ledger)
    ended = [e for e in undelivered if e.event == RESOLVED]
    waiting = {(e.episode, e.event) for e in undelivered}
    last = {
        (t.episode, t.event): t.detail for t in delivery_attempts(ledger, {e.episode for e in (*open_episodes, *ended)})
    }
    return [
        OpenAlert(
            event=e,
            over=e.event == RESOLVED,
            delivered=(e.episode, e.event) not in waiting,
            detail=last.get((e.episode, e.event), ""),
        )
        for e in (*open_episodes, *ended)
    ]
