"""Asset checks for validation rules: they display the verdict; the gate itself is in control/publishing/gate."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import dagster as dg

from settlement_platform.control.facts import Check, Severity
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.keys import published_key, staged_key
from settlement_platform.pipeline.marts.mart_checks import mart_checks
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.validation.check_catalog import dataset_checks

MAX_SHOWN_DATES = 60


def dataset_check_specs(dataset: Dataset) -> list[dg.AssetCheckSpec]:
    """Return one check per validation rule of a dataset."""
    return [
        dg.AssetCheckSpec(
            name=name, asset=staged_key(dataset.name), description=text, blocking=severity is Severity.ERROR
        )
        for name, (text, severity) in dataset_checks(dataset).items()
    ]


def mart_check_specs(mart: Mart) -> list[dg.AssetCheckSpec]:
    """Return one check per rule of a mart."""
    return [
        dg.AssetCheckSpec(name=name, asset=published_key(mart.name), description=text, blocking=True)
        for name, text in mart_checks(mart).items()
    ]


def check_results(
    outcome: Sequence[DateOutcome], selected: Mapping[str, dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Yield one result per selected check over all dates of the run, with a row per date, failures first."""
    verdicts = {c.business_date: _shown(c) for c in outcome if c.verdict}
    for name, key in selected.items():
        rows = [(day, check) for day, checks in verdicts.items() for check in checks if check.name == name]
        if rows:
            yield _result(key, sorted(rows, key=lambda row: (row[1].passed, row[0])))


def _shown(outcome: DateOutcome) -> tuple[Check, ...]:
    """Return the checks of a verdict; failures only warn where an operator published the date anyway."""
    checks = outcome.verdict.checks if outcome.verdict else ()
    if outcome.decision.action not in VISIBLE_ACTIONS:
        return checks
    return tuple(check if check.passed else replace(check, severity=Severity.WARN) for check in checks)


def _result(key: dg.AssetCheckKey, rows: Sequence[tuple[object, Check]]) -> dg.AssetCheckResult:
    failed = [(day, check) for day, check in rows if not check.passed]
    worst = rows[0][1]
    errors = any(check.severity is Severity.ERROR for _, check in failed)
    description = f"{failed[0][0]}: {failed[0][1].message}" if failed else worst.message
    if len(rows) > 1:
        description = f"{len(rows) - len(failed)} of {len(rows)} dates pass. {description}"
    table = [
        dg.TableRecord(
            {
                "business_date": str(day),
                "passed": check.passed,
                "measured": check.measured,
                "threshold": check.threshold,
                "message": check.message,
            }
        )
        for day, check in rows[:MAX_SHOWN_DATES]
    ]
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if errors else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={
            "measured": float(worst.measured) if worst.measured.isdigit() else worst.measured,
            "threshold": worst.threshold,
            "dates": dg.MetadataValue.table(table),
            "samples": dg.MetadataValue.table(_samples(failed)) if _samples(failed) else "none",
        },
    )


def _samples(failed: Sequence[tuple[object, Check]]) -> list[dg.TableRecord]:
    return [
        dg.TableRecord(
            {
                "business_date": str(day),
                "file": sample.key,
                "line": sample.line,
                "column": sample.column or "",
                "value": sample.value or "",
            }
        )
        for day, check in failed[:MAX_SHOWN_DATES]
        for sample in check.samples
    ]
