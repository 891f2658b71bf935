"""`settlement partitions` and `settlement explain`: the state of business dates, and why."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from rich.text import Text

from settlement_platform.cli.console.exit_codes import DONE, WrongUsage
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import out, print_json, print_reasons, state_text, table
from settlement_platform.cli.console.stores import date_bounds, open_stores, parse_moment, require_inspectable_date
from settlement_platform.cli.inspect.next_steps import NextSteps, date_views, next_steps
from settlement_platform.control.policies import date_spans
from settlement_platform.control.reasons.next_steps import PRESENT_EXPLAINED
from settlement_platform.control.reasons.publishing import OLDER_CONTRACT, VALIDATION_PENDING, VALIDATION_WAS_PENDING
from settlement_platform.control.reasons.reason import Reason, has_code, reason_codes
from settlement_platform.pipeline.inspection.attempt_history import describe_last_attempt
from settlement_platform.pipeline.inspection.date_view import DateView
from settlement_platform.pipeline.inspection.date_view_at import date_view_at
from settlement_platform.pipeline.inspection.next_actions import mention_before_first_date
from settlement_platform.settings import load_settings

MAX_REASONS = 6


def date_document(view: DateView) -> dict[str, Any]:
    """Return one business date as a JSON document."""
    publication, pending = view.publication, view.state.pending
    return {
        "business_date": view.business_date,
        "state": view.state.state,
        "pending": None
        if pending is None
        else {"state": pending.state, "content_hash": pending.content_hash, "reasons": pending.reasons},
        "generation": publication.generation if publication else None,
        "rows": publication.rows if publication else None,
        "content_hash": publication.content_hash if publication else view.content_hash,
        "sources": [
            {"source": s.source, "key": s.key, "sha256": s.sha256, "bytes": s.bytes, "rows": s.rows}
            for s in (publication.sources if publication else ())
        ],
        "reasons": view.state.reasons,
        "run_id": publication.run_id if publication else None,
        "published_at": publication.published_at if publication else None,
        "older_contract": view.older_contract,
    }


def print_partitions(name: str, views: Sequence[DateView]) -> None:
    """Print a table of business dates, and below it the first reason of each pending date."""
    columns = ("business date", "state", "pending", "generation", "rows", "published at (UTC)")
    out.print(table(columns, [_partition_row(view) for view in views]))
    older = [view.business_date for view in views if view.older_contract]
    for first, last in date_spans(older):
        days = (last - first).days + 1
        reason = OLDER_CONTRACT(dates=days, dataset=name, first=first, last=last)
        out.print(f"\n{reason}", markup=False)
    pending = [(view.business_date, view.state.pending) for view in views if view.state.pending]
    if pending:
        out.print()
    for day, content in pending:
        more = f" (+{len(content.reasons) - 1} more)" if len(content.reasons) > 1 else ""
        print_reasons([f"{day} {content.state}: {content.reasons[0]}{more}" for _ in content.reasons[:1]])


def _partition_row(view: DateView) -> tuple[Any, ...]:
    publication, pending = view.publication, view.state.pending
    return (
        str(view.business_date),
        state_text(view.state.state),
        Text("") if pending is None or publication is None else state_text(pending.state),
        publication.generation if publication else None,
        publication.rows if publication else None,
        publication.published_at if publication else None,
    )


def run_partitions(name: str, first: datetime | None, last: datetime | None, *, json: bool) -> int:
    """List the state of every business date in a range."""
    settings, declared = load_settings(), find_declared(name)
    begin, end = date_bounds(settings, first, last, name=name)
    with open_stores(settings, reading=True) as platform:
        found = date_views(platform, declared, begin, end)
    if json:
        print_json({"dataset": name, "partitions": [date_document(o) for o in found]})
    else:
        print_partitions(name, found)
    return DONE


def run_explain(name: str, day: date, *, at: str | None, json: bool) -> int:
    """Explain one business date."""
    settings, declared = load_settings(), find_declared(name)
    require_inspectable_date(day)
    moment = parse_moment(at, "--at") if at else None
    with open_stores(settings, reading=True) as platform:
        if moment is None:
            view = date_views(platform, declared, day, day)[0]
        elif dataset := platform.catalog.find_dataset(name):
            view = mention_before_first_date(platform, dataset, date_view_at(platform, dataset, day, moment))
        else:
            message = f"{name} is a mart; --at needs a dataset."
            raise WrongUsage(message, remedy=f"Explain {declared.inputs[0]} at that time.")
        last_attempt = describe_last_attempt(platform, name, day) if at is None else ()
        steps = next_steps(platform, declared, view) if at is None else None
    if json:
        print_json({**_explanation_document(name, view, steps), "last_attempt": last_attempt})
    else:
        _print_explanation(name, view, last_attempt, steps)
    return DONE


def _explanation_document(name: str, view: DateView, steps: NextSteps | None) -> dict[str, Any]:
    decision = view.decision
    checks = view.verdict.checks if view.verdict else ()
    return {
        "dataset": name,
        **date_document(view),
        "decision": decision.action,
        "decision_reasons": decision.reasons,
        "checks": [
            {
                "name": c.name,
                "passed": c.passed,
                "severity": c.severity,
                "measured": c.measured,
                "threshold": c.threshold,
                "message": c.message,
            }
            for c in checks
        ],
        "not_known": view.not_known,
        "launches_stopped": steps.action.stopped if steps else (),
        "what_follows": "; ".join(steps.what_follows) if steps else "",
        "what_follows_codes": reason_codes(steps.what_follows) if steps else [],
        "next_step": _next_step(name, view, steps),
    }


def _print_lines(title: str, lines: Sequence[str]) -> None:
    """Print the first lines under a title, so that all titles fit on a screen."""
    if lines:
        out.print(f"  {title}", markup=False)
    print_reasons(lines[:MAX_REASONS], indent="    ")
    if len(lines) > MAX_REASONS:
        out.print(f"    … and {len(lines) - MAX_REASONS} more; --json shows all", markup=False)


def _print_explanation(name: str, view: DateView, last_attempt: Sequence[str], steps: NextSteps | None) -> None:
    out.print(Text.assemble(f"{name} {view.business_date}  ", state_text(view.state.state)))
    if view.publication:
        p = view.publication
        out.print(f"  published: generation {p.generation}, {p.rows:,} rows, by {p.actor}: {p.reason}", markup=False)
    if view.older_contract:
        day = view.business_date
        out.print(f"  {OLDER_CONTRACT(dates=1, dataset=name, first=day, last=day)}", markup=False)
    if view.inputs and view.inputs.deliveries:
        out.print("  delivered: " + ", ".join(d.data.key for d in view.inputs.deliveries), markup=False)
    _print_lines(f"decision: {_decision_text(view)}", view.decision.reasons)
    _print_lines("arriving:", view.inputs.in_flight if view.inputs else ())
    _print_lines("last attempt:", last_attempt)
    if steps:
        _print_lines("sensors and schedules launch nothing:", steps.action.stopped)
        _print_lines("next automatic action:", steps.what_follows)
    _print_lines("not on record:", view.not_known)
    if view.inputs and view.inputs.unrecognised:
        out.print(f"  ignored, since not declared: {', '.join(view.inputs.unrecognised[:5])}", markup=False)
    out.print(f"  next: {_next_step(name, view, steps)}", markup=False)


def _decision_text(view: DateView) -> str:
    """Return the decision for people: before validation a refusal only means that it is too early."""
    pending = (VALIDATION_PENDING, VALIDATION_WAS_PENDING)
    early = any(has_code(reason, each) for reason in view.decision.reasons for each in pending)
    return "not yet" if early else view.decision.action


def _next_step(name: str, view: DateView, steps: NextSteps | None) -> Reason:
    """Return the next step; for the past, the command that explains the present."""
    if steps is None:
        return PRESENT_EXPLAINED(command=f"settlement explain {name} {view.business_date}")
    return steps.next_step
