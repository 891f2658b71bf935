"""Concluding one business date that was prepared: validate what is staged, and publish it if the gate opens."""

from dataclasses import replace

from settlement_platform.control.facts import State, Verdict
from settlement_platform.control.publishing import Decision, Move, decide_publication
from settlement_platform.pipeline.candidates import candidate_without_rows, dataset_candidate, measured
from settlement_platform.pipeline.concluded import Concluded
from settlement_platform.pipeline.prepare import Prepared
from settlement_platform.pipeline.publish import Candidate, amended, publish
from settlement_platform.pipeline.validate import validate


def conclude(prepared: Prepared, *, publishing: bool = True) -> Concluded:
    """Validate what is staged and publish it if the gate opens; frees the date's lock.

    Raises:
        TransientFailure: a store did not answer; nothing half-done is visible.
    """
    platform, dataset = prepared.platform, prepared.dataset
    with prepared.lock:
        content = prepared.landed.content_hash
        if prepared.not_expected and publishing:
            return prepared.attempt.end("publish", _publish(prepared, _no_rows(prepared)))
        if prepared.settled:
            return prepared.attempt.end("land", _as_settled(prepared, prepared.settled))
        assert prepared.examined is not None  # noqa: S101 - as below
        assert content is not None  # noqa: S101 - without deliveries the date is settled as waiting
        with prepared.attempt.step("validate"):
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
            return prepared.attempt.end("validate", _only_validated(prepared, verdict))
        with prepared.attempt.step("publish"):
            return prepared.attempt.end("publish", _publish(prepared, _candidate(prepared, content, verdict)))


def publish_validated(prepared: Prepared) -> Concluded:
    """Publish on the strength of the verdict that is on record for exactly this content, if there is one."""
    with prepared.lock:
        content = prepared.landed.content_hash
        if prepared.settled or content is None:
            decision = prepared.settled or Decision(move=Move.WAIT, reasons=prepared.landed.inputs.waiting)
            return prepared.attempt.end("land", _as_settled(prepared, decision))
        with prepared.attempt.step("publish"):
            verdict = prepared.platform.ledger.verdict(content)
            return prepared.attempt.end("publish", _publish(prepared, _candidate(prepared, content, verdict)))


def _candidate(prepared: Prepared, content: str, verdict: Verdict | None) -> Candidate:
    candidate = dataset_candidate(
        prepared.dataset,
        prepared.business_date,
        content,
        prepared.stagings,
        verdict,
        waiting=prepared.landed.inputs.waiting,
        rules=prepared.rules,
    )
    return measured(prepared.platform, candidate, prepared.current)


def _no_rows(prepared: Prepared) -> Candidate:
    return candidate_without_rows(
        prepared.dataset.name,
        prepared.business_date,
        State.NOT_EXPECTED,
        prepared.not_expected,
        rulings=prepared.rules.rulings,
    )


def _publish(prepared: Prepared, candidate: Candidate) -> Concluded:
    platform, verdict = prepared.platform, candidate.verdict
    published = publish(platform, candidate, prepared.request)
    if published.late_finding and verdict:
        verdict = amended(verdict, published.late_finding, platform.clock())
        platform.ledger.append(verdict)
    return replace(
        _as_concluded(prepared, published.decision),
        verdict=verdict,
        publication=published.publication,
        difference=published.difference,
        watermark=published.watermark,
    )


def _as_settled(prepared: Prepared, decision: Decision) -> Concluded:
    """Where something stands, its content is what the try came to, whatever of it is still delivered."""
    concluded = _as_concluded(prepared, decision)
    if decision.move is not Move.ALREADY_PUBLISHED or prepared.current is None:
        return concluded
    return replace(concluded, content_hash=prepared.current.content_hash or None)


def _as_concluded(prepared: Prepared, decision: Decision) -> Concluded:
    return Concluded(
        dataset=prepared.dataset.name,
        business_date=prepared.business_date,
        decision=decision,
        content_hash=prepared.landed.content_hash,
        stagings=prepared.stagings,
        newly_landed=any(i.received for i in prepared.landed.landed),
        preview=prepared.examined.preview if prepared.examined else "",
        standing=prepared.current,
    )


def _only_validated(prepared: Prepared, verdict: Verdict) -> Concluded:
    decision = decide_publication(
        content_hash=verdict.content_hash,
        waiting=prepared.landed.inputs.waiting,
        verdict=verdict,
        current=prepared.current,
        rules=prepared.rules,
    )
    return replace(_as_concluded(prepared, decision), verdict=verdict)
