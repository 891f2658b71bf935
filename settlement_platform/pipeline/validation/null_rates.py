"""The check on empty fields: columns over their limit, and the first empty field of each."""

from collections.abc import Sequence

from settlement_platform.control.facts import Check, Sample, Staging
from settlement_platform.datasets.contract import Column
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.staging.csv_structure import MAX_SAMPLES
from settlement_platform.pipeline.validation.measures import describe_place, sample_of, staged_relation
from settlement_platform.storage.engines.duckdb_engine import quote_identifier
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import Lake


def null_rate_checks(lake: Lake, dataset: Dataset, stagings: Sequence[Staging]) -> list[Check]:
    """Return the check `null_rates` of every column against its threshold; none where no file could be read."""
    if not stagings:
        return []
    rows = sum(s.rows for s in stagings)
    faults: list[str] = []
    samples: list[Sample] = []
    highest = 0.0
    for column in dataset.contract.columns:
        empty = sum(s.null_counts.get(column.name, 0) for s in stagings)
        allowed = dataset.null_thresholds.get(column.name, 1.0) if column.nullable else 0.0
        rate = empty / rows if rows else 0.0
        highest = max(highest, rate - allowed)
        if rate > allowed:
            places = _first_empty_fields(lake, column, [s for s in stagings if s.null_counts.get(column.name)])
            samples += places
            faults.append(
                f"{column.name}: {empty:,} of {rows:,} fields are empty ({rate:.2%}, limit {allowed:.2%}); first: "
                f"{', '.join(describe_place(p) for p in places)}"
            )
    return [
        Check(
            name="null_rates",
            passed=not faults,
            message="; ".join(faults) or "every column is within its limit for empty fields",
            measured=f"{highest:.4f}",
            threshold="0 above threshold",
            samples=tuple(samples[:MAX_SAMPLES]),
        )
    ]


def _first_empty_fields(lake: Lake, column: Column, stagings: Sequence[Staging]) -> list[Sample]:
    """Return the first empty field of each file; only its file where unreadable values are null too."""
    name = quote_identifier(column.name)
    query = (
        f"SELECT source, min(source_row_number), count(*) FROM {staged_relation(stagings)} "
        f"WHERE {name} IS NULL GROUP BY 1"
    )
    with translate_errors("Finding empty fields", dependency="staging"), lake.cursor() as cursor:
        found = {source: (record, count) for source, record, count in cursor.execute(query).fetchall()}
    return [
        sample_of(stagings, staging.source, found[staging.source][0], column.name, None)
        if found[staging.source][1] == staging.null_counts[column.name]
        else Sample(key=staging.key, column=column.name)
        for staging in stagings
    ]
