"""What is wrong with the machinery, for alerts: circuits that are open, and storms of retries."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from settlement_platform.control.alert_troubles import Trouble, breaker_condition, storm_condition
from settlement_platform.control.alerts import Condition, Kind
from settlement_platform.control.breakers import BreakerState
from settlement_platform.datasets.catalog import DATASETS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.breakers import breakers
from settlement_platform.pipeline.history import current_retry_storm
from settlement_platform.pipeline.platform import Facts, Platform
from settlement_platform.pipeline.watch import Provider


def _open_breakers(platform: Platform | Facts, now: datetime) -> Iterable[Condition]:
    owners = {d.name: d.owner for d in DATASETS} | {m.name: m.owner for m in MARTS}
    for named in breakers(platform):
        if named.state is BreakerState.CLOSED:
            continue
        trouble = Trouble(
            name=named.name,
            since=named.breaker.opened_at or now,
            until=None if named.handed_over else named.until,
            reasons=named.reasons,
            owner=owners.get(named.name, ""),
        )
        # One episode until it closes: a probe that fails opens it again, and tells nothing new.
        yield replace(breaker_condition(trouble), key=f"{Kind.BREAKER_OPEN}:{named.name}")


def _retry_storm(platform: Platform | Facts, now: datetime) -> Iterable[Condition]:
    storm = current_retry_storm(platform)
    if storm.reasons:
        yield storm_condition(Trouble(name="retries", since=min(storm.since, now), reasons=storm.reasons))


PROVIDERS: Mapping[Kind, Provider] = {Kind.BREAKER_OPEN: _open_breakers, Kind.RETRY_STORM: _retry_storm}
"""Who answers for which kind of alert, wherever a round of watching is made."""
