"""Observations of arrivals on the landing asset, with checksums."""

from datetime import date

import dagster as dg

from settlement_platform.datasets.dataset import Dataset
from settlement_platform.orchestration.keys import landing_key
from settlement_platform.pipeline.landing.land import LandedDeliveries
from settlement_platform.pipeline.landing.scan import ScanResult


def observations(
    instance: dg.DagsterInstance, dataset: Dataset, scan: ScanResult, launched: set[date]
) -> list[dg.AssetObservation]:
    """Return observations of new arrivals, and of launched dates whose observation an earlier tick failed to report."""
    observed = dict(scan.arrived)
    for day in launched:
        landed = scan.requested.get(day)
        if landed and day not in observed and _last_observed(instance, dataset, day) != landed.content_hash:
            observed[day] = landed
    return [_observation(dataset, landed) for _, landed in sorted(observed.items()) if landed.content_hash]


def _last_observed(instance: dg.DagsterInstance, dataset: Dataset, day: date) -> str | None:
    key, partition = landing_key(dataset.name), day.isoformat()
    record = instance.get_latest_data_version_record(key, is_source=True, partition_key=partition)
    observation = record.asset_observation if record else None
    return observation.data_version if observation else None


def _observation(dataset: Dataset, landed: LandedDeliveries) -> dg.AssetObservation:
    sources = [
        dg.TableRecord(
            {
                "source": i.arrival.source,
                "key": i.arrival.key,
                "version": i.arrival.version,
                "bytes": i.arrival.bytes,
                "sha256": i.arrival.sha256,
            }
        )
        for i in landed.landed
    ]
    return dg.AssetObservation(
        landing_key(dataset.name),
        partition=landed.business_date.isoformat(),
        tags={"dagster/data_version": landed.content_hash or ""},
        metadata={
            "sources": dg.MetadataValue.table(sources),
            "complete": landed.inputs.complete,
            "waiting": "; ".join(landed.inputs.waiting) or "nothing",
        },
    )
