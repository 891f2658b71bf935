"""Operator actions as jobs for the launchpad, with typed configuration, so that nobody needs a shell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from settlement_platform.control.facts import OperatorActionType
from settlement_platform.control.failures import PermanentFailure
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS
from settlement_platform.control.reliability.circuit_breakers import DEPENDENCIES
from settlement_platform.control.roles import Members
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.jobs.operator_actions import ON_MARTS, OperatorCommand, execute
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.orchestration.tags import OPERATOR_TAG
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Request


class DatasetConfig(dg.Config):
    """An action on a whole dataset."""

    dataset: str = Field(description="The dataset's name.")
    reason: str = Field(description="Why; it goes on record.")
    actor: str = Field(description="Who; the dataset declares the role that this needs.")


class BreakerConfig(DatasetConfig):
    """An action on a circuit breaker."""

    breaker: str = Field(default="", description="The dataset, mart or dependency; by default the dataset itself.")


class DateConfig(DatasetConfig):
    """An action on one business date."""

    business_date: str = Field(description="The business date, as 2026-01-31.")


class ReleaseConfig(DateConfig):
    """A release from quarantine."""

    despite: list[str] = Field(description="Every failing check, by name.")


class RollbackConfig(DateConfig):
    """A rollback."""

    generation: int = Field(description="The older generation to publish again.")


_ACTIONS: dict[OperatorActionType, tuple[type[DatasetConfig], str]] = {
    OperatorActionType.PAUSE: (DatasetConfig, "Pause a dataset: nothing is launched or published until it is resumed."),
    OperatorActionType.RESUME: (DatasetConfig, "End a pause."),
    OperatorActionType.RESET_BREAKER: (BreakerConfig, "Close a circuit breaker, whatever failures it has counted."),
    OperatorActionType.SKIP: (DateConfig, "Mark a date as complete without rows; the watermark passes it."),
    OperatorActionType.APPROVE: (
        DateConfig,
        "Approve a restatement or a release that waits for approval, and publish it.",
    ),
    OperatorActionType.RELEASE: (
        ReleaseConfig,
        "Publish a quarantined or discarded date despite the findings that are named.",
    ),
    OperatorActionType.DISCARD: (
        DateConfig,
        "Discard a date that is quarantined or waits for approval; only a release publishes it after that.",
    ),
    OperatorActionType.ROLLBACK: (RollbackConfig, "Publish an older generation of a date again, as a new one."),
}


def operator_jobs(datasets: Sequence[Dataset], marts: Sequence[Mart], members: Members) -> list[dg.JobDefinition]:
    """Return one job per action; roles are no part of the configuration, which anyone can edit in the launchpad."""
    jobs = []
    for action, (config, text) in _ACTIONS.items():
        declared: list[PublishedTable] = [*datasets, *(marts if action in ON_MARTS else ())]
        jobs.append(_job(action, config, text, {d.name: d for d in declared}, members))
    return jobs


def _job(
    action: OperatorActionType,
    config_type: type[DatasetConfig],
    text: str,
    known: Mapping[str, PublishedTable],
    members: Members,
) -> dg.JobDefinition:
    def perform(context, config, platform):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - annotated below
        declared = _find_declared(config, known)
        request = Request(actor=config.actor, reason=config.reason, run_id=context.run.run_id)
        with platform.open() as opened:
            stores = replace(opened, members=members)
            try:
                result, marts = execute(stores, context.instance, declared, _command(action, config), request)
            except PermanentFailure as failure:
                raise dg.Failure(description=str(failure), allow_retries=False) from failure
        if isinstance(result, DateOutcome):
            messages = [*result.decision.reasons, *([result.paused] if result.paused else [])]
            context.log.info("%s %s: %s", result.dataset, result.business_date, "; ".join(messages))
            if result.decision.action not in VISIBLE_ACTIONS:
                raise dg.Failure(description="; ".join(result.decision.reasons), allow_retries=False)
        else:
            target = result.detail.get("breaker", result.dataset)
            context.log.info("Recorded: %s %s by %s: %s", result.action, target, result.actor, result.reason)
        for built in marts:
            context.log.info("%s %s: %s", built.dataset, built.business_date, built.decision.action)

    # Dagster reads the type of the configuration here, which differs from job to job.
    perform.__annotations__ = {"context": dg.OpExecutionContext, "config": config_type, "platform": PlatformResource}
    operation = dg.op(name=f"carry_out_{action}", description=text, out={})(perform)

    form = {"ops": {operation.name: {"config": _launchpad_form(config_type, next(iter(known), ""))}}}

    @dg.job(name=f"operator_{action}", description=text, tags={OPERATOR_TAG: action.value}, config=form)
    def job() -> None:
        operation()

    return job


def _launchpad_form(config_type: type[DatasetConfig], dataset: str) -> dict[str, Any]:
    """Return the launchpad's initial configuration: every field, empty except for the dataset.

    A launch without reason, actor or date is refused, so nothing happens by accident.
    """
    empty = {"business_date": "", "generation": 0, "despite": [], "breaker": "", "reason": "", "actor": ""}
    return {"dataset": dataset} | {name: value for name, value in empty.items() if name in config_type.model_fields}


def _find_declared(config: DatasetConfig, known: Mapping[str, PublishedTable]) -> PublishedTable:
    """Return the dataset or mart whose roles count: that of the named breaker, if it has one."""
    if config.dataset not in known:
        description = f"No dataset is called {config.dataset!r}; known: {', '.join(known)}."
        raise dg.Failure(description=description, allow_retries=False)
    breaker = config.breaker if isinstance(config, BreakerConfig) else ""
    if breaker and breaker not in (*known, *DEPENDENCIES):
        description = f"No circuit breaker is called {breaker!r}; known: {', '.join([*known, *DEPENDENCIES])}."
        raise dg.Failure(description=description, allow_retries=False)
    return known.get(breaker, known[config.dataset])


def _command(action: OperatorActionType, config: DatasetConfig) -> OperatorCommand:
    return OperatorCommand(
        action=action,
        business_date=_business_date(config.business_date) if isinstance(config, DateConfig) else None,
        generation=config.generation if isinstance(config, RollbackConfig) else 0,
        despite=tuple(config.despite) if isinstance(config, ReleaseConfig) else (),
        breaker=config.breaker if isinstance(config, BreakerConfig) else "",
    )


def _business_date(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        description = f"business_date is {given!r}, which is not a date. Write it as 2026-01-31."
        raise dg.Failure(description=description, allow_retries=False) from None
