"""Asset checks that every watermark meets its target.

Dagster's freshness policy measures when the watermark last advanced. While a backlog drains, it advances all the time
and is still days behind: the check fails then. It also fails while a date of a mart is outdated.
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
    """The last message that this process reported for each watermark."""

    messages: dict[str, str] = field(default_factory=dict)


def freshness_check(declared: PublishedTable) -> dg.AssetChecksDefinition:
    """Return the check; a click executes it, and the alerts sensor reports it whenever it changes."""
    name = declared.name

    @dg.asset_check(
        asset=watermark_key(name),
        name=CHECK_NAME,
        description=(
            f"{name} is published without a gap through every business date whose target time has passed, "
            "and no date of it was built from an older generation of an input."
        ),
    )
    def check(platform: PlatformResource) -> dg.AssetCheckResult:
        with platform.open() as stores:
            fresh = freshness_of(stores, declared, stores.clock())
        return dg.AssetCheckResult(**_check_fields(fresh))

    return check


def report_freshness(
    instance: dg.DagsterInstance, platform: Platform, declared: Sequence[PublishedTable], reported: ReportedFreshness
) -> None:
    """Report each watermark's check where it differs from what the instance shows.

    Raises:
        TransientFailure: the lake did not answer.
    """
    for each in declared:
        fields = _check_fields(freshness_of(platform, each, platform.clock()))
        key = dg.AssetCheckKey(watermark_key(each.name), CHECK_NAME)
        known = reported.messages.get(each.name) or _shown(instance, key)
        if known != fields["description"]:
            evaluation = dg.AssetCheckEvaluation(asset_key=key.asset_key, check_name=key.name, **fields)
            instance.report_runless_asset_event(evaluation)
        reported.messages[each.name] = fields["description"]


def _check_fields(fresh: Freshness) -> dict[str, Any]:
    """Return the fields that a check result and an evaluation share."""
    return {
        "passed": fresh.is_kept,
        "severity": dg.AssetCheckSeverity.ERROR,
        "description": "; ".join(fresh.reasons),
        "metadata": {"due": fresh.due.isoformat(), "due_at": dg.MetadataValue.timestamp(fresh.due_at)},
    }


def _shown(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> str:
    """Return the description of the latest evaluation; empty while a run evaluates the check, or died before it."""
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    event = found.event.dagster_event if found and found.event else None
    evaluated = event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    return (event.asset_check_evaluation_data.description or "") if event and evaluated else ""
