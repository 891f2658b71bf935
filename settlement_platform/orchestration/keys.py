"""Keys of assets, and the partitions of business dates."""

from datetime import date

import dagster as dg


def landing_key(dataset: str) -> dg.AssetKey:
    """Return the key of the delivered files of a dataset."""
    return dg.AssetKey(["landing", dataset])


def staged_key(dataset: str) -> dg.AssetKey:
    """Return the key of the typed and validated rows of a dataset, which readers do not see."""
    return dg.AssetKey(["staged", dataset])


def published_key(name: str) -> dg.AssetKey:
    """Return the key of the published rows of a dataset or a mart."""
    return dg.AssetKey(["published", name])


def watermark_key(name: str) -> dg.AssetKey:
    """Return the key of the watermark of a dataset or a mart."""
    return dg.AssetKey(["watermark", name])


def business_dates(first: date) -> dg.DailyPartitionsDefinition:
    """Return the partitions from `first` to today, in UTC; today counts, since some sources settle on the same day."""
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), end_offset=1, timezone="UTC")


def dataset_keys(name: str) -> list[dg.AssetKey]:
    """Return the keys of a dataset that a run materializes."""
    return [staged_key(name), published_key(name)]


def mart_keys(name: str) -> list[dg.AssetKey]:
    """Return the key of a mart that a run materializes."""
    return [published_key(name)]
