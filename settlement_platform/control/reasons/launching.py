"""Reasons of launching: why a run is requested for a business date, or not yet."""

from settlement_platform.control.reasons.reason import ReasonTemplate

ALL_FILES_ARRIVED = ReasonTemplate("all_files_arrived", "all required files have arrived")
DELIVERY_CHANGED = ReasonTemplate("delivery_changed", "a delivery differs from generation {generation} ({state})")
EARLIER_FILES_REAPPEARED = ReasonTemplate(
    "earlier_files_reappeared",
    "earlier files were delivered again and differ from generation {generation} ({state})",
)
RECORDED_LATER = ReasonTemplate("recorded_later", "no file is expected: {closed}; recorded after {due}")
DATE_PAUSED = ReasonTemplate("date_paused", "paused by {actor} at {at}: {note}")


DATASET_PAUSED = ReasonTemplate("dataset_paused", "{dataset} is paused by {actor} at {at}: {note}")
BREAKER_BLOCKS = ReasonTemplate(
    "breaker_blocks",
    "the breaker of {kind} {name} is {state}",
    (" until {until:%Y-%m-%d %H:%M:%S} UTC", ": {reasons}"),
)
