"""Execution of operator actions: in the core, then in the marts, each reported to the instance."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

import dagster as dg

from settlement_platform.catalog import by_kind
from settlement_platform.control.facts import OperatorAction, OperatorActionType
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS
from settlement_platform.control.reasons.operators import MART_FOLLOWS_INPUTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.events.reporting import (
    DatasetReporter,
    EventSink,
    MartReporter,
    instance_sink,
    report_watermark,
)
from settlement_platform.orchestration.keys import published_key, staged_key
from settlement_platform.pipeline.launching.launch_permission import out_of_service_reasons
from settlement_platform.pipeline.marts.build_mart import build_mart
from settlement_platform.pipeline.operators import actions
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request


@dataclass(frozen=True, kw_only=True)
class OperatorCommand:
    """An operator's command; fields that its action does not need keep their defaults."""

    action: OperatorActionType
    business_date: date | None = None
    generation: int = 0
    despite: tuple[str, ...] = ()
    breaker: str = ""


CommandResult = OperatorAction | DateOutcome

ON_MARTS = frozenset({OperatorActionType.RESET_BREAKER})
"""The actions that accept a mart; in everything else a mart follows its inputs."""

_ACTIONS: dict[OperatorActionType, Callable[[Platform, Dataset, OperatorCommand, Request], CommandResult]] = {
    OperatorActionType.PAUSE: lambda p, d, _, r: actions.pause(p, d, r),
    OperatorActionType.RESUME: lambda p, d, _, r: actions.resume(p, d, r),
    OperatorActionType.SKIP: lambda p, d, o, r: actions.skip(p, d, _day(o), r),
    OperatorActionType.APPROVE: lambda p, d, o, r: actions.approve(p, d, _day(o), r),
    OperatorActionType.RELEASE: lambda p, d, o, r: actions.release(p, d, _day(o), o.despite, r),
    OperatorActionType.DISCARD: lambda p, d, o, r: actions.discard(p, d, _day(o), r),
    OperatorActionType.ROLLBACK: lambda p, d, o, r: roll_back(p, d, _day(o), o.generation, r),
}


def _day(command: OperatorCommand) -> date:
    assert command.business_date is not None  # noqa: S101 - the shells require it where the action needs it
    return command.business_date


def execute(
    platform: Platform,
    instance: dg.DagsterInstance,
    declared: PublishedTable,
    command: OperatorCommand,
    request: Request,
) -> tuple[CommandResult, list[DateOutcome]]:
    """Execute an operator's command; return its result, and the outcomes of the marts that follow.

    Raises:
        ActionRefused: the action is not allowed, or not on a mart; nothing was changed.
        PermanentFailure: the action is impossible.
        TransientFailure: a store did not answer.
    """
    if reasons := out_of_service_reasons(platform, declared.name):
        message = f"{declared.name} is {'; '.join(reasons)}"
        raise ActionRefused(message)
    if command.action is OperatorActionType.RESET_BREAKER:
        return actions.reset_breaker(platform, declared, command.breaker or declared.name, request), []
    dataset = by_kind(declared, dataset=lambda found: found, mart=_refuse_mart)
    result = _ACTIONS[command.action](platform, dataset, command, request)
    if isinstance(result, OperatorAction):
        return result, []
    sink = instance_sink(instance)
    # Before the marts, since the dataset has changed even if they fail.
    _report_dataset(platform, sink, dataset, result)
    if not result.publication:
        return result, []
    day = result.business_date
    marts = [m for m in platform.catalog.marts_of(declared.name) if day >= platform.first_date_of(m.name)]
    return result, [_follow(platform, sink, mart, day, request) for mart in marts]


def _refuse_mart(mart: Mart) -> NoReturn:
    message = MART_FOLLOWS_INPUTS(mart=mart.name, inputs=mart.inputs)
    raise ActionRefused(message, remedy=f"Only {', '.join(ON_MARTS)} may name it.")


def _report_dataset(platform: Platform, sink: EventSink, dataset: Dataset, result: DateOutcome) -> None:
    """Report the change as events without a run, so that the web UI shows what readers see."""
    DatasetReporter(sink, dataset, landing_url=platform.landing.url).report(
        result, {staged_key(dataset.name), published_key(dataset.name)}
    )
    report_watermark(sink, platform, dataset.name)


def _follow(platform: Platform, sink: EventSink, mart: Mart, day: date, request: Request) -> DateOutcome:
    """Build a mart's date and report it."""
    outcome = build_mart(platform, mart, day, request)
    if outcome.decision.action in VISIBLE_ACTIONS:
        MartReporter(sink, mart).report(outcome)
    report_watermark(sink, platform, mart.name)
    return outcome
