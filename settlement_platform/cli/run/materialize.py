"""`settlement materialize`: runs business dates through Dagster in this process, and reports each outcome."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DOCTOR_HINT, DONE, REFUSED, UNEXPECTED
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import err, out, print_json, print_reasons, state_text
from settlement_platform.cli.console.request import make_request
from settlement_platform.cli.console.stores import open_stores, require_ordered_range, require_partitions
from settlement_platform.cli.run.runner import Runner, RunResult
from settlement_platform.control.facts import OperatorActionType
from settlement_platform.control.failures import SettlementError
from settlement_platform.control.policies import date_range
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS, Action
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.marts.outdated import outdated_dates
from settlement_platform.pipeline.operators.actions import request_rejudging
from settlement_platform.pipeline.operators.authorization import require_role
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Request
from settlement_platform.settings import Settings, load_settings

DEFAULT_REASON = "materialized from the command line"

_STATES_NOT_PUBLISHED = {Action.WAIT: "waiting", Action.AWAITING_OPERATOR: "staged", Action.WITHDRAWN: "withdrawn"}


def run_materialize(
    name: str, first: date, last: date, *, marts: bool, rejudge: bool, reason: str, actor: str | None, json: bool
) -> int:
    """Run a range of dates, then the marts of the published ones."""
    declared = find_declared(name)
    require_ordered_range(first, last)
    settings = load_settings()
    request = make_request(actor, reason or ("" if rejudge else DEFAULT_REASON))
    require_role(declared.roles, OperatorActionType.RERUN, request.actor, settings.roles)
    # A refused range leaves no request on record.
    require_partitions(settings, name, first, last)
    extra = {"rejudged": _request_rejudging(settings, declared, first, last, request)} if rejudge else None
    runner = Runner(settings)
    try:
        ran = runner.run(name, first, last, request, mart=bool(declared.inputs))
        built = [
            run
            for mart, days in _dates_to_build(settings, ran, date_range(first, last), marts=marts)
            for run in runner.run_mart(mart, days, request)
        ]
    finally:
        runner.close()
    return report([ran, *built], json=json, extra=extra)


def _request_rejudging(
    settings: Settings, declared: PublishedTable, first: date, last: date, request: Request
) -> list[date]:
    with open_stores(settings) as platform:
        days = request_rejudging(platform, declared, first, last, request)
    err.print(f"{len(days):,} dates of {declared.name} were judged under an older contract; judging them again.")
    return days


def _dates_to_build(
    settings: Settings, ran: RunResult, dates: Sequence[date], *, marts: bool
) -> list[tuple[Mart, list[date]]]:
    """Return the dates to build of each mart: the published ones, and others whose input has a newer generation.

    Those may have been corrected by a run that died before it built their marts.
    """
    fed = load_catalog().marts_of(ran.name) if marts else ()
    visible = {c.business_date for c in ran.visible}
    others = set(dates) - visible
    outdated: dict[str, set[date]] = {}
    # A store that does not answer is in the report of the dates; nothing could be built then either.
    with suppress(SettlementError):
        if fed and others:
            with open_stores(settings, reading=True) as stores:
                outdated = {mart.name: others & set(outdated_dates(stores.lake, mart)) for mart in fed}
    return [(mart, sorted(visible | outdated.get(mart.name, set()))) for mart in fed]


def report(runs: list[RunResult], *, json: bool, extra: Mapping[str, Any] | None = None) -> int:
    """Print the outcome of each date, in JSON with `extra`; return 0 if all dates are published, or else 3 or 1."""
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
    out.print(Text.assemble((ran.name, "bold"), f": {', '.join(_counts(ran))}"))
    for outcome in ran.outcomes:
        if outcome.decision.action not in VISIBLE_ACTIONS:
            out.print(Text.assemble(f"  {outcome.business_date}  ", *_unpublished(outcome)))
            print_reasons(outcome.decision.reasons, indent="    ")
    for failed in ran.failed:
        out.print(Text.assemble(f"  {failed.business_date}  ", ("failed", "red")))
        print_reasons([str(failed.failure)], indent="    ")


def _counts(ran: RunResult) -> Iterator[str]:
    """Yield how many dates are published, and how many had each other outcome."""
    actions = Counter(c.decision.action for c in ran.outcomes)
    new = [c for c in ran.outcomes if c.decision.action is Action.PUBLISH]
    rows = sum(c.publication.rows for c in new if c.publication)
    earlier = sum(1 for c in ran.outcomes if c.decision.action not in VISIBLE_ACTIONS and c.current)
    changed = f" ({len(new)} new, {rows:,} rows)" if new else ""
    yield f"{len(ran.visible) + earlier} of {ran.dates} published{changed}"
    others = {
        "unchanged": actions[Action.ALREADY_PUBLISHED],
        "refused": actions[Action.REFUSE] + actions[Action.WITHDRAWN],
        "held": actions[Action.AWAITING_OPERATOR],
        "waiting": actions[Action.WAIT],
        "failed": ran.dates - len(ran.outcomes),
    }
    yield from (f"{number} {outcome}" for outcome, number in others.items() if number)


def _unpublished(outcome: DateOutcome) -> Iterator[Text | str]:
    """Yield the state of a date whose delivery is not published, and what stays published instead."""
    yield state_text(_STATES_NOT_PUBLISHED.get(outcome.decision.action, "quarantined"))
    if current := outcome.current:
        yield f"; generation {current.generation} ({current.state}) stays published"
