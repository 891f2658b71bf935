"""The next automatic action for a business date, and the command that an operator can use instead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from settlement_platform.catalog import by_kind
from settlement_platform.control.facts import State
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.queue.launch_requests import LaunchAction
from settlement_platform.control.reasons.status import BEFORE_FIRST_DATE
from settlement_platform.control.timeliness.recompute_window import backfill_command, closes_at, why_outside_window
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.inspection.date_view import DateView
from settlement_platform.pipeline.inspection.mart_view import awaited_inputs
from settlement_platform.pipeline.landing.scan import ScanResult, preview_scan
from settlement_platform.pipeline.launching.launch_permission import all_launch_refusals, pauses_in_force
from settlement_platform.pipeline.marts.outdated import outdated_dates
from settlement_platform.pipeline.platform import Platform
from settlement_platform.storage.lake.lake import Lake


@dataclass(frozen=True, kw_only=True)
class NextAction:
    """What follows for one business date.

    `words` says what a sensor does or what it waits for, and is empty where none does anything. `command` does it at
    once, or is what is waited for. `stopped` says why sensors and schedules launch nothing, `paused` what an operator
    would have to resume. `awaited` names the inputs that a date of a mart waits for.
    """

    description: str = ""
    command: str = ""
    stopped: tuple[str, ...] = ()
    paused: str = ""
    awaited: tuple[str, ...] = ()


def next_action(
    platform: Platform, declared: PublishedTable, outlook: DateView, *, look: ScanResult | None = None
) -> NextAction:
    """What follows for a date of a dataset or a mart, from the facts that its sensor goes by.

    `look` is one that has been made at the dataset; without it, one is made at the date.

    Raises:
        TransientFailure: a store did not answer.
    """
    stopped = all_launch_refusals(platform, declared)
    found = _look_ahead(platform, declared, outlook, look, stopped)
    return replace(found, stopped=stopped, paused=pauses_in_force(platform.ledger, declared) if stopped else "")


def _look_ahead(
    platform: Platform, declared: PublishedTable, outlook: DateView, look: ScanResult | None, stopped: Sequence[str]
) -> NextAction:
    return by_kind(
        declared,
        dataset=lambda dataset: _after_scan(platform, dataset, outlook, look, stopped),
        mart=lambda mart: _mart_ahead(platform.lake, mart, outlook, stopped),
    )


def _after_scan(
    platform: Platform, dataset: Dataset, outlook: DateView, look: ScanResult | None, stopped: Sequence[str]
) -> NextAction:
    if outlook.unseen:
        return NextAction()
    seen = look or preview_scan(platform, dataset, only=outlook.business_date)
    return _dataset_ahead(dataset, seen, outlook, stopped, platform.clock())


def _dataset_ahead(
    dataset: Dataset, look: ScanResult, outlook: DateView, stopped: Sequence[str], now: datetime
) -> NextAction:
    day, name = outlook.business_date, dataset.name
    if day in look.unread:
        whole = outlook.publication is not None and outlook.publication.state is not State.PROVISIONAL
        late = why_outside_window(name, day, window=dataset.recompute_window, now=now) if whole else ""
        command = backfill_command(name, day, day) if late else _materialize(name, outlook)
        words = "; ".join(["the next tick of its sensor reads its files and decides", *([late] if late else [])])
        return NextAction(description=words, command=command)
    ask = next((a for a in look.decisions if a.business_date == day), None)
    if ask and ask.needs_backfill:
        return NextAction(description=ask.reasons[-1], command=backfill_command(name, day, day))
    waits_for_a_word = outlook.decision.action is Action.AWAITING_OPERATOR and not stopped
    if ask is None or ask.action is not LaunchAction.REQUEST or waits_for_a_word:
        return NextAction()
    words = _asking(outlook, stopped, caught_up=not ask.restates and now >= closes_at(day, dataset.recompute_window))
    return NextAction(description=words, command=_materialize(name, outlook))


def _asking(outlook: DateView, stopped: Sequence[str], *, caught_up: bool) -> str:
    """When the run of a date is asked for, which Dagster launches once for each delivery."""
    does = "stages, validates and publishes it" if outlook.content_hash else "records it"
    if stopped:
        return f"its sensor asks for the run that {does} as soon as it may launch runs again"
    if caught_up:
        return f"its sensor asks for the run that {does}: it closed long ago, and such dates are taken a few at a time"
    return f"the next tick of its sensor asks for the run that {does}, unless one is on its way"


def _mart_ahead(lake: Lake, mart: Mart, outlook: DateView, stopped: Sequence[str]) -> NextAction:
    day, asks = outlook.business_date, "the sensor marts_follow asks for the run that builds it"
    if day in outdated_dates(lake, mart):
        when = "as soon as it may launch runs again" if stopped else "at its next tick, unless one is on its way"
        return NextAction(description=f"{asks} {when}", command=_materialize(mart.name, outlook))
    awaited = awaited_inputs(lake, mart, day) if outlook.state.pending else {}
    if not awaited:
        return NextAction()
    once = " and ".join(f"{name} is published{' whole' if cut else ''}" for name, cut in awaited.items())
    again = " and it may launch runs again" if stopped else ""
    return NextAction(description=f"{asks} once {once}{again}", awaited=tuple(awaited))


def _materialize(name: str, outlook: DateView) -> str:
    return f"settlement materialize {name} --from {outlook.business_date} --to {outlook.business_date}"


def mention_before_first_date(outlook: DateView, first_date: date) -> DateView:
    """The same, and that it lies before the first date, where it does: whatever is missing, nothing waits for it.

    What is published stands, and a mart follows what is published whatever its date.
    """
    day = outlook.business_date
    followed = outlook.inputs is None and outlook.decision.action is not Action.WAIT
    if day >= first_date or outlook.publication or followed:
        return outlook
    why = BEFORE_FIRST_DATE(business_date=day, first_date=first_date)
    reasons = (why, *(outlook.decision.reasons if outlook.verdict else ()))
    pending = replace(outlook.state.pending, reasons=reasons) if outlook.state.pending else None
    return replace(
        outlook,
        state=replace(outlook.state, pending=pending, reasons=reasons),
        decision=replace(outlook.decision, reasons=reasons),
        early=True,
    )
