"""Land: see what has been delivered for a business date, hash what is new, and put arrivals on record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from settlement_platform.control.facts import Arrival
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.landing.arrival_history import newest_on_record
from settlement_platform.control.landing.content_hash import content_hash, digest, input_hash
from settlement_platform.control.landing.deliveries import DateInputs, Delivery, choose_deliveries, without_superseded
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.landing.zone import Received, ReceivedControl


@dataclass(frozen=True, kw_only=True)
class LandedInput:
    """One source's delivery with its identity; `received` and `control` are set when it was read just now.

    `kept` says that its files are gone, and that what is published of them counts.
    """

    delivery: Delivery
    arrival: Arrival
    input_hash: str
    received: Received | None = None
    control: ReceivedControl | None = None
    kept: bool = False


@dataclass(frozen=True, kw_only=True)
class Landed:
    """All that has been delivered for a business date, and the identity of its content."""

    dataset: Dataset
    business_date: date
    inputs: DateInputs
    landed: tuple[LandedInput, ...]

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

    def release(self) -> None:
        """Remove the private copies of what was read."""
        _release(self.landed)


def survey(platform: Platform, dataset: Dataset, business_date: date) -> DateInputs:
    """What the landing zone holds for a business date, without reading any file."""
    landed = platform.landing.list_date(business_date)
    return choose_deliveries(business_date, dataset.sources, landed)


def survey_beside(platform: Platform, dataset: Dataset, business_date: date, history: Iterable[Arrival]) -> DateInputs:
    """The same without deliveries that are older than a version among the date's arrivals on record."""
    newest = {source: arrival.version for source, arrival in newest_on_record(history).items()}
    return without_superseded(survey(platform, dataset, business_date), newest)


def land(platform: Platform, dataset: Dataset, business_date: date, request: Request) -> Landed:
    """Identify every delivery of a business date; deliveries that are already on record are not read again.

    Raises:
        TransientFailure: a file changed while it was hashed, or a store did not answer.
    """
    arrivals = platform.ledger.arrivals(dataset.name, business_date, business_date)
    inputs = survey_beside(platform, dataset, business_date, arrivals)
    known = {a.signature: a for a in arrivals}
    landed: list[LandedInput] = []
    try:
        for delivery in inputs.deliveries:
            arrival = known.get(delivery.signature)
            landed.append(
                _input(dataset, business_date, delivery, arrival)
                if arrival
                else _receive(platform, dataset, business_date, delivery, request.run_id)
            )
        new = [i for i in landed if i.received]
        _make_sure_of(platform, business_date, new)
        if new:
            platform.ledger.append(*(i.arrival for i in new))
    except BaseException:
        _release(landed)
        raise
    return Landed(dataset=dataset, business_date=business_date, inputs=inputs, landed=tuple(landed))


def _make_sure_of(platform: Platform, business_date: date, new: Sequence[LandedInput]) -> None:
    """What was read must be what was listed, or its bytes would be on record under another delivery's signature."""
    listed = {f.key: f for f in platform.landing.list_date(business_date)} if new else {}
    for file in (f for i in new for f in (i.delivery.data, i.delivery.control)):
        if listed.get(file.key) != file:
            message = f"{file.key} changed while it was being read."
            raise TransientFailure(message, remedy="The next try takes it as it is then.", dependency="landing")


def _release(landed: Iterable[LandedInput]) -> None:
    for each in landed:
        if each.received:
            each.received.release()


def identify_known(dataset: Dataset, inputs: DateInputs, known: Mapping[str, Arrival]) -> Landed | None:
    """The same as `land` from the record alone; None while a delivery has not been read yet."""
    landed = []
    for delivery in inputs.deliveries:
        arrival = known.get(delivery.signature)
        if arrival is None:
            return None
        landed.append(_input(dataset, inputs.business_date, delivery, arrival))
    return Landed(dataset=dataset, business_date=inputs.business_date, inputs=inputs, landed=tuple(landed))


def _receive(platform: Platform, dataset: Dataset, business_date: date, delivery: Delivery, run_id: str) -> LandedInput:
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
    return replace(_input(dataset, business_date, delivery, arrival), received=received, control=control)


def _input(dataset: Dataset, business_date: date, delivery: Delivery, arrival: Arrival) -> LandedInput:
    identity = identity_of(dataset, business_date, arrival, problem=delivery.problem)
    return LandedInput(delivery=delivery, arrival=arrival, input_hash=identity)


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
