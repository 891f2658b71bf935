"""`settlement status`: how far each dataset and mart is published, and if it is safe to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from rich.text import Text

from settlement_platform.catalog import by_kind, load_catalog
from settlement_platform.cli.console.exit_codes import DONE, REFUSED
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import format_lag, out, print_json, print_reasons, table
from settlement_platform.cli.console.stores import open_stores
from settlement_platform.cli.inspect.alerts import alert_lines, load_current_alerts
from settlement_platform.cli.inspect.next_steps import date_views, next_steps, resume_command
from settlement_platform.control.facts import State
from settlement_platform.control.reasons.next_steps import NO_STEP, RUN_COMMAND
from settlement_platform.control.reasons.publishing import (
    CORRECTIONS_OUTSIDE_WINDOW,
    DATE_STATE,
    DATE_STATE_BESIDE_PUBLISHED,
    FIRST_DATE_MISSING,
    MORE_DATES_PENDING,
    OLDER_CONTRACT,
)
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.timeliness.freshness import Freshness
from settlement_platform.control.timeliness.recompute_window import backfill_commands
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.declarations import OutOfService
from settlement_platform.pipeline.alerts.alert_round import OpenAlert
from settlement_platform.pipeline.inspection.date_view import DateView
from settlement_platform.pipeline.inspection.freshness import freshness_of
from settlement_platform.pipeline.landing.scan import ScanResult, preview_scan
from settlement_platform.pipeline.launching.launch_permission import all_launch_refusals, pauses_in_force
from settlement_platform.pipeline.marts.outdated import redefined_dates
from settlement_platform.pipeline.platform import Platform
from settlement_platform.settings import load_settings

MAX_DATES = 5


@dataclass(frozen=True, kw_only=True)
class DatasetStatus:
    """The status of a dataset or mart; its fields are those of the JSON document."""

    dataset: str
    watermark: Any
    freshness_lag: timedelta | None
    target: str
    last_validation: dict[str, Any] | None
    safe_to_read: bool
    reasons: tuple[str, ...]
    owner: str
    next_step: Reason
    alerts: tuple[str, ...] = ()
    needing_backfill: tuple[date, ...] = ()
    older_contract: tuple[date, ...] = ()


def assess_status(
    platform: Platform, declared: PublishedTable, now: datetime, alerts: Sequence[OpenAlert]
) -> DatasetStatus:
    """Return the status of one dataset or mart; `alerts` are all open alerts."""
    fresh = freshness_of(platform, declared, now)
    due = date_views(platform, declared, fresh.due, fresh.due)[0]
    pending = [] if due.unseen else _pending_views(platform, declared, now)
    pending = [view for view in pending if view.business_date != fresh.due or fresh.on_time]
    dataset = None if due.unseen else platform.catalog.find_dataset(declared.name)
    scan = preview_scan(platform, dataset) if dataset else None
    # Marts rebuild outdated dates by themselves.
    corrected = tuple(sorted(scan.needing_backfill)) if scan else ()
    safe = fresh.is_kept and fresh.watermark is not None
    reasons = [
        *_freshness_reasons(platform.first_date_of(declared.name), fresh, due),
        *all_launch_refusals(platform, declared),
        *_pending_reasons(pending),
        *(_correction_reasons(dataset, corrected) if dataset else ()),
    ]
    urgent = _most_urgent(platform, declared, fresh, pending, due)
    return DatasetStatus(
        dataset=declared.name,
        watermark=fresh.watermark,
        freshness_lag=fresh.lag,
        target=f"{declared.timeliness.target:%H:%M} UTC",
        last_validation=_last_validation(platform, declared.name),
        safe_to_read=safe,
        reasons=tuple(reasons),
        owner=declared.owner,
        next_step=RUN_COMMAND(command="settlement doctor")
        if due.unseen
        else _next_step(platform, declared, None if safe and not pending else urgent, scan, corrected),
        alerts=tuple(alert_lines(alerts, declared.name)),
        needing_backfill=corrected,
        older_contract=_older_contract(platform, declared, scan),
    )


def _older_contract(platform: Platform, declared: PublishedTable, scan: ScanResult | None) -> tuple[date, ...]:
    """Return the dates that are published as an older contract, or an older definition of a mart, made them."""
    return by_kind(
        declared,
        dataset=lambda _: tuple(sorted(scan.older_contract)) if scan else (),
        mart=lambda mart: tuple(redefined_dates(platform.lake, platform.ledger, mart)),
    )


def _status_out_of_service(platform: Platform, faulty: OutOfService, alerts: Sequence[OpenAlert]) -> DatasetStatus:
    """Return the status of a dataset or mart whose declaration is faulty: what readers have of it, and why it stands.

    What is published may be old, and nothing checks it any more.
    """
    watermark, _ = platform.lake.watermark(faulty.name)
    return DatasetStatus(
        dataset=faulty.name,
        watermark=watermark,
        freshness_lag=None,
        target="",
        last_validation=_last_validation(platform, faulty.name),
        safe_to_read=False,
        reasons=faulty.reasons,
        owner=faulty.owner,
        next_step=RUN_COMMAND(command="settlement doctor"),
        alerts=tuple(alert_lines(alerts, faulty.name)),
    )


def _most_urgent(
    platform: Platform, declared: PublishedTable, fresh: Freshness, pending: Sequence[DateView], due: DateView
) -> DateView:
    """Return the view on the date that is acted on first: one that is overdue, outdated, or pending."""
    if not fresh.on_time or fresh.watermark is None:
        return due
    if fresh.outdated:
        return date_views(platform, declared, fresh.outdated[0], fresh.outdated[0])[0]
    return pending[0] if pending else due


def _freshness_reasons(first_date: date, fresh: Freshness, due: DateView) -> list[str]:
    """Return why the date that is due is not published, if it is not."""
    reasons = list(fresh.reasons)
    if not fresh.on_time:
        reasons += [
            DATE_STATE(business_date=fresh.due, state=due.state.state, reason=reason) for reason in due.state.reasons
        ]
    if fresh.watermark is None:
        reasons.append(FIRST_DATE_MISSING(first_date=first_date))
    if due.unseen and fresh.on_time:
        reasons.append(due.decision.reasons[0])
    return reasons


def _pending_reasons(pending: Sequence[DateView]) -> list[Reason]:
    """Return a line for each of the first pending dates, and how many more there are."""
    reasons = [_pending_reason(view) for view in pending[:MAX_DATES]]
    if len(pending) > MAX_DATES:
        reasons.append(MORE_DATES_PENDING(dates=len(pending) - MAX_DATES))
    return reasons


def _pending_reason(view: DateView) -> Reason:
    state = view.state.pending.state if view.state.pending else view.state.state
    day, published, reason = view.business_date, view.publication, view.decision.reasons[0]
    if published is None:
        return DATE_STATE(business_date=day, state=state, reason=reason)
    return DATE_STATE_BESIDE_PUBLISHED(
        business_date=day,
        state=state,
        generation=published.generation,
        published_state=published.state,
        reason=reason,
    )


def _correction_reasons(dataset: Dataset, corrected: Sequence[date]) -> list[Reason]:
    """Return how many dates have a correction that only a backfill takes up, with its commands."""
    if not corrected:
        return []
    hours = dataset.recompute_window / timedelta(hours=1)
    commands = "; ".join(backfill_commands(dataset.name, corrected))
    return [CORRECTIONS_OUTSIDE_WINDOW(dates=len(corrected), window_hours=hours, commands=commands)]


def _last_validation(platform: Platform, name: str) -> dict[str, Any] | None:
    verdict = platform.ledger.latest_verdict(name)
    if verdict is None:
        return None
    return {"business_date": verdict.business_date, "passed": verdict.passed, "decided_at": verdict.decided_at}


def _next_step(
    platform: Platform,
    declared: PublishedTable,
    urgent: DateView | None,
    scan: ScanResult | None,
    corrected: Sequence[date],
) -> Reason:
    """Return the next step for the most urgent date, or else for a pause, or else for a backfill."""
    if urgent:
        return next_steps(platform, declared, urgent, scan=scan).next_step
    if paused := pauses_in_force(platform.ledger, declared):
        return RUN_COMMAND(command=resume_command(paused))
    return RUN_COMMAND(command=backfill_commands(declared.name, corrected)[0]) if corrected else NO_STEP()


def _pending_views(platform: Platform, declared: PublishedTable, now: datetime) -> list[DateView]:
    """Return the dates with a validated delivery that is quarantined or waits to be published."""
    verdicts = platform.ledger.verdicts(declared.name, platform.first_date_of(declared.name), now.date())
    published = platform.lake.current_publications(declared.name)
    validated = {v.business_date: v.content_hash for v in verdicts.values()}
    days = [d for d, content in validated.items() if d not in published or published[d].content_hash != content]
    views = [date_views(platform, declared, day, day)[0] for day in sorted(days)]
    return [v for v in views if v.state.pending and v.state.pending.state in {State.QUARANTINED, State.STAGED}]


def run_status(name: str | None, *, json: bool) -> int:
    """Show the status of one or all datasets and marts; return 3 if one is not safe to read."""
    if name and not load_catalog().find_out_of_service(name):
        find_declared(name)
    with open_stores(load_settings(), reading=True) as platform:
        catalog = platform.catalog
        chosen = [table for table in catalog.tables if name in {None, table.name}]
        faulty = [each for each in catalog.out_of_service if name in {None, each.name}]
        alerts = load_current_alerts(platform)
        found = [assess_status(platform, declared, platform.clock(), alerts) for declared in chosen]
        found += [_status_out_of_service(platform, each, alerts) for each in faulty]
    if json:
        print_json({"datasets": [status_document(s) for s in found]})
    else:
        _print(found)
    return DONE if all(s.safe_to_read for s in found) else REFUSED


def status_document(status: DatasetStatus) -> dict[str, Any]:
    """Return one status as a JSON document."""
    lag = status.freshness_lag
    return {
        "dataset": status.dataset,
        "watermark": status.watermark,
        "freshness_lag_seconds": None if lag is None else int(lag.total_seconds()),
        "freshness_target": status.target or None,
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
        "older_contract": status.older_contract,
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
            )
        )
    out.print(table(("dataset", "watermark", "lag", "safe to read", "last validation"), rows))
    for status in found:
        out.print()
        out.print(Text.assemble((status.dataset, "bold"), (f"  {status.owner}", "dim")))
        print_reasons(status.reasons)
        if older := status.older_contract:
            first, last = older[0], older[-1]
            note = OLDER_CONTRACT(dates=len(older), dataset=status.dataset, first=first, last=last)
            out.print(f"  {note}", markup=False)
        for line in status.alerts:
            out.print(f"  ! {line}", markup=False)
        out.print(f"  next: {status.next_step}", markup=False)
