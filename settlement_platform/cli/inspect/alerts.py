"""`settlement alerts`: the open alerts, who was notified, and what to do first."""

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DONE, REFUSED
from settlement_platform.cli.console.output import err, out, print_json
from settlement_platform.cli.console.stores import open_ledger_stores, open_stores, require_home
from settlement_platform.control.alerts.episodes import RAISED, AlertEvent
from settlement_platform.control.failures import SettlementError
from settlement_platform.pipeline.alerts.alert_round import AlertRoundResult, OpenAlert, run_alert_round
from settlement_platform.pipeline.alerts.open_alerts import CurrentAlerts, current_alerts
from settlement_platform.pipeline.alerts.platform_conditions import PROVIDERS
from settlement_platform.pipeline.platform import LedgerAccess, Platform
from settlement_platform.settings import Settings, load_settings
from settlement_platform.storage.alert_channels import parse_channels
from settlement_platform.storage.ledger.alert_queries import last_alert_record

_NOT_NOTIFIED = "nobody notified yet"

_WHEN_EVALUATED = (
    "The sensor alerts evaluates every 30 s while the daemon runs; settlement alerts --send evaluates now."
)

STYLES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


def run_alerts(*, send: bool, json: bool) -> int:
    """Show the open alerts; with `send`, evaluate and notify first, and return 3 if a message is not delivered."""
    settings = load_settings()
    with ExitStack() as stack:
        stores = _open_reachable_stores(stack, settings, reading=not send)
        done = _evaluate_now(stores, settings) if send else None
        found = current_alerts(
            stores,
            datasets=stores.catalog.datasets,
            marts=stores.catalog.marts,
            providers=PROVIDERS,
            now=stores.clock(),
        )
        last = last_alert_record(stores.ledger)
    if json:
        print_json(_alerts_document(found, last) | ({"round": _round_document(done)} if done else {}))
    else:
        _print_round(done)
        _print(found, last)
    return REFUSED if done and (done.not_notified or done.failures) else DONE


def _open_reachable_stores(stack: ExitStack, settings: Settings, *, reading: bool) -> LedgerAccess:
    """Open all stores, or only the ledger while another store fails."""
    try:
        return stack.enter_context(open_stores(settings, reading=reading))
    except SettlementError as failure:
        if reading:
            require_home(settings)
        stores = stack.enter_context(open_ledger_stores(settings, reading=reading))
        err.print(f"Only conditions of the ledger are evaluated: {failure}", markup=False)
        return stores


def _evaluate_now(stores: LedgerAccess, settings: Settings) -> AlertRoundResult:
    channels = parse_channels(settings.alert_urls)
    return run_alert_round(
        stores,
        datasets=stores.catalog.datasets,
        marts=stores.catalog.marts,
        channels=channels,
        now=stores.clock(),
        providers=PROVIDERS,
    )


def _alerts_document(found: CurrentAlerts, last: datetime | None) -> dict[str, Any]:
    return {
        "alerts": [alert_document(a) for a in found.alerts],
        "not_told": [_condition_document(e) for e in found.unrecorded],
        "not_judged": found.failures,
        "last_recorded_at": last,
    }


def _condition_document(event: AlertEvent) -> dict[str, Any]:
    """Return a condition as a JSON document, recorded or not."""
    codes = event.codes or {"summary": None, "meaning": None}
    return {
        "kind": event.kind,
        "severity": event.severity,
        "dataset": event.dataset,
        "business_date": event.business_date,
        "owner": event.owner,
        "summary": event.summary,
        "summary_code": codes["summary"],
        "meaning": event.meaning,
        "meaning_code": codes["meaning"],
        "first_move": event.first_move,
    }


def alert_document(alert: OpenAlert) -> dict[str, Any]:
    """Return one episode as a JSON document."""
    event = alert.event
    return {
        "episode": event.episode,
        **_condition_document(event),
        "event": event.event,
        "recorded_at": event.recorded_at,
        "over": alert.over,
        "delivered": alert.delivered,
        "delivery_detail": alert.detail,
    }


