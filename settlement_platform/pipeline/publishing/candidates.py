"""Candidates for publishing: a dataset's staged date, or a date without rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from settlement_platform.control.facts import CurrentPublication, SourceUsed, Staging, State, Verdict
from settlement_platform.control.publishing.gate import (
    Action,
    Decision,
    DecisionInputs,
    decide_publication,
    decide_without_rows,
)
from settlement_platform.control.publishing.operator_overrides import NO_OVERRIDES, OperatorOverrides
from settlement_platform.control.publishing.restatement import Difference
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.publishing.measure_difference import Comparison, measure_difference
from settlement_platform.pipeline.publishing.publish import Candidate, Decide, NeighbourCheck
from settlement_platform.storage.lake.lake import Lake


def dataset_candidate(
    dataset: Dataset,
    business_date: date,
    content_hash: str,
    stagings: Sequence[Staging],
    verdict: Verdict | None,
    *,
    waiting: tuple[str, ...],
    inputs: DecisionInputs,
) -> Candidate:
    """Return the candidate of a dataset's staged date."""
    files = tuple(s.path for s in stagings if s.path and s.rows)
    required = dataset.required
    missing = tuple(name for name in required if name not in {s.source for s in stagings})
    return Candidate(
        name=dataset.name,
        business_date=business_date,
        content_hash=content_hash,
        decide=gate_decision(content_hash=content_hash, waiting=waiting, verdict=verdict, inputs=inputs),
        files=files,
        rows=sum(s.rows for s in stagings),
        sources=tuple(
            SourceUsed(
                source=s.source,
                key=s.key,
                sha256=s.data_sha256,
                bytes=s.data_bytes,
                rows=s.rows,
                control_sha256=s.control_sha256,
            )
            for s in stagings
        ),
        verdict=verdict,
        missing=missing,
        completeness=1 - len(missing) / len(required) if required else 1.0,
        compared=comparison_of(dataset),
        recheck=NeighbourCheck(dataset=dataset, stagings=tuple(stagings)),
    )


def with_difference(lake: Lake, candidate: Candidate, current: CurrentPublication | None) -> Candidate:
    """Return the candidate with its difference to the published rows, measured before the lake's lock is taken.

    Raises:
        TransientFailure: a store did not answer.
    """
    replaces = current is not None and current.rows and candidate.decide(current, None).action is Action.PUBLISH
    if current is None or candidate.compared is None or not replaces:
        return candidate
    with lake.cursor() as cursor:
        found = measure_difference(cursor, candidate.compared, candidate.business_date, candidate.files, current)
    return replace(candidate, difference=found)


def gate_decision(
    *, content_hash: str, waiting: tuple[str, ...], verdict: Verdict | None, inputs: DecisionInputs
) -> Decide:
    """Return the decision on a content with rows as a function of the current publication."""

    def decide(current: CurrentPublication | None, difference: Difference | None) -> Decision:
        return decide_publication(
            content_hash=content_hash,
            waiting=waiting,
            verdict=verdict,
            current=current,
            inputs=inputs,
            difference=difference,
        )

    return decide


def comparison_of(dataset: Dataset) -> Comparison:
    """Return the way to compare two generations of a dataset; the position of a row in its file does not count."""
    columns = tuple(name for name, _ in dataset.contract.published_columns if name != "source_row_number")
    digits = dataset.contract.decimal_columns.get(dataset.restating.measure, (0, 0)) if dataset.restating else (0, 0)
    return Comparison(
        table=dataset.name, key=dataset.key, columns=columns, policy=dataset.restating, measure_digits=digits
    )


def candidate_without_rows(
    name: str,
    business_date: date,
    state: State,
    reason: str,
    *,
    sources: tuple[SourceUsed, ...] = (),
    overrides: OperatorOverrides = NO_OVERRIDES,
    content_hash: str = "",
) -> Candidate:
    """Return the candidate of a date that is recorded as skipped or not expected."""

    def decide(current: CurrentPublication | None, difference: Difference | None) -> Decision:
        del difference
        return decide_without_rows(
            state=state, reason=reason, current=current, overrides=overrides, content_hash=content_hash
        )

    return Candidate(name=name, business_date=business_date, content_hash=content_hash, decide=decide, sources=sources)
