"""A backfill in this process, one run after another; it is used when no daemon is running."""

from collections.abc import Iterable
from datetime import date

from settlement_platform.cli.backfill.plan import chunk_size, plan_document
from settlement_platform.cli.console.output import err
from settlement_platform.cli.run.materialize import report
from settlement_platform.cli.run.runner import Runner, RunResult
from settlement_platform.control.queue.run_sizing import mart_dates_per_run, split_into_runs
from settlement_platform.pipeline.backfills.plan import BackfillPlan, BackfillSelection
from settlement_platform.pipeline.platform import Request


def run_in_this_process(
    runner: Runner, plan: BackfillPlan, selection: BackfillSelection, request: Request, *, mart: bool, json: bool
) -> int:
    """Run the dates in several runs, then the marts; return 0 if all dates are published, or else 3 or 1."""
    err.print(
        "No daemon is running, so the backfill runs in this process. To continue after an interruption, run it again.",
        markup=False,
    )
    size = chunk_size(plan)
    ran = _run_dates(runner, plan.name, plan.choice.dates, size, request, mart=mart)
    seen = {c.business_date for each in ran for c in each.visible}
    own = set(plan.choice.dates)
    for name, days in plan.marts.items():
        fed = [day for day in days if day in seen or day not in own]
        ran += _run_dates(runner, name, fed, mart_dates_per_run(size), request, mart=True)
    names = [name for name in (plan.name, *plan.marts) if any(each.name == name for each in ran)]
    return report([_merged(name, ran) for name in names], json=json, extra=plan_document(plan, selection))


def _run_dates(
    runner: Runner, name: str, days: Iterable[date], size: int, request: Request, *, mart: bool
) -> list[RunResult]:
    return [runner.run(name, first, last, request, mart=mart) for first, last in split_into_runs(days, size)]


def _merged(name: str, ran: Iterable[RunResult]) -> RunResult:
    """Merge the results of all runs of a dataset or a mart."""
    ours = [each for each in ran if each.name == name]
    return RunResult(
        name=name,
        run_id=", ".join(each.run_id for each in ours),
        dates=sum(each.dates for each in ours),
        outcomes=[c for each in ours for c in each.outcomes],
        failed=[f for each in ours for f in each.failed],
        error=next((each.error for each in ours if each.error), None),
    )
