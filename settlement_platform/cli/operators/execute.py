"""Execution of an operator's command, and its result in a sentence or a JSON document."""

from typing import Any

from settlement_platform.cli.console.exit_codes import DONE, REFUSED
from settlement_platform.cli.console.find_declared import find_dataset, find_declared
from settlement_platform.cli.console.output import err, out, print_json
from settlement_platform.cli.console.request import make_request
from settlement_platform.cli.console.stores import open_stores
from settlement_platform.control.facts import OperatorAction
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS, Action
from settlement_platform.orchestration.dagster_internals.instance import open_instance, prepare_dagster_home
from settlement_platform.orchestration.jobs.operator_actions import ON_MARTS, CommandResult, OperatorCommand, execute
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.settings import PROJECT, load_settings


def run_command(name: str, command: OperatorCommand, *, reason: str, actor: str | None, json: bool) -> int:
    """Execute a command and print its result; return 3 if a date is not published afterwards."""
    settings, declared = load_settings(), find_declared(name) if command.action in ON_MARTS else find_dataset(name)
    request = make_request(actor, reason)
    prepare_dagster_home(settings.dagster_home, PROJECT, exported=settings.dagster_home_exported)
    place = f"{name} {command.business_date}" if command.business_date else command.breaker or name
    err.print(f"{command.action}: {place}, by {request.actor}: {reason}", markup=False, style="dim")
    with open_stores(settings) as platform, open_instance(settings.dagster_home) as instance:
        done, marts = execute(platform, instance, declared, command, request)
    if json:
        print_json({"action": command.action, **result_document(done), "marts": [result_document(m) for m in marts]})
    else:
        out.print(result_text(done), markup=False)
        for built in marts:
            out.print(f"  {result_text(built)}", markup=False)
    held = isinstance(done, DateOutcome) and done.decision.action not in VISIBLE_ACTIONS
    return REFUSED if held or any(m.decision.action not in VISIBLE_ACTIONS for m in marts) else DONE


def result_document(result: CommandResult) -> dict[str, Any]:
    """Return the result of a command as a JSON document."""
    if isinstance(result, OperatorAction):
        return {
            "dataset": result.dataset,
            "business_date": result.business_date,
            **({"breaker": result.detail["breaker"]} if "breaker" in result.detail else {}),
            "actor": result.actor,
            "reason": result.reason,
            "recorded_at": result.recorded_at,
        }
    return {
        "dataset": result.dataset,
        "business_date": result.business_date,
        "outcome": result.decision.action,
        "state": result.decision.state,
        "generation": result.decision.generation,
        "reasons": result.decision.reasons,
        "paused": result.paused or None,
        "restatement": result.difference.summary() if result.difference else None,
    }


def result_text(result: CommandResult) -> str:
    """Return the result of a command as one line."""
    if isinstance(result, OperatorAction):
        if breaker := result.detail.get("breaker"):
            return f"circuit breaker of {breaker} closed; {result.action} is on record"
        place = f" {result.business_date}" if result.business_date else ""
        return f"{result.dataset}{place}: {result.action} is on record"
    published = result.publication
    if result.decision.action is Action.PUBLISH and published:
        change = f"; {result.difference.summary()}" if result.difference else ""
        what = f"published as generation {published.generation} ({published.state}), {published.rows:,} rows{change}"
        paused = f"; {result.paused}" if result.paused else ""
        return f"{result.dataset} {result.business_date}: {what}{paused}"
    return f"{result.dataset} {result.business_date}: {result.decision.action}: {'; '.join(result.decision.reasons)}"