def load_current_alerts(platform: Platform) -> tuple[OpenAlert, ...]:
    """Return the open episodes with the summaries of now; if none is open, evaluate nothing."""
    return current_alerts(
        platform,
        datasets=platform.catalog.datasets,
        marts=platform.catalog.marts,
        providers=PROVIDERS,
        now=platform.clock(),
        only_open=True,
    ).alerts


def alert_lines(found: Iterable[OpenAlert], dataset: str) -> list[str]:
    """Return a line per alert of a dataset or mart; an alert about no declared dataset belongs to all."""
    catalog = load_catalog()
    declared = {*catalog.names, *(each.name for each in catalog.out_of_service)}
    return [_line(a) for a in found if a.event.dataset == dataset or a.event.dataset not in declared]


def _line(alert: OpenAlert) -> str:
    event = alert.event
    line = f"alert, {event.severity}: {event.kind} {event.about} since {event.recorded_at:%Y-%m-%d %H:%M} UTC"
    if alert.over:
        line = f"alert, over: {event.kind} {event.about}"
    return f"{line}: {event.summary}{_delivery_note(alert)}"


def _end_unrecorded(alert: OpenAlert) -> bool:
    return alert.over and alert.event.event == RAISED


def _delivery_note(alert: OpenAlert) -> str:
    if _end_unrecorded(alert):
        return f" ({_NOT_NOTIFIED})"
    if alert.delivered:
        return ""
    return f" (not delivered to {_owner(alert)}: {alert.detail or 'not tried yet'})"


def _owner(alert: OpenAlert) -> str:
    """Return who has to be notified."""
    return alert.event.owner or "everyone"


def _round_document(done: AlertRoundResult) -> dict[str, Any]:
    return {
        "busy": done.busy,
        "raised": [e.episode for e in done.raised],
        "resolved": [e.episode for e in done.resolved],
        "messages_delivered": done.notified,
        "messages_not_delivered": done.not_notified,
        "failures": done.failures,
    }


def _print_round(done: AlertRoundResult | None) -> None:
    if done and done.busy:
        err.print("Another process is evaluating alerts now; nothing was sent.")
    elif done:
        err.print(
            f"{len(done.raised)} raised, {len(done.resolved)} resolved; "
            f"{done.notified} messages delivered, {done.not_notified} will be retried."
        )
        for failure in done.failures:
            err.print(f"  could not be evaluated: {failure}", markup=False)


def _print(found: CurrentAlerts, last: datetime | None) -> None:
    for failure in found.failures:
        err.print(f"  could not be evaluated: {failure}", markup=False)
    if not found.alerts and not found.unrecorded:
        out.print("No alert is open." if not found.failures else "No open alert is on record.")
    shown = [(a.event, "over" if a.over else a.event.severity, _since_and_owner(a)) for a in found.alerts]
    shown += [(e, e.severity, f"{e.owner or 'everyone'} ({_NOT_NOTIFIED})") for e in found.unrecorded]
    for number, (event, label, since) in enumerate(shown):
        if number:
            out.print()
        _print_alert(event, label, since)
    if found.unrecorded or any(_end_unrecorded(a) for a in found.alerts):
        out.print(f"\n{_NOT_NOTIFIED}: alerts have not been evaluated since this began or ended.", markup=False)
        if last:
            out.print(f"The last evaluation with a change was at {last:%Y-%m-%d %H:%M} UTC.")
        out.print(_WHEN_EVALUATED)


def _since_and_owner(alert: OpenAlert) -> str:
    event = alert.event
    return f"{event.event} at {event.recorded_at:%Y-%m-%d %H:%M} UTC, {_owner(alert)}{_delivery_note(alert)}"


def _print_alert(event: AlertEvent, label: str, since: str) -> None:
    out.print(Text.assemble((label, STYLES.get(label, "green")), f"  {event.kind}  {event.about}  ", (since, "dim")))
    out.print(f"  {event.summary}", markup=False)
    out.print(f"  meaning: {event.meaning}", markup=False)
    if event.first_move:
        out.print(f"  first: {event.first_move}", markup=False)
