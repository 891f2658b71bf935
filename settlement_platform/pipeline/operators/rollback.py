"""Roll back: an older generation of one date, exactly as it was, as a new generation."""

from dataclasses import replace
from datetime import date
from typing import Any

from settlement_platform.control.facts import CurrentPublication, OperatorActionType, Publication, Staging
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.maintenance.retention import RETENTION
from settlement_platform.control.publishing.gate import Action, Decision, decide_rollback
from settlement_platform.control.publishing.operator_overrides import source_file_id
from settlement_platform.control.publishing.restatement import Difference
from settlement_platform.control.reasons import operators as refusals
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.date_lock import lock_date
from settlement_platform.pipeline.operators.authorization import authorize, pause_notice, record_action
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.publishing.candidates import comparison_of, with_difference
from settlement_platform.pipeline.publishing.publish import (
    Candidate,
    NeighbourCheck,
    publish,
    recheck_finding,
)
from settlement_platform.storage.engines.duckdb_engine import PARQUET_OPTIONS, quote_literal
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import published_rows
from settlement_platform.storage.lake.writer import find_snapshot


def roll_back(platform: Platform, dataset: Dataset, day: date, generation: int, request: Request) -> DateOutcome:
    """Publish an older generation of a date again; what it replaces is withdrawn until an operator says otherwise.

    A pause does not hold it up.

    Raises:
        ActionRefused: there is no such generation, it has no rows or is current already, another date has published one
            of its keys since, its rows have expired, or as `authorize`.
        TransientFailure: a store did not answer.
    """
    authorize(platform.members, dataset, OperatorActionType.ROLLBACK, request)
    with lock_date(platform.locks, dataset.name, day):
        history = platform.lake.history(dataset.name, day)
        current = history[-1] if history else None
        target = next((p for p in history if p.generation == generation), None)
        decision = decide_rollback(target=target, wanted=generation, current=current)
        if decision.action is not Action.PUBLISH or target is None or current is None:
            raise ActionRefused(
                refusals.NOT_ROLLED_BACK(dataset=dataset.name, business_date=day, reason="; ".join(decision.reasons))
            )
        next_one = history[history.index(target) + 1]
        candidate = with_difference(platform.lake, _candidate(platform, dataset, target, next_one), current)
        _refuse_taken_keys(platform, candidate)
        record_action(platform, dataset.name, OperatorActionType.ROLLBACK, day, request, _detail(current, target))
        outcome = publish(platform, candidate, request)
    return replace(outcome, paused=pause_notice(platform.ledger, dataset.name))


def _candidate(platform: Platform, dataset: Dataset, target: Publication, next_one: Publication) -> Candidate:
    def decide(current: CurrentPublication | None, difference: Difference | None) -> Decision:
        del difference
        return decide_rollback(target=target, wanted=target.generation, current=current)

    path = _restored(platform, dataset, target, next_one) if target.rows else ""
    return Candidate(
        name=dataset.name,
        business_date=target.business_date,
        content_hash=target.content_hash,
        decide=decide,
        files=(path,) if path else (),
        rows=target.rows,
        sources=target.sources,
        verdict=platform.lake.published_verdict(target),
        compared=comparison_of(dataset),
        recheck=NeighbourCheck(dataset=dataset, stagings=(_as_staged(target, path),)),
    )


def _refuse_taken_keys(platform: Platform, candidate: Candidate) -> None:
    """Before anything is on record: keys have to be unique whichever way a date is published."""
    with platform.lake.cursor() as cursor:
        finding = recheck_finding(cursor, candidate, platform.lake.current_publications(candidate.name))
    if finding:
        for path in candidate.files:
            platform.staging.remove(path)
        message = refusals.NOT_ROLLED_BACK(
            dataset=candidate.name, business_date=candidate.business_date, reason=finding.message
        )
        raise ActionRefused(message, remedy="Correct or roll back the date that has them now first.")


def _as_staged(target: Publication, path: str) -> Staging:
    """The restored file as the check of its keys takes it."""
    return Staging(
        dataset=target.dataset,
        business_date=target.business_date,
        source="",
        key=f"generation {target.generation}",
        input_hash="",
        data_sha256="",
        control_sha256="",
        data_bytes=0,
        path=path,
        sha256="",
        bytes=0,
        rows=target.rows,
        staged_at=target.published_at,
        one_line_records=False,
    )


def _restored(platform: Platform, dataset: Dataset, target: Publication, next_one: Publication) -> str:
    """The rows of a generation as a new file: a path is never used twice."""
    reading = f"Reading generation {target.generation} of {dataset.name} {target.business_date}"
    with (
        platform.lake.cursor() as cursor,
        platform.staging.draft(dataset.name, target.business_date, "rollback") as (draft, final),
        translate_errors(reading, dependency="lake"),
    ):
        snapshot = find_snapshot(cursor, target, next_one)
        if snapshot is None:
            raise _expired(target, next_one)
        rows = published_rows(dataset.name, target.business_date, snapshot=snapshot)
        cursor.execute(
            f"COPY ({rows} ORDER BY source, source_row_number) TO {quote_literal(str(draft))} ({PARQUET_OPTIONS})"
        )
        platform.staging.finalize(draft, final)
    return final


def _expired(target: Publication, next_one: Publication) -> ActionRefused:
    message = refusals.GENERATION_EXPIRED(
        dataset=target.dataset,
        business_date=target.business_date,
        generation=target.generation,
        replaced_on=next_one.published_at.date(),
        retention=RETENTION.description,
    )
    return ActionRefused(message, remedy="Deliver its files again as a correction; the landing zone has them.")


def _detail(current: Publication, target: Publication) -> dict[str, Any]:
    ours, others = _files(target), _files(current)
    return {
        "content_hash": current.content_hash,
        "restored": target.content_hash,
        "from": current.generation,
        "to": target.generation,
        "withdrawn_files": sorted(others - ours),
        "restored_files": sorted(ours),
    }


def _files(publication: Publication) -> set[str]:
    return {source_file_id(used.source, used.sha256) for used in publication.sources}
