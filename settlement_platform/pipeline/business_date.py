"""One business date on its way from delivered files to readers: prepare it, then conclude."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date

from settlement_platform.control.facts import Staging, Standing, Verdict
from settlement_platform.control.publishing import Decision, Move, decide_publication
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.attempts import AttemptLog
from settlement_platform.pipeline.concluded import DATE_LOCK_TIMEOUT_SECONDS, Concluded
from settlement_platform.pipeline.land import Landed, land
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.publish import amended, dataset_candidate, publish
from settlement_platform.pipeline.stage import stage
from settlement_platform.pipeline.validate import Examined, examine, validate

_OUTCOMES = {
    Move.PUBLISH: "succeeded",
    Move.ALREADY_PUBLISHED: "succeeded",
    Move.REFUSE: "refused",
    Move.WAIT: "waiting",
}


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A date that has been landed and staged; its lock is held until it is concluded."""

    platform: Platform
    dataset: Dataset
    business_date: date
    request: Request
    attempt: AttemptLog
    lock: ExitStack = field(repr=False)
    landed: Landed
    stagings: tuple[Staging, ...] = ()
    examined: Examined | None = None
    settled: Decision | None = None
    current: Standing | None = None


def prepare(
    platform: Platform, dataset: Dataset, business_date: date, request: Request, *, threads: int = 1
) -> Prepared:
    """Take the date's lock, land what is delivered, stage and examine it, unless exactly that is published already.

    Raises:
        TransientFailure: another try held the date for too long, or a store did not answer.
    """
    lock = ExitStack()
    name = f"{dataset.name}-{business_date}"
    lock.enter_context(platform.locks.hold(name, timeout_seconds=DATE_LOCK_TIMEOUT_SECONDS))
    with _released_on_error(lock), ExitStack() as copies:
        attempt = AttemptLog(platform=platform, dataset=dataset.name, business_date=business_date, request=request)
        attempt.record("land", "started")
        with attempt.step("land"):
            landed = land(platform, dataset, business_date, request)
        copies.callback(landed.release)
        current = _current(platform, landed)
        prepared = Prepared(
            platform=platform,
            dataset=dataset,
            business_date=business_date,
            request=request,
            attempt=attempt,
            lock=lock,
            landed=landed,
            settled=_settled(landed, current),
            current=current,
        )
        if prepared.settled:
            return prepared
        with attempt.step("stage"):
            stagings = stage(platform, landed, request, threads=threads)
            examined = examine(platform, dataset, business_date, stagings)
        return replace(prepared, stagings=stagings, examined=examined)


def conclude(prepared: Prepared, *, publishing: bool = True) -> Concluded:
    """Validate what is staged and publish it if the gate opens; frees the date's lock.

    Raises:
        TransientFailure: a store did not answer; nothing half-done is visible.
    """
    platform, dataset = prepared.platform, prepared.dataset
    with prepared.lock:
        content = prepared.landed.content_hash
        if prepared.settled:
            return _record(prepared, _as_concluded(prepared, prepared.settled))
        assert prepared.examined is not None  # noqa: S101 - as below
        assert content is not None  # noqa: S101 - without deliveries the date is settled as waiting
        prepared.attempt.record("validate", "started")
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
            return _record(prepared, _only_validated(prepared, verdict))
        prepared.attempt.record("publish", "started")
        with prepared.attempt.step("publish"):
            return _record(prepared, _publish(prepared, content, verdict))


def publish_validated(prepared: Prepared) -> Concluded:
    """Publish on the strength of the verdict that is on record for exactly this content, if there is one."""
    with prepared.lock:
        content = prepared.landed.content_hash
        if prepared.settled or content is None:
            decision = prepared.settled or Decision(move=Move.WAIT, reasons=prepared.landed.inputs.waiting)
            return _record(prepared, _as_concluded(prepared, decision))
        return _record(prepared, _publish(prepared, content, prepared.platform.ledger.verdict(content)))


def _publish(prepared: Prepared, content: str, verdict: Verdict | None) -> Concluded:
    platform = prepared.platform
    candidate = dataset_candidate(
        prepared.dataset,
        prepared.business_date,
        content,
        prepared.stagings,
        verdict,
        prepared.landed.inputs.waiting,
    )
    published = publish(platform, candidate, prepared.request)
    if published.late_finding and verdict:
        verdict = amended(verdict, published.late_finding, platform.clock())
        platform.ledger.append(verdict)
    return replace(
        _as_concluded(prepared, published.decision),
        verdict=verdict,
        publication=published.publication,
        watermark=published.watermark,
    )


def _current(platform: Platform, landed: Landed) -> Standing | None:
    """What stands published; looked up afresh where it would end the try."""
    name, day = landed.dataset.name, landed.business_date
    current = platform.lake.remembered_standings(name).get(day)
    if current and current.content_hash == landed.content_hash:
        return platform.lake.standings(name).get(day)
    return current


def _settled(landed: Landed, current: Standing | None) -> Decision | None:
    """The decision where nothing has to be staged: nothing is delivered, or exactly this is published."""
    content = landed.content_hash
    if content is None:
        return Decision(move=Move.WAIT, reasons=landed.inputs.waiting)
    if current and current.content_hash == content:
        return decide_publication(content_hash=content, waiting=landed.inputs.waiting, verdict=None, current=current)
    return None


def _as_concluded(prepared: Prepared, decision: Decision) -> Concluded:
    return Concluded(
        dataset=prepared.dataset.name,
        business_date=prepared.business_date,
        decision=decision,
        content_hash=prepared.landed.content_hash,
        stagings=prepared.stagings,
        newly_landed=any(i.received for i in prepared.landed.landed),
        preview=prepared.examined.preview if prepared.examined else "",
    )


def _only_validated(prepared: Prepared, verdict: Verdict) -> Concluded:
    decision = decide_publication(
        content_hash=verdict.content_hash,
        waiting=prepared.landed.inputs.waiting,
        verdict=verdict,
        current=prepared.current,
    )
    return replace(_as_concluded(prepared, decision), verdict=verdict)


def _record(prepared: Prepared, concluded: Concluded) -> Concluded:
    """Put the end of the attempt on record."""
    prepared.attempt.record(
        "publish" if concluded.verdict else "land",
        _OUTCOMES[concluded.decision.move],
        content_hash=concluded.content_hash or "",
        detail="; ".join(concluded.decision.reasons),
    )
    return concluded


@contextmanager
def _released_on_error(lock: ExitStack) -> Iterator[None]:
    try:
        yield
    except BaseException:
        lock.close()
        raise
