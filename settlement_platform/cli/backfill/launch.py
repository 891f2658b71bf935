"""`settlement backfill launch`: shows the plan, then launches it on the instance or runs it in this process."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from settlement_platform.catalog import by_kind
from settlement_platform.cli.backfill.plan import plan_document, print_plan
from settlement_platform.cli.console.exit_codes import DONE, WrongUsage
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import err, out, print_json
from settlement_platform.cli.console.request import make_request
from settlement_platform.cli.console.stores import (
    date_bounds,
    open_ledger_stores,
    open_stores,
    require_partitions,
    utc_now,
)
from settlement_platform.cli.inspect.lineage import parse_sha256
from settlement_platform.cli.run.runner import Runner
from settlement_platform.control.facts import OperatorActionType
from settlement_platform.control.queue.backfill_progress import DateFilter
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.orchestration.queue.backfill_launch import (
    BackfillRequest,
    daemon_is_running,
    launch_backfill,
    new_backfill_id,
)
from settlement_platform.pipeline.backfills.plan import BackfillPlan, BackfillSelection, plan_dataset, plan_mart
from settlement_platform.pipeline.operators.authorization import record_action, require_reason, require_role
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.settings import Settings, load_settings


@dataclass(frozen=True, kw_only=True)
class BackfillArguments:
    """The arguments of the command."""

    name: str
    first: datetime | None
    last: datetime | None
    only_missing: bool
    only_failed: bool
    sha256: str | None
    marts: bool
    priority: int


def run_backfill(arguments: BackfillArguments, *, dry_run: bool, reason: str, actor: str | None, json: bool) -> int:
    """Plan a backfill, and launch or run it unless `dry_run` is given."""
    settings, declared = load_settings(), find_declared(arguments.name)
    selection = _selection(settings, arguments)
    request = make_request(actor, reason)
    if dry_run:
        with open_stores(settings, reading=True) as platform:
            plan = _feasible_plan(settings, platform, declared, selection, arguments)
        return _show_plan(plan, selection, json=json)
    authorize_backfill(declared, settings, request)
    with open_stores(settings) as platform:
        plan = _feasible_plan(settings, platform, declared, selection, arguments)
        if plan.empty:
            return _show_plan(plan, selection, json=json)
        print_plan(err, plan, selection)
    runner = Runner(settings)
    try:
        if daemon_is_running(runner.instance, utc_now()):
            return _launch_on_instance(runner, settings, plan, selection, arguments, request, json=json)
        from settlement_platform.cli.backfill.in_process import run_in_this_process

        return run_in_this_process(runner, plan, selection, request, mart=bool(declared.inputs), json=json)
    finally:
        runner.close()


def authorize_backfill(declared: PublishedTable, settings: Settings, request: Request) -> None:
    """Require a reason and the role to run dates again.

    Raises:
        ActionRefused: the actor lacks the role, or gives no reason.
    """
    require_reason(f"A backfill of {declared.name}", request)
    require_role(declared.roles, OperatorActionType.RERUN, request.actor, settings.roles)


def _selection(settings: Settings, arguments: BackfillArguments) -> BackfillSelection:
    chosen = [arguments.only_missing, arguments.only_failed, arguments.sha256 is not None]
    if sum(chosen) > 1:
        message = "--only-missing, --only-failed and --sha256 exclude each other."
        raise WrongUsage(message, remedy="Give one of them.")
    if not any(chosen) and (arguments.first is None or arguments.last is None):
        message = "A backfill of every date needs a range."
        raise WrongUsage(message, remedy="Give --from and --to, or --only-missing, --only-failed or --sha256.")
    only = [
        o for o, given in zip((DateFilter.MISSING, DateFilter.FAILED, DateFilter.REACHED), chosen, strict=True) if given
    ]
    first, last = date_bounds(settings, arguments.first, arguments.last, name=arguments.name)
    found = BackfillSelection(first=first, last=last, only=only[0] if only else DateFilter.EVERY)
    return replace(found, sha256=parse_sha256(arguments.sha256)) if arguments.sha256 is not None else found


def _feasible_plan(
    settings: Settings,
    platform: Platform,
    declared: PublishedTable,
    selection: BackfillSelection,
    arguments: BackfillArguments,
) -> BackfillPlan:
    """Return the plan of dates that can be run; a dry run fails where a launch would."""
    plan = _plan(platform, declared, selection, arguments)
    for name, dates in ((plan.name, plan.choice.dates), *plan.marts.items()):
        if dates:
            require_partitions(settings, name, min(dates), max(dates))
    return plan


def _plan(
    platform: Platform, declared: PublishedTable, selection: BackfillSelection, arguments: BackfillArguments
) -> BackfillPlan:
    marts = platform.catalog.marts_of(declared.name) if arguments.marts else ()
    return by_kind(
        declared,
        dataset=lambda dataset: plan_dataset(platform, dataset, selection, marts),
        mart=lambda mart: plan_mart(platform, mart, selection),
    )


def _show_plan(plan: BackfillPlan, selection: BackfillSelection, *, json: bool) -> int:
    if json:
        print_json(plan_document(plan, selection) | {"backfill": None})
    else:
        print_plan(out, plan, selection)
    return DONE


def _launch_on_instance(
    runner: Runner,
    settings: Settings,
    plan: BackfillPlan,
    selection: BackfillSelection,
    arguments: BackfillArguments,
    request: Request,
    *,
    json: bool,
) -> int:
    """Record who launches it and why, then launch it on the instance."""
    own = {plan.name: plan.choice.dates} if plan.choice.dates else {}
    is_mart = bool(find_declared(plan.name).inputs)
    backfill = BackfillRequest(
        title=f"{plan.name} {selection.first} to {selection.last}, {selection.only}",
        dataset={} if is_mart else own,
        marts=own if is_mart else {name: days for name, days in plan.marts.items() if days},
        priority=arguments.priority,
    )
    backfill_id = new_backfill_id()
    record_backfill_action(
        settings, OperatorActionType.BACKFILL, plan.name, request, backfill=backfill_id, dates=len(plan.choice.dates)
    )
    launch_backfill(runner.definitions, runner.instance, backfill_id, backfill, request, utc_now())
    if json:
        print_json(plan_document(plan, selection) | {"backfill": backfill_id})
    else:
        out.print(
            f"Launched backfill {backfill_id}. Follow it with settlement backfill status {backfill_id}", markup=False
        )
    return DONE


def record_backfill_action(
    settings: Settings,
    action: OperatorActionType,
    name: str,
    request: Request,
    **detail: Any,  # noqa: ANN401 - JSON
) -> None:
    """Record an action on a backfill, with its actor and reason."""
    with open_ledger_stores(settings) as facts:
        record_action(facts, name, action, None, request, detail)
