"""One business date as it lies in the landing zone, held against what is on record of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from settlement_platform.control.facts import Arrival, CurrentPublication
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.landing.arrival_history import find_superseded, latest_arrivals
from settlement_platform.control.landing.deliveries import DateDeliveries
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.date_lock import lock_date
from settlement_platform.pipeline.landing.land import LandedDeliveries, identify_recorded, land, list_deliveries
from settlement_platform.pipeline.landing.previous_sources import current_provisional, with_previous_sources
from settlement_platform.pipeline.platform import Platform, Request

_LOCK_SECONDS = 0.2
"""A date that a run is at work on is looked at again next time."""


@dataclass(frozen=True, kw_only=True)
class LandedDate:
    """One date as it lies in the landing zone; `landed` is None while a file of it is not on record."""

    inputs: DateDeliveries
    has_files: bool
    history: Sequence[Arrival]
    superseded: Mapping[str, str] = field(default_factory=dict)
    landed: LandedDeliveries | None = None

    @property
    def content_hash(self) -> str | None:
        """The identity of what is delivered; None while nothing is, or something is not on record."""
        return self.landed.content_hash if self.landed else None


def identify_date(
    dataset: Dataset, inputs: DateDeliveries, history: Sequence[Arrival], *, anything: bool
) -> LandedDate:
    """What is delivered, as far as the record knows it; versions older than one on record are left aside."""
    known = {a.signature: a for a in history}
    newest = latest_arrivals(history)
    overtaken = find_superseded(inputs, newest, known) if newest else {}
    kept = tuple(d for d in inputs.deliveries if d.source not in overtaken or d.signature in known)
    landed = identify_recorded(dataset, replace(inputs, deliveries=kept), known)
    return LandedDate(inputs=inputs, has_files=anything, history=history, superseded=overtaken, landed=landed)


def with_current_provisional(platform: Platform, found: LandedDate, standing: CurrentPublication | None) -> LandedDate:
    """The same with what a provisional cut holds of sources whose files are gone: the next cut has it too."""
    cut = current_provisional(platform.lake, standing, found.landed) if found.superseded else None
    if cut is None or found.landed is None:
        return found
    landed = with_previous_sources(platform.ledger, found.landed, cut, found.history)
    kept = {i.delivery.source for i in landed.landed if i.from_previous}
    overtaken = {source: why for source, why in found.superseded.items() if source not in kept}
    return replace(found, inputs=landed.inputs, landed=landed, superseded=overtaken)


def record_date(
    platform: Platform, dataset: Dataset, day: date, request: Request
) -> tuple[LandedDate, LandedDeliveries]:
    """Hash what is new of a date and put it on record, then look again: what changed meanwhile is not complete.

    Raises:
        TransientFailure: a run is at work on the date, or a file changed meanwhile.
    """
    with lock_date(platform.locks, dataset.name, day, timeout_seconds=_LOCK_SECONDS):
        land(platform, dataset, day, request).close()
        history = platform.ledger.arrivals(dataset.name, day, day)
        found = identify_date(dataset, list_deliveries(platform.landing, dataset, day), history, anything=True)
    if found.landed is None:
        message = f"{dataset.name} {day} changed while it was being read."
        raise TransientFailure(message, remedy="It is read again on the next try.")
    return found, found.landed
