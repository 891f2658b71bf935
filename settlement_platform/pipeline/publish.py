"""Publish: the only door through which a business date becomes visible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from settlement_platform.control.facts import Check, Publication, SourceUsed, Staging, Standing, Verdict
from settlement_platform.control.failures import PermanentFailure
from settlement_platform.control.publishing import Decision, Move, decide_publication
from settlement_platform.control.watermarks import fold_watermark
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.duplicates import find_published_keys, neighbours
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.lake_transaction import LakeTransaction


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A content that asks to be published: its files, what they were made of, and the verdict on it.

    `waiting` gives what required sources are still waited for. `recheck` is set for datasets whose keys have to be
    unique over neighbouring dates.
    """

    name: str
    business_date: date
    content_hash: str
    files: tuple[str, ...]
    rows: int
    sources: tuple[SourceUsed, ...]
    verdict: Verdict | None
    waiting: tuple[str, ...] = ()
    recheck: "NeighbourCheck | None" = None


@dataclass(frozen=True, kw_only=True)
class NeighbourCheck:
    """What is needed to look again for keys that neighbours published after the verdict."""

    dataset: Dataset
    stagings: tuple[Staging, ...]


@dataclass(frozen=True, kw_only=True)
class Published:
    """What publishing came to: the decision, the record when one was made, the watermark.

    `watermark` is set when this publication advanced it.
    """

    decision: Decision
    publication: Publication | None = None
    watermark: date | None = None
    late_finding: Check | None = None


def publish(platform: Platform, candidate: Candidate, request: Request) -> Published:
    """Make a content visible, or say why not; publishing what is published changes nothing.

    The decision is taken inside the lake's lock, on what is published at that moment.

    Raises:
        TransientFailure: the lake's lock or catalog was not to be had; nothing was published.
    """
    with platform.lake.publishing() as lake:
        standings = lake.standings(candidate.name)
        current = standings.get(candidate.business_date)
        decision = _decide(candidate, current)
        if decision.move is not Move.PUBLISH:
            return Published(decision=decision)
        finding = _late_finding(lake, candidate, standings)
        if finding:
            refusal = Decision(move=Move.REFUSE, reasons=(f"{finding.name}: {finding.message}",))
            return Published(decision=refusal, late_finding=finding)
        publication = _record_of(platform, candidate, decision, request)
        _replace_rows(platform, lake, candidate, current)
        lake.record(publication, candidate.verdict)
        watermark = _advance(platform, lake, publication, standings)
    platform.lake.remember({**standings, candidate.business_date: publication}, candidate.name)
    return Published(decision=decision, publication=publication, watermark=watermark)


def _decide(candidate: Candidate, current: Standing | None) -> Decision:
    return decide_publication(
        content_hash=candidate.content_hash,
        waiting=candidate.waiting,
        verdict=candidate.verdict,
        current=current,
    )


def _late_finding(lake: LakeTransaction, candidate: Candidate, standings: Mapping[date, Standing]) -> Check | None:
    """Keys that a neighbour published between the verdict and the lock; looks only at what changed since."""
    check, verdict = candidate.recheck, candidate.verdict
    if check is None or verdict is None:
        return None
    around = neighbours(check.dataset, candidate.business_date, standings)
    changed = [day for day, content in around.items() if verdict.compared_with.get(day) != content]
    if not changed:
        return None
    finding = find_published_keys(lake.cursor, check.dataset, check.stagings, verdict.key_ranges, changed)
    return None if finding.passed else finding


def _replace_rows(platform: Platform, lake: LakeTransaction, candidate: Candidate, current: Standing | None) -> None:
    if current and current.rows:
        lake.remove_date(candidate.name, candidate.business_date)
    paths = [
        platform.staging.hand_over(
            path,
            lake_url=platform.lake.data_url,
            table=candidate.name,
            business_date=candidate.business_date,
        )
        for path in candidate.files
    ]
    lake.register(candidate.name, paths)
    visible = lake.count(candidate.name, candidate.business_date)
    if visible != candidate.rows:
        message = (
            f"{candidate.name} {candidate.business_date} would show {visible:,} rows instead of {candidate.rows:,}."
        )
        raise PermanentFailure(message, remedy="Nothing was published; the staged files are not what was validated.")


def _record_of(platform: Platform, candidate: Candidate, decision: Decision, request: Request) -> Publication:
    assert decision.state is not None  # noqa: S101 - a decision to publish names both
    assert decision.generation is not None  # noqa: S101 - as above
    return Publication(
        dataset=candidate.name,
        business_date=candidate.business_date,
        generation=decision.generation,
        state=decision.state,
        content_hash=candidate.content_hash,
        rows=candidate.rows,
        sources=candidate.sources,
        run_id=request.run_id,
        code_version=platform.code_version,
        published_at=platform.clock(),
        actor=request.actor,
        reason=request.reason,
    )


def _advance(
    platform: Platform, lake: LakeTransaction, publication: Publication, standings: Mapping[date, Standing]
) -> date | None:
    """Move the watermark in the same transaction, if this date closes a gap; the new watermark, or None."""
    states = {day: standing.state for day, standing in standings.items()}
    before = fold_watermark(platform.first_date, states)
    states[publication.business_date] = publication.state
    after = fold_watermark(platform.first_date, states)
    if after is None or after == before:
        return None
    lake.set_watermark(publication.dataset, after, states[after], now=publication.published_at)
    return after


def dataset_candidate(
    dataset: Dataset,
    business_date: date,
    content_hash: str,
    stagings: Sequence[Staging],
    verdict: Verdict | None,
    waiting: tuple[str, ...],
) -> Candidate:
    """The candidate of a dataset's staged date."""
    sources = tuple(
        SourceUsed(source=s.source, key=s.key, sha256=s.data_sha256, bytes=s.data_bytes, rows=s.rows) for s in stagings
    )
    return Candidate(
        name=dataset.name,
        business_date=business_date,
        content_hash=content_hash,
        files=tuple(s.path for s in stagings if s.path and s.rows),
        rows=sum(s.rows for s in stagings),
        sources=sources,
        verdict=verdict,
        waiting=waiting,
        recheck=NeighbourCheck(dataset=dataset, stagings=tuple(stagings)),
    )


def amended(verdict: Verdict, finding: Check, now: datetime) -> Verdict:
    """The verdict with a finding that only showed inside the publishing lock."""
    checks = tuple(finding if c.name == finding.name else c for c in verdict.checks)
    return replace(verdict, checks=checks, decided_at=now)
