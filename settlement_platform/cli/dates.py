"""`settlement partitions` and `settlement explain`: business dates as they stand, and why."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from rich.text import Text

from settlement_platform.cli.failing import DONE, WrongUsage
from settlement_platform.cli.names import find
from settlement_platform.cli.output import out, print_json, state_text, table
from settlement_platform.cli.stores import date_bounds, opened, parse_moment, refuse_unreadable
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.ahead import Ahead, look_ahead
from settlement_platform.pipeline.before_first import told_early
from settlement_platform.pipeline.history import last_attempt_story
from settlement_platform.pipeline.mart_outlook import mart_outlooks
from settlement_platform.pipeline.outlook import Outlook, outlooks_as_seen
from settlement_platform.pipeline.past_outlook import outlook_at
from settlement_platform.pipeline.platform import Platform
from settlement_platform.settings import load_settings

SHOWN_REASONS = 6


def look(platform: Platform, declared: Dataset | Mart, first: date, last: date) -> list[Outlook]:
    """The outlook on every date of a range of a dataset or a mart."""
    if isinstance(declared, Mart):
        found = mart_outlooks(platform, declared, first, last)
    else:
        found = outlooks_as_seen(platform, declared, first, last)
    return [told_early(outlook, platform.first_date) for outlook in found]


def document(outlook: Outlook) -> dict[str, Any]:
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


def partitions_table(found: list[Outlook]) -> Any:  # noqa: ANN401 - a rich table
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
    settings, declared = load_settings(), find(name)
    begin, end = date_bounds(settings, first, last)
    with opened(settings, reading=True) as platform:
        found = look(platform, declared, begin, end)
    if json:
        print_json({"dataset": name, "partitions": [document(o) for o in found]})
    else:
        out.print(partitions_table(found))
    return DONE


def run_explain(name: str, day: date, *, at: str | None, json: bool) -> int:
    """Explain one business date."""
    settings, declared = load_settings(), find(name)
    refuse_unreadable(day)
    moment = parse_moment(at, "--at") if at else None
    with opened(settings, reading=True) as platform:
        if moment is None:
            outlook = look(platform, declared, day, day)[0]
        elif isinstance(declared, Mart):
            message = f"{name} is a mart; --at explains datasets."
            raise WrongUsage(message, remedy=f"Explain {declared.inputs[0]} at that time.")
        else:
            outlook = told_early(outlook_at(platform, declared, day, moment), platform.first_date)
        tried = last_attempt_story(platform, name, day) if at is None else ()
        ahead = look_ahead(platform, declared, outlook) if at is None else None
    if json:
        print_json({**_explained(name, outlook, ahead), "last_attempt": tried})
    else:
        _print_explained(name, outlook, tried, ahead)
    return DONE


def _explained(name: str, outlook: Outlook, ahead: Ahead | None) -> dict[str, Any]:
    decision = outlook.decision
    checks = outlook.verdict.checks if outlook.verdict else ()
    return {
        "dataset": name,
        **document(outlook),
        "decision": decision.move,
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
        "launches_stopped": ahead.stopped if ahead else (),
        "what_follows": ahead.words if ahead else "",
        "next_step": next_step(name, outlook, ahead),
    }


def _print_lines(title: str, lines: Sequence[str]) -> None:
    """A few lines under a title; a screen is enough for all of them together."""
    if lines:
        out.print(f"  {title}", markup=False)
    for line in lines[:SHOWN_REASONS]:
        out.print(f"    - {line}", markup=False)
    if len(lines) > SHOWN_REASONS:
        out.print(f"    … and {len(lines) - SHOWN_REASONS} more, with --json", markup=False)


def _print_explained(name: str, outlook: Outlook, tried: Sequence[str], ahead: Ahead | None) -> None:
    out.print(Text.assemble(f"{name} {outlook.business_date}  ", state_text(outlook.state.state)))
    if outlook.publication:
        p = outlook.publication
        out.print(f"  published: generation {p.generation}, {p.rows:,} rows, by {p.actor}: {p.reason}", markup=False)
    if outlook.inputs and outlook.inputs.deliveries:
        out.print("  delivered: " + ", ".join(d.data.key for d in outlook.inputs.deliveries), markup=False)
    _print_lines(f"decision: {outlook.decision.move}", outlook.decision.reasons)
    _print_lines("on its way:", outlook.inputs.in_flight if outlook.inputs else ())
    _print_lines("last try:", tried)
    if ahead:
        _print_lines("sensors and schedules launch nothing:", ahead.stopped)
        _print_lines("what follows:", [ahead.words] if ahead.words else [])
    _print_lines("the record does not know:", outlook.not_known)
    if outlook.inputs and outlook.inputs.unrecognised:
        out.print(f"  ignored, not declared: {', '.join(outlook.inputs.unrecognised[:5])}", markup=False)
    out.print(f"  next: {next_step(name, outlook, ahead)}", markup=False)


def next_step(name: str, outlook: Outlook, ahead: Ahead | None) -> str:
    """What to do next about a date, as a command where there is one; `ahead` is None where the past is asked for."""
    day, pending = outlook.business_date, outlook.state.pending
    if ahead is None:
        return f"settlement explain {name} {day} says what follows now"
    if pending is None:
        return "nothing; it is published"
    if outlook.state.quarantined:
        return f"settlement quarantine show {name} {day}; a corrected file supersedes it"
    if outlook.decision.move == "hold":
        paused = "is paused" in outlook.decision.reasons[0]
        return f"settlement {'resume' if paused else 'approve'} {name}{'' if paused else f' {day}'} --reason …"
    if ahead.words:
        return _commanded(name, ahead)
    return _awaited(outlook)


def _awaited(outlook: Outlook) -> str:
    """What a date is left to that nothing can be done about."""
    if outlook.early:
        return "nothing; it is only looked at with an earlier SETTLEMENT_FIRST_DATE"
    if outlook.unseen:
        return "settlement doctor"
    if outlook.decision.move == "withdrawn":
        return "nothing until a corrected file arrives"
    unexpected = outlook.state.reasons[0].startswith("no file is expected")
    return "nothing; it is recorded by itself" if unexpected else "nothing until the files arrive"


def _commanded(name: str, ahead: Ahead) -> str:
    if not ahead.stopped:
        return ahead.command
    if "is paused" in ahead.stopped[0]:
        return f"settlement resume {name} --reason …"
    return f"nothing until sensors and schedules launch again; {ahead.command} tries at once"
