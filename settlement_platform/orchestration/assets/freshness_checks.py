"""Whether every watermark is where readers were promised it, as a check on its asset.

Dagster's freshness policy asks when the watermark last advanced. While a backlog drains it advances all the time and is
still days behind; the check says that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from settlement_platform.control.timeliness.freshness import Freshness
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.orchestration.keys import watermark_key
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.pipeline.inspection.freshness import freshness_of
from settlement_platform.pipeline.platform import Platform

CHECK_NAME = "watermark_meets_target"


@dataclass(kw_only=True)
class ReportedFreshness:
    """What this process last reported of each watermark."""

    messages: dict[str, str] = field(default_factory=dict)


def freshness_check(declared: PublishedTable) -> dg.AssetChecksDefinition:
    """Executed by whoever clicks on it; the sensor that watches reports it whenever it changes."""
    name = declared.name

    @dg.asset_check(
        asset=watermark_key(name),
        name=CHECK_NAME,
        description=f"{name} is published without a gap through every business date whose target time has passed.",
    )
    def check(platform: PlatformResource) -> dg.AssetCheckResult:
        with platform.open() as stores:
            fresh = freshness_of(stores, declared, stores.clock())
        return dg.AssetCheckResult(**_check_fields(fresh))

    return check


def report_freshness(
    instance: dg.DagsterInstance, platform: Platform, declared: Sequence[PublishedTable], reported: ReportedFreshness
) -> None:
    """Report each watermark's check where it is another than the instance shows.

    Raises:
        TransientFailure: the lake did not answer.
    """
    for each in declared:
        judged = _check_fields(freshness_of(platform, each, platform.clock()))
        key = dg.AssetCheckKey(watermark_key(each.name), CHECK_NAME)
        known = reported.messages.get(each.name) or _shown(instance, key)
        if known != judged["description"]:
            evaluation = dg.AssetCheckEvaluation(asset_key=key.asset_key, check_name=key.name, **judged)
            instance.report_runless_asset_event(evaluation)
        reported.messages[each.name] = judged["description"]


def _check_fields(fresh: Freshness) -> dict[str, Any]:
    """How a check result and an evaluation word it: the words change with the watermark and with the outcome."""
    return {
        "passed": fresh.on_time,
        "severity": dg.AssetCheckSeverity.ERROR,
        "description": str(fresh.reasons[0]),
        "metadata": {"due": fresh.due.isoformat(), "due_at": dg.MetadataValue.timestamp(fresh.due_at)},
    }


def _shown(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> str:
    """What the check's latest evaluation says; nothing while a run that somebody clicked is at it."""
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    event = found.event.dagster_event if found and found.event else None
    return (event.asset_check_evaluation_data.description or "") if event else ""
