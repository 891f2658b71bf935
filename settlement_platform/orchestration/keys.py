"""The names of assets, partitions and groups."""

from datetime import date

import dagster as dg


def landing_key(dataset: str) -> dg.AssetKey:
    """What was delivered."""
    return dg.AssetKey(["landing", dataset])


def staged_key(dataset: str) -> dg.AssetKey:
    """What is typed and judged, invisible to readers."""
    return dg.AssetKey(["staged", dataset])


def published_key(name: str) -> dg.AssetKey:
    """What readers see of a dataset or a mart."""
    return dg.AssetKey(["published", name])


def watermark_key(name: str) -> dg.AssetKey:
    """How far it is complete."""
    return dg.AssetKey(["watermark", name])


def business_dates(first: date) -> dg.DailyPartitionsDefinition:
    """Every business date from `first` to today, in UTC; a date's own day counts, as some sources settle at once."""
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), end_offset=1, timezone="UTC")


def dataset_keys(name: str) -> list[dg.AssetKey]:
    """The assets of a dataset that a run materializes."""
    return [staged_key(name), published_key(name)]


def mart_keys(name: str) -> list[dg.AssetKey]:
    """The asset of a mart."""
    return [published_key(name)]
