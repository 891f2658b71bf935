"""`settlement materialize`: business dates through Dagster, in this process."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DOCTOR_HINT, DONE, REFUSED, UNEXPECTED
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import err, out, print_json, state_text, table
from settlement_platform.cli.console.request import make_request
from settlement_platform.cli.console.stores import require_ordered_range
from settlement_platform.cli.run.runner import Runner, RunResult
from settlement_platform.control.facts import OperatorActionType
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS, Action
from settlement_platform.pipeline.operators.authorization import require_role
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.settings import load_settings

_STATES_NOT_PUBLISHED = {Action.WAIT: "waiting", Action.AWAITING_OPERATOR: "staged", Action.WITHDRAWN: "withdrawn"}


def run_materialize(
    name: str, first: date, last: date, *, marts: bool, reason: str, actor: str | None, json: bool
) -> int:
    """Run a range of dates, then what reads them."""
    declared = find_declared(name)
    require_ordered_range(first, last)
    settings = load_settings()
    request = make_request(actor, reason)
    require_role(declared.roles, OperatorActionType.RERUN, request.actor, settings.roles)
    runner = Runner(settings)
    try:
        ran = runner.run(name, first, last, request, mart=bool(declared.inputs))
        days = [c.business_date for c in ran.visible]
        fed = load_catalog().marts_of(name) if marts else ()
        built = runner.run_marts(fed, days, request)
    finally:
        runner.close()
    return report([ran, *built], json=json)


def report(runs: list[RunResult], *, json: bool, extra: Mapping[str, Any] | None = None) -> int:
    """Print what became of each date, for programs with `more`; the exit code says whether all are published."""
    complete = all(len(ran.visible) == ran.dates for ran in runs)
    if json:
        print_json({**(extra or {}), "runs": [_run_document(ran) for ran in runs], "complete": complete})
    else:
        for ran in runs:
            _print(ran)
    errors = [ran.error for ran in runs if ran.error]
    for error in errors:
        err.print(f"{error}\n  {DOCTOR_HINT}", markup=False)
    if errors:
        return UNEXPECTED
    return DONE if complete else REFUSED


def _run_document(ran: RunResult) -> dict[str, Any]:
    return {
        "dataset": ran.name,
        "run_id": ran.run_id,
        "dates": [
            {
                "business_date": c.business_date,
                "outcome": c.decision.action,
                "state": c.decision.state,
                "generation": c.decision.generation,
                "rows": c.publication.rows if c.publication else None,
                "reasons": c.decision.reasons,
            }
            for c in ran.outcomes
        ]
        + [{"business_date": f.business_date, "outcome": "failed", "reasons": [str(f.failure)]} for f in ran.failed],
        "error": ran.error,
    }


def _print(ran: RunResult) -> None:
    counts = {move: [c for c in ran.outcomes if c.decision.action is move] for move in Action}
    published, same = counts[Action.PUBLISH], counts[Action.ALREADY_PUBLISHED]
    rows = sum(c.publication.rows for c in published if c.publication)
    held = [c for c in ran.outcomes if c.decision.action not in VISIBLE_ACTIONS]
    stand = len(ran.visible) + sum(1 for c in held if c.current)
    parts = [f"{stand} of {ran.dates} dates are published, {len(published)} of them now ({rows:,} rows)"]
    parts += [f"{len(same)} unchanged"] if same else []
    refused = [*counts[Action.REFUSE], *counts[Action.WITHDRAWN]]
    parts += [f"{len(refused)} refused"] if refused else []
    parts += [f"{len(counts[Action.AWAITING_OPERATOR])} held"] if counts[Action.AWAITING_OPERATOR] else []
    parts += [f"{len(counts[Action.WAIT])} waiting"] if counts[Action.WAIT] else []
    failed = ran.dates - len(ran.outcomes)
    parts += [f"{failed} failed"] if failed else []
    out.print(Text.assemble((ran.name, "bold"), f": {', '.join(parts)}"))
    lines = [_unpublished_row(c) for c in held]
    lines += [(str(f.business_date), Text("failed", style="red"), None, str(f.failure)) for f in ran.failed]
    if lines:
        out.print(table(("business date", "outcome", "readers see", "why"), lines))


def _unpublished_row(outcome: DateOutcome) -> tuple[Any, ...]:
    state, standing = _STATES_NOT_PUBLISHED.get(outcome.decision.action, "quarantined"), outcome.current
    seen = f"generation {standing.generation} ({standing.state})" if standing else None
    return (str(outcome.business_date), state_text(state), seen, "; ".join(outcome.decision.reasons))
