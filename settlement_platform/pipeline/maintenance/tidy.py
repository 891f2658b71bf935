"""Tidy: merge small files, expire snapshots beyond the retention, and remove unneeded files; evidence stays."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from settlement_platform.control.facts import OperatorActionType
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.maintenance.retention import RETENTION, TIDY_ROLES, RetentionPolicy
from settlement_platform.control.reasons.operators import TIDYING_RUNNING
from settlement_platform.control.roles import Members
from settlement_platform.pipeline.maintenance.expire_snapshots import (
    expire_old_snapshots,
    plan_expiry,
    plan_removal,
    remove_discarded_files,
)
from settlement_platform.pipeline.maintenance.merge_files import merge_tables, plan_merging
from settlement_platform.pipeline.maintenance.remove_orphans import (
    clean_staging,
    plan_orphans,
    plan_staging,
    remove_orphans,
)
from settlement_platform.pipeline.maintenance.steps import TidyContext, TidyStep, TidyTask
from settlement_platform.pipeline.operators.authorization import record_action, require_reason, require_role
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.locks import LockTimeout

LAKE = "lake"
"""The subject of a tidying's record, in place of a dataset's name."""

# What is discarded stays for the grace, so that a run removes only what an earlier one discarded.
_TASKS = (
    TidyTask(plan=plan_removal, do=remove_discarded_files),
    TidyTask(plan=plan_orphans, do=remove_orphans),
    TidyTask(plan=plan_staging, do=clean_staging),
    TidyTask(plan=plan_expiry, do=expire_old_snapshots),
    TidyTask(plan=plan_merging, do=merge_tables),
)


@dataclass(frozen=True, kw_only=True)
class TidyResult:
    """The planned steps, and those done."""

    planned: tuple[TidyStep, ...]
    done: tuple[TidyStep, ...]

    @property
    def prevented(self) -> tuple[TidyStep, ...]:
        """Return the steps that other work prevented, wholly or in part."""
        return tuple(step for step in self.done if step.busy)


def authorize_tidy(members: Members, request: Request) -> None:
    """Require a reason and the role of an operator.

    Raises:
        ActionRefused: there is no reason, or the actor lacks the role.
    """
    require_reason("tidy", request)
    require_role(TIDY_ROLES, OperatorActionType.TIDY, request.actor, members)


def plan_tidy(
    platform: Platform, *, policy: RetentionPolicy = RETENTION, nobody_reads: bool = False
) -> tuple[TidyStep, ...]:
    """Return the steps that tidying would do now; change nothing.

    Raises:
        TransientFailure: a store did not answer.
    """
    work = TidyContext(platform=platform, policy=policy, now=platform.clock(), nobody_reads=nobody_reads)
    return tuple(step for task in _TASKS for step in task.plan(work))


def tidy(
    platform: Platform,
    request: Request,
    *,
    policy: RetentionPolicy = RETENTION,
    nobody_reads: bool = False,
    announce: Callable[[Sequence[TidyStep]], None] = lambda _: None,
) -> TidyResult:
    """Plan, record, run short steps that give way to other work, and record the result.

    A kill at any moment leaves nothing that the next tidying does not finish. Where the catalog does not isolate its
    readers, files are merged only if `nobody_reads`.

    Raises:
        ActionRefused: another tidying is running.
        PermanentFailure: a merged file was wrong; that file was dropped, and nothing after it was done.
        TransientFailure: a store did not answer.
    """
    try:
        with platform.locks.hold("tidy", timeout_seconds=0):
            now = platform.clock()
            work = TidyContext(platform=platform, policy=policy, now=now, nobody_reads=nobody_reads, request=request)
            planned = tuple(step for task in _TASKS for step in task.plan(work))
            announce(planned)
            _record(work, OperatorActionType.TIDY, planned)
            done = tuple(step for task in _TASKS for step in task.do(work))
            _record(work, OperatorActionType.TIDIED, done)
    except LockTimeout as failure:
        raise ActionRefused(TIDYING_RUNNING(), remedy="Wait for its end.") from failure
    return TidyResult(planned=planned, done=done)


def _record(work: TidyContext, action: OperatorActionType, steps: Sequence[TidyStep]) -> None:
    detail = {"run_id": work.request.run_id, "steps": [step_summary(step) for step in steps if not step.idle]}
    record_action(work.platform, LAKE, action, None, work.request, detail)


def step_summary(step: TidyStep) -> dict[str, Any]:
    """Return a step as a JSON document."""
    return asdict(step)
