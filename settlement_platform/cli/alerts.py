"""`settlement alerts`: what is wrong now, who was told, and what to do first."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from rich.text import Text

from settlement_platform.cli.failing import DONE, REFUSED
from settlement_platform.cli.output import err, out, print_json
from settlement_platform.cli.stores import opened, opened_facts, require_home, utc_now
from settlement_platform.control.failures import SettlementError
from settlement_platform.datasets.catalog import DATASETS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.machinery import PROVIDERS
from settlement_platform.pipeline.watch import OpenAlert, Watched, open_alerts, watch
from settlement_platform.settings import Settings, load_settings
from settlement_platform.storage.alert_channels import parse_channels
from settlement_platform.storage.ledger import Ledger
from settlement_platform.storage.reading import read_ledger

if TYPE_CHECKING:
    from settlement_platform.pipeline.platform import Facts, Platform

STYLES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


def run_alerts(*, send: bool, json: bool) -> int:
    """Show the open episodes; look and send first where asked to (exits 3 when a message was not delivered)."""
    settings = load_settings()
    if not send:
        require_home(settings)
    done = _watched(settings) if send else None
    found = open_alerts(read_ledger(settings.ledger_url, now=utc_now()))
    if json:
        print_json({"alerts": [document(a) for a in found]} | ({"round": _round(done)} if done else {}))
    else:
        _print(found, done)
    return REFUSED if done and (done.untold or done.failures) else DONE


def _watched(settings: Settings) -> Watched:
    """A round over all stores, or over the ledger alone while another one does not answer."""
    with ExitStack() as stack:
        stores: Platform | Facts
        try:
            stores = stack.enter_context(opened(settings))
        except SettlementError as failure:
            stores = stack.enter_context(opened_facts(settings))
            err.print(f"Only what the ledger tells is judged: {failure}", markup=False)
        channels = parse_channels(settings.alert_urls)
        return watch(stores, datasets=DATASETS, marts=MARTS, channels=channels, now=stores.clock(), providers=PROVIDERS)


def document(alert: OpenAlert) -> dict[str, Any]:
    """One episode as programs read it."""
    event = alert.event
    return {
        "episode": event.episode,
        "kind": event.kind,
        "severity": event.severity,
        "dataset": event.dataset,
        "business_date": event.business_date,
        "owner": event.owner,
        "event": event.event,
        "recorded_at": event.recorded_at,
        "summary": event.summary,
        "meaning": event.meaning,
        "first_move": event.first_move,
        "delivered": alert.delivered,
        "delivery_detail": alert.detail,
    }


def alert_lines(ledger: Ledger, dataset: str) -> list[str]:
    """What is wrong with a dataset or mart, a line each; what concerns no dataset alone stands with every one."""
    declared = {*(d.name for d in DATASETS), *(m.name for m in MARTS)}
    return [_line(a) for a in open_alerts(ledger) if a.event.dataset == dataset or a.event.dataset not in declared]


def _line(alert: OpenAlert) -> str:
    event = alert.event
    line = f"alert, {event.severity}: {event.kind} {event.about} since {event.recorded_at:%Y-%m-%d %H:%M} UTC"
    if alert.over:
        line = f"alert, over: {event.kind} {event.about}"
    return f"{line}: {event.summary}{_untold(alert)}"


def _untold(alert: OpenAlert) -> str:
    if alert.delivered:
        return ""
    return f" (not delivered to {_owner(alert)}: {alert.detail or 'not tried yet'})"


def _owner(alert: OpenAlert) -> str:
    """Who has to know."""
    return alert.event.owner or "everyone"


def _round(done: Watched) -> dict[str, Any]:
    return {
        "busy": done.busy,
        "raised": [e.episode for e in done.raised],
        "resolved": [e.episode for e in done.resolved],
        "messages_delivered": done.told,
        "messages_not_delivered": done.untold,
        "failures": done.failures,
    }


def _print(found: list[OpenAlert], done: Watched | None) -> None:
    if done and done.busy:
        err.print("Another process is in the middle of a round; nothing was sent.")
    elif done:
        err.print(
            f"{len(done.raised)} begun, {len(done.resolved)} ended, "
            f"{done.told} messages delivered, {done.untold} to be tried again."
        )
        for failure in done.failures:
            err.print(f"  could not be judged: {failure}", markup=False)
    if not found:
        out.print("No alert is open.")
    for number, alert in enumerate(found):
        if number:
            out.print()
        _print_alert(alert)


def _print_alert(alert: OpenAlert) -> None:
    event = alert.event
    word = "over" if alert.over else event.severity
    since = f"{event.event} at {event.recorded_at:%Y-%m-%d %H:%M} UTC, {_owner(alert)}{_untold(alert)}"
    out.print(Text.assemble((word, STYLES.get(word, "green")), f"  {event.kind}  {event.about}  ", (since, "dim")))
    out.print(f"  {event.summary}", markup=False)
    out.print(f"  meaning: {event.meaning}", markup=False)
    if event.first_move:
        out.print(f"  first: {event.first_move}", markup=False)
