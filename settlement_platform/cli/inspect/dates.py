"""`settlement partitions` and `settlement explain`: business dates as they stand, and why."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from rich.text import Text

from settlement_platform.cli.console.exit_codes import DONE, WrongUsage
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import out, print_json, state_text, table
from settlement_platform.cli.console.stores import date_bounds, open_stores, parse_moment, refuse_unreadable
from settlement_platform.cli.inspect.next_steps import NextSteps, next_steps, views_of
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.inspection.attempt_history import describe_last_attempt
from settlement_platform.pipeline.inspection.date_view import DateView
from settlement_platform.pipeline.inspection.date_view_at import date_view_at
from settlement_platform.pipeline.inspection.next_actions import mention_before_first_date
from settlement_platform.settings import load_settings

SHOWN_REASONS = 6


def document(outlook: DateView) -> dict[str, Any]:
    """One business date as programs read it."""
    publication, pending = outlook.publication, outlook.state.pending
    return {
        "business_date": outlook.business_date,
        "state": outlook.state.state,
        "pending": None
        if pending is None
        else {"state": pending.state, "content_hash": pending.content_hash, "reasons": pending.reasons},
        "generation": publication.generation if publication else None,
        "rows": publication.rows if publication else None,
        "content_hash": publication.content_hash if publication else outlook.content_hash,
        "sources": [
            {"source": s.source, "key": s.key, "sha256": s.sha256, "bytes": s.bytes, "rows": s.rows}
            for s in (publication.sources if publication else ())
        ],
        "reasons": outlook.state.reasons,
        "run_id": publication.run_id if publication else None,
        "published_at": publication.published_at if publication else None,
    }


def partitions_table(found: list[DateView]) -> Any:  # noqa: ANN401 - a rich table
    """Business dates for people: what stands, and the first reason of what is held back."""
    rows = []
    for outlook in found:
        publication, pending = outlook.publication, outlook.state.pending
        why = pending.reasons[0] if pending and pending.reasons else ""
        more = f" (+{len(pending.reasons) - 1} more)" if pending and len(pending.reasons) > 1 else ""
        held = Text("") if pending is None or publication is None else state_text(pending.state)
        rows.append(
            (
                str(outlook.business_date),
                state_text(outlook.state.state),
                held,
                publication.generation if publication else None,
                publication.rows if publication else None,
                publication.published_at if publication else None,
                Text(why + more, style="dim"),
            )
        )
    columns = ("business date", "state", "pending", "generation", "rows", "published at (UTC)", "why")
    return table(columns, rows)


def run_partitions(name: str, first: datetime | None, last: datetime | None, *, json: bool) -> int:
    """List the state of every business date in a range."""
    settings, declared = load_settings(), find_declared(name)
    begin, end = date_bounds(settings, first, last)
    with open_stores(settings, reading=True) as platform:
        found = views_of(platform, declared, begin, end)
    if json:
        print_json({"dataset": name, "partitions": [document(o) for o in found]})
    else:
        out.print(partitions_table(found))
    return DONE


def run_explain(name: str, day: date, *, at: str | None, json: bool) -> int:
    """Explain one business date."""
    settings, declared = load_settings(), find_declared(name)
    refuse_unreadable(day)
    moment = parse_moment(at, "--at") if at else None
    with open_stores(settings, reading=True) as platform:
        if moment is None:
            outlook = views_of(platform, declared, day, day)[0]
        elif isinstance(declared, Mart):
            message = f"{name} is a mart; --at explains datasets."
            raise WrongUsage(message, remedy=f"Explain {declared.inputs[0]} at that time.")
        else:
            outlook = mention_before_first_date(date_view_at(platform, declared, day, moment), platform.first_date)
        tried = describe_last_attempt(platform, name, day) if at is None else ()
        foreseen = next_steps(platform, declared, outlook) if at is None else None
    if json:
        print_json({**_explained(name, outlook, foreseen), "last_attempt": tried})
    else:
        _print_explained(name, outlook, tried, foreseen)
    return DONE


def _explained(name: str, outlook: DateView, foreseen: NextSteps | None) -> dict[str, Any]:
    decision = outlook.decision
    checks = outlook.verdict.checks if outlook.verdict else ()
    return {
        "dataset": name,
        **document(outlook),
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
        "not_known": outlook.not_known,
        "launches_stopped": foreseen.action.stopped if foreseen else (),
        "what_follows": "; ".join(foreseen.what_follows) if foreseen else "",
        "next_step": _next_step(name, outlook, foreseen),
    }


def _print_lines(title: str, lines: Sequence[str]) -> None:
    """A few lines under a title; a screen is enough for all of them together."""
    if lines:
        out.print(f"  {title}", markup=False)
    for line in lines[:SHOWN_REASONS]:
        out.print(f"    - {line}", markup=False)
    if len(lines) > SHOWN_REASONS:
        out.print(f"    … and {len(lines) - SHOWN_REASONS} more, with --json", markup=False)


def _print_explained(name: str, outlook: DateView, tried: Sequence[str], foreseen: NextSteps | None) -> None:
    out.print(Text.assemble(f"{name} {outlook.business_date}  ", state_text(outlook.state.state)))
    if outlook.publication:
        p = outlook.publication
        out.print(f"  published: generation {p.generation}, {p.rows:,} rows, by {p.actor}: {p.reason}", markup=False)
    if outlook.inputs and outlook.inputs.deliveries:
        out.print("  delivered: " + ", ".join(d.data.key for d in outlook.inputs.deliveries), markup=False)
    _print_lines(f"decision: {outlook.decision.action}", outlook.decision.reasons)
    _print_lines("on its way:", outlook.inputs.in_flight if outlook.inputs else ())
    _print_lines("last try:", tried)
    if foreseen:
        _print_lines("sensors and schedules launch nothing:", foreseen.action.stopped)
        _print_lines("what follows:", foreseen.what_follows)
    _print_lines("the record does not know:", outlook.not_known)
    if outlook.inputs and outlook.inputs.unrecognised:
        out.print(f"  ignored, not declared: {', '.join(outlook.inputs.unrecognised[:5])}", markup=False)
    out.print(f"  next: {_next_step(name, outlook, foreseen)}", markup=False)


def _next_step(name: str, outlook: DateView, foreseen: NextSteps | None) -> str:
    """What to do next; where the past was asked for, what says it."""
    if foreseen is None:
        return f"settlement explain {name} {outlook.business_date} says what follows now"
    return foreseen.next_step
