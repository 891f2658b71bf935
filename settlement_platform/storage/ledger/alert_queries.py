"""The ledger's queries for alerts: open episodes, undelivered events, and attempts that may be stuck."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from settlement_platform.control.alerts.episodes import RESOLVED, AlertDelivery, AlertEvent
from settlement_platform.control.facts import Attempt, AttemptOutcome, AttemptStep
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform.storage.ledger.schema import TABLES

_EVENTS, _DELIVERIES, _ATTEMPTS = TABLES[AlertEvent], TABLES[AlertDelivery], TABLES[Attempt]

_KEYS_PER_QUERY = 200
"""SQLite rejects an expression that is a thousand levels deep."""


def open_alert_events(ledger: Ledger) -> list[AlertEvent]:
    """Return the events of the episodes that have not been resolved, oldest first."""
    ended = sa.select(_EVENTS.c.episode).where(_EVENTS.c.event == RESOLVED)
    return ledger.select(AlertEvent, sa.select(_EVENTS).where(_EVENTS.c.episode.not_in(ended)))


def alert_history(ledger: Ledger, keys: Iterable[str]) -> list[AlertEvent]:
    """Return every event of the episodes with these keys, oldest first per group of keys."""
    found: list[AlertEvent] = []
    wanted = list(keys)
    for start in range(0, len(wanted), _KEYS_PER_QUERY):
        conditions = [_of_key(key) for key in wanted[start : start + _KEYS_PER_QUERY]]
        found += ledger.select(AlertEvent, sa.select(_EVENTS).where(sa.or_(*conditions)))
    return found


def _of_key(key: str) -> sa.ColumnElement[bool]:
    later = _EVENTS.c.episode.startswith(f"{key}#", autoescape=True)
    return sa.or_(_EVENTS.c.episode == key, later)


def undelivered_alerts(ledger: Ledger) -> list[AlertEvent]:
    """Return the events that were never delivered, oldest first."""
    delivered = sa.exists().where(
        _DELIVERIES.c.episode == _EVENTS.c.episode,
        _DELIVERIES.c.event == _EVENTS.c.event,
        _DELIVERIES.c.delivered,
    )
    return ledger.select(AlertEvent, sa.select(_EVENTS).where(~delivered))


def delivery_attempts(ledger: Ledger, episodes: Iterable[str]) -> list[AlertDelivery]:
    """Return every attempt to deliver these episodes, oldest first."""
    wanted = list(episodes)
    query = sa.select(_DELIVERIES).where(_DELIVERIES.c.episode.in_(wanted))
    return ledger.select(AlertDelivery, query) if wanted else []


def last_alert_record(ledger: Ledger) -> datetime | None:
    """Return when an alert round last recorded an event or a delivery, even a failed one; None if never."""
    last_event = sa.select(sa.func.max(_EVENTS.c.id)).scalar_subquery()
    last_try = sa.select(sa.func.max(_DELIVERIES.c.id)).scalar_subquery()
    events = ledger.select(AlertEvent, sa.select(_EVENTS).where(_EVENTS.c.id == last_event))
    deliveries = ledger.select(AlertDelivery, sa.select(_DELIVERIES).where(_DELIVERIES.c.id == last_try))
    return max([*(e.recorded_at for e in events), *(d.recorded_at for d in deliveries)], default=None)


def latest_attempts(ledger: Ledger, *, since: datetime) -> list[Attempt]:
    """Return the last recorded step of each business date with one after `since`, or one that did not end well."""
    last = (
        sa.select(sa.func.max(_ATTEMPTS.c.id))
        .where(_ATTEMPTS.c.step != AttemptStep.SCAN)
        .group_by(_ATTEMPTS.c.dataset, _ATTEMPTS.c.business_date)
    )
    unsettled = _ATTEMPTS.c.outcome.in_([AttemptOutcome.STARTED, AttemptOutcome.FAILED])
    recent = sa.or_(_ATTEMPTS.c.recorded_at >= since, unsettled)
    return ledger.select(Attempt, sa.select(_ATTEMPTS).where(_ATTEMPTS.c.id.in_(last), recent))


def last_steps_of_runs(ledger: Ledger, runs: Iterable[str], *, since: datetime) -> dict[str, datetime]:
    """Return when a step of each of these runs last began or ended; `since` is when the first of them began."""
    steps = sa.select(_ATTEMPTS).where(_ATTEMPTS.c.recorded_at >= since, _ATTEMPTS.c.run_id.in_(list(runs)))
    found: dict[str, datetime] = {}
    for attempt in ledger.select(Attempt, steps):
        found[attempt.run_id] = max(attempt.recorded_at, found.get(attempt.run_id, attempt.recorded_at))
    return found
