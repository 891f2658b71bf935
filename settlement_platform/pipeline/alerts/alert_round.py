"""One round of watching: what is wrong is put on record as episodes, and whoever owns it is told once."""

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
"""Who knows of circuits, storms of retries or backfills, and gives what is wrong with them now."""


@dataclass(frozen=True, kw_only=True)
class AlertRoundResult:
    """What a round came to: episodes that began and ended, messages delivered, and what did not answer.

    `untold` counts the messages that are still to be delivered, whether they were tried in this round or not. `busy`
    says that another process was in the middle of a round, and that this one did nothing.
    """

    raised: tuple[AlertEvent, ...] = ()
    resolved: tuple[AlertEvent, ...] = ()
    notified: int = 0
    not_notified: int = 0
    failures: tuple[str, ...] = ()
    busy: bool = False


@dataclass(frozen=True, kw_only=True)
class OpenAlert:
    """An episode that lasts, or whose end nobody has been told of yet; `detail` says where it was or was not told.

    `over` may be so although no round has put it on record yet: then `event` is still the beginning.
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
    """Look once, record what began and ended, and tell the owners what they have not been told.

    Kinds that nobody answers for stay as they are: `providers` answer for the machinery, and with the ledger alone
    only they do. One process at a time does this; one that dies between sending and recording sends that one message
    again.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(platform.locks.hold("alerts", timeout_seconds=0.0))
        except TransientFailure:
            return AlertRoundResult(busy=True)
        ledger = platform.ledger
        standing = open_alert_events(ledger)
        found, decided = evaluate(
            platform, datasets=datasets, marts=marts, now=now, providers=providers or {}, standing=standing
        )
        if decided.raised or decided.resolved:
            ledger.append(*decided.raised, *decided.resolved)
        told, untold = _tell(platform.ledger, channels, now)
        return AlertRoundResult(
            raised=decided.raised,
            resolved=decided.resolved,
            notified=told,
            not_notified=untold,
            failures=tuple(found.failures),
        )


def evaluate(
    platform: LedgerAccess,
    *,
    datasets: Sequence[Dataset],
    marts: Sequence[Mart],
    now: datetime,
    providers: Mapping[AlertKind, Provider],
    standing: Sequence[AlertEvent],
    only_standing: bool = False,
) -> tuple[RoundFindings, EpisodeChanges]:
    """What is wrong now, and what begins and ends by it; nothing is recorded.

    `standing` are the open episodes. With `only_standing`, nothing else is looked at, and nothing begins.
    """
    found = RoundFindings()
    if isinstance(platform, Platform):
        wanted = not only_standing or any(e.kind == AlertKind.ORPHANED_WORK for e in standing)
        attempts = latest_attempts(platform.ledger, since=now - TOUCHED) if wanted else []
        found = find_data_conditions(
            RoundContext(
                platform=platform,
                datasets=datasets,
                marts=marts,
                standing=standing,
                attempts=attempts,
                now=now,
                only_standing=only_standing,
            )
        )
    kinds = _ask(providers, platform, now, found)
    keys = {condition_key(e.episode) for e in standing}
    conditions = [c for c in found.conditions if c.key in keys or not only_standing]
    unknown = {c.key for c in conditions} - keys
    recorded = [*standing, *alert_history(platform.ledger, sorted(unknown))]
    judged = EvaluatedScope(kinds=frozenset(kinds), pairs=frozenset(found.judged))
    return found, episode_changes(conditions, recorded, now=now, judged=judged)


def _ask(
    providers: Mapping[AlertKind, Provider], platform: LedgerAccess, now: datetime, found: RoundFindings
) -> list[AlertKind]:
    """Add what providers know; returns the kinds that were answered for."""
    answered: list[AlertKind] = []
    for kind, provider in providers.items():
        try:
            found.conditions += provider(platform, now)
        except SettlementError as failure:
            found.failures.append(f"{kind}: {failure}")
        else:
            answered.append(kind)
    return answered


def _tell(ledger: Ledger, channels: AlertChannels, now: datetime) -> tuple[int, int]:
    """Send what is due; how many messages were delivered, and how many are still to be.

    Channels that are dead are tried once a round.
    """

    def place(event: AlertEvent) -> tuple[str, tuple[AlertChannel, ...]]:
        return event.owner, channels.channels_for(event.owner, event.kind)

    untold = undelivered_alerts(ledger)
    messages = due_messages(untold, delivery_attempts(ledger, {e.episode for e in untold}), now, place=place)
    enough = time.monotonic() + SENDING_SECONDS
    told, dead = set[tuple[str, str]](), set[tuple[str, tuple[AlertChannel, ...]]]()
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
            told |= {(e.episode, e.event) for e in message.events}
        else:
            dead.add(place(first))
    # Without the tries that failed, so that what waits for the next one counts too.
    left = due_messages([e for e in untold if (e.episode, e.event) not in told], (), now, place=place)
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
    """What is wrong, and what has ended without its owner knowing, oldest first."""
    standing = open_alert_events(ledger)
    untold = undelivered_alerts(ledger)
    ended = [e for e in untold if e.event == RESOLVED]
    waiting = {(e.episode, e.event) for e in untold}
    last = {(t.episode, t.event): t.detail for t in delivery_attempts(ledger, {e.episode for e in (*standing, *ended)})}
    return [
        OpenAlert(
            event=e,
            over=e.event == RESOLVED,
            delivered=(e.episode, e.event) not in waiting,
            detail=last.get((e.episode, e.event), ""),
        )
        for e in (*standing, *ended)
    ]
