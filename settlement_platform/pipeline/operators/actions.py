"""Operators' actions on a dataset or a date: authorized, recorded, then done."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date

from settlement_platform.catalog import by_kind
from settlement_platform.control.facts import OperatorAction, OperatorActionType, Staging, State
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.publishing.operator_overrides import action_parameters, fold_pause
from settlement_platform.control.reasons import operators as refusals
from settlement_platform.control.reasons.publishing import CONTENT_DISCARDED
from settlement_platform.control.reasons.reason import has_code
from settlement_platform.control.reliability.circuit_breakers import BreakerState
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.pipeline.date_lock import lock_date
from settlement_platform.pipeline.inspection.date_view import DateView, date_views, remedy_command
from settlement_platform.pipeline.inspection.mart_view import mart_views
from settlement_platform.pipeline.launching.circuit_breakers import all_breakers
from settlement_platform.pipeline.operators.authorization import authorize, operator_action, pause_notice, record_action
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.processing.process_date import PreparedDate, prepare, validate_and_publish
from settlement_platform.pipeline.publishing.candidates import candidate_without_rows
from settlement_platform.pipeline.publishing.publish import publish

_CARD_NUMBERS = "no_card_numbers"

_UNREAD = {"values_readable", _CARD_NUMBERS, "records_well_formed"}
"""The checks whose failure leaves rows without a value."""


def pause(platform: Platform, dataset: Dataset, request: Request) -> OperatorAction:
    """Publish and launch nothing for a dataset until it is resumed.

    Raises:
        ActionRefused: it is paused already, or as `authorize`.
    """
    authorize(platform.members, dataset, OperatorActionType.PAUSE, request)
    if paused := fold_pause(platform.ledger.actions(dataset.name)):
        raise ActionRefused(refusals.ALREADY_PAUSED(dataset=dataset.name, **action_parameters(paused)))
    return record_action(platform, dataset.name, OperatorActionType.PAUSE, None, request)


def resume(platform: Platform, dataset: Dataset, request: Request) -> OperatorAction:
    """End a pause.

    Raises:
        ActionRefused: it is not paused, or as `authorize`.
    """
    authorize(platform.members, dataset, OperatorActionType.RESUME, request)
    if not fold_pause(platform.ledger.actions(dataset.name)):
        raise ActionRefused(refusals.NOT_PAUSED(dataset=dataset.name))
    return record_action(platform, dataset.name, OperatorActionType.RESUME, None, request)


def reset_breaker(platform: Platform, dataset: PublishedTable, breaker: str, request: Request) -> OperatorAction:
    """Close a circuit breaker of the dataset, the mart or a dependency, however many failures it has counted.

    Raises:
        ActionRefused: it is closed already, or as `authorize`.
    """
    authorize(platform.members, dataset, OperatorActionType.RESET_BREAKER, request)
    if all(b.state is BreakerState.CLOSED for b in all_breakers(platform) if b.name == breaker):
        raise ActionRefused(refusals.BREAKER_IS_CLOSED(breaker=breaker))
    return record_action(platform, dataset.name, OperatorActionType.RESET_BREAKER, None, request, {"breaker": breaker})


def skip(platform: Platform, dataset: Dataset, day: date, request: Request) -> DateOutcome:
    """Record that a date is complete without rows, so that the watermark passes it; a pause does not stop this.

    Raises:
        ActionRefused: readers see rows of it, it is no business date yet or any more, or as `authorize`.
    """
    authorize(platform.members, dataset, OperatorActionType.SKIP, request)
    require_business_dates(platform, dataset, [day])
    with lock_date(platform.locks, dataset.name, day):
        candidate = candidate_without_rows(dataset.name, day, State.SKIPPED, f"skipped by {request.actor}")
        decision = candidate.decide(platform.lake.current_publications(dataset.name).get(day), None)
        if decision.action is not Action.PUBLISH:
            raise ActionRefused(
                refusals.NOT_SKIPPED(dataset=dataset.name, business_date=day, reason="; ".join(decision.reasons))
            )
        record_action(platform, dataset.name, OperatorActionType.SKIP, day, request)
        outcome = publish(platform, candidate, request)
    return replace(outcome, paused=pause_notice(platform.ledger, dataset.name))


def require_business_dates(platform: Platform, dataset: Dataset, days: Iterable[date]) -> None:
    """Require dates that a dataset has had by today.

    Raises:
        ActionRefused: one is before its first business date, or in the future.
    """
    first, today = platform.first_date_of(dataset.name), platform.clock().date()
    for day in days:
        if not first <= day <= today:
            message = refusals.NOT_A_BUSINESS_DATE(business_date=day, first_date=first, today=today)
            raise ActionRefused(message, remedy="Skip dates in that range.")


def approve(platform: Platform, dataset: Dataset, day: date, request: Request) -> DateOutcome:
    """Approve a restatement or a release that waits for approval, and publish it.

    Raises:
        ActionRefused: nothing waits for approval, it is the approver's own release of which somebody else has to judge,
            or as `authorize`.
    """
    authorize(platform.members, dataset, OperatorActionType.APPROVE, request)
    view = date_views(platform, dataset, day, day)[0]
    released = [
        a
        for a in platform.ledger.actions(dataset.name)
        if a.action is OperatorActionType.RELEASE and a.detail.get("content_hash") == view.content_hash
    ]
    if view.content_hash is None or view.decision.action in {
        Action.WAIT,
        Action.ALREADY_PUBLISHED,
        Action.WITHDRAWN,
    }:
        raise ActionRefused(refusals.NOTHING_TO_APPROVE(dataset=dataset.name, business_date=day))
    if view.decision.action is Action.REFUSE and not released:
        message = refusals.APPROVAL_OF_REFUSED(dataset=dataset.name, business_date=day)
        raise ActionRefused(message, remedy=f"settlement quarantine show {dataset.name} {day} names its findings.")
    if released and released[-1].actor == request.actor and OperatorActionType.RELEASE in dataset.roles.second_person:
        raise ActionRefused(
            refusals.APPROVAL_OF_OWN_RELEASE(dataset=dataset.name, business_date=day, actor=request.actor)
        )
    record_action(platform, dataset.name, OperatorActionType.APPROVE, day, request, {"content_hash": view.content_hash})
    return validate_and_publish(prepare(platform, dataset, day, request))


def release(platform: Platform, dataset: Dataset, day: date, despite: tuple[str, ...], request: Request) -> DateOutcome:
    """Publish a quarantined or discarded content despite the failing checks that are named.

    Raises:
        ActionRefused: nothing is held, it waits for approval already, a finding is not named or does not fail, a source
            could not be read or lacks values that no row may lack, or as `authorize`.
    """
    authorize(platform.members, dataset, OperatorActionType.RELEASE, request)
    view = _releasable(platform, dataset, day)
    failing = {c.name for c in view.verdict.failures} if view.verdict else set()
    if failing != set(despite):
        left, wrong = sorted(failing - set(despite)), sorted(set(despite) - failing)
        words = [f"not named: {', '.join(left)}"] if left else []
        words += [f"did not fail: {', '.join(wrong)}"] if wrong else []
        remedy = " ".join(["Name them all:", *(f"--despite {name}" for name in sorted(failing))])
        message = refusals.FINDINGS_DIFFER(
            dataset=dataset.name, business_date=day, words="; ".join(words), not_named=left, not_failing=wrong
        )
        raise ActionRefused(message, remedy=remedy)
    detail = {"content_hash": view.content_hash, "despite": sorted(failing)}
    action = operator_action(platform, dataset.name, OperatorActionType.RELEASE, day, request, detail)
    prepared = prepare(platform, dataset, day, request, override=action)
    with prepared.lock:
        if unfit := [s.key for s in prepared.stagings if not s.path] or _lacking(prepared):
            raise _unfit_for_release(prepared, unfit)
        if prepared.landed.content_hash != view.content_hash:
            raise ActionRefused(refusals.DELIVERED_AGAIN(dataset=dataset.name, business_date=day))
        platform.ledger.append(action)
        return validate_and_publish(prepared)


def _lacking(prepared: PreparedDate) -> list[str]:
    """Return the files in which a required value is missing or could not be read."""
    required = [c.name for c in prepared.dataset.contract.columns if not c.nullable]
    return [s.key for s in prepared.stagings if any(s.null_counts.get(name) for name in required) or _fails(s, _UNREAD)]


def _unfit_for_release(prepared: PreparedDate, unfit: Sequence[str]) -> ActionRefused:
    """Return the refusal of a release; card numbers come first, as the file itself has to be replaced."""
    subject = {"dataset": prepared.dataset.name, "business_date": prepared.business_date}
    leaking = [s.key for s in prepared.stagings if _fails(s, {_CARD_NUMBERS})]
    if leaking:
        message = refusals.CARD_NUMBERS_WITHHELD(**subject, keys=leaking)
        return ActionRefused(message, remedy="Have it delivered again without card numbers: no release publishes them.")
    message = refusals.FILES_UNREADABLE(**subject, keys=unfit)
    return ActionRefused(message, remedy="Sums over it would be wrong; have it delivered again.")


def _fails(staging: Staging, names: Collection[str]) -> bool:
    return any(c.name in names and not c.passed for c in staging.observations)


def discard(platform: Platform, dataset: Dataset, day: date, request: Request) -> OperatorAction:
    """Discard a content that is quarantined or waits for approval; only a release can publish it later.

    Raises:
        ActionRefused: nothing is held, or as `authorize`.
    """
    authorize(platform.members, dataset, OperatorActionType.DISCARD, request)
    view = _held(dataset, date_views(platform, dataset, day, day)[0])
    return record_action(
        platform, dataset.name, OperatorActionType.DISCARD, day, request, {"content_hash": view.content_hash}
    )


def _releasable(platform: Platform, dataset: Dataset, day: date) -> DateView:
    """Return the view on a date with a quarantined or discarded content."""
    view = date_views(platform, dataset, day, day)[0]
    if view.decision.action is Action.WITHDRAWN and has_code(view.decision.reasons[0], CONTENT_DISCARDED):
        return view
    if view.decision.awaits_approval:
        reasons = "; ".join(view.decision.reasons)
        message = refusals.WAITS_FOR_APPROVAL(dataset=dataset.name, business_date=day, reason=reasons)
        raise ActionRefused(message, remedy=f"settlement approve {dataset.name} {day} publishes it.")
    return _held(dataset, view)


def _held(dataset: Dataset, view: DateView) -> DateView:
    day = view.business_date
    if not view.state.held:
        message = refusals.NOT_IN_QUARANTINE(dataset=dataset.name, business_date=day, state=view.state.state)
        # An earlier release of it may have died before it published.
        let_through = view.decision.action is Action.PUBLISH
        more = f"settlement explain {dataset.name} {day} says more."
        if view.state.state is State.SKIPPED:
            more = f"What is delivered after the skip counts again: have its files delivered once more. {more}"
        raise ActionRefused(
            message, remedy=f"To publish it, {remedy_command(dataset.name, day)}." if let_through else more
        )
    return view


def request_rejudging(
    platform: Platform, declared: PublishedTable, first: date, last: date, request: Request
) -> list[date]:
    """Record the request for each date of a range that was judged under an older contract, and return these dates.

    The next run of such a date stages and validates it again. It publishes only rows that differ.

    Raises:
        ActionRefused: as `authorize`, for a rerun.
        TransientFailure: a store did not answer.
    """
    authorize(platform.members, declared, OperatorActionType.RERUN, request)
    older = [view for view in _views(platform, declared, first, last) if view.older_contract]
    for view in older:
        detail = {"content_hash": view.content_under_contract, "published": view.content_hash}
        record_action(platform, declared.name, OperatorActionType.REJUDGE, view.business_date, request, detail)
    return [view.business_date for view in older]


def _views(platform: Platform, declared: PublishedTable, first: date, last: date) -> Sequence[DateView]:
    return by_kind(
        declared,
        dataset=lambda dataset: date_views(platform, dataset, first, last),
        mart=lambda mart: mart_views(platform, mart, first, last),
    )
