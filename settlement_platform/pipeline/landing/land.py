"""Land: see what has been delivered for a business date, hash what is new, and put arrivals on record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from settlement_platform.control.facts import Arrival
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.landing.arrival_history import latest_arrivals
from settlement_platform.control.landing.content_hash import canonical_sha256, content_hash, input_hash
from settlement_platform.control.landing.deliveries import (
    DateDeliveries,
    Delivery,
    choose_deliveries,
    without_superseded,
)
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.landing.zone import LandingZone, ReceivedControlFile, ReceivedFile


@dataclass(frozen=True, kw_only=True)
class LandedSource:
    """One source's delivery with its identity; `received` and `control` are set when it was read just now.

    `kept` says that its files are gone, and that what is published of them counts.
    """

    delivery: Delivery
    arrival: Arrival
    input_hash: str
    received: ReceivedFile | None = None
    control: ReceivedControlFile | None = None
    from_previous: bool = False


@dataclass(frozen=True, kw_only=True)
class LandedDeliveries:
    """All that has been delivered for a business date, and the identity of its content."""

    dataset: Dataset
    business_date: date
    inputs: DateDeliveries
    landed: tuple[LandedSource, ...]

    @cached_property
    def content_hash(self) -> str | None:
        """The identity of what is delivered so far; None while nothing is."""
        if not self.landed:
            return None
        return content_hash(
            dataset=self.dataset.name,
            business_date=self.business_date,
            inputs=[i.input_hash for i in self.landed],
        )

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """The record of each file that is delivered."""
        return tuple(i.arrival for i in self.landed)

    def close(self) -> None:
        """Remove the private copies of what was read."""
        _close(self.landed)


def list_deliveries(landing: LandingZone, dataset: Dataset, business_date: date) -> DateDeliveries:
    """What the landing zone holds for a business date, without reading any file."""
    landed = landing.list_date(business_date)
    return choose_deliveries(business_date, dataset.sources, landed)


def list_newer_deliveries(
    landing: LandingZone, dataset: Dataset, business_date: date, history: Iterable[Arrival]
) -> DateDeliveries:
    """The same without deliveries that are older than a version among the date's arrivals on record."""
    newest = {source: arrival.version for source, arrival in latest_arrivals(history).items()}
    return without_superseded(list_deliveries(landing, dataset, business_date), newest)


def land(platform: Platform, dataset: Dataset, business_date: date, request: Request) -> LandedDeliveries:
    """Identify every delivery of a business date; deliveries that are already on record are not read again.

    Raises:
        TransientFailure: a file changed while it was hashed, or a store did not answer.
    """
    arrivals = platform.ledger.arrivals(dataset.name, business_date, business_date)
    inputs = list_newer_deliveries(platform.landing, dataset, business_date, arrivals)
    known = {a.signature: a for a in arrivals}
    landed: list[LandedSource] = []
    try:
        for delivery in inputs.deliveries:
            arrival = known.get(delivery.signature)
            landed.append(
                _identified(dataset, business_date, delivery, arrival)
                if arrival
                else _read_source(platform, dataset, business_date, delivery, request.run_id)
            )
        new = [i for i in landed if i.received]
        _require_listed(platform.landing, business_date, new)
        if new:
            platform.ledger.append(*(i.arrival for i in new))
    except BaseException:
        _close(landed)
        raise
    return LandedDeliveries(dataset=dataset, business_date=business_date, inputs=inputs, landed=tuple(landed))


def _require_listed(landing: LandingZone, business_date: date, new: Sequence[LandedSource]) -> None:
    """What was read must be what was listed, or its bytes would be on record under another delivery's signature."""
    listed = {f.key: f for f in landing.list_date(business_date)} if new else {}
    for file in (f for i in new for f in (i.delivery.data, i.delivery.control)):
        if listed.get(file.key) != file:
            message = f"{file.key} changed while it was being read."
            raise TransientFailure(message, remedy="The next try takes it as it is then.", dependency="landing")


def _close(landed: Iterable[LandedSource]) -> None:
    for each in landed:
        if each.received:
            each.received.close()


def identify_recorded(
    dataset: Dataset, inputs: DateDeliveries, known: Mapping[str, Arrival]
) -> LandedDeliveries | None:
    """The same as `land` from the record alone; None while a delivery has not been read yet."""
    landed = []
    for delivery in inputs.deliveries:
        arrival = known.get(delivery.signature)
        if arrival is None:
            return None
        landed.append(_identified(dataset, inputs.business_date, delivery, arrival))
    return LandedDeliveries(dataset=dataset, business_date=inputs.business_date, inputs=inputs, landed=tuple(landed))


def _read_source(
    platform: Platform, dataset: Dataset, business_date: date, delivery: Delivery, run_id: str
) -> LandedSource:
    """Read both files, each once."""
    control = platform.landing.receive_control(delivery.control)
    received = platform.landing.receive(delivery.data)
    arrival = Arrival(
        dataset=dataset.name,
        business_date=business_date,
        source=delivery.source,
        key=delivery.data.key,
        version=delivery.version,
        sha256=received.sha256,
        bytes=received.bytes,
        control_key=delivery.control.key,
        control_sha256=control.sha256,
        signature=delivery.signature,
        observed_at=platform.clock(),
        run_id=run_id,
    )
    return replace(_identified(dataset, business_date, delivery, arrival), received=received, control=control)


def _identified(dataset: Dataset, business_date: date, delivery: Delivery, arrival: Arrival) -> LandedSource:
    identity = identity_of(dataset, business_date, arrival, problem=delivery.problem)
    return LandedSource(delivery=delivery, arrival=arrival, input_hash=identity)


def identity_of(dataset: Dataset, business_date: date, arrival: Arrival, *, problem: str = "") -> str:
    """The identity of an arrival under the dataset's contract, and under what makes it unacceptable, if anything."""
    contract = dataset.contract.fingerprint
    return input_hash(
        dataset=dataset.name,
        business_date=business_date,
        source=arrival.source,
        data_sha256=arrival.sha256,
        control_sha256=arrival.control_sha256,
        contract=canonical_sha256([contract, problem]) if problem else contract,
    )
