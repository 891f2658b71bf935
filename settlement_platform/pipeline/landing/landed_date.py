"""One business date in the landing zone, compared with the recorded arrivals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from settlement_platform.control.facts import Arrival, CurrentPublication, OperatorAction
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.landing.arrival_history import find_superseded_files, latest_arrivals
from settlement_platform.control.landing.deliveries import DateDeliveries
from settlement_platform.control.publishing.operator_overrides import NO_OVERRIDES, OperatorOverrides, fold_overrides
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.date_lock import lock_date
from settlement_platform.pipeline.landing.land import LandedDeliveries, identify_recorded, land, list_deliveries
from settlement_platform.pipeline.landing.older_contracts import JudgedDeliveries
from settlement_platform.pipeline.landing.previous_sources import current_provisional, with_previous_sources
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.ledger.ledger import Ledger

_LOCK_SECONDS = 0.2
"""A date that a run is processing is read at the next scan."""


FEW_DATES = 10
"""Up to so many dates are read one by one."""


def arrivals_by_date(ledger: Ledger, dataset: str, days: Sequence[date]) -> Mapping[date, list[Arrival]]:
    """Return the recorded arrivals of these dates."""
    ranges = [(day, day) for day in days] if len(days) <= FEW_DATES else [(min(days), max(days))]
    found: dict[date, list[Arrival]] = {}
    for first, last in ranges:
        for arrival in ledger.arrivals(dataset, first, last):
            found.setdefault(arrival.business_date, []).append(arrival)
    return found


@dataclass(frozen=True, kw_only=True)
class LandedDate:
    """One date in the landing zone; `landed` is None while a file of it is not on record."""

    inputs: DateDeliveries
    has_files: bool
    history: Sequence[Arrival]
    superseded: Mapping[str, str] = field(default_factory=dict)
    landed: LandedDeliveries | None = None

    @property
    def content_hash(self) -> str | None:
        """The identity of the deliveries; None while there are none, or one is not on record."""
        return self.landed.content_hash if self.landed else None

    def overrides(self, actions: Sequence[OperatorAction]) -> OperatorOverrides:
        """Return the effect of the dataset's actions on this date."""
        if not actions:
            return NO_OVERRIDES
        same = self.landed.same_contents if self.landed else {}
        return fold_overrides(actions, self.inputs.business_date, same_contents=same)


def identify_date(
    dataset: Dataset, inputs: DateDeliveries, history: Sequence[Arrival], *, anything: bool
) -> LandedDate:
    """Return the date's deliveries with their recorded arrivals, without versions older than a recorded one."""
    known = {a.signature: a for a in history}
    newest = latest_arrivals(history)
    superseded = find_superseded_files(inputs, newest, known) if newest else {}
    remaining = tuple(d for d in inputs.deliveries if d.source not in superseded or d.signature in known)
    landed = identify_recorded(dataset, replace(inputs, deliveries=remaining), known)
    return LandedDate(inputs=inputs, has_files=anything, history=history, superseded=superseded, landed=landed)


def _with_current_provisional(platform: Platform, found: LandedDate, current: CurrentPublication | None) -> LandedDate:
    """Return the date with the published rows of missing sources, if a provisional publication has them."""
    provisional = current_provisional(platform.lake, current, found.landed) if found.superseded else None
    if provisional is None or found.landed is None:
        return found
    landed = with_previous_sources(platform.ledger, found.landed, provisional, found.history)
    remaining = {i.delivery.source for i in landed.landed if i.from_previous}
    superseded = {source: why for source, why in found.superseded.items() if source not in remaining}
    return replace(found, inputs=landed.inputs, landed=landed, superseded=superseded)


@dataclass(frozen=True, kw_only=True)
class ScanContext:
    """A dataset with its current publications and operators' actions at the moment of the scan."""

    platform: Platform
    dataset: Dataset
    request: Request
    now: datetime
    current_publications: Mapping[date, CurrentPublication]
    actions: Sequence[OperatorAction]
    judged: JudgedDeliveries

    def as_published(self, found: LandedDate) -> LandedDate:
        """Return a date as it is published, where readers see its deliveries already."""
        current = self.current_publications.get(found.inputs.business_date)
        found = _with_current_provisional(self.platform, found, current)
        return replace(found, landed=self.recognize(found.landed)) if found.landed else found

    def recognize(self, landed: LandedDeliveries) -> LandedDeliveries:
        """Return deliveries under the content that is published, where readers see them already."""
        return self.judged.recognize(landed, self.current_publications.get(landed.business_date), self.actions)


def record_date(
    platform: Platform, dataset: Dataset, day: date, request: Request
) -> tuple[LandedDate, LandedDeliveries]:
    """Hash and record the new files of a date, then list them again, as a file that changed meanwhile is incomplete.

    Raises:
        TransientFailure: a run is processing the date, or a file changed meanwhile.
    """
    with lock_date(platform.locks, dataset.name, day, timeout_seconds=_LOCK_SECONDS):
        land(platform, dataset, day, request).close()
        history = platform.ledger.arrivals(dataset.name, day, day)
        found = identify_date(dataset, list_deliveries(platform.landing, dataset, day), history, anything=True)
    if found.landed is None:
        message = f"{dataset.name} {day} changed while it was being read."
        raise TransientFailure(message, remedy="The next attempt reads it again.")
    return found, found.landed
