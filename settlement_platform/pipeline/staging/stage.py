"""Stage: one delivered source as typed, immutable Parquet, with everything that its text revealed."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

from settlement_platform.control.card_numbers import is_card_number
from settlement_platform.control.facts import Check, Staging
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.landing.control_files import (
    ControlFile,
    UnreadableControlFile,
    find_disagreements,
    parse_control_file,
)
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.landing.land import LandedDeliveries, LandedSource
from settlement_platform.pipeline.landing.previous_sources import restage_previous
from settlement_platform.pipeline.launching.write_throttle import write_fact
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.staging.csv_header import Header, read_header
from settlement_platform.pipeline.staging.csv_structure import (
    MAX_RECORD_CHARACTERS,
    find_structure_faults,
    needs_strict_reading,
    rewrite_quoted,
)
from settlement_platform.pipeline.staging.csv_to_parquet import (
    ConvertedText,
    TextSource,
    UnparsableText,
    convert_to_parquet,
)
from settlement_platform.pipeline.staging.findings import one_line_records, structure_check, value_checks
from settlement_platform.storage.errors import translate_errors
from settlement_platform.storage.landing.zone import ReceivedFile

_EXACT_STATISTIC_BYTES = 200
"""DuckDB cuts longer values in the statistics of a Parquet file, at 256 bytes."""


@dataclass(frozen=True, kw_only=True)
class _SourceStaging:
    platform: Platform
    dataset: Dataset
    business_date: date
    input: LandedSource
    request: Request


def stage(platform: Platform, landed: LandedDeliveries, request: Request, *, threads: int = 1) -> tuple[Staging, ...]:
    """Stage every delivered source of a date, on as many threads; what is staged and intact is not staged again.

    Raises:
        TransientFailure: a delivery changed since it was hashed, or a store did not answer.
    """
    works = [
        _SourceStaging(
            platform=platform, dataset=landed.dataset, business_date=landed.business_date, input=i, request=request
        )
        for i in landed.landed
    ]
    if threads == 1:
        return tuple(_stage_once(work) for work in works)
    with ThreadPoolExecutor(threads, thread_name_prefix="source") as pool:
        return tuple(pool.map(_stage_once, works))


def _stage_once(work: _SourceStaging) -> Staging:
    known = work.platform.ledger.staging(work.input.input_hash)
    if known and work.platform.staging.is_intact(known.path, known.sha256):
        if work.input.received:
            work.input.received.close()
        return known
    if known and work.input.from_previous:
        return restage_previous(work.platform, known, work.request)
    began = work.platform.clock()
    received = work.input.received or work.platform.landing.receive(work.input.delivery.data)
    try:
        _require_same_bytes(work.input.delivery.data.key, received.sha256, work.input.arrival.sha256)
        staging = _stage(work, received)
        if not received.is_unchanged():
            work.platform.staging.remove(staging.path)
            raise _changed(work.input.delivery.data.key)
    finally:
        received.close()
    write = write_fact(work.platform, work.request, staging.dataset, staging.business_date, staging.bytes, began=began)
    work.platform.ledger.append(staging, write)
    return staging


def _require_same_bytes(key: str, sha256: str, recorded: str) -> None:
    if sha256 != recorded:
        raise _changed(key)


def _changed(key: str) -> TransientFailure:
    remedy = "The next try takes it as it is then; if this comes again, deliver the file once more."
    return TransientFailure(f"{key} changed since it was hashed.", remedy=remedy)


def _stage(work: _SourceStaging, received: ReceivedFile) -> Staging:
    declaration, control_checks = _read_control(work)
    readable = _readable_check(work, received)
    empty = Staging(
        dataset=work.dataset.name,
        business_date=work.business_date,
        source=work.input.delivery.source,
        key=work.input.delivery.data.key,
        input_hash=work.input.input_hash,
        data_sha256=received.sha256,
        control_sha256=work.input.arrival.control_sha256,
        data_bytes=received.bytes,
        path="",
        sha256="",
        bytes=0,
        rows=0,
        staged_at=work.platform.clock(),
        declared={"rows": declaration.rows, "totals": declaration.totals} if declaration else {},
        observations=(readable, *control_checks),
        run_id=work.request.run_id,
    )
    if not readable.passed:
        return empty
    header = read_header(received, work.dataset.contract.columns)
    staging = _with(empty, *header.checks(empty.key))
    return _stage_rows(work, received, header, staging) if header.usable else staging


def _readable_check(work: _SourceStaging, received: ReceivedFile) -> Check:
    key, name = work.input.delivery.data.key, "file_readable"
    fault = work.input.delivery.problem or received.text.fault
    if not fault:
        return Check(name=name, passed=True, message="UTF-8 text")
    line = f", line {received.text.fault_line}" if received.text.fault_line else ""
    remedy = "" if work.input.delivery.problem else " Deliver it as UTF-8 text, plain or gzip."
    return Check(name=name, passed=False, message=f"{key}{line}: {fault.removesuffix('.')}.{remedy}")


def _read_control(work: _SourceStaging) -> tuple[ControlFile | None, tuple[Check, ...]]:
    """What the control file declares, and whether it can be read and speaks of this delivery."""
    control = work.input.delivery.control
    received = work.input.control or work.platform.landing.receive_control(control)
    _require_same_bytes(control.key, received.sha256, work.input.arrival.control_sha256)
    names = ("control_file_readable", "control_file_agrees")
    try:
        declaration = parse_control_file(received.text, total_columns=work.dataset.control_totals)
    except UnreadableControlFile as error:
        return None, (Check(name=names[0], passed=False, message=f"{control.key}: {error}."),)
    found = find_disagreements(
        declaration,
        business_date=work.business_date,
        source=work.input.delivery.source,
        sha256=work.input.arrival.sha256,
    )
    message = f"{control.key}: {'; '.join(found)}" if found else "speaks of exactly this file"
    return declaration, (
        Check(name=names[0], passed=True, message="readable"),
        Check(name=names[1], passed=not found, message=message),
    )


def _stage_rows(work: _SourceStaging, received: ReceivedFile, header: Header, staging: Staging) -> Staging:
    text = received.text
    # DuckDB leaves out, without a word, a line that is longer than all its buffer.
    doubtful = text.irregular or text.longest_line > MAX_RECORD_CHARACTERS
    checked = doubtful or ((text.has_quote or text.has_carriage_return) and needs_strict_reading(received.path))
    if checked and (fault := _structure_fault(received, header, staging.key)):
        return _with(staging, fault)
    plain = work.platform.workspace / f"plain-{received.path.stem}-{staging.input_hash[:12]}.csv"
    source = TextSource(path=received.path, header=header, source=staging.source, business_date=staging.business_date)
    try:
        return _write_parquet(work, received, source, staging)
    except UnparsableText:
        if fault := _structure_fault(received, header, staging.key):
            return _with(staging, fault)
        plain.parent.mkdir(parents=True, exist_ok=True)
        rewrite_quoted(received.path, plain)
        return _write_rewritten(work, received, replace(source, path=plain), staging)
    finally:
        plain.unlink(missing_ok=True)


def _write_rewritten(work: _SourceStaging, received: ReceivedFile, text: TextSource, staging: Staging) -> Staging:
    try:
        return _write_parquet(work, received, text, staging)
    except UnparsableText:
        message = f"{staging.key}: the CSV reader cannot make records of it. Deliver it with shorter records."
        return _with(staging, Check(name="records_well_formed", passed=False, message=message))


def _structure_fault(received: ReceivedFile, header: Header, key: str) -> Check | None:
    """What a strict and slow reading says of the records; DuckDB's word counts neither for nor against them."""
    count, faults = find_structure_faults(received.path, len(header.names))
    return structure_check(key, count, faults) if count else None


