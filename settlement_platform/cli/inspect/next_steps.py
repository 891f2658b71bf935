"""The next step for a business date, as a command where there is one."""

from dataclasses import dataclass
from datetime import date

from settlement_platform.catalog import by_kind
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.reasons.publishing import BEFORE_DECLARED_FIRST_DATE
from settlement_platform.control.reasons.queue import RECORDED_LATER
from settlement_platform.control.reasons.reason import has_code
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.pipeline.inspection.date_view import DateView, date_views_as_known
from settlement_platform.pipeline.inspection.mart_view import mart_views
from settlement_platform.pipeline.inspection.next_actions import NextAction, mention_before_first_date, next_action
from settlement_platform.pipeline.landing.scan import ScanResult
from settlement_platform.pipeline.platform import Platform


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A command, or an event to wait for, with a remark that may be empty."""

    action: str
    remark: str = ""

    def __str__(self) -> str:
        return f"{self.action}; {self.remark}" if self.remark else self.action


@dataclass(frozen=True, kw_only=True)
class NextSteps:
    """The next steps for a date, and for the same date of each input that a mart waits for."""

    declared: PublishedTable
    view: DateView
    action: NextAction
    inputs: tuple["NextSteps", ...] = ()

    @property
    def next_step(self) -> str:
        """Return what to do next; for a mart that waits for an input, about that input."""
        if self.inputs:
            return "; ".join(str(each.as_input()) for each in self.inputs)
        return str(self._step())

    @property
    def what_follows(self) -> tuple[str, ...]:
        """Return what sensors will do by themselves, inputs first."""
        inputs = tuple(f"{each.declared.name}: {text}" for each in self.inputs for text in each.what_follows)
        return (*inputs, *([self.action.description] if self.action.description else []))

    def as_input(self) -> _Step:
        """Return the step of an input, for the mart that waits for it."""
        state = f"{self.declared.name} is {self.view.state.state}"
        step = _Step(action=self.next_step) if self.inputs else self._step()
        return _Step(action=step.action, remark=f"{state}: {step.remark}" if step.remark else state)

    def _step(self) -> _Step:
        name, view = self.declared.name, self.view
        if view.state.pending is None:
            return _Step(action="nothing", remark="it is published")
        if view.state.quarantined:
            return _Step(action=f"settlement quarantine show {name} {view.business_date}", remark=self._replacement())
        if view.decision.action is Action.AWAITING_OPERATOR:
            approve = f"settlement approve {name} {view.business_date} --reason …"
            return _Step(action=resume_command(name) if view.decision.paused else approve)
        return _step_from_action(self.action) if self.action.description else _step_without_action(view, self.action)

    def _replacement(self) -> str:
        if self.declared.inputs:
            return superseded_by(self.declared)
        return "a corrected file supersedes it"


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


def superseded_by(mart: PublishedTable) -> str:
    """Return what supersedes a content that fails a check of the mart itself."""
    return f"a corrected {mart.name}.sql, or another generation of {' or '.join(mart.inputs)}, supersedes it"


def resume_command(name: str) -> str:
    """Return the command that ends a pause."""
    return f"settlement resume {name} --reason …"


def _step_from_action(following: NextAction) -> _Step:
    if not following.stopped:
        return _Step(action=following.command)
    if following.paused:
        return _Step(action=resume_command(following.paused))
    return _Step(action="nothing until sensors and schedules launch again", remark=f"{following.command} tries at once")


def _step_without_action(view: DateView, following: NextAction) -> _Step:
    """Return what to wait for; a pause has to end first, as it would stop the next run."""
    if view.early:
        return _Step(action="nothing", remark=_why_early(view))
    if view.unseen:
        return _Step(action="settlement doctor")
    step = _awaited_delivery(view)
    if following.paused:
        return _Step(action=resume_command(following.paused), remark=f"then {step.remark or step.action}")
    return step


def _why_early(view: DateView) -> str:
    own = has_code(view.decision.reasons[0], BEFORE_DECLARED_FIRST_DATE)
    return "it is before the declared first date" if own else "it is before SETTLEMENT_FIRST_DATE"


def _awaited_delivery(view: DateView) -> _Step:
    if view.decision.action is Action.WITHDRAWN:
        return _Step(action="nothing until a corrected file arrives")
    if has_code(view.state.reasons[0], RECORDED_LATER):
        return _Step(action="nothing", remark="it will be recorded automatically")
    return _Step(action="nothing until the files arrive")


def date_views(platform: Platform, declared: PublishedTable, first: date, last: date) -> list[DateView]:
    """Return the view of every date of a range of a dataset or a mart."""
    found = by_kind(
        declared,
        dataset=lambda dataset: date_views_as_known(platform, dataset, first, last),
        mart=lambda mart: mart_views(platform, mart, first, last),
    )
    return [mention_before_first_date(platform, declared, view) for view in found]
