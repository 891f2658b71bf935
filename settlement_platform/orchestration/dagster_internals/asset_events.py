"""Dagster's private names for asset events: data versions, and results that are not logged again.

They stand alone because steps and reports of events, which use one each, may not import each other.
"""

# The data version of an event that was read, whichever kind of event it is.
# Replaced by a public property of `EventLogRecord`.
from dagster._core.definitions.data_version import extract_data_version_from_entry

# A step returns a result for an asset whose dates it has logged already; with this key Dagster logs nothing more.
# Replaced by a public way to end a step without another materialization.
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

__all__ = ["SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION", "extract_data_version_from_entry"]
