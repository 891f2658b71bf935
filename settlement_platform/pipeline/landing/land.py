"""Land: list the deliveries of a business date, hash new files and record their arrivals."""

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
from settlement_platform.control.landing.delivery_hash import DeliveredFiles, delivery_hash
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.landing.zone import LandingZone, ReceivedControlFile, ReceivedFile


@dataclass(frozen=True, kw_only=True)
class LandedSource:
    """One source's delivery with its identity; `received` and `control` are set if it was read just now.

    `from_previous` says that its files are missing, and its published rows count instead.
    """

    delivery: Delivery
    arrival: Arrival
    input_hash: str
    received: ReceivedFile | None = None
    control: ReceivedControlFile | None = None
    from_previous: bool = False


@dataclass(frozen=True, kw_only=True)
class LandedDeliveries:
    """All deliveries of a business date, and the identity of their content.

    `published_as` is the content hash of the publication that shows them already, judged under an older contract.
    `confirmed` says that today's contract was found to give the same rows. `earlier_contents` are the contents under
    which operators acted on the same deliveries before.
    """

    dataset: Dataset
    business_date: date
    inputs: DateDeliveries
    landed: tuple[LandedSource, ...]
    published_as: str | None = None
    confirmed: bool = False
    earlier_contents: frozenset[str] = frozenset()

    @property
    def content_hash(self) -> str | None:
        """The identity of the deliveries so far; None while there are none."""
        return self.published_as or self.content_under_contract

    @cached_property
    def content_under_contract(self) -> str | None:
        """The identity of the deliveries under today's contract; None while there are none."""
        if not self.landed:
            return None
        return content_hash(
            dataset=self.dataset.name,
            business_date=self.business_date,
            inputs=[i.input_hash for i in self.landed],
        )

    @cached_property
    def delivery_hash(self) -> str:
        """The identity of the delivered files, whatever contract judges them."""
        files = (
            DeliveredFiles(
                source=i.arrival.source,
                data_sha256=i.arrival.sha256,
                control_sha256=i.arrival.control_sha256,
                problem=i.delivery.problem,
            )
            for i in self.landed
        )
        return delivery_hash(self.dataset.name, self.business_date, files)

    @property
    def older_contract(self) -> bool:
        """Return whether readers see these deliveries as an older contract judged them."""
        return self.published_as is not None and not self.confirmed

    @property
    def same_contents(self) -> Mapping[str, str]:
        """Return today's content hash for each earlier one of the same deliveries."""
        return dict.fromkeys(self.earlier_contents, self.content_hash or "")

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """The recorded arrival of each delivered file."""
        return tuple(i.arrival for i in self.landed)

    def close(self) -> None:
        """Remove the private copies of the files that were read."""
        _close(self.landed)


def list_deliveries(landing: LandingZone, dataset: Dataset, business_date: date) -> DateDeliveries:
    """Return the deliveries of a business date in the landing zone, without reading any file."""
    landed = landing.list_date(business_date)
    return choose_deliveries(business_date, dataset.sources, landed)


def list_newer_deliveries(
    landing: LandingZone, dataset: Dataset, business_date: date, history: Iterable[Arrival]
) -> DateDeliveries:
    """Return the deliveries of a business date without versions older than a recorded arrival."""
    newest = {source: arrival.version for source, arrival in latest_arrivals(history).items()}
    return without_superseded(list_deliveries(landing, dataset, business_date), newest)


def land(platform: Platform, dataset: Dataset, business_date: date, request: Request) -> LandedDeliveries:
    """Identify every delivery of a business date, and record new ones; recorded deliveries are not read again.

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
    """Raise if a file changed after listing: its bytes would be recorded under another delivery's signature."""
    listed = {f.key: f for f in landing.list_date(business_date)} if new else {}
    for file in (f for i in new for f in (i.delivery.data, i.delivery.control)):
        if listed.get(file.key) != file:
            message = f"{file.key} changed while it was being read."
            raise TransientFailure(message, remedy="The next attempt reads it again.", dependency="landing")


def _close(landed: Iterable[LandedSource]) -> None:
    for each in landed:
        if each.received:
            each.received.close()


def identify_recorded(
    dataset: Dataset, inputs: DateDeliveries, known: Mapping[str, Arrival]
) -> LandedDeliveries | None:
    """Return what `land` would return, from recorded arrivals alone; None while a delivery is not on record."""
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
    received = platform.landing.receive(delivery.data, dataset.limits)
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
    """Return the hash of an arrival, the dataset's contract and the problem of the delivery, if any."""
    contract = dataset.contract.fingerprint
    return input_hash(
        dataset=dataset.name,
        business_date=business_date,
        source=arrival.source,
        data_sha256=arrival.sha256,
        control_sha256=arrival.control_sha256,
        contract=canonical_sha256([contract, problem]) if problem else contract,
    )
