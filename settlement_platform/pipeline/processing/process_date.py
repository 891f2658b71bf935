"""One business date: lock, land, stage and examine it, then validate and publish it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date

from settlement_platform.control.facts import (
    AttemptStep,
    CurrentPublication,
    OperatorAction,
    Publication,
    Staging,
    State,
    Verdict,
)
from settlement_platform.control.publishing.gate import Action, Decision, DecisionInputs, decide_publication
from settlement_platform.control.publishing.operator_overrides import last_skip
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.attempt_log import AttemptLog
from settlement_platform.pipeline.date_lock import lock_date
from settlement_platform.pipeline.landing.land import LandedDeliveries, land
from settlement_platform.pipeline.landing.older_contracts import JudgedDeliveries
from settlement_platform.pipeline.landing.previous_sources import (
    current_provisional,
    missing_sources,
    with_previous_sources,
)
from settlement_platform.pipeline.launching.write_throttle import wait_for_budget
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.publishing.candidates import (
    candidate_without_rows,
    dataset_candidate,
    with_difference,
)
from settlement_platform.pipeline.publishing.decision_inputs import (
    decide_nothing_new,
    decide_skipped,
    decision_inputs,
    why_not_expected,
)
from settlement_platform.pipeline.publishing.publish import Candidate, publish
from settlement_platform.pipeline.publishing.rejudging import record_confirmed
from settlement_platform.pipeline.staging.stage import stage
from settlement_platform.pipeline.validation.validate import Examination, examine, validate
from settlement_platform.storage.lake.lake import Lake
from settlement_platform.storage.ledger.ledger import Ledger


@dataclass(frozen=True, kw_only=True)
class PreparedDate:
    """A date that is landed and staged; its lock is held until its outcome is known.

    `settled` is the decision if nothing has to be staged; `not_expected` is the reason if no file is expected.
    """

    platform: Platform
    dataset: Dataset
    business_date: date
    request: Request
    attempt: AttemptLog
    lock: ExitStack = field(repr=False)
    landed: LandedDeliveries
    stagings: tuple[Staging, ...] = ()
    examined: Examination | None = None
    decision_inputs: DecisionInputs
    settled: Decision | None = None
    not_expected: str | None = None
    current: CurrentPublication | None = None


def prepare(
    platform: Platform,
    dataset: Dataset,
    business_date: date,
    request: Request,
    *,
    threads: int = 1,
    override: OperatorAction | None = None,
) -> PreparedDate:
    """Take the date's lock, then land, stage and examine its deliveries, unless exactly they are published already.

    `override` counts as the latest of the operators' actions; the caller records it.

    Raises:
        TransientFailure: another attempt held the date for too long, or a store did not answer.
    """
    lock = ExitStack()
    lock.enter_context(lock_date(platform.locks, dataset.name, business_date))
    with _released_on_error(lock), ExitStack() as copies:
        attempt = AttemptLog(platform=platform, dataset=dataset.name, business_date=business_date, request=request)
        with attempt.step(AttemptStep.LAND):
            landed = land(platform, dataset, business_date, request)
            copies.callback(landed.close)
            actions = [*platform.ledger.actions(dataset.name), *([override] if override else [])]
            current = _current(platform.lake, landed, actions)
            provisional = current_provisional(platform.lake, current, landed)
            if provisional:
                arrivals = platform.ledger.arrivals(dataset.name, business_date, business_date)
                landed = with_previous_sources(platform.ledger, landed, provisional, arrivals)
            known = JudgedDeliveries(platform.lake, platform.ledger, dataset.name, business_date, business_date)
            landed = known.recognize(landed, current, actions)
        prepared = _landed_date(platform, attempt, lock, landed, actions, current, provisional)
        if prepared.settled or prepared.not_expected:
            return prepared
        with attempt.step(AttemptStep.STAGE):
            wait_for_budget(platform, dataset.name, dataset.write_limits, request)
            stagings = stage(platform, landed, request, threads=threads)
            examined = examine(platform.lake, dataset, business_date, stagings)
        return replace(prepared, stagings=stagings, examined=examined)


def _landed_date(
    platform: Platform,
    attempt: AttemptLog,
    lock: ExitStack,
    landed: LandedDeliveries,
    actions: Sequence[OperatorAction],
    current: CurrentPublication | None,
    provisional: Publication | None,
) -> PreparedDate:
    """Return the date with the decision of whether anything has to be staged."""
    dataset, day = landed.dataset, landed.business_date
    inputs = decision_inputs(dataset, day, landed.inputs, landed, actions, platform.clock())
    skipped = _skipped(platform.ledger, actions, current)
    return PreparedDate(
        platform=platform,
        dataset=dataset,
        business_date=day,
        request=attempt.request,
        attempt=attempt,
        lock=lock,
        landed=landed,
        decision_inputs=inputs,
        settled=skipped or _settled(platform.lake, landed, current, provisional, inputs),
        not_expected=why_not_expected(dataset, day, landed.inputs, current, platform.clock()),
        current=current,
    )


def _current(lake: Lake, landed: LandedDeliveries, actions: Sequence[OperatorAction]) -> CurrentPublication | None:
    """Return the current publication; read it again from the lake if it would end the attempt."""
    name, day = landed.dataset.name, landed.business_date
    current = lake.cached_publications(name).get(day)
    same = current and (landed.inputs.waiting or current.content_hash == landed.content_hash)
    if same or last_skip(actions, day):
        return lake.current_publications(name).get(day)
    return current


def _skipped(ledger: Ledger, actions: Sequence[OperatorAction], current: CurrentPublication | None) -> Decision | None:
    """Return the decision if the date is skipped and no recorded arrival is newer; else None."""
    if current is None or current.state is not State.SKIPPED:
        return None
    name, day = current.dataset, current.business_date
    return decide_skipped(actions, current, ledger.arrivals(name, day, day))


def _settled(
    lake: Lake,
    landed: LandedDeliveries,
    current: CurrentPublication | None,
    provisional: Publication | None,
    inputs: DecisionInputs,
) -> Decision | None:
    """Return the decision if nothing has to be staged, as nothing new is delivered or it may not be published."""
    name, day, content, waiting = landed.dataset.name, landed.business_date, landed.content_hash, landed.inputs.waiting
    if current and (content is None or waiting):
        same = decide_nothing_new(landed, lake.publications(name, day, day).get(day))
        if same:
            return same
    if content is None:
        return Decision(action=Action.WAIT, reasons=waiting)
    if provisional and (lost := missing_sources(landed, provisional)):
        return Decision(action=Action.WAIT, reasons=(*lost, *waiting))
    if content in inputs.overrides.withdrawn or (current and current.content_hash == content):
        return decide_publication(content_hash=content, waiting=waiting, verdict=None, current=current, inputs=inputs)
    return None


@contextmanager
def _released_on_error(lock: ExitStack) -> Iterator[None]:
    try:
        yield
    except BaseException:
        lock.close()
        raise


def validate_and_publish(prepared: PreparedDate, *, publishing: bool = True) -> DateOutcome:
    """Validate the staged date and publish it if the gate opens; free the date's lock.

    Raises:
        TransientFailure: a store did not answer; nothing half-done is visible.
    """
    platform, dataset = prepared.platform, prepared.dataset
    with prepared.lock:
        content = prepared.landed.content_hash
        if prepared.not_expected and publishing:
            return prepared.attempt.end(AttemptStep.PUBLISH, _publish(prepared, _no_rows(prepared)))
        if prepared.settled:
            return prepared.attempt.end(AttemptStep.LAND, _as_settled(prepared, prepared.settled))
        assert prepared.examined is not None  # noqa: S101 - as below
        assert content is not None  # noqa: S101 - without deliveries the date is settled as waiting
        with prepared.attempt.step(AttemptStep.VALIDATE):
            verdict = validate(
                platform,
                dataset,
                prepared.business_date,
                content,
                prepared.stagings,
                prepared.examined,
                prepared.request,
            )
        if not publishing:
            return prepared.attempt.end(AttemptStep.VALIDATE, _only_validated(prepared, verdict))
        with prepared.attempt.step(AttemptStep.PUBLISH):
            return prepared.attempt.end(AttemptStep.PUBLISH, _publish(prepared, _candidate(prepared, content, verdict)))


def publish_validated(prepared: PreparedDate) -> DateOutcome:
    """Publish a content that has a recorded verdict; free the date's lock."""
    with prepared.lock:
        content = prepared.landed.content_hash
        if prepared.settled or content is None:
            decision = prepared.settled or Decision(action=Action.WAIT, reasons=prepared.landed.inputs.waiting)
            return prepared.attempt.end(AttemptStep.LAND, _as_settled(prepared, decision))
        with prepared.attempt.step(AttemptStep.PUBLISH):
            verdict = prepared.platform.ledger.verdict(content)
            return prepared.attempt.end(AttemptStep.PUBLISH, _publish(prepared, _candidate(prepared, content, verdict)))


