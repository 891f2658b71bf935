"""Build a mart's business date from published inputs, validate it, and publish it through the gate."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import duckdb

from settlement_platform.control.facts import AttemptStep, CurrentPublication, Publication, SourceUsed, State, Verdict
from settlement_platform.control.landing.content_hash import mart_content_hash
from settlement_platform.control.publishing.gate import Action, Decision, DecisionInputs
from settlement_platform.control.publishing.operator_overrides import NO_OVERRIDES, OperatorOverrides, fold_overrides
from settlement_platform.control.reasons.publishing import (
    ALREADY_PUBLISHED,
    BUILT_FROM_PROVISIONAL,
    INPUT_INCOMPLETE,
    INPUT_NOT_PUBLISHED,
    INPUT_PROVISIONAL,
)
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.attempt_log import AttemptLog
from settlement_platform.pipeline.date_lock import lock_date
from settlement_platform.pipeline.launching.write_throttle import wait_for_budget, write_fact
from settlement_platform.pipeline.marts.mart_checks import judge_mart
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.publishing.candidates import candidate_without_rows, gate_decision
from settlement_platform.pipeline.publishing.measure_difference import Comparison
from settlement_platform.pipeline.publishing.publish import Candidate, publish
from settlement_platform.pipeline.publishing.rejudging import record_confirmed
from settlement_platform.storage.engines.duckdb_engine import PARQUET_OPTIONS, quote_identifier, quote_literal
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import Lake, published_rows


@dataclass(frozen=True, kw_only=True)
class _Built:
    path: str
    bytes: int
    verdict: Verdict


def build_mart(platform: Platform, mart: Mart, business_date: date, request: Request) -> DateOutcome:
    """Build and publish one date; do nothing if the published date was built from the same content.

    Raises:
        TransientFailure: another try held the date for too long, an input was published again meanwhile, or a store
            did not answer.
    """
    with lock_date(platform.locks, mart.name, business_date):
        attempt = AttemptLog(platform=platform, dataset=mart.name, business_date=business_date, request=request)
        wait_for_budget(platform, mart.name, mart.write_limits, request)
        with attempt.step(AttemptStep.BUILD), platform.lake.snapshot() as cursor:
            candidate = _candidate(platform, cursor, mart, business_date, request)
        if isinstance(candidate, DateOutcome):
            return attempt.end(AttemptStep.BUILD, candidate)
        with attempt.step(AttemptStep.PUBLISH):
            outcome = publish(platform, candidate, request)
            if candidate.compared:
                overrides = fold_overrides(platform.ledger.actions(mart.name), business_date)
                outcome = record_confirmed(platform, outcome, overrides, request)
        return attempt.end(AttemptStep.PUBLISH, outcome)


def _candidate(
    platform: Platform, cursor: duckdb.DuckDBPyConnection, mart: Mart, business_date: date, request: Request
) -> Candidate | DateOutcome:
    """Return the candidate, or the outcome if nothing has to be built."""
    found = {
        name: platform.lake.publications(name, business_date, business_date, cursor=cursor).get(business_date)
        for name in mart.inputs
    }
    inputs = {name: p for name, p in found.items() if p}
    waiting = missing_inputs(mart, business_date, found)
    if waiting:
        return _outcome(mart, business_date, Decision(action=Action.WAIT, reasons=waiting), None)
    current = _current(platform.lake, mart, business_date, mart_content(mart, business_date, inputs))
    overrides = fold_overrides(platform.ledger.actions(mart.name), business_date)
    content = recognized_content(mart, business_date, inputs, current, overrides)
    if current and current.content_hash == content:
        reason = ALREADY_PUBLISHED(generation=current.generation)
        decision = Decision(action=Action.ALREADY_PUBLISHED, reasons=(reason,))
        return _outcome(mart, business_date, decision, content)
    empty = _state_without_rows(inputs)
    if empty:
        used = _used_sources(inputs)
        return candidate_without_rows(mart.name, business_date, *empty, sources=used, content_hash=content)
    built = _build(platform, cursor, mart, business_date, content, request)
    replaced = current if isinstance(current, Publication) else None
    candidate = _built_candidate(inputs, built, mart_decision_inputs(inputs, overrides, replaced))
    return replace(candidate, compared=_comparison(mart)) if content in overrides.rejudged else candidate


def _built_candidate(inputs: Mapping[str, Publication], built: _Built, gate_inputs: DecisionInputs) -> Candidate:
    """Return the candidate of a date's rows that were built from these publications."""
    verdict = built.verdict
    return Candidate(
        name=verdict.dataset,
        business_date=verdict.business_date,
        content_hash=verdict.content_hash,
        decide=gate_decision(
            content_hash=verdict.content_hash,
            waiting=describe_missing_inputs(inputs),
            verdict=verdict,
            inputs=gate_inputs,
        ),
        files=(built.path,) if verdict.rows else (),
        rows=verdict.rows,
        sources=_used_sources(inputs),
        verdict=verdict,
        missing=tuple(source for p in inputs.values() for source in p.missing),
        completeness=min((p.completeness for p in inputs.values()), default=1.0),
        made_of={name: p.generation for name, p in inputs.items()},
    )


def _current(lake: Lake, mart: Mart, business_date: date, content: str) -> CurrentPublication | None:
    """Return the current publication; the whole record where its content is another, to compare what it was made of."""
    known = lake.cached_publications(mart.name).get(business_date)
    if known is None or known.content_hash == content:
        return known
    return lake.publications(mart.name, business_date, business_date).get(business_date)


def _outcome(mart: Mart, business_date: date, decision: Decision, content: str | None) -> DateOutcome:
    return DateOutcome(dataset=mart.name, business_date=business_date, decision=decision, content_hash=content)


