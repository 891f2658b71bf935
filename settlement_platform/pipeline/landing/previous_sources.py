"""Sources of a provisional publication whose files are missing since: the next one takes their published rows."""

from collections.abc import Iterable
from dataclasses import replace

from settlement_platform.control.facts import Arrival, CurrentPublication, Publication, SourceUsed, Staging, State
from settlement_platform.control.landing.deliveries import Delivery, LandedFile
from settlement_platform.control.reasons.landing import PUBLISHED_FILE_MISSING
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.pipeline.landing.land import LandedDeliveries, LandedSource, identity_of
from settlement_platform.pipeline.launching.write_throttle import write_fact
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.storage.engines.duckdb_engine import PARQUET_OPTIONS, quote_literal
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.lake.lake import Lake, published_rows
from settlement_platform.storage.ledger.ledger import Ledger


def current_provisional(
    lake: Lake, current: CurrentPublication | None, landed: LandedDeliveries | None
) -> Publication | None:
    """Return the current publication if it is provisional and the deliveries lack one of its sources; else None."""
    if current is None or current.state is not State.PROVISIONAL or landed is None or not landed.landed:
        return None
    day = current.business_date
    provisional = lake.publications(current.dataset, day, day).get(day)
    return (
        provisional
        if provisional and provisional.state is State.PROVISIONAL and missing_sources(landed, provisional)
        else None
    )


def with_previous_sources(
    ledger: Ledger, landed: LandedDeliveries, publication: Publication, history: Iterable[Arrival]
) -> LandedDeliveries:
    """Return the deliveries, completed by the published rows of missing sources whose arrival is on record."""
    arrivals = list(history)
    found = [
        _previous_source(ledger, landed, used, arrivals)
        for used in publication.sources
        if not _is_delivered(landed, used)
    ]
    previous = [each for each in found if each]
    sources = {each.delivery.source for each in previous}
    inputs = replace(
        landed.inputs,
        deliveries=(*landed.inputs.deliveries, *(each.delivery for each in previous)),
        waiting=tuple(w for w in landed.inputs.waiting if w.parameters["source"] not in sources),
    )
    return replace(landed, inputs=inputs, landed=(*landed.landed, *previous))


def missing_sources(landed: LandedDeliveries, publication: Publication) -> tuple[Reason, ...]:
    """Return a reason for each source that a publication has and the deliveries lack.

    Nothing less complete is published over it.
    """
    return tuple(
        PUBLISHED_FILE_MISSING(source=used.source, generation=publication.generation, key=used.key)
        for used in publication.sources
        if not _is_delivered(landed, used)
    )


def restage_previous(platform: Platform, known: Staging, request: Request) -> Staging:
    """Stage a source's published rows as a new file, as the lake took over the old one, and return the record of it.

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
    """Return a source as it is published; None if its arrival, or its staging under this contract, is unknown."""
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
