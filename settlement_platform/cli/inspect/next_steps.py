"""The next step for a business date, as a command where there is one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Self

from settlement_platform.catalog import by_kind
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.reasons import next_steps as reasons
from settlement_platform.control.reasons.publishing import BEFORE_DECLARED_FIRST_DATE
from settlement_platform.control.reasons.queue import RECORDED_LATER
from settlement_platform.control.reasons.reason import Reason, ReasonTemplate, has_code
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.pipeline.inspection.date_view import DateView, date_views_as_known
from settlement_platform.pipeline.inspection.mart_view import mart_views
from settlement_platform.pipeline.inspection.next_actions import NextAction, mention_before_first_date, next_action
from settlement_platform.pipeline.landing.scan import ScanResult
from settlement_platform.pipeline.platform import Platform


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A command, or an event to wait for, with a remark that may be missing."""

    template: ReasonTemplate
    parameters: Mapping[str, object] = field(default_factory=dict)
    remark: Reason | None = None

    @property
    def reason(self) -> Reason:
        return self.template(**self.parameters, remark=self.remark)

    @classmethod
    def of_command(cls, command: str, remark: Reason | None = None) -> Self:
        return cls(template=reasons.RUN_COMMAND, parameters={"command": command}, remark=remark)


@dataclass(frozen=True, kw_only=True)
class NextSteps:
    """The next steps for a date, and for the same date of each input that a mart waits for."""

    declared: PublishedTable
    view: DateView
    action: NextAction
    inputs: tuple["NextSteps", ...] = ()

    @property
    def next_step(self) -> Reason:
        """Return what to do next; for a mart that waits for an input, about that input."""
        return self._whole_step().reason

    @property
    def what_follows(self) -> tuple[str, ...]:
        """Return what sensors will do by themselves, inputs first."""
        inputs = tuple(
            reasons.INPUT_FOLLOWS(dataset=each.declared.name, reason=reason)
            for each in self.inputs
            for reason in each.what_follows
        )
        return (*inputs, *([self.action.description] if self.action.description else []))

    def as_input(self) -> _Step:
        """Return the step of an input, for the mart that waits for it."""
        step = self._whole_step()
        state = reasons.INPUT_STATE(dataset=self.declared.name, state=self.view.state.state, remark=step.remark)
        return replace(step, remark=state)

    def _whole_step(self) -> _Step:
        if not self.inputs:
            return self._step()
        steps = [each.as_input().reason for each in self.inputs]
        return _Step(template=reasons.STEPS_OF_INPUTS, parameters={"steps": steps})

    def _step(self) -> _Step:
        name, view = self.declared.name, self.view
        if view.state.pending is None:
            return _Step(template=reasons.NO_STEP, remark=reasons.PUBLISHED_REMARK())
        if view.state.quarantined:
            show = f"settlement quarantine show {name} {view.business_date}"
            return _Step.of_command(show, self._replacement())
        if view.decision.action is Action.AWAITING_OPERATOR:
            approve = f"settlement approve {name} {view.business_date} --reason …"
            return _Step.of_command(resume_command(name) if view.decision.paused else approve)
        return _step_from_action(self.action) if self.action.description else _step_without_action(view, self.action)

    def _replacement(self) -> Reason:
        return superseded_by(self.declared) if self.declared.inputs else reasons.CORRECTION_SUPERSEDES()


def next_steps(
    platform: Platform, declared: PublishedTable, view: DateView, *, scan: ScanResult | None = None
) -> NextSteps:
    """Return the next steps for a date; `scan` is the dataset's scan, if it was made before.

    Raises:
        TransientFailure: a store did not answer.
    """
    day = view.business_date
    following = NextAction() if view.early else next_action(platform, declared, view, scan=scan)
    inputs = [find_declared(name) for name in following.awaited]
    return NextSteps(
        declared=declared,
        view=view,
        action=following,
        inputs=tuple(next_steps(platform, each, date_views(platform, each, day, day)[0]) for each in inputs),
    )


def superseded_by(mart: PublishedTable) -> Reason:
    """Return what supersedes a content that fails a check of the mart itself."""
    return reasons.EITHER_SUPERSEDES(mart=mart.name, inputs=mart.inputs)


def resume_command(name: str) -> str:
    """Return the command that ends a pause."""
    return f"settlement resume {name} --reason …"


def _step_from_action(following: NextAction) -> _Step:
    if not following.stopped:
        return _Step.of_command(following.command)
    if following.paused:
        return _Step.of_command(resume_command(following.paused))
    tries = reasons.COMMAND_TRIES(command=following.command)
    return _Step(template=reasons.NO_STEP_UNTIL_LAUNCHES_RESUME, remark=tries)


def _step_without_action(view: DateView, following: NextAction) -> _Step:
    """Return what to wait for; a pause has to end first, as it would stop the next run."""
    if view.early:
        return _Step(template=reasons.NO_STEP, remark=_why_early(view))
    if view.unseen:
        return _Step.of_command("settlement doctor")
    step = _awaited_delivery(view)
    if following.paused:
        then = reasons.AFTER_RESUME(then=step.remark or step.reason)
        return _Step.of_command(resume_command(following.paused), then)
    return step


def _why_early(view: DateView) -> Reason:
    own = has_code(view.decision.reasons[0], BEFORE_DECLARED_FIRST_DATE)
    return reasons.BEFORE_DECLARED_FIRST_DATE_REMARK() if own else reasons.BEFORE_FIRST_DATE_REMARK()


def _awaited_delivery(view: DateView) -> _Step:
    if view.decision.action is Action.WITHDRAWN:
        return _Step(template=reasons.NO_STEP_UNTIL_CORRECTED)
    if has_code(view.state.reasons[0], RECORDED_LATER):
        return _Step(template=reasons.NO_STEP, remark=reasons.RECORDED_AUTOMATICALLY())
    return _Step(template=reasons.NO_STEP_UNTIL_FILES_ARRIVE)


def date_views(platform: Platform, declared: PublishedTable, first: date, last: date) -> list[DateView]:
    """Return the view of every date of a range of a dataset or a mart."""
    found = by_kind(
        declared,
        dataset=lambda dataset: date_views_as_known(platform, dataset, first, last),
        mart=lambda mart: mart_views(platform, mart, first, last),
    )
    return [mention_before_first_date(platform, declared, view) for view in found]
