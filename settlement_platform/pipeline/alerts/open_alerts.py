"""Alerts evaluated at this moment: nothing is recorded and nobody is notified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from settlement_platform.control.alerts.episodes import (
    RAISED,
    AlertEvent,
    AlertKind,
    Condition,
    condition_key,
    sentence_codes,
)
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.alerts.alert_round import OpenAlert, Provider, evaluate, open_alerts
from settlement_platform.pipeline.platform import LedgerAccess


@dataclass(frozen=True, kw_only=True)
class CurrentAlerts:
    """The open alerts as evaluated now, or as recorded if a store did not answer.

    `unrecorded` are alerts that no round has recorded yet. `failures` says what could not be evaluated.
    """

    alerts: tuple[OpenAlert, ...]
    unrecorded: tuple[AlertEvent, ...] = ()
    failures: tuple[str, ...] = ()


def current_alerts(
    platform: LedgerAccess,
    *,
    datasets: Sequence[Dataset],
    marts: Sequence[Mart],
    providers: Mapping[AlertKind, Provider],
    now: datetime,
    only_open: bool = False,
) -> CurrentAlerts:
    """Return the alerts of this moment; with `only_open`, evaluate open episodes only.

    Raises:
        TransientFailure: the ledger did not answer.
    """
    shown = open_alerts(platform.ledger)
    open_episodes = [a.event for a in shown if a.event.event == RAISED]
    if only_open:
        open_kinds = {e.kind for e in open_episodes}
        providers = {kind: provider for kind, provider in providers.items() if kind in open_kinds}
        if not open_episodes:
            return CurrentAlerts(alerts=tuple(shown))
    found, decided = evaluate(
        platform,
        datasets=datasets,
        marts=marts,
        now=now,
        providers=providers,
        open_episodes=open_episodes,
        only_open=only_open,
    )
    holding = {c.key: c for c in reversed(found.conditions) if not c.over}
    ended = {e.episode: e for e in decided.resolved}
    return CurrentAlerts(
        alerts=tuple(_now(a, holding.get(condition_key(a.event.episode)), ended.get(a.event.episode)) for a in shown),
        unrecorded=decided.raised,
        failures=tuple(found.failures),
    )


def _now(shown: OpenAlert, condition: Condition | None, ended: AlertEvent | None) -> OpenAlert:
    """Return an alert with the text of its present condition, or of its end."""
    present = ended or condition
    if shown.over or present is None:
        return shown
    event = replace(
        shown.event,
        severity=present.severity,
        summary=present.summary,
        meaning=present.meaning,
        first_move=present.first_move,
        codes=sentence_codes(present.summary, present.meaning),
    )
    return replace(shown, event=event, over=ended is not None)
