"""`settlement skip --from --to`: skips each date of a range, with one action on record per date."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from settlement_platform.cli.console.exit_codes import DONE, REFUSED
from settlement_platform.cli.console.find_declared import find_dataset
from settlement_platform.cli.console.output import err, out, print_json
from settlement_platform.cli.console.request import make_request
from settlement_platform.cli.console.stores import open_stores, require_ordered_range
from settlement_platform.cli.operators.execute import result_document, result_text
from settlement_platform.control.facts import OperatorActionType, State
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.policies import date_range
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS, Action, Decision
from settlement_platform.control.reasons.publishing import NOTHING_NEW
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.orchestration.dagster_internals.instance import open_instance, prepare_dagster_home
from settlement_platform.orchestration.jobs.operator_actions import OperatorCommand, execute
from settlement_platform.pipeline.operators.actions import require_business_dates
from settlement_platform.pipeline.operators.authorization import authorize
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.settings import PROJECT, load_settings


@dataclass(frozen=True, kw_only=True)
class _SkippedDate:
    """The outcome of one date of the range, and those of its marts."""

    outcome: DateOutcome
    marts: tuple[DateOutcome, ...] = ()

    @property
    def done(self) -> bool:
        return all(o.decision.action in VISIBLE_ACTIONS for o in (self.outcome, *self.marts))

    def document(self) -> dict[str, Any]:
        return {**result_document(self.outcome), "marts": [result_document(mart) for mart in self.marts]}


def run_skip_range(name: str, first: date, last: date, *, reason: str, actor: str | None, json: bool) -> int:
    """Skip every date of a range; dates that are skipped already stay as they are.

    Returns 3 if a date was refused, for example because readers see rows of it; all others are skipped.
    """
    settings, dataset = load_settings(), find_dataset(name)
    require_ordered_range(first, last)
    request = make_request(actor, reason)
    prepare_dagster_home(settings.dagster_home, PROJECT, exported=settings.dagster_home_exported)
    err.print(f"skip: {name} {first} to {last}, by {request.actor}: {reason}", markup=False, style="dim")
    days = date_range(first, last)
    with open_stores(settings) as platform, open_instance(settings.dagster_home) as instance:
        authorize(platform.members, dataset, OperatorActionType.SKIP, request)
        require_business_dates(platform, dataset, (first, last))
        found = [_skip_date(platform, instance, dataset, day, request) for day in days]
    complete = all(each.done for each in found)
    if json:
        dates = [each.document() for each in found]
        print_json({"action": OperatorActionType.SKIP, "dataset": name, "dates": dates, "complete": complete})
    else:
        for each in found:
            out.print(result_text(each.outcome), markup=False)
            for mart in each.marts:
                out.print(f"  {result_text(mart)}", markup=False)
    return DONE if complete else REFUSED


def _skip_date(
    platform: Platform, instance: dg.DagsterInstance, dataset: Dataset, day: date, request: Request
) -> _SkippedDate:
    current = platform.lake.cached_publications(dataset.name).get(day)
    if current and current.state is State.SKIPPED:
        reason = NOTHING_NEW(generation=current.generation, state=current.state)
        unchanged = Decision(
            action=Action.ALREADY_PUBLISHED,
            reasons=(reason,),
            state=current.state,
            generation=current.generation,
        )
        return _SkippedDate(outcome=_outcome(dataset, day, unchanged))
    command = OperatorCommand(action=OperatorActionType.SKIP, business_date=day)
    try:
        result, marts = execute(platform, instance, dataset, command, request)
    except ActionRefused as refusal:
        refused = Decision(action=Action.REFUSE, reasons=(refusal.message,))
        return _SkippedDate(outcome=_outcome(dataset, day, refused))
    assert isinstance(result, DateOutcome)  # noqa: S101 - a skip has an outcome
    return _SkippedDate(outcome=result, marts=tuple(marts))


def _outcome(dataset: Dataset, day: date, decision: Decision) -> DateOutcome:
    return DateOutcome(dataset=dataset.name, business_date=day, decision=decision, content_hash=None)
