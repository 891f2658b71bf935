"""The next automatic action for a business date, and the command that an operator can use instead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from settlement_platform.catalog import by_kind
from settlement_platform.control.facts import State
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.queue.launch_requests import LaunchAction
from settlement_platform.control.reasons import next_steps as reasons
from settlement_platform.control.reasons.publishing import BEFORE_DECLARED_FIRST_DATE, BEFORE_FIRST_DATE
from settlement_platform.control.reasons.reason import Reason
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
    """The next automatic action for one business date.

    `description` says what a sensor does or waits for; empty if none does anything. `command` does it at once.
    `stopped` gives the reasons why sensors and schedules launch nothing; `paused` names the dataset or mart to resume.
    `awaited` names the inputs that a date of a mart waits for.
    """

    description: str = ""
    command: str = ""
    stopped: tuple[str, ...] = ()
    paused: str = ""
    awaited: tuple[str, ...] = ()


def next_action(
    platform: Platform, declared: PublishedTable, view: DateView, *, scan: ScanResult | None = None
) -> NextAction:
    """Return the next automatic action for a date of a dataset or a mart, from the facts that its sensor uses.

    `scan` is the result of a scan of the dataset; without it, the date is scanned.

    Raises:
        TransientFailure: a store did not answer.
    """
    stopped = all_launch_refusals(platform, declared)
    found = _find_next_action(platform, declared, view, scan, stopped)
    return replace(found, stopped=stopped, paused=pauses_in_force(platform.ledger, declared) if stopped else "")


def _find_next_action(
    platform: Platform, declared: PublishedTable, view: DateView, scan: ScanResult | None, stopped: Sequence[str]
) -> NextAction:
    return by_kind(
        declared,
        dataset=lambda dataset: _after_scan(platform, dataset, view, scan, stopped),
        mart=lambda mart: _after_inputs(platform.lake, mart, view, stopped),
    )


def _after_scan(
    platform: Platform, dataset: Dataset, view: DateView, scan: ScanResult | None, stopped: Sequence[str]
) -> NextAction:
    if view.unseen:
        return NextAction()
    seen = scan or preview_scan(platform, dataset, only=view.business_date)
    return _after_decision(dataset, seen, view, stopped, platform.clock())


def _after_decision(
    dataset: Dataset, scan: ScanResult, view: DateView, stopped: Sequence[str], now: datetime
) -> NextAction:
    day, name = view.business_date, dataset.name
    if day in scan.unread:
        whole = view.publication is not None and view.publication.state is not State.PROVISIONAL
        late = why_outside_window(name, day, window=dataset.recompute_window, now=now) if whole else None
        command = backfill_command(name, day, day) if late else _materialize(name, view)
        return NextAction(description=reasons.FILES_READ_AT_NEXT_TICK(reason=late), command=command)
    decision = next((a for a in scan.decisions if a.business_date == day), None)
    if decision and decision.needs_backfill:
        return NextAction(description=decision.reasons[-1], command=backfill_command(name, day, day))
    awaits_operator = view.decision.action is Action.AWAITING_OPERATOR and not stopped
    if decision is None or decision.action is not LaunchAction.REQUEST or awaits_operator:
        return NextAction()
    description = _describe_request(
        view, stopped, caught_up=not decision.restates and now >= closes_at(day, dataset.recompute_window)
    )
    return NextAction(description=description, command=_materialize(name, view))


def _describe_request(view: DateView, stopped: Sequence[str], *, caught_up: bool) -> Reason:
    """Return when the sensor requests the run of a date, which Dagster launches once for each delivery."""
    does = "stages, validates and publishes it" if view.content_hash else "records it"
    if stopped:
        return reasons.RUN_WHEN_LAUNCHES_RESUME(does=does)
    return reasons.RUN_AT_CATCH_UP(does=does) if caught_up else reasons.RUN_AT_NEXT_TICK(does=does)


def _after_inputs(lake: Lake, mart: Mart, view: DateView, stopped: Sequence[str]) -> NextAction:
    day = view.business_date
    if day in outdated_dates(lake, mart):
        template = reasons.BUILD_WHEN_LAUNCHES_RESUME if stopped else reasons.BUILD_AT_NEXT_TICK
        return NextAction(description=template(), command=_materialize(mart.name, view))
    awaited = awaited_inputs(lake, mart, day) if view.state.pending else {}
    if not awaited:
        return NextAction()
    once = [
        (reasons.INPUT_PUBLISHED_WHOLE if cut else reasons.INPUT_PUBLISHED)(dataset=name)
        for name, cut in awaited.items()
    ]
    template = reasons.BUILD_AFTER_INPUTS_WHEN_LAUNCHES_RESUME if stopped else reasons.BUILD_AFTER_INPUTS
    return NextAction(description=template(awaited=once), awaited=tuple(awaited))


def _materialize(name: str, view: DateView) -> str:
    return f"settlement materialize {name} --from {view.business_date} --to {view.business_date}"


def mention_before_first_date(platform: Platform, declared: PublishedTable, view: DateView) -> DateView:
    """Return the view with the reason that the date lies before the first one, if nothing is published of it.

    A mart follows its inputs whatever their date.
    """
    day, first = view.business_date, platform.first_date_of(declared.name)
    followed = view.inputs is None and view.decision.action is not Action.WAIT
    if day >= first or view.publication or followed:
        return view
    why = BEFORE_FIRST_DATE(business_date=day, first_date=first)
    if first > platform.first_date:
        why = BEFORE_DECLARED_FIRST_DATE(business_date=day, dataset=declared.name, first_date=first)
    why_not = (why, *(view.decision.reasons if view.verdict else ()))
    pending = replace(view.state.pending, reasons=why_not) if view.state.pending else None
    return replace(
        view,
        state=replace(view.state, pending=pending, reasons=why_not),
        decision=replace(view.decision, reasons=why_not),
        early=True,
    )
