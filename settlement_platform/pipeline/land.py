"""Land: see what has been delivered for a business date, hash what is new, and put arrivals on record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from settlement_platform.control.content import content_hash, digest, input_hash
from settlement_platform.control.deliveries import DateInputs, Delivery, choose_deliveries, without_superseded
from settlement_platform.control.facts import Arrival
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.landing import Received


@dataclass(frozen=True, kw_only=True)
class LandedInput:
    """One source's delivery with its identity; `received` is set when it was read just now."""

    delivery: Delivery
    arrival: Arrival
    input_hash: str
    received: Received | None = None


@dataclass(frozen=True, kw_only=True)
class Landed:
    """All that has been delivered for a business date, and the identity of its content."""

    dataset: Dataset
    business_date: date
    inputs: DateInputs
    landed: tuple[LandedInput, ...]

    @property
    def content_hash(self) -> str | None:
        """The identity of what is delivered so far; None while nothing is."""
        if not self.landed:
            return None
        return content_hash(
            dataset=self.dataset.name,
            business_date=self.business_date,
            inputs=[i.input_hash for i in self.landed],
        )


def survey(platform: Platform, dataset: Dataset, business_date: date) -> DateInputs:
    """What the landing zone holds for a business date, without reading any file."""
    landed = platform.landing.list_date(business_date)
    return choose_deliveries(business_date, dataset.sources, landed)


def land(platform: Platform, dataset: Dataset, business_date: date, request: Request) -> Landed:
    """Identify every delivery of a business date; deliveries that are already on record are not read again.

    Raises:
        TransientFailure: a file changed while it was hashed, or a store did not answer.
    """
    arrivals = platform.ledger.arrivals(dataset.name, business_date, business_date)
    inputs = without_superseded(survey(platform, dataset, business_date), newest_versions(arrivals))
    known = {a.signature: a for a in arrivals}
    landed = tuple(
        _identify(platform, dataset, business_date, delivery, known.get(delivery.signature), request.run_id)
        for delivery in inputs.deliveries
    )
    new = [i.arrival for i in landed if i.arrival.signature not in known]
    if new:
        platform.ledger.append(*new)
    return Landed(dataset=dataset, business_date=business_date, inputs=inputs, landed=landed)


def newest_versions(arrivals: Iterable[Arrival]) -> dict[str, int]:
    """Per source, the highest version that ever arrived."""
    newest: dict[str, int] = {}
    for arrival in arrivals:
        newest[arrival.source] = max(arrival.version, newest.get(arrival.source, 0))
    return newest


def identify_known(dataset: Dataset, inputs: DateInputs, known: Mapping[str, Arrival]) -> Landed | None:
    """The same as `land` from the record alone; None while a delivery has not been read yet."""
    landed = []
    for delivery in inputs.deliveries:
        arrival = known.get(delivery.signature)
        if arrival is None:
            return None
        landed.append(_input(dataset, inputs.business_date, delivery, arrival, None))
    return Landed(dataset=dataset, business_date=inputs.business_date, inputs=inputs, landed=tuple(landed))


def _identify(
    platform: Platform,
    dataset: Dataset,
    business_date: date,
    delivery: Delivery,
    known: Arrival | None,
    run_id: str,
) -> LandedInput:
    if known:
        return _input(dataset, business_date, delivery, known, None)
    received = platform.landing.receive(delivery.data)
    arrival = Arrival(
        dataset=dataset.name,
        business_date=business_date,
        source=delivery.source,
        key=delivery.data.key,
        version=delivery.version,
        sha256=received.sha256,
        bytes=delivery.data.bytes,
        control_key=delivery.control.key,
        control_sha256=platform.landing.sha256(delivery.control),
        signature=delivery.signature,
        observed_at=platform.clock(),
        run_id=run_id,
    )
    return _input(dataset, business_date, delivery, arrival, received)


def _input(
    dataset: Dataset, business_date: date, delivery: Delivery, arrival: Arrival, received: Received | None
) -> LandedInput:
    identity = identity_of(dataset, business_date, arrival, problem=delivery.problem)
    return LandedInput(delivery=delivery, arrival=arrival, input_hash=identity, received=received)


def identity_of(dataset: Dataset, business_date: date, arrival: Arrival, *, problem: str = "") -> str:
    """The identity of an arrival under the dataset's contract, and under what makes it unacceptable, if anything."""
    contract = dataset.contract.fingerprint
    return input_hash(
        dataset=dataset.name,
        business_date=business_date,
        source=arrival.source,
        data_sha256=arrival.sha256,
        control_sha256=arrival.control_sha256,
        contract=digest([contract, problem]) if problem else contract,
    )
