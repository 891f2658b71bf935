"""What a provisional cut holds of sources whose files are gone since: the next cut takes it from what is published."""

from collections.abc import Iterable
from dataclasses import replace

from settlement_platform.control.facts import Arrival, CurrentPublication, Publication, SourceUsed, Staging, State
from settlement_platform.control.landing.deliveries import Delivery, LandedFile
from settlement_platform.control.reasons.landing import PUBLISHED_FILE_MISSING
from settlement_platform.pipeline.landing.land import LandedDeliveries, LandedSource, identity_of
from settlement_platform.pipeline.launching.write_throttle import write_fact
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.engines.duckdb_engine import PARQUET_OPTIONS, quote_literal
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import Lake, published_rows
from settlement_platform.storage.ledger.ledger import Ledger


def current_provisional(
    lake: Lake, standing: CurrentPublication | None, landed: LandedDeliveries | None
) -> Publication | None:
    """The provisional cut beside which something is delivered that is not all of it; None where there is none."""
    if standing is None or standing.state is not State.PROVISIONAL or landed is None or not landed.landed:
        return None
    day = standing.business_date
    cut = lake.publications(standing.dataset, day, day).get(day)
    return cut if cut and cut.state is State.PROVISIONAL and missing_sources(landed, cut) else None


def with_previous_sources(
    ledger: Ledger, landed: LandedDeliveries, publication: Publication, history: Iterable[Arrival]
) -> LandedDeliveries:
    """What is delivered and, of the sources that are gone, what the cut holds, as far as the record knows it."""
    arrivals = list(history)
    found = [
        _previous_source(ledger, landed, used, arrivals)
        for used in publication.sources
        if not _is_delivered(landed, used)
    ]
    kept = [each for each in found if each]
    sources = {each.delivery.source for each in kept}
    inputs = replace(
        landed.inputs,
        deliveries=(*landed.inputs.deliveries, *(each.delivery for each in kept)),
        waiting=tuple(w for w in landed.inputs.waiting if w.partition(":")[0] not in sources),
    )
    return replace(landed, inputs=inputs, landed=(*landed.landed, *kept))


def missing_sources(landed: LandedDeliveries, publication: Publication) -> tuple[str, ...]:
    """Which sources a cut has that what is delivered lacks: nothing is published over it that is less complete."""
    return tuple(
        PUBLISHED_FILE_MISSING(source=used.source, generation=publication.generation, key=used.key)
        for used in publication.sources
        if not _is_delivered(landed, used)
    )


def restage_previous(platform: Platform, known: Staging, request: Request) -> Staging:
    """A source's published rows as a new staged file, as its own went into the lake: a path is never used twice.

    Raises:
        TransientFailure: a store did not answer.
    """
    began = platform.clock()
    draft = platform.staging.draft(known.dataset, known.business_date, known.source)
    rows = published_rows(known.dataset, known.business_date)
    query = f"{rows} AND source = {quote_literal(known.source)} ORDER BY source_row_number"
    with (
        draft as (temporary, final),
        translate_errors(f"Reading {known.key} as published", dependency="lake"),
        platform.lake.cursor() as cursor,
    ):
        cursor.execute(f"COPY ({query}) TO {quote_literal(str(temporary))} ({PARQUET_OPTIONS})")
        sha256, size = platform.staging.finalize(temporary, final)
    staged_at = platform.clock()
    staging = replace(known, path=final, sha256=sha256, bytes=size, staged_at=staged_at, run_id=request.run_id)
    write = write_fact(platform, request, known.dataset, known.business_date, size, began=began)
    platform.ledger.append(staging, write)
    return staging


def _is_delivered(landed: LandedDeliveries, used: SourceUsed) -> bool:
    return any(i.delivery.source == used.source for i in landed.landed)


def _previous_source(
    ledger: Ledger, landed: LandedDeliveries, used: SourceUsed, arrivals: list[Arrival]
) -> LandedSource | None:
    """A source as the cut holds it; None where the record, or the contract as it is now, does not know its file."""
    ours = [a for a in arrivals if (a.source, a.key, a.sha256) == (used.source, used.key, used.sha256)]
    if not ours:
        return None
    arrival = ours[-1]
    identity = identity_of(landed.dataset, landed.business_date, arrival)
    if ledger.staging(identity) is None:
        return None
    data = LandedFile(key=arrival.key, bytes=arrival.bytes, modified_at=arrival.observed_at)
    control = LandedFile(key=arrival.control_key, bytes=0, modified_at=arrival.observed_at)
    delivery = Delivery(source=arrival.source, version=arrival.version, data=data, control=control)
    return LandedSource(delivery=delivery, arrival=arrival, input_hash=identity, from_previous=True)