def _candidate(prepared: PreparedDate, content: str, verdict: Verdict | None) -> Candidate:
    candidate = dataset_candidate(
        prepared.dataset,
        prepared.business_date,
        content,
        prepared.stagings,
        verdict,
        waiting=prepared.landed.inputs.waiting,
        inputs=prepared.decision_inputs,
    )
    return with_difference(prepared.platform.lake, candidate, prepared.current)


def _no_rows(prepared: PreparedDate) -> Candidate:
    name, day, overrides = prepared.dataset.name, prepared.business_date, prepared.decision_inputs.overrides
    return candidate_without_rows(name, day, State.NOT_EXPECTED, prepared.not_expected or "", overrides=overrides)


def _publish(prepared: PreparedDate, candidate: Candidate) -> DateOutcome:
    outcome = publish(prepared.platform, candidate, prepared.request)
    if outcome.verdict and outcome.verdict is not candidate.verdict:
        prepared.platform.ledger.append(outcome.verdict)
    found = _with_preparation(prepared, outcome)
    return record_confirmed(prepared.platform, found, prepared.decision_inputs.overrides, prepared.request)


def _without_publishing(prepared: PreparedDate, decision: Decision) -> DateOutcome:
    outcome = DateOutcome(
        dataset=prepared.dataset.name,
        business_date=prepared.business_date,
        decision=decision,
        content_hash=None,
    )
    return _with_preparation(prepared, outcome)


def _with_preparation(prepared: PreparedDate, outcome: DateOutcome) -> DateOutcome:
    return replace(
        outcome,
        content_hash=prepared.landed.content_hash,
        stagings=prepared.stagings,
        newly_landed=any(i.received for i in prepared.landed.landed),
        preview=prepared.examined.preview if prepared.examined else "",
        current=prepared.current,
    )


def _as_settled(prepared: PreparedDate, decision: Decision) -> DateOutcome:
    """Return the outcome of a date that needs no staging; its content is the published one where that stays."""
    outcome = _without_publishing(prepared, decision)
    if decision.action is not Action.ALREADY_PUBLISHED or prepared.current is None:
        return outcome
    return replace(outcome, content_hash=prepared.current.content_hash or None)


def _only_validated(prepared: PreparedDate, verdict: Verdict) -> DateOutcome:
    decision = decide_publication(
        content_hash=verdict.content_hash,
        waiting=prepared.landed.inputs.waiting,
        verdict=verdict,
        current=prepared.current,
        inputs=prepared.decision_inputs,
    )
    return replace(_without_publishing(prepared, decision), verdict=verdict)
