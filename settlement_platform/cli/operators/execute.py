"""Operators' actions from the command line: done in the core, reported to the instance, shown in a sentence."""

from typing import Any

from settlement_platform.cli.console.exit_codes import DONE, REFUSED
from settlement_platform.cli.console.find_declared import find_dataset, find_declared
from settlement_platform.cli.console.output import err, out, print_json
from settlement_platform.cli.console.stores import open_stores
from settlement_platform.cli.run.materialize import current_user
from settlement_platform.control.facts import OperatorAction
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS, Action
from settlement_platform.orchestration.dagster_internals.instance import open_instance, prepare_dagster_home
from settlement_platform.orchestration.jobs.operator_actions import ON_MARTS, CommandResult, OperatorCommand, execute
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Request
from settlement_platform.settings import PROJECT, load_settings


def run_command(name: str, order: OperatorCommand, *, reason: str, actor: str | None, json: bool) -> int:
    """Carry out what an operator asks for."""
    settings, declared = load_settings(), find_declared(name) if order.action in ON_MARTS else find_dataset(name)
    request = Request(actor=actor or current_user(), reason=reason)
    prepare_dagster_home(settings.dagster_home, PROJECT, exported=settings.dagster_home_exported)
    place = f"{name} {order.business_date}" if order.business_date else order.breaker or name
    err.print(f"{order.action}: {place}, by {request.actor}: {reason}", markup=False, style="dim")
    with open_stores(settings) as platform, open_instance(settings.dagster_home) as instance:
        done, marts = execute(platform, instance, declared, order, request)
    if json:
        print_json({"action": order.action, **_document(done), "marts": [_document(m) for m in marts]})
    else:
        out.print(_sentence(done), markup=False)
        for built in marts:
            out.print(f"  {_sentence(built)}", markup=False)
    held = isinstance(done, DateOutcome) and done.decision.action not in VISIBLE_ACTIONS
    return REFUSED if held or any(m.decision.action not in VISIBLE_ACTIONS for m in marts) else DONE


def _document(done: CommandResult) -> dict[str, Any]:
    if isinstance(done, OperatorAction):
        return {
            "dataset": done.dataset,
            "business_date": done.business_date,
            **({"breaker": done.detail["breaker"]} if "breaker" in done.detail else {}),
            "actor": done.actor,
            "reason": done.reason,
            "recorded_at": done.recorded_at,
        }
    return {
        "dataset": done.dataset,
        "business_date": done.business_date,
        "outcome": done.decision.action,
        "state": done.decision.state,
        "generation": done.decision.generation,
        "reasons": done.decision.reasons,
        "paused": done.paused or None,
        "restatement": done.difference.summary() if done.difference else None,
    }


def _sentence(done: CommandResult) -> str:
    if isinstance(done, OperatorAction):
        if breaker := done.detail.get("breaker"):
            return f"the circuit breaker of {breaker} is closed; {done.action} is on record"
        place = f" {done.business_date}" if done.business_date else ""
        return f"{done.dataset}{place}: {done.action} is on record"
    published = done.publication
    if done.decision.action is Action.PUBLISH and published:
        change = f"; {done.difference.summary()}" if done.difference else ""
        what = f"generation {published.generation} ({published.state}) stands, {published.rows:,} rows{change}"
        paused = f"; {done.paused}" if done.paused else ""
        return f"{done.dataset} {done.business_date}: {what}{paused}"
    return f"{done.dataset} {done.business_date}: {done.decision.action}: {'; '.join(done.decision.reasons)}"
