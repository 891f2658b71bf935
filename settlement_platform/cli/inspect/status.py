"""`settlement status`: what readers can rely on, per dataset and mart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DONE, REFUSED
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import format_lag, out, print_json, table
from settlement_platform.cli.console.stores import open_stores
from settlement_platform.cli.inspect.alerts import alert_lines, load_current_alerts
from settlement_platform.cli.inspect.next_steps import date_views, next_steps, resume_command
from settlement_platform.control.facts import State
from settlement_platform.control.timeliness.recompute_window import backfill_commands
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.pipeline.alerts.alert_round import OpenAlert
from settlement_platform.pipeline.inspection.date_view import DateView
from settlement_platform.pipeline.inspection.freshness import freshness_of
from settlement_platform.pipeline.landing.scan import ScanResult, preview_scan
from settlement_platform.pipeline.launching.launch_permission import all_launch_refusals, pauses_in_force
from settlement_platform.pipeline.platform import Platform
from settlement_platform.settings import load_settings

MAX_DATES = 5


@dataclass(frozen=True, kw_only=True)
class DatasetStatus:
    """What readers can rely on; the fields are those that programs get."""

    dataset: str
    watermark: Any
    freshness_lag: timedelta | None
    target: str
    last_validation: dict[str, Any] | None
    safe_to_read: bool
    reasons: tuple[str, ...]
    owner: str
    next_step: str
    alerts: tuple[str, ...] = ()
    needing_backfill: tuple[date, ...] = ()


def assess_status(
    platform: Platform, declared: PublishedTable, now: datetime, alerts: Sequence[OpenAlert]
) -> DatasetStatus:
    """Judge one dataset or mart on what is published; `alerts` are all that are open."""
    fresh = freshness_of(platform, declared, now)
    due = date_views(platform, declared, fresh.due, fresh.due)[0]
    reasons = list(fresh.reasons)
    if not fresh.on_time:
        reasons += [f"{fresh.due} is {due.state.state}: {reason}" for reason in due.state.reasons]
    if fresh.watermark is None:
        reasons.append("no date is published from the first one on")
    if due.unseen and fresh.on_time:
        reasons.append(due.decision.reasons[0])
    reasons += all_launch_refusals(platform, declared)
    found = [] if due.unseen else _quarantined_views(platform, declared, now)
    held = [o for o in found if o.business_date != fresh.due or fresh.on_time]
    reasons += [f"{o.business_date} holds something back: {o.decision.reasons[0]}" for o in held[:MAX_DATES]]
    if len(held) > MAX_DATES:
        reasons.append(f"{len(held) - MAX_DATES} more dates hold something back; settlement quarantine list")
    dataset = None if due.unseen else platform.catalog.find_dataset(declared.name)
    seen = preview_scan(platform, dataset) if dataset else None
    # What marts are behind with is built by itself.
    late = tuple(sorted(seen.needing_backfill)) if seen else ()
    if late:
        dates = "1 date holds a change that came" if len(late) == 1 else f"{len(late):,} dates hold changes that came"
        reasons.append(f"{dates} after closing: {'; '.join(backfill_commands(declared.name, late))}")
    well = fresh.on_time and fresh.watermark is not None
    pressing = held[0] if well and held else due
    verdict = platform.ledger.latest_verdict(declared.name)
    return DatasetStatus(
        dataset=declared.name,
        watermark=fresh.watermark,
        freshness_lag=fresh.lag,
        target=f"{declared.timeliness.target:%H:%M} UTC",
        last_validation=None
        if verdict is None
        else {
            "business_date": verdict.business_date,
            "passed": verdict.passed,
            "decided_at": verdict.decided_at,
        },
        safe_to_read=well,
        reasons=tuple(reasons),
        owner=declared.owner,
        next_step="settlement doctor"
        if due.unseen
        else _next_step(platform, declared, None if well and not held else pressing, seen, late),
        alerts=tuple(alert_lines(alerts, declared.name)),
        needing_backfill=late,
    )


def _next_step(
    platform: Platform,
    declared: PublishedTable,
    urgent: DateView | None,
    scan: ScanResult | None,
    backfill_dates: Sequence[date],
) -> str:
    """What to do about the date that presses most; where none does about a pause, then what waits for a backfill."""
    if urgent:
        return next_steps(platform, declared, urgent, scan=scan).next_step
    if paused := pauses_in_force(platform.ledger, declared):
        return resume_command(paused)
    return backfill_commands(declared.name, backfill_dates)[0] if backfill_dates else "nothing"


def _quarantined_views(platform: Platform, declared: PublishedTable, now: datetime) -> list[DateView]:
    """The dates of which something delivered was judged and is not what readers see."""
    verdicts = platform.ledger.verdicts(declared.name, platform.first_date, now.date())
    standings = platform.lake.current_publications(declared.name)
    judged = {v.business_date: v.content_hash for v in verdicts.values()}
    days = [d for d, content in judged.items() if d not in standings or standings[d].content_hash != content]
    found = [date_views(platform, declared, day, day)[0] for day in sorted(days)]
    return [o for o in found if o.state.pending and o.state.pending.state in {State.QUARANTINED, State.STAGED}]


def run_status(name: str | None, *, json: bool) -> int:
    """Show the status of one or all datasets and marts."""
    chosen = (find_declared(name),) if name else load_catalog().tables
    with open_stores(load_settings(), reading=True) as platform:
        alerts = load_current_alerts(platform)
        found = [assess_status(platform, declared, platform.clock(), alerts) for declared in chosen]
    if json:
        print_json({"datasets": [status_document(s) for s in found]})
    else:
        _print(found)
    return DONE if all(s.safe_to_read for s in found) else REFUSED


def status_document(status: DatasetStatus) -> dict[str, Any]:
    """One status as programs read it."""
    lag = status.freshness_lag
    return {
        "dataset": status.dataset,
        "watermark": status.watermark,
        "freshness_lag_seconds": None if lag is None else int(lag.total_seconds()),
        "freshness_target": status.target,
        "last_validation": status.last_validation,
        "safe_to_read": status.safe_to_read,
        "reasons": status.reasons,
        "owner": status.owner,
        "next_step": status.next_step,
        "alerts": status.alerts,
        "waiting_for_backfill": {
            "dates": status.needing_backfill,
            "commands": backfill_commands(status.dataset, status.needing_backfill),
        },
    }


def _print(found: list[DatasetStatus]) -> None:
    rows = []
    for status in found:
        validation = status.last_validation
        rows.append(
            (
                status.dataset,
                status.watermark,
                Text(format_lag(status.freshness_lag), style="red" if status.freshness_lag else "green"),
                status.safe_to_read,
                f"{validation['business_date']} {'passed' if validation['passed'] else 'failed'}"
                if validation
                else None,
                status.owner,
            )
        )
    out.print(table(("dataset", "watermark", "lag", "safe to read", "last validation", "owner"), rows))
    for status in found:
        out.print()
        out.print(Text(status.dataset, style="bold"))
        for reason in status.reasons:
            out.print(f"  - {reason}", markup=False)
        for line in status.alerts:
            out.print(f"  ! {line}", markup=False)
        out.print(f"  next: {status.next_step}", markup=False)
