"""`settlement backfill`: says what it will do, and launches it on the running instance or does it in this process."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from settlement_platform.cli.backfill.plan import plan_document, print_plan
from settlement_platform.cli.console.exit_codes import DONE, WrongUsage
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import err, out, print_json
from settlement_platform.cli.console.stores import (
    date_bounds,
    open_ledger_stores,
    open_stores,
    refuse_dates_without_partition,
    utc_now,
)
from settlement_platform.cli.inspect.lineage import refuse_unless_sha256
from settlement_platform.cli.run.materialize import current_user
from settlement_platform.cli.run.runner import Runner
from settlement_platform.control.queue.backfill_progress import DateFilter
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.catalog import marts_of
from settlement_platform.marts.mart import Mart
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
    """What the command line asks for."""

    name: str
    first: datetime | None
    last: datetime | None
    only_missing: bool
    only_failed: bool
    sha256: str | None
    marts: bool
    priority: int


def run_backfill(asked: BackfillArguments, *, dry_run: bool, reason: str, actor: str | None, json: bool) -> int:
    """Plan a backfill, and unless it is only to be planned, launch it or do it here."""
    settings, declared = load_settings(), find_declared(asked.name)
    selection = _selection(settings, asked)
    request = Request(actor=actor or current_user(), reason=reason)
    if dry_run:
        with open_stores(settings, reading=True) as platform:
            plan = _possible_plan(settings, platform, declared, selection, asked)
        return _planned(plan, selection, json=json)
    refuse_without_role(declared, settings, request)
    with open_stores(settings) as platform:
        plan = _possible_plan(settings, platform, declared, selection, asked)
        if plan.empty:
            return _planned(plan, selection, json=json)
        print_plan(err, plan, selection)
    runner = Runner(settings)
    try:
        if daemon_is_running(runner.instance, utc_now()):
            return _launched(runner, settings, plan, selection, asked, request, json=json)
        from settlement_platform.cli.backfill.here import run_here

        return run_here(runner, plan, selection, request, mart=isinstance(declared, Mart), json=json)
    finally:
        runner.close()


def refuse_without_role(declared: Dataset | Mart, settings: Settings, request: Request) -> None:
    """Let only those go on who may run dates again, and give a reason.

    Raises:
        ActionRefused: the actor lacks the role, or gives no reason.
    """
    require_reason(f"A backfill of {declared.name}", request)
    require_role(declared.roles, "rerun", request.actor, settings.roles)


def _selection(settings: Settings, asked: BackfillArguments) -> BackfillSelection:
    chosen = [asked.only_missing, asked.only_failed, asked.sha256 is not None]
    if sum(chosen) > 1:
        message = "--only-missing, --only-failed and --sha256 exclude each other."
        raise WrongUsage(message, remedy="Give one of them.")
    if not any(chosen) and (asked.first is None or asked.last is None):
        message = "A backfill of every date needs its range."
        raise WrongUsage(message, remedy="Give --from and --to, or --only-missing, --only-failed or --sha256.")
    only = [
        o for o, given in zip((DateFilter.MISSING, DateFilter.FAILED, DateFilter.REACHED), chosen, strict=True) if given
    ]
    first, last = date_bounds(settings, asked.first, asked.last)
    found = BackfillSelection(first=first, last=last, only=only[0] if only else DateFilter.EVERY)
    return replace(found, sha256=refuse_unless_sha256(asked.sha256)) if asked.sha256 is not None else found


def _possible_plan(
    settings: Settings,
    platform: Platform,
    declared: Dataset | Mart,
    selection: BackfillSelection,
    asked: BackfillArguments,
) -> BackfillPlan:
    """What would be done; a plan for people's eyes alone is refused what a launch is."""
    plan = _plan(platform, declared, selection, asked)
    dates = _all_dates(plan)
    if dates:
        refuse_dates_without_partition(settings, min(dates), max(dates))
    return plan


def _plan(
    platform: Platform, declared: Dataset | Mart, selection: BackfillSelection, asked: BackfillArguments
) -> BackfillPlan:
    if isinstance(declared, Mart):
        return plan_mart(platform, declared, selection)
    return plan_dataset(platform, declared, selection, marts_of(declared.name) if asked.marts else ())


def _all_dates(plan: BackfillPlan) -> list[Any]:
    return [*plan.choice.dates, *(day for days in plan.marts.values() for day in days)]


def _planned(plan: BackfillPlan, selection: BackfillSelection, *, json: bool) -> int:
    if json:
        print_json(plan_document(plan, selection) | {"backfill": None})
    else:
        print_plan(out, plan, selection)
    return DONE


def _launched(
    runner: Runner,
    settings: Settings,
    plan: BackfillPlan,
    selection: BackfillSelection,
    asked: BackfillArguments,
    request: Request,
    *,
    json: bool,
) -> int:
    """Put it on the instance, and on record with who wants it and why."""
    own = {plan.name: plan.choice.dates} if plan.choice.dates else {}
    is_mart = isinstance(find_declared(plan.name), Mart)
    wanted = BackfillRequest(
        title=f"{plan.name} {selection.first} to {selection.last}, {selection.only}",
        dataset={} if is_mart else own,
        marts=own if is_mart else {name: days for name, days in plan.marts.items() if days},
        priority=asked.priority,
    )
    backfill_id = new_backfill_id()
    put_on_record(settings, "backfill", plan.name, request, backfill=backfill_id, dates=len(plan.choice.dates))
    launch_backfill(runner.definitions, runner.instance, backfill_id, wanted, request, utc_now())
    if json:
        print_json(plan_document(plan, selection) | {"backfill": backfill_id})
    else:
        out.print(f"Backfill {backfill_id} is launched. settlement backfill status {backfill_id}", markup=False)
    return DONE


def put_on_record(settings: Settings, action: str, name: str, request: Request, **detail: Any) -> None:  # noqa: ANN401 - JSON
    """Put on record what somebody did with a backfill, and why."""
    with open_ledger_stores(settings) as facts:
        record_action(facts, name, action, None, request, detail)