def missing_inputs(mart: Mart, business_date: date, inputs: Mapping[str, Publication | None]) -> tuple[str, ...]:
    """Return why a mart's date waits: inputs that are not published, or not complete."""
    missing = [
        INPUT_NOT_PUBLISHED(dataset=name, business_date=business_date) for name, p in inputs.items() if p is None
    ]
    if not mart.provisional:
        provisional = [n for n, p in inputs.items() if p and p.state is State.PROVISIONAL]
        missing += [
            INPUT_PROVISIONAL(dataset=name, business_date=business_date, mart=mart.name) for name in provisional
        ]
    return tuple(missing)


def describe_missing_inputs(inputs: Mapping[str, Publication]) -> tuple[str, ...]:
    """Return a reason for each input with missing sources."""
    return tuple(INPUT_INCOMPLETE(dataset=name, sources=p.missing) for name, p in inputs.items() if p.missing)


def mart_decision_inputs(
    inputs: Mapping[str, Publication], overrides: OperatorOverrides, replaced: Publication | None
) -> DecisionInputs:
    """Return the inputs of the decision on a mart's date, over the publication that it would replace.

    Of the operators' overrides only requests to build it again count: the others are on its inputs.
    """
    used = {source.key for source in replaced.sources} if replaced else set()
    moved = [p for name, p in inputs.items() if _input_key(name, p) not in used]
    return DecisionInputs(
        why_provisional=BUILT_FROM_PROVISIONAL() if describe_missing_inputs(inputs) else None,
        overrides=OperatorOverrides(rejudged=overrides.rejudged),
        follows_rollback=bool(moved) and all(p.state is State.ROLLED_BACK for p in moved),
    )


def _comparison(mart: Mart) -> Comparison:
    columns = tuple(name for name, _ in mart.published_columns)
    return Comparison(table=mart.name, key=mart.key, columns=columns, policy=None)


def _state_without_rows(inputs: Mapping[str, Publication]) -> tuple[State, str] | None:
    """Return state and reason if every input is skipped or not expected; else None."""
    states = {p.state for p in inputs.values()}
    if not states or not states <= {State.SKIPPED, State.NOT_EXPECTED}:
        return None
    state = State.SKIPPED if State.SKIPPED in states else State.NOT_EXPECTED
    return state, "; ".join(f"{name}: {p.reason}" for name, p in inputs.items())


def mart_content(mart: Mart, business_date: date, inputs: Mapping[str, CurrentPublication]) -> str:
    """Return the content hash of a mart's date over these publications of its inputs."""
    contents = {name: f"{p.generation}:{p.content_hash}" for name, p in inputs.items()}
    return mart_content_hash(mart=mart.name, business_date=business_date, inputs=contents, contract=mart.fingerprint)


def _used_sources(inputs: Mapping[str, Publication]) -> tuple[SourceUsed, ...]:
    return tuple(used_as_source(name, p) for name, p in inputs.items())


def recognized_content(
    mart: Mart,
    business_date: date,
    inputs: Mapping[str, CurrentPublication],
    current: CurrentPublication | None,
    overrides: OperatorOverrides = NO_OVERRIDES,
) -> str:
    """Return the content hash of a mart's date; that of its publication if it was built from the same inputs.

    A changed definition alone makes nothing outdated. Where an operator asked to build it again, today's hash counts.
    """
    content = mart_content(mart, business_date, inputs)
    if not isinstance(current, Publication) or current.content_hash == content or content in overrides.rejudged:
        return content
    used = {s.source: (s.generation, s.sha256) for s in current.sources}
    same = used == {name: (p.generation, p.content_hash) for name, p in inputs.items()}
    return current.content_hash if same else content


def _input_key(name: str, publication: CurrentPublication) -> str:
    """Return the key under which a mart's record names the publication of an input."""
    return f"published.{name}/{publication.business_date}#{publication.generation}"


def used_as_source(name: str, publication: Publication) -> SourceUsed:
    """Return an input's publication as a source of a mart; its `sha256` is the content hash."""
    return SourceUsed(
        source=name,
        key=_input_key(name, publication),
        sha256=publication.content_hash,
        bytes=sum(s.bytes for s in publication.sources),
        rows=publication.rows,
        generation=publication.generation,
    )


def _build(
    platform: Platform,
    cursor: duckdb.DuckDBPyConnection,
    mart: Mart,
    business_date: date,
    content: str,
    request: Request,
) -> _Built:
    began = platform.clock()
    with (
        platform.staging.draft(mart.name, business_date, "mart") as (draft, final),
        translate_errors(f"Building {mart.name} {business_date}", dependency="lake"),
    ):
        columns = ", ".join(
            f"{quote_identifier(n)}::{kind} AS {quote_identifier(n)}" for n, kind in mart.published_columns
        )
        inputs = ", ".join(f"{quote_identifier(n)} AS ({published_rows(n, business_date)})" for n in mart.inputs)
        cursor.execute(
            f"COPY (WITH {inputs} SELECT {columns} FROM ({mart.sql})) "
            f"TO {quote_literal(str(draft))} ({PARQUET_OPTIONS})"
        )
        rows, checks = judge_mart(cursor, mart, business_date, str(draft))
        _, size = platform.staging.finalize(draft, final)
    verdict = Verdict(
        dataset=mart.name,
        business_date=business_date,
        content_hash=content,
        checks=checks,
        decided_at=platform.clock(),
        rows=rows,
        run_id=request.run_id,
    )
    write = write_fact(platform, request, mart.name, business_date, size, began=began)
    platform.ledger.append(verdict, write)
    return _Built(path=final, bytes=size, verdict=verdict)
