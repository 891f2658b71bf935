"""Validate: one verdict over a business date's staged content, in two narrow passes over its Parquet files."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from settlement_platform.control.facts import Check, CurrentPublication, Sample, Severity, Staging, Verdict
from settlement_platform.control.landing.control_files import add_totals, compare_totals
from settlement_platform.control.publishing.volume import judge_volume
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.staging.csv_structure import MAX_SAMPLES
from settlement_platform.pipeline.staging.findings import counted_check
from settlement_platform.pipeline.validation.check_catalog import STAGING_CHECKS, dataset_checks
from settlement_platform.pipeline.validation.duplicates import (
    key_ranges_of,
    neighbour_dates,
    unique_in_date,
    unique_in_window,
)
from settlement_platform.pipeline.validation.measures import Measures, measure, preview_rows, violating_rows
from settlement_platform.pipeline.validation.null_rates import null_rate_checks
from settlement_platform.storage.lake.lake import Lake


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What staged files show by themselves, whatever is published: rows, checks, and a few rows to look at."""

    rows: int
    checks: tuple[Check, ...]
    preview: str


def examine(lake: Lake, dataset: Dataset, business_date: date, stagings: Sequence[Staging]) -> Examination:
    """Measure and judge staged files; safe to do for several dates at once.

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
    """Judge a content, beside what is published, and put the verdict on record, bound to the content hash.

    Raises:
        TransientFailure: a store did not answer.
    """
    readable = [s for s in stagings if s.path]
    key_ranges = key_ranges_of(readable)
    standings = platform.lake.cached_publications(dataset.name)
    compared_with = neighbour_dates(dataset, business_date, standings)
    checks = {
        c.name: c
        for c in (
            *examined.checks,
            unique_in_window(platform, dataset, readable, key_ranges, compared_with),
            judge_volume(examined.rows, _history(dataset, business_date, standings), dataset.volume),
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
    message = "not judged: a file could not be read that far"
    return Check(name=name, passed=False, severity=Severity.WARN, message=message)


def _staging_checks(stagings: Iterable[Staging]) -> list[Check]:
    """One check per name over all sources that got as far as being asked."""
    by_name: dict[str, list[Check]] = defaultdict(list)
    for staging in stagings:
        for check in staging.observations:
            by_name[check.name].append(check)
    return [merge_checks(by_name[name]) for name in STAGING_CHECKS if name in by_name]


def merge_checks(checks: Sequence[Check]) -> Check:
    """Several outcomes of one check as one: it passed if all did."""
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
    """Rows and totals, held against what the control files declare; nothing where none could be read."""
    judged = [s for s in stagings if s.path and s.declared]
    if not judged:
        return []
    rows = [
        f"{s.key}: declared {s.declared['rows']:,} rows, has {s.rows:,}" for s in judged if s.declared["rows"] != s.rows
    ]
    totals = []
    for staging in judged:
        measured = measures.totals.get(staging.source, {})
        found: Sequence[str] = compare_totals(staging.declared["totals"], measured, tolerance=dataset.totals_tolerance)
        if count := measures.too_many_currencies.get(staging.source):
            found = [f"{count:,} different values of {dataset.totals_by}, which cannot all be right and are not summed"]
        totals += [f"{staging.key}: {difference}" for difference in found]
    declared = add_totals(s.declared["totals"] for s in judged)
    return [
        Check(
            name="rows_as_declared",
            passed=not rows,
            message="; ".join(rows) or "as declared",
            measured=str(sum(s.rows for s in judged)),
            threshold=str(sum(s.declared["rows"] for s in judged)),
        ),
        Check(
            name="totals_as_declared",
            passed=not totals,
            message="; ".join(totals[:8]) or f"agree in {len(declared)} currencies",
            measured=str(len(totals)),
            threshold=f"0 differences beyond {dataset.totals_tolerance} minor units",
        ),
    ]


def _rule_checks(
    lake: Lake, dataset: Dataset, business_date: date, stagings: Sequence[Staging], measures: Measures
) -> list[Check]:
    """The schema's value rules, the partition rule and the minimum of rows."""
    if not stagings:
        return []
    enough = measures.rows >= dataset.minimum_rows
    checks = [
        Check(
            name="minimum_rows",
            passed=enough,
            message=f"{measures.rows:,} rows",
            measured=str(measures.rows),
            threshold=str(dataset.minimum_rows),
        )
    ]
    descriptions = {rule.name: (rule.description, rule.column) for rule in dataset.contract.rules}
    descriptions["business_date_is_partition"] = (f"business_date must be {business_date}", "business_date")
    for name, count in measures.violations.items():
        description, column = descriptions[name]
        samples: tuple[Sample, ...] = ()
        if count:
            samples = violating_rows(lake, dataset, business_date, stagings, name, column)
        where = f"; first in {samples[0].key}, line {samples[0].line or '?'}" if samples else ""
        shown = f" ({samples[0].value!r})" if samples and samples[0].value is not None else ""
        message = f"{count:,} rows break: {description}{where}{shown}" if count else description
        checks.append(counted_check(name, count, message, samples))
    return checks


def _history(dataset: Dataset, business_date: date, standings: Mapping[date, CurrentPublication]) -> list[int]:
    """Rows of the same weekday in the weeks before, as published."""
    days = [business_date - timedelta(weeks=n) for n in range(1, dataset.volume.history_weeks + 1)]
    return [standings[day].rows for day in days if day in standings]
