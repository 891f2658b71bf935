"""Checks of a dataset's declaration on its own: each fault is a reason that says what to change."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise

from settlement_platform.control.landing.deliveries import SourcePattern
from settlement_platform.control.policies import BreakerPolicy, Timeliness, VolumeTolerance
from settlement_platform.control.queue.write_budget import WriteLimits
from settlement_platform.control.reasons import declarations as faults
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reliability.circuit_breakers import DEPENDENCIES
from settlement_platform.control.roles import Roles
from settlement_platform.control.timeliness.calendars import Calendar
from settlement_platform.datasets.contract import Contract
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable

RECORD_TABLES = frozenset({"publications", "watermarks", "restatements", "restatement_effects"})
"""The platform's own tables and views beside the published ones."""

DATASET_CHECKS = frozenset(
    {
        "file_readable",
        "control_file_readable",
        "control_file_agrees",
        "columns_as_declared",
        "columns_added",
        "records_well_formed",
        "values_readable",
        "no_card_numbers",
        "rows_as_declared",
        "totals_as_declared",
        "null_rates",
        "minimum_rows",
        "business_date_is_partition",
        "unique_in_date",
        "unique_in_window",
        "volume_like_history",
    }
)
"""The checks that a verdict on any dataset has."""

_POLICIES = {
    "description": str,
    "timeliness": Timeliness,
    "calendar": Calendar,
    "volume": VolumeTolerance,
    "roles": Roles,
    "breaker": BreakerPolicy,
    "recompute_window": timedelta,
    "write_limits": WriteLimits,
}

_NAME = re.compile("[a-z][a-z0-9_]*")
_PLAIN = re.compile(r"[\w-][\w.-]*", re.ASCII)
_OWNER = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}|team:.+")
_CRITICALITY = re.compile(r"[A-Za-z0-9_.-]{1,63}")
_CHECK = re.compile("[A-Za-z0-9_]+")
_ADDED = ("source", "source_row_number")
_ROW_NUMBER_KEY = frozenset({"business_date", *_ADDED})
_AMOUNTS = ("BIGINT", "DECIMAL")
_DECIMALS = ("DECIMAL", "NUMERIC", "DEC")
_MOST_DECIMALS = 18
"""Of a restating measure: all datasets share the columns of effects, which keep 20 digits before the point."""


def check_dataset(dataset: Dataset) -> tuple[Reason, ...]:
    """Return every fault of a declaration that shows without running its SQL; empty if there is none."""
    return guarded(lambda: _dataset_faults(dataset))


def guarded(find: Callable[[], Iterable[Reason]]) -> tuple[Reason, ...]:
    """Return the faults that are found; an error on the way is a fault too, whatever it is."""
    try:
        return tuple(find())
    except Exception as error:  # noqa: BLE001 - a declaration is code, and can be wrong in every way
        return (faults.NOT_CHECKED(error=describe_error(error)),)


