"""Publish: the only door through which a business date becomes visible."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

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
from settlement_platform.pipeline.publishing.measure_difference import Comparison, measure_difference
from settlement_platform.pipeline.validation.duplicates import find_published_keys, neighbour_dates
from settlement_platform.storage.lake.writer import LakeWriter

Decide = Callable[[CurrentPublication | None, Difference | None], Decision]
"""Decides on a content, from the current publication and, if rows would be replaced, the difference to it."""


@dataclass(frozen=True, kw_only=True)
class NeighbourCheck:
    """The dataset and the staged files for a second check of keys against the neighbouring dates."""

    dataset: Dataset
    stagings: tuple[Staging, ...]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A content that may be published: its files, their sources and the verdict on it.

    `missing` and `completeness` apply to a provisional publication. `compared` says how to compare it with the
    published rows; `difference` is the result if it was measured before the lock. `recheck` is set for datasets whose
    keys must be unique over neighbouring dates. `made_of` gives the generation of each published input.
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
        TransientFailure: the lake's lock or catalog was not available, or an input was published again meanwhile;
            nothing was published.
    """
    with platform.lake.publishing() as lake:
        published = lake.current_publications(candidate.name)
        current = published.get(candidate.business_date)
        decision = candidate.decide(current, None)
        if decision.action is not Action.PUBLISH:
            return _outcome(candidate, decision)
        _refuse_moved_inputs(lake, candidate)
        finding = recheck_finding(lake.cursor, candidate, published)
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
        watermark = _advance_watermark(platform, lake, publication, published)
    platform.lake.cache_publications({**published, candidate.business_date: publication}, candidate.name)
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


def _refuse_moved_inputs(lake: LakeWriter, candidate: Candidate) -> None:
    """Raise if an input was published again: the content would be outdated at once."""
    for name, generation in candidate.made_of.items():
        current = lake.current_publications(name).get(candidate.business_date)
        if current is None or current.generation != generation:
            message = f"{name} {candidate.business_date} was published again while {candidate.name} was built from it."
            raise TransientFailure(message, remedy="The next attempt builds it again.")


def _difference(lake: LakeWriter, candidate: Candidate, current: CurrentPublication | None) -> Difference | None:
    """Return the difference to the current publication; measure again if another generation came first."""
    if candidate.compared is None or current is None or not (current.rows or is_restatement(current)):
        return None
    known = candidate.difference
    if known and known.previous_generation == current.generation:
        return known
    return measure_difference(lake.cursor, candidate.compared, candidate.business_date, candidate.files, current)


def recheck_finding(
    cursor: duckdb.DuckDBPyConnection, candidate: Candidate, published: Mapping[date, CurrentPublication]
) -> Check | None:
    """Return a finding on keys that a neighbouring date published after the verdict; None if there are none.

    Only neighbours that changed since the verdict are read.
    """
    check, verdict = candidate.recheck, candidate.verdict
    if check is None or verdict is None or any(c.name == "unique_in_window" for c in verdict.failures):
        return None
    around = neighbour_dates(check.dataset, candidate.business_date, published)
    changed = [day for day, content in around.items() if verdict.compared_with.get(day) != content]
    if not changed:
        return None
    finding = find_published_keys(cursor, check.dataset, check.stagings, verdict.key_ranges, changed)
    return None if finding.passed else finding


def _replace_rows(
    platform: Platform, lake: LakeWriter, candidate: Candidate, current: CurrentPublication | None
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
    # The first reason of a provisional decision says why it is provisional.
    return provisional_reason(decision.reasons[0], request.reason)


def _advance_watermark(
    platform: Platform, lake: LakeWriter, publication: Publication, published: Mapping[date, CurrentPublication]
) -> date | None:
    """Store the watermark in the same transaction if it changed; return it if it advanced, else None.

    It is compared with the stored watermark, as the setting of the first business date may have changed. It goes back
    where that was set earlier: with the first date missing, to the day before it.
    """
    states = {day: current.state for day, current in published.items()}
    states[publication.business_date] = publication.state
    first = platform.first_date_of(publication.dataset)
    after = fold_watermark(first, states)
    stored, state = lake.watermark(publication.dataset)
    if after is None:
        if stored and stored >= first:
            before_first = first - timedelta(days=1)
            lake.set_watermark(publication.dataset, before_first, State.NOT_EXPECTED, now=publication.published_at)
        return None
    if (after, states[after]) != (stored, state):
        lake.set_watermark(publication.dataset, after, states[after], now=publication.published_at)
    return after if stored is None or after > stored else None


def _with_finding(verdict: Verdict, finding: Check, now: datetime) -> Verdict:
    checks = tuple(finding if c.name == finding.name else c for c in verdict.checks)
    return replace(verdict, checks=checks, decided_at=now)
