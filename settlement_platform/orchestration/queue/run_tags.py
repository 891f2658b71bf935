"""Run tags: the service class, priority and limits that the queue applies to a run."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import dagster as dg

from settlement_platform.catalog import Catalog, load_catalog
from settlement_platform.control.queue.service_classes import (
    AGEING,
    CRITICALITIES,
    PRIORITIES,
    ServiceClass,
    SubmittedRun,
    classify,
)
from settlement_platform.control.timeliness.recompute_window import RECOMPUTE_WINDOW
from settlement_platform.orchestration.dagster_internals.runs import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
    PARTITION_NAME_TAG,
    SCHEDULE_NAME_TAG,
    SENSOR_NAME_TAG,
)
from settlement_platform.orchestration.tags import (
    BACKFILL_PRIORITY_TAG,
    CLASS_REASON_TAG,
    CLASS_TAG,
    COMMON,
    DATASET_SHARE_TAG,
    DATASET_TAG,
    DATE_TAG,
    MAINTENANCE_TAG,
    OPERATOR_TAG,
    OWNER_QUOTA_TAG,
    OWNER_TAG,
    PRIORITY_TAG,
    RESTATES_TAG,
    SLOTS_TAG,
    TABLE_TAG,
)

_MATERIALIZED_GROUPS = ("staged", "published")


def tag_run(run: dg.DagsterRun, *, parent: dg.DagsterRun | None, now: datetime) -> dict[str, str]:
    """Return the tags of a submitted run; `parent` is the run that it re-executes.

    They follow from the run itself. A class, priority or limit in its own tags is ignored, except for the priority
    that an operator gave its backfill.
    """
    launch, names = _submitted_run(run, parent), _names_of(run)
    classed = classify(launch, now=now, window=_window(names))
    tags = {
        CLASS_TAG: classed.service_class.value,
        CLASS_REASON_TAG: "; ".join([*classed.reasons, *_describe_others(names)]),
        PRIORITY_TAG: str(base_priority(run, classed.service_class)),
    }
    return tags | _tags_of_dataset(run, launch, names[0], classed.service_class) if names else tags | _slots(tags)


def base_priority(run: dg.DagsterRun, service_class: ServiceClass) -> int:
    """Return a run's priority before ageing: that of its class, or the one that an operator gave its backfill."""
    if service_class is ServiceClass.BACKFILL and BACKFILL_ID_TAG in run.tags:
        return backfill_priority(run.tags)
    return PRIORITIES[service_class] + CRITICALITIES.get(_criticality(_names_of(run)), 0)


def backfill_priority(tags: Mapping[str, str]) -> int:
    """Return a backfill's priority, at most the ageing limit; without a valid one, that of its class."""
    given = tags.get(BACKFILL_PRIORITY_TAG, "")
    return min(int(given), AGEING.ceiling) if given.isdecimal() else PRIORITIES[ServiceClass.BACKFILL]


def _slots(tags: Mapping[str, str]) -> dict[str, str]:
    return {} if tags[CLASS_TAG] == ServiceClass.FRESH else {SLOTS_TAG: COMMON}


def _tags_of_dataset(
    run: dg.DagsterRun, launch: SubmittedRun, name: str, service_class: ServiceClass
) -> dict[str, str]:
    declared = _catalog().find(name)
    owner = declared.owner if declared else "nobody"
    tags = {DATASET_TAG: name, OWNER_TAG: owner}
    if launch.first and launch.first == launch.last:
        tags[DATE_TAG] = f"{name}:{launch.first}"
    if _writes_table(run):
        tags[TABLE_TAG] = name
    if service_class is not ServiceClass.FRESH:
        tags |= {SLOTS_TAG: COMMON, DATASET_SHARE_TAG: name, OWNER_QUOTA_TAG: owner}
    return tags


def _submitted_run(run: dg.DagsterRun, parent: dg.DagsterRun | None) -> SubmittedRun:
    first, last = covered_dates(run.tags)
    repeated = parent.tags.get(CLASS_TAG) if parent else None
    return SubmittedRun(
        launched_by=_launched_by(run),
        first=first,
        last=last,
        backfill=run.tags.get(BACKFILL_ID_TAG, ""),
        action=run.tags.get(OPERATOR_TAG, ""),
        repeats=ServiceClass(repeated) if repeated in set(ServiceClass) else None,
        restates=run.tags.get(RESTATES_TAG) == "true",
        maintenance=run.tags.get(MAINTENANCE_TAG) == "true",
    )


def _launched_by(run: dg.DagsterRun) -> str:
    if run.parent_run_id:
        return f"a re-execution of {run.parent_run_id}"
    for tag, what in ((SCHEDULE_NAME_TAG, "schedule"), (SENSOR_NAME_TAG, "sensor"), (BACKFILL_ID_TAG, "backfill")):
        if tag in run.tags:
            return f"{what} {run.tags[tag]}"
    return "hand"


def covered_dates(tags: Mapping[str, str]) -> tuple[date | None, date | None]:
    """Return the first and the last business date in a run's tags; None where there is none."""
    only = tags.get(PARTITION_NAME_TAG, "")
    return (
        _date(tags.get(ASSET_PARTITION_RANGE_START_TAG, only)),
        _date(tags.get(ASSET_PARTITION_RANGE_END_TAG, only)),
    )


def _date(key: str) -> date | None:
    try:
        return date.fromisoformat(key)
    except ValueError:
        return None


def _names_of(run: dg.DagsterRun) -> Sequence[str]:
    """Return the datasets and marts of a run, datasets first."""
    if run.asset_selection:
        found = {key.path[-1] for key in run.asset_selection if key.path[0] in _MATERIALIZED_GROUPS}
    elif OPERATOR_TAG in run.tags:
        operations: Any = run.run_config.get("ops", {})
        found = {o["config"].get("dataset", "") for o in operations.values() if "config" in o} - {""}
    else:
        found = {run.tags[DATASET_TAG]} if DATASET_TAG in run.tags else set()
    order = {name: number for number, name in enumerate(_catalog().names)}
    return sorted(found, key=lambda name: (order.get(name, len(order)), name))


def _describe_others(names: Sequence[str]) -> list[str]:
    return [f"classified as {names[0]}; also makes {', '.join(names[1:])}"] if names[1:] else []


def _writes_table(run: dg.DagsterRun) -> bool:
    if run.asset_selection:
        return any(key.path[0] == "published" for key in run.asset_selection)
    return OPERATOR_TAG not in run.tags


def _window(names: Sequence[str]) -> timedelta:
    found = map(_catalog().find, names)
    return next((d.recompute_window for d in found if d), RECOMPUTE_WINDOW)


def _criticality(names: Sequence[str]) -> str:
    declared = _catalog().find(names[0]) if names else None
    return declared.criticality if declared else ""


@cache
def _catalog() -> Catalog:
    return load_catalog()