def describe_error(error: Exception) -> str:
    """Return the first line of an error with its type."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no message'}"


def compiled(declared: PublishedTable) -> Contract | Reason:
    """Return the contract of a dataset or a mart, or why there is none."""
    try:
        return declared.contract
    except Exception as error:  # noqa: BLE001 - rules are code of the declaration
        return faults.SCHEMA_NOT_COMPILED(error=describe_error(error))


def _dataset_faults(dataset: Dataset) -> Iterator[Reason]:
    yield from common_faults(dataset)
    yield from type_faults(dataset, _POLICIES)
    yield from _source_faults(dataset.sources)
    yield from _number_faults(dataset)
    contract = compiled(dataset)
    if isinstance(contract, Reason):
        yield contract
        return
    yield from _delivered_faults(dataset, contract)
    yield from _derived_faults(contract)
    yield from column_faults(contract.published_columns)
    yield from rule_faults(contract, DATASET_CHECKS)
    yield from _named_column_faults(dataset, dict(contract.published_columns))
    yield from _key_faults(dataset)


def common_faults(declared: PublishedTable) -> Iterator[Reason]:
    """Yield the faults of the fields that datasets and marts have in common."""
    name = declared.name
    if not _NAME.fullmatch(name):
        yield _invalid("name", name, "lower-case letters, digits and underscores, a letter first")
    if name in RECORD_TABLES or name in DEPENDENCIES:
        yield _invalid("name", name, "one that no store and no table of the platform has")
    if not _OWNER.fullmatch(declared.owner):
        yield _invalid("owner", declared.owner, "an e-mail address, or team: with a name")
    if not _CRITICALITY.fullmatch(declared.criticality):
        yield _invalid("criticality", declared.criticality, "one word")


def type_faults(declared: PublishedTable, types: Mapping[str, type]) -> Iterator[Reason]:
    """Yield the fields whose value is not of the type that they need."""
    for field, wanted in types.items():
        if not isinstance(value := getattr(declared, field), wanted):
            yield _invalid(field, value, f"a {wanted.__name__}")


def rule_faults(contract: Contract, taken: Collection[str]) -> Iterator[Reason]:
    """Yield the rules whose names cannot name a check, or are `taken` by a check of the platform."""
    for rule in contract.rules:
        if not _CHECK.fullmatch(rule.name):
            yield _invalid("the name of a check", rule.name, "letters, digits and underscores")
        if rule.name in taken:
            yield _invalid("the name of a check", rule.name, "one that no check of the platform has")


def column_faults(columns: Iterable[tuple[str, str]]) -> Iterator[Reason]:
    """Yield doubled names among published columns, and a business date that is missing or no date."""
    given = list(columns)
    for name, times in Counter(name.lower() for name, _ in given).items():
        if times > 1 and name in _ADDED:
            yield faults.COLUMN_ADDED_BY_PLATFORM(column=name)
        elif times > 1:
            yield faults.COLUMN_DOUBLED(column=name)
    found = dict(given).get("business_date")
    if found is None:
        yield faults.COLUMN_MISSING(column="business_date", expected="date")
    elif found != "DATE":
        yield faults.COLUMN_TYPE_UNFIT(column="business_date", sql_type=found, expected="date")


def unknown_columns(field: str, names: Iterable[str], columns: Mapping[str, str]) -> Iterator[Reason]:
    """Yield the names that are no columns, and those that are given twice."""
    given = list(names)
    for name in sorted({name for name in given if given.count(name) > 1}):
        yield faults.NAMED_TWICE(field=field, name=name)
    for name in dict.fromkeys(given):
        if name not in columns:
            yield faults.COLUMN_UNKNOWN(field=field, column=name, known=sorted(columns))


def unfit_amounts(field: str, names: Iterable[str], columns: Mapping[str, str]) -> Iterator[Reason]:
    """Yield the columns whose sum is not exact."""
    for name in dict.fromkeys(names):
        if name in columns and not columns[name].startswith(_AMOUNTS):
            yield faults.COLUMN_NOT_AN_AMOUNT(field=field, column=name, sql_type=columns[name])


def _invalid(field: str, value: object, expected: str) -> Reason:
    shown = value if isinstance(value, str | int | float) else str(value)
    return faults.FIELD_INVALID(field=field, value=shown, expected=expected)


def _delivered_faults(dataset: Dataset, contract: Contract) -> Iterator[Reason]:
    frame = dataset.schema.to_schema()
    for column in contract.columns:
        if column.kind == "float":
            expected = "int or dt.Decimal(p, s), which are exact"
            yield faults.COLUMN_TYPE_UNFIT(column=column.name, sql_type=column.sql_type, expected=expected)
        if not frame.columns[column.name].required:
            yield faults.COLUMN_OPTIONAL(column=column.name)
        if column.name == "business_date" and column.nullable:
            yield faults.COLUMN_TYPE_UNFIT(column=column.name, sql_type="nullable", expected="date, never null")


def _derived_faults(contract: Contract) -> Iterator[Reason]:
    for column in contract.derived:
        if not column.sql.strip() or not column.sql_type.strip():
            yield _invalid(f"the SQL or the type of {column.name}", "", "an expression and its type")
        elif column.sql_type.strip().upper().startswith(_DECIMALS) and column.name not in contract.decimal_columns:
            yield _invalid(f"the type of {column.name}", column.sql_type, "DECIMAL(digits, decimals)")


def _number_faults(dataset: Dataset) -> Iterator[Reason]:
    for field in ("totals_tolerance", "minimum_rows", "duplicate_window_days"):
        if (value := getattr(dataset, field)) < 0:
            yield _invalid(field, value, "0 or more")
    for column, threshold in dataset.null_thresholds.items():
        if not 0 <= threshold <= 1:
            yield _invalid(f"null_thresholds of {column}", threshold, "a share from 0 to 1")
    first = dataset.first_date
    if first is not None and (not isinstance(first, date) or isinstance(first, datetime)):
        yield _invalid("first_date", first, "a date")


def _named_column_faults(dataset: Dataset, columns: Mapping[str, str]) -> Iterator[Reason]:
    yield from unknown_columns("key", dataset.key, columns)
    yield from unknown_columns("control_totals", dataset.control_totals, columns)
    yield from unfit_amounts("control_totals", dataset.control_totals, columns)
    if dataset.control_totals:
        yield from unknown_columns("totals_by", [dataset.totals_by], columns)
    nullable = {c.name: c.nullable for c in dataset.contract.columns}
    yield from unknown_columns("null_thresholds", dataset.null_thresholds, nullable)  # type: ignore[arg-type]
    for name in dataset.null_thresholds:
        if nullable.get(name) is False:
            yield faults.COLUMN_NEVER_NULL(field="null_thresholds", column=name)
    if by := dataset.restating:
        yield from unknown_columns("restating", [by.measure, by.merchant, by.currency], columns)
        yield from unfit_amounts("restating", [by.measure], columns)
        decimals = dataset.contract.decimal_columns.get(by.measure, (0, 0))[1]
        if decimals > _MOST_DECIMALS:
            yield _invalid(
                f"the decimals of {by.measure}, the restating measure,", decimals, f"{_MOST_DECIMALS} or fewer"
            )


def _key_faults(dataset: Dataset) -> Iterator[Reason]:
    """Yield an empty key, and one that is a row's number without what tells files and dates apart."""
    if not dataset.key:
        yield _invalid("key", "", "the columns that tell rows apart")
    if "source_row_number" not in dataset.key or not _ROW_NUMBER_KEY.issuperset(dataset.key):
        return
    needed = {"source": len(dataset.sources) > 1, "business_date": dataset.duplicate_window_days > 0}
    missing = [name for name, is_needed in needed.items() if is_needed and name not in dataset.key]
    if missing:
        yield faults.KEY_IS_ROW_NUMBER(missing=missing)


