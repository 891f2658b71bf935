"""A backfill in this process, run by run, where no daemon runs; given again, it goes on where it was stopped."""

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
    """Run the dates in chunks, then the marts of those that readers see; the exit code says if all are published."""
    err.print("No daemon runs, so it is done here. When it was interrupted, give it again: it goes on.", markup=False)
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
    """The runs of a dataset or a mart as one."""
    ours = [each for each in ran if each.name == name]
    return RunResult(
        name=name,
        run_id=", ".join(each.run_id for each in ours),
        dates=sum(each.dates for each in ours),
        outcomes=[c for each in ours for c in each.outcomes],
        failed=[f for each in ours for f in each.failed],
        error=next((each.error for each in ours if each.error), None),
    )
