"""Dagster's private names for backfills: their records, statuses and targets."""

# To launch a backfill on chosen dates: `instance.add_backfill` is public, and what it takes is not.
# Replaced by a public way to launch a backfill from Python; until then GraphQL would need a web server.
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.events import AssetKeyPartitionKey

# To say how far a backfill has got: its record holds the partitions requested, made and failed.
# Replaced by public counts on the record.
from dagster._core.execution.asset_backfill import AssetBackfillData

# To list, pause and cancel: `instance.get_backfills` and `update_backfill` are public, and their types are not.
# Replaced by public names of the record, its statuses and their filter.
from dagster._core.execution.backfill import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionsFilter,
    BulkActionStatus,
    PartitionBackfill,
)

# The web UI and GraphQL expect ids of this form. Replaced by the id that a public launch returns.
from dagster._core.utils import make_new_backfill_id

__all__ = [
    "BULK_ACTION_TERMINAL_STATUSES",
    "AssetBackfillData",
    "AssetGraphSubset",
    "AssetKeyPartitionKey",
    "BulkActionStatus",
    "BulkActionsFilter",
    "PartitionBackfill",
    "make_new_backfill_id",
]