def _source_faults(sources: Iterable[SourcePattern]) -> Iterator[Reason]:
    patterns = list(sources)
    if not patterns:
        yield _invalid("sources", "", "at least one")
    names = [p.source for p in patterns]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield faults.NAMED_TWICE(field="sources", name=name)
    for pattern in patterns:
        if not _PLAIN.fullmatch(pattern.source):
            yield _invalid("the name of a source", pattern.source, "letters, digits, dots, hyphens and underscores")
        elif not _is_listed(pattern):
            yield faults.STEM_NOT_LISTED(source=pattern.source, stem=pattern.stem)
    yield from _shared_stems([p for p in patterns if _is_listed(p)])


def _is_listed(pattern: SourcePattern) -> bool:
    """Return whether the landing zone lists the files of a stem: those in the folder of the date."""
    day = date(2026, 1, 2)
    try:
        folder, *parts = pattern.stem_for(day).split("/")
    except (KeyError, IndexError, ValueError):
        return False
    return folder == day.isoformat() and bool(parts) and all(_PLAIN.fullmatch(part) for part in parts)


def _shared_stems(patterns: Iterable[SourcePattern]) -> Iterator[Reason]:
    """Yield pairs of sources that would take each other's files, also as a later version."""
    stems = sorted((re.sub(r"\.[1-9][0-9]*$", "", p.stem_for(date(2026, 1, 2))), p.source, p.stem) for p in patterns)
    for (stem, source, shown), (other_stem, other, _) in pairwise(stems):
        if stem == other_stem and source != other:
            yield faults.STEM_SHARED(source=source, other=other, stem=shown)
