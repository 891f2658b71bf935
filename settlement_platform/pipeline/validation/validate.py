"""Validate: one verdict on a business date's staged content, in two narrow passes over its Parquet files."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from settlement_platform.control.facts import Check, CurrentPublication, Sample, Severity, Staging, Verdict
from settlement_platform.control.landing.control_files import add_totals, compare_totals, totals_on_record
from settlement_platform.control.publishing.volume import judge_volume
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.staging.csv_structure import MAX_SAMPLES
from settlement_platform.pipeline.staging.derived_columns import FailingRows
from settlement_platform.pipeline.staging.findings import counted_check, describe_violations, quantity
from settlement_platform.pipeline.validation.check_catalog import STAGING_CHECKS, dataset_checks
from settlement_platform.pipeline.validation.duplicates import (
    key_ranges_of,
    neighbour_dates,
    unique_in_date,
    unique_in_window,
)
from settlement_platform.pipeline.validation.measures import (
    Measures,
    describe_place,
    measure,
    preview_rows,
    sample_of,
    violating_rows,
)
from settlement_platform.pipeline.validation.null_rates import null_rate_checks
from settlement_platform.storage.lake.lake import Lake


@dataclass(frozen=True, kw_only=True)
class Examination:
    """The examination of staged files alone, independent of publications: rows, checks, and a preview in Markdown."""

    rows: int
    checks: tuple[Check, ...]
    preview: str


def examine(lake: Lake, dataset: Dataset, business_date: date, stagings: Sequence[Staging]) -> Examination:
    """Measure and check staged files; safe for several dates at once.

    Raises:
        TransientFailure: a store did not answer.
    """
    readable = [s for s in stagings if s.path]
    measures = measure(lake, dataset, business_date, readable)
    checks = (
        *_staging_checks(stagings),
        *_control_checks(dataset, stagings, measures),
        *null_rate_checks(lake, dataset, readable),
        *_rule_checks(lake, dataset, business_date, readable, measures),
        unique_in_date(lake, dataset, readable),
    )
    return Examination(rows=measures.rows, checks=checks, preview=preview_rows(lake, stagings))


def validate(
    platform: Platform,
    dataset: Dataset,
    business_date: date,
    content_hash: str,
    stagings: Sequence[Staging],
    examined: Examination,
    request: Request,
) -> Verdict:
    """Check a content against the publications around it, and record the verdict, bound to the content hash.

    Raises:
        TransientFailure: a store did not answer.
    """
    readable = [s for s in stagings if s.path]
    key_ranges = key_ranges_of(readable)
    publications = platform.lake.cached_publications(dataset.name)
    compared_with = neighbour_dates(dataset, business_date, publications)
    checks = {
        c.name: c
        for c in (
            *examined.checks,
            unique_in_window(platform, dataset, readable, key_ranges, compared_with),
            judge_volume(examined.rows, _history(dataset, business_date, publications), dataset.volume),
        )
    }
    verdict = Verdict(
        dataset=dataset.name,
        business_date=business_date,
        content_hash=content_hash,
        checks=tuple(checks.get(name, _not_evaluated(name)) for name in dataset_checks(dataset)),
        decided_at=platform.clock(),
        rows=examined.rows,
        compared_with=compared_with,
        key_ranges=key_ranges,
        run_id=request.run_id,
    )
    platform.ledger.append(verdict)
    return verdict


def _not_evaluated(name: str) -> Check:
    message = "not evaluated, because a file could not be read"
    return Check(name=name, passed=False, severity=Severity.WARN, message=message)


def _staging_checks(stagings: Iterable[Staging]) -> list[Check]:
    """Merge the checks of all sources that reached them, one per name."""
    by_name: dict[str, list[Check]] = defaultdict(list)
    for staging in stagings:
        for check in staging.observations:
            by_name[check.name].append(check)
    return [merge_checks(by_name[name]) for name in STAGING_CHECKS if name in by_name]


def merge_checks(checks: Sequence[Check]) -> Check:
    """Merge outcomes of one check: it passes if all do, and adds up the failed counts; samples are capped."""
    failed = [c for c in checks if not c.passed]
    if not failed:
        return checks[0]
    counts = [int(c.measured) for c in failed if c.measured.isdigit()]
    return Check(
        name=failed[0].name,
        passed=False,
        severity=failed[0].severity,
        message="; ".join(c.message for c in failed),
        measured=str(sum(counts)) if counts else "",
        threshold=failed[0].threshold,
        samples=tuple(s for c in failed for s in c.samples)[:MAX_SAMPLES],
    )


def _control_checks(dataset: Dataset, stagings: Sequence[Staging], measures: Measures) -> list[Check]:
    """Compare rows and totals with the control files; no checks where none could be read."""
    checkable = [s for s in stagings if s.path and s.declared]
    if not checkable:
        return []
    rows = [
        f"{s.key}: {quantity(s.rows, 'row')}, {s.declared['rows']:,} declared"
        for s in checkable
        if s.declared["rows"] != s.rows
    ]
    return [
        Check(
            name="rows_as_declared",
            passed=not rows,
            message="; ".join(rows) or "the row counts match the control files",
            measured=str(sum(s.rows for s in checkable)),
            threshold=str(sum(s.declared["rows"] for s in checkable)),
        ),
        _totals_check(dataset, checkable, measures),
    ]


def _totals_check(dataset: Dataset, stagings: Sequence[Staging], measures: Measures) -> Check:
    if not dataset.control_totals:
        message = "no control totals are declared for this dataset, so none are compared"
        return Check(name="totals_as_declared", passed=True, message=message)
    totals = []
    for staging in stagings:
        declared = totals_on_record(staging.declared["totals"])
        measured = measures.totals.get(staging.source, {})
        found: Sequence[str] = compare_totals(declared, measured, tolerance=dataset.totals_tolerance)
        if count := measures.too_many_currencies.get(staging.source):
            found = [f"{count:,} distinct values of {dataset.totals_by}, too many to be real; totals not compared"]
        totals += [f"{staging.key}: {difference}" for difference in found]
    currencies = add_totals(totals_on_record(s.declared["totals"]) for s in stagings)
    decimal = set(dataset.control_totals) & set(dataset.contract.decimal_columns)
    return Check(
        name="totals_as_declared",
        passed=not totals,
        message="; ".join(totals[:8]) or f"match in {len(currencies)} currencies",
        measured=str(len(totals)),
        threshold=f"0 differences beyond {dataset.totals_tolerance}{'' if decimal else ' minor units'}",
    )


def _rule_checks(
    lake: Lake, dataset: Dataset, business_date: date, stagings: Sequence[Staging], measures: Measures
) -> list[Check]:
    """Check the schema's value rules, the partition and the minimum number of rows."""
    if not stagings:
        return []
    enough = measures.rows >= dataset.minimum_rows
    checks = [
        Check(
            name="minimum_rows",
            passed=enough,
            message=quantity(measures.rows, "row"),
            measured=str(measures.rows),
            threshold=str(dataset.minimum_rows),
        )
    ]
    descriptions = {rule.name: (rule.description, rule.column) for rule in dataset.contract.rules}
    descriptions["business_date_is_partition"] = (f"business_date must be {business_date}", "business_date")
    for name, count in measures.violations.items():
        description, column = descriptions[name]
        if name in measures.failing:
            checks.append(_failing_rule_check(name, description, stagings, measures.failing[name]))
            continue
        samples: tuple[Sample, ...] = ()
        if count:
            samples = violating_rows(lake, dataset, business_date, stagings, name, column)
        message = f"{describe_violations(count, description)}{_describe_first(samples)}" if count else description
        checks.append(counted_check(name, count, message, samples))
    return checks


def _failing_rule_check(
    name: str, description: str, stagings: Sequence[Staging], failing: Mapping[str, FailingRows]
) -> Check:
    """Return the failed check of a rule that cannot be computed on some rows."""
    samples = [
        sample_of(stagings, source, record, None, None) for source, found in failing.items() for record, _ in found.rows
    ]
    least = "at least " if any(found.more for found in failing.values()) else ""
    message = f"cannot be computed on {least}{quantity(len(samples), 'row')}: {description}{_describe_first(samples)}"
    return counted_check(name, len(samples), message, samples[:MAX_SAMPLES])


def _describe_first(samples: Sequence[Sample]) -> str:
    if not samples:
        return ""
    value = f", {samples[0].value!r}" if samples[0].value is not None else ""
    return f"; first: {describe_place(samples[0])}{value}"


def _history(dataset: Dataset, business_date: date, publications: Mapping[date, CurrentPublication]) -> list[int]:
    """Return the published rows of the same weekday in the weeks before, the latest first."""
    days = [business_date - timedelta(weeks=n) for n in range(1, dataset.volume.history_weeks + 1)]
    return [publications[day].rows for day in days if day in publications]