def _write_parquet(work: _SourceStaging, received: ReceivedFile, text: TextSource, staging: Staging) -> Staging:
    """Write the Parquet file and look closer at what became null."""
    with (
        work.platform.staging.draft(staging.dataset, staging.business_date, staging.source) as (draft, final),
        work.platform.lake.cursor() as cursor,
    ):
        with translate_errors(f"Staging {staging.key}", dependency="staging"):
            copied = convert_to_parquet(cursor, text, work.dataset.contract, draft)
            nulls, checks = value_checks(cursor, text, received, work.dataset.contract, copied, staging.key)
        sha256, size = work.platform.staging.finalize(draft, final)
    return replace(
        _with(staging, structure_check(staging.key, 0, ()), *checks),
        path=final,
        sha256=sha256,
        bytes=size,
        rows=copied.rows,
        null_counts=nulls,
        one_line_records=one_line_records(received, copied),
        key_range=_key_range(work.dataset, copied),
    )


def _key_range(dataset: Dataset, copied: ConvertedText) -> tuple[str, ...]:
    """Known where the statistics tell, which order text alone as text, cut what is long, and could name a card."""
    kinds = {c.name: c.kind for c in dataset.contract.columns}
    found = copied.ranges.get(dataset.key[0], ())
    exact = all(len(value.encode()) < _EXACT_STATISTIC_BYTES and not is_card_number(value) for value in found)
    return found if exact and kinds[dataset.key[0]] == "text" else ()


def _with(staging: Staging, *checks: Check) -> Staging:
    return replace(staging, observations=(*staging.observations, *checks))
