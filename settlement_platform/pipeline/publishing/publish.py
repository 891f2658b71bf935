"""Publish: the only door through which a business date becomes visible."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import duckdb

from settlement_platform.control.facts import (
    Check,
    CurrentPublication,
    Publication,
    SourceUsed,
    Staging,
    State,
    Verdict,
)
from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.control.publishing.gate import Action, Decision, check_reasons, is_restatement
from settlement_platform.control.publishing.restatement import Difference
from settlement_platform.control.timeliness.freshness import fold_watermark
from settlement_platform.control.timeliness.provisional import provisional_reason
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.publishing.restatement import Comparison, measure_difference
from settlement_platform.pipeline.validation.duplicates import find_published_keys, neighbour_dates
from settlement_platform.storage.lake.transaction import LakeTransaction

Decide = Callable[[CurrentPublication | None, Difference | None], Decision]
"""The decision on a content, given what stands and, where rows would be replaced, what would change."""


@dataclass(frozen=True, kw_only=True)
class NeighbourCheck:
    """What is needed to look again for keys that neighbours published after the verdict."""

    dataset: Dataset
    stagings: tuple[Staging, ...]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A content that asks to be published: its files, what they were made of, and the verdict on it.

    `missing` and `completeness` are those of a provisional cut. `compared` says how to measure what it changes over
    the rows that stand, and `difference` is that where it was measured before the lock. `recheck` is set for datasets
    whose keys have to be unique over neighbouring dates. `made_of` gives the generation of each published input.
    """

    name: str
    business_date: date
    content_hash: str
    decide: Decide
    files: tuple[str, ...] = ()
    rows: int = 0
    sources: tuple[SourceUsed, ...] = ()
    verdict: Verdict | None = None
    missing: tuple[str, ...] = ()
    completeness: float = 1.0
    compared: Comparison | None = None
    difference: Difference | None = None
    recheck: NeighbourCheck | None = None
    made_of: Mapping[str, int] = field(default_factory=dict)


def publish(platform: Platform, candidate: Candidate, request: Request) -> DateOutcome:
    """Publish a candidate if the gate opens, and return the outcome.

    The decision is taken inside the lake's lock, on what is published at that moment. Keys that a neighbour published
    since the verdict make a new verdict, which the outcome holds; the caller records it.

    Raises:
        TransientFailure: the lake's lock or catalog was not to be had, or an input has moved on; nothing was published.
    """
    with platform.lake.publishing() as lake:
        standings = lake.current_publications(candidate.name)
        current = standings.get(candidate.business_date)
        decision = candidate.decide(current, None)
        if decision.action is not Action.PUBLISH:
            return _outcome(candidate, decision)
        _refuse_moved_inputs(lake, candidate)
        finding = recheck_finding(lake.cursor, candidate, standings)
        if finding:
            return _refused(candidate, finding, platform.clock())
        difference = _difference(lake, candidate, current)
        decision = candidate.decide(current, difference) if difference else decision
        if decision.action is not Action.PUBLISH:
            return replace(_outcome(candidate, decision), difference=difference)
        publication = _record_of(platform, candidate, decision, request)
        _replace_rows(platform, lake, candidate, current)
        lake.record_publication(publication, candidate.verdict)
        if difference:
            lake.record_restatement(publication, difference)
        watermark = _advance(platform, lake, publication, standings)
    platform.lake.cache_publications({**standings, candidate.business_date: publication}, candidate.name)
    found = _outcome(candidate, decision)
    return replace(found, publication=publication, difference=difference, watermark=watermark)


def _refused(candidate: Candidate, finding: Check, now: datetime) -> DateOutcome:
    decision = Decision(action=Action.REFUSE, reasons=check_reasons([finding]))
    verdict = _with_finding(candidate.verdict, finding, now) if candidate.verdict else None
    return replace(_outcome(candidate, decision), verdict=verdict)


def _outcome(candidate: Candidate, decision: Decision) -> DateOutcome:
    return DateOutcome(
        dataset=candidate.name,
        business_date=candidate.business_date,
        decision=decision,
        content_hash=candidate.content_hash or None,
        verdict=candidate.verdict,
    )


def _refuse_moved_inputs(lake: LakeTransaction, candidate: Candidate) -> None:
    """What was made of a generation that no longer stands is not published: it would be out of date at once."""
    for name, generation in candidate.made_of.items():
        standing = lake.current_publications(name).get(candidate.business_date)
        if standing is None or standing.generation != generation:
            message = f"{name} {candidate.business_date} was published again while {candidate.name} was built from it."
            raise TransientFailure(message, remedy="It is built again on the next try.")


def _difference(lake: LakeTransaction, candidate: Candidate, current: CurrentPublication | None) -> Difference | None:
    """What replacing rows, or a whole date without any, changes; measured again where another generation came first."""
    if candidate.compared is None or current is None or not (current.rows or is_restatement(current)):
        return None
    known = candidate.difference
    if known and known.previous_generation == current.generation:
        return known
    return measure_difference(lake.cursor, candidate.compared, candidate.business_date, candidate.files, current)


def recheck_finding(
    cursor: duckdb.DuckDBPyConnection, candidate: Candidate, standings: Mapping[date, CurrentPublication]
) -> Check | None:
    """Keys that a neighbour published between the verdict and the lock; looks only at what changed since."""
    check, verdict = candidate.recheck, candidate.verdict
    if check is None or verdict is None or any(c.name == "unique_in_window" for c in verdict.failures):
        return None
    around = neighbour_dates(check.dataset, candidate.business_date, standings)
    changed = [day for day, content in around.items() if verdict.compared_with.get(day) != content]
    if not changed:
        return None
    finding = find_published_keys(cursor, check.dataset, check.stagings, verdict.key_ranges, changed)
    return None if finding.passed else finding


def _replace_rows(
    platform: Platform, lake: LakeTransaction, candidate: Candidate, current: CurrentPublication | None
) -> None:
    if current and current.rows:
        lake.remove_date(candidate.name, candidate.business_date)
    paths = [
        platform.staging.move_to_lake(
            path,
            lake_url=platform.lake.data_url,
            table=candidate.name,
            business_date=candidate.business_date,
        )
        for path in candidate.files
    ]
    lake.register_files(candidate.name, paths)
    visible = lake.count_rows(candidate.name, candidate.business_date)
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
        reason=_reason(decision, request),
        missing=candidate.missing if decision.state is State.PROVISIONAL else (),
        completeness=candidate.completeness if decision.state is State.PROVISIONAL else 1.0,
    )


def _reason(decision: Decision, request: Request) -> str:
    if decision.state is not State.PROVISIONAL:
        return request.reason
    # What makes a decision provisional is its first reason.
    return provisional_reason(decision.reasons[0], request.reason)


def _advance(
    platform: Platform, lake: LakeTransaction, publication: Publication, standings: Mapping[date, CurrentPublication]
) -> date | None:
    """Move the watermark in the same transaction, if this date closes a gap; the new watermark, or None.

    It is held against what is stored, not against the fold before: the first business date may have been changed.
    """
    states = {day: standing.state for day, standing in standings.items()}
    states[publication.business_date] = publication.state
    after = fold_watermark(platform.first_date, states)
    stored, state = lake.watermark(publication.dataset)
    if after is None or (after, states[after]) == (stored, state):
        return None
    lake.set_watermark(publication.dataset, after, states[after], now=publication.published_at)
    return None if after == stored else after


def _with_finding(verdict: Verdict, finding: Check, now: datetime) -> Verdict:
    checks = tuple(finding if c.name == finding.name else c for c in verdict.checks)
    return replace(verdict, checks=checks, decided_at=now)
