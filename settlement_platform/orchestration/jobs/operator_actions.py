"""Operators' actions carried out: done in the core, marts brought along, and the instance told what changed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

import dagster as dg

from settlement_platform.catalog import by_kind
from settlement_platform.control.facts import OperatorAction, OperatorActionType
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS
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
from settlement_platform.pipeline.marts.build_mart import build_mart
from settlement_platform.pipeline.operators import actions
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request


@dataclass(frozen=True, kw_only=True)
class OperatorCommand:
    """What an operator asks for; the fields that an action does not need are left as they are."""

    action: OperatorActionType
    business_date: date | None = None
    generation: int = 0
    despite: tuple[str, ...] = ()
    breaker: str = ""


CommandResult = OperatorAction | DateOutcome


ON_MARTS = frozenset({OperatorActionType.RESET_BREAKER})
"""The actions that may speak of a mart: all else it follows its inputs in."""


_ACTIONS: dict[OperatorActionType, Callable[[Platform, Dataset, OperatorCommand, Request], CommandResult]] = {
    OperatorActionType.PAUSE: lambda p, d, _, r: actions.pause(p, d, r),
    OperatorActionType.RESUME: lambda p, d, _, r: actions.resume(p, d, r),
    OperatorActionType.SKIP: lambda p, d, o, r: actions.skip(p, d, _day(o), r),
    OperatorActionType.APPROVE: lambda p, d, o, r: actions.approve(p, d, _day(o), r),
    OperatorActionType.RELEASE: lambda p, d, o, r: actions.release(p, d, _day(o), o.despite, r),
    OperatorActionType.DISCARD: lambda p, d, o, r: actions.discard(p, d, _day(o), r),
    OperatorActionType.ROLLBACK: lambda p, d, o, r: roll_back(p, d, _day(o), o.generation, r),
}


def _day(order: OperatorCommand) -> date:
    assert order.business_date is not None  # noqa: S101 - the shells ask for it where the action needs it
    return order.business_date


def execute(
    platform: Platform, instance: dg.DagsterInstance, declared: PublishedTable, order: OperatorCommand, request: Request
) -> tuple[CommandResult, list[DateOutcome]]:
    """Do what an operator asks for; what it came to, and the marts that followed.

    Raises:
        ActionRefused: it is not to be done, or not to a mart; nothing was changed.
        PermanentFailure: it cannot be done.
        TransientFailure: a store did not answer.
    """
    if order.action is OperatorActionType.RESET_BREAKER:
        return actions.reset_breaker(platform, declared, order.breaker or declared.name, request), []
    dataset = by_kind(declared, dataset=lambda found: found, mart=_refuse_mart)
    done = _ACTIONS[order.action](platform, dataset, order, request)
    if isinstance(done, OperatorAction):
        return done, []
    journal = instance_sink(instance)
    # Before the marts: what readers see of the dataset has changed, whatever becomes of them.
    _tell_dataset(platform, journal, dataset, done)
    if not done.publication:
        return done, []
    marts = platform.catalog.marts_of(declared.name)
    return done, [_follow(platform, journal, mart, done.business_date, request) for mart in marts]


def _refuse_mart(mart: Mart) -> NoReturn:
    message = f"{mart.name} is a mart: it follows {', '.join(mart.inputs)}."
    raise ActionRefused(message, remedy=f"Only {', '.join(ON_MARTS)} may name it.")


def _tell_dataset(platform: Platform, journal: EventSink, dataset: Dataset, done: DateOutcome) -> None:
    """Report what changed as events without a run, so that the web UI shows what readers see."""
    DatasetReporter(journal, dataset, landing_url=platform.landing.url).report(
        done, {staged_key(dataset.name), published_key(dataset.name)}
    )
    report_watermark(journal, platform, dataset.name)


def _follow(platform: Platform, journal: EventSink, mart: Mart, day: date, request: Request) -> DateOutcome:
    """Build a mart's date and report it."""
    built = build_mart(platform, mart, day, request)
    if built.decision.action in VISIBLE_ACTIONS:
        MartReporter(journal, mart).report(built)
    report_watermark(journal, platform, mart.name)
    return built
