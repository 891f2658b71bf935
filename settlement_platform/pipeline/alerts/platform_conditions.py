"""Conditions of the platform: open circuit breakers and retry storms."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from settlement_platform.catalog import Catalog
from settlement_platform.control.alerts.episodes import AlertKind, Condition
from settlement_platform.control.alerts.platform_conditions import (
    PlatformProblem,
    breaker_condition,
    breaker_handover_condition,
    retry_storm_condition,
)
from settlement_platform.control.reliability.circuit_breakers import BreakerState
from settlement_platform.pipeline.alerts.alert_round import Provider
from settlement_platform.pipeline.inspection.attempt_history import current_retry_storm
from settlement_platform.pipeline.launching.circuit_breakers import NamedBreaker, all_breakers
from settlement_platform.pipeline.platform import LedgerAccess


def _open_breakers(platform: LedgerAccess, now: datetime) -> Iterable[Condition]:
    for trouble in _troubles(platform.catalog, all_breakers(platform), now):
        # One episode until it closes: a probe that fails opens it again, and tells nothing new.
        yield replace(breaker_condition(trouble), key=f"{AlertKind.BREAKER_OPEN}:{trouble.name}")


def _troubles(catalog: Catalog, found: Iterable[NamedBreaker], now: datetime) -> Iterable[PlatformProblem]:
    """Return the breakers that are not closed."""
    owners = {table.name: table.owner for table in catalog.tables}
    for named in found:
        if named.state is not BreakerState.CLOSED:
            yield PlatformProblem(
                name=named.name,
                since=named.breaker.opened_at or now,
                until=None if named.handed_over else named.until,
                reasons=named.reasons,
                owner=owners.get(named.name, ""),
            )


def _retry_storms(platform: LedgerAccess, now: datetime) -> Iterable[Condition]:
    """Return retry storms, and breakers that wait for an operator."""
    handed_over = [b for b in all_breakers(platform) if b.handed_over]
    yield from (breaker_handover_condition(trouble) for trouble in _troubles(platform.catalog, handed_over, now))
    storm = current_retry_storm(platform)
    if storm.reasons:
        yield retry_storm_condition(PlatformProblem(name="retries", since=min(storm.since, now), reasons=storm.reasons))


PROVIDERS: Mapping[AlertKind, Provider] = {AlertKind.BREAKER_OPEN: _open_breakers, AlertKind.RETRY_STORM: _retry_storms}
"""The provider of each kind of platform condition, for every round of alerts."""
