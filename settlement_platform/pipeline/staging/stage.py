"""Stage: convert delivered sources to typed, immutable Parquet files, with the findings on their text."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

from settlement_platform.control.card_numbers import holds_card_number
from settlement_platform.control.facts import Check, Staging
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.landing.control_files import (
    ControlFile,
    UnreadableControlFile,
    find_disagreements,
    parse_control_file,
    recorded_totals,
)
from settlement_platform.control.reasons.reason import Reason
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
"""DuckDB truncates longer values in the statistics of a Parquet file, at 256 bytes."""


@dataclass(frozen=True, kw_only=True)
class _SourceStaging:
    platform: Platform
    dataset: Dataset
    business_date: date
    input: LandedSource
    request: Request


def stage(platform: Platform, landed: LandedDeliveries, request: Request, *, threads: int = 1) -> tuple[Staging, ...]:
    """Stage every delivered source of a date, on up to `threads` threads, and return one staging per source.

    A source that is already staged, with its file intact, is not staged again.

    Raises:
        TransientFailure: a delivery changed after it was hashed, or a store did not answer.
    """
    sources = [
        _SourceStaging(
            platform=platform, dataset=landed.dataset, business_date=landed.business_date, input=i, request=request
        )
        for i in landed.landed
    ]
    if threads == 1:
        return tuple(_stage_once(source) for source in sources)
    with ThreadPoolExecutor(threads, thread_name_prefix="source") as pool:
        return tuple(pool.map(_stage_once, sources))


def recorded_staging(platform: Platform, input_hash: str) -> Staging | None:
    """Return the record of staging this input, with the file's place in this home; None where there is none."""
    known = platform.ledger.staging(input_hash)
    return replace(known, path=platform.staging.locate(known.path)) if known else None


def _stage_once(task: _SourceStaging) -> Staging:
    known = recorded_staging(task.platform, task.input.input_hash)
    if known and task.platform.staging.is_intact(known.path, known.sha256):
        if task.input.received:
            task.input.received.close()
        return known
    if known and task.input.from_previous:
        return restage_previous(task.platform, known, task.request)
    began = task.platform.clock()
    received = task.input.received or task.platform.landing.receive(task.input.delivery.data, task.dataset.limits)
    try:
        _require_same_bytes(task.input.delivery.data.key, received.sha256, task.input.arrival.sha256)
        staging = _stage(task, received)
        if not received.is_unchanged():
            task.platform.staging.remove(staging.path)
            raise _changed(task.input.delivery.data.key)
    finally:
        received.close()
    write = write_fact(task.platform, task.request, staging.dataset, staging.business_date, staging.bytes, began=began)
    task.platform.ledger.append(staging, write)
    return staging


def _require_same_bytes(key: str, sha256: str, recorded: str) -> None:
    if sha256 != recorded:
        raise _changed(key)


def _changed(key: str) -> TransientFailure:
    remedy = "The next try reads the new version. If this repeats, deliver the file again."
    return TransientFailure(f"{key} changed after it was hashed.", remedy=remedy)


def _stage(task: _SourceStaging, received: ReceivedFile) -> Staging:
    control_file, control_checks = _read_control(task)
    readable = _readable_check(task, received)
    empty = Staging(
        dataset=task.dataset.name,
        business_date=task.business_date,
        source=task.input.delivery.source,
        key=task.input.delivery.data.key,
        input_hash=task.input.input_hash,
        data_sha256=received.sha256,
        control_sha256=task.input.arrival.control_sha256,
        data_bytes=received.bytes,
        path="",
        sha256="",
        bytes=0,
        rows=0,
        staged_at=task.platform.clock(),
        declared={"rows": control_file.rows, "totals": recorded_totals(control_file.totals)} if control_file else {},
        observations=(readable, *control_checks),
        run_id=task.request.run_id,
    )
    if not readable.passed:
        return empty
    header = read_header(received, task.dataset.contract.columns)
    staging = _with(empty, *header.checks(empty.key))
    return _stage_rows(task, received, header, staging) if header.usable else staging


def _readable_check(task: _SourceStaging, received: ReceivedFile) -> Check:
    key, name = task.input.delivery.data.key, "file_readable"
    fault = task.input.delivery.problem or received.text.fault
    if not fault:
        return Check(name=name, passed=True, message="valid UTF-8 text")
    line = f", line {received.text.fault_line}" if received.text.fault_line else ""
    # A problem of the delivery, and a limit, name their own remedy.
    remedy = "" if isinstance(fault, Reason) else " Deliver it as UTF-8 text, plain or gzip."
    return Check(name=name, passed=False, message=f"{key}{line}: {fault.removesuffix('.')}.{remedy}")


def _read_control(task: _SourceStaging) -> tuple[ControlFile | None, tuple[Check, ...]]:
    """Return the parsed control file (None if it is invalid), and the checks on it."""
    control = task.input.delivery.control
    received = task.input.control or task.platform.landing.receive_control(control)
    _require_same_bytes(control.key, received.sha256, task.input.arrival.control_sha256)
    names = ("control_file_readable", "control_file_agrees")
    try:
        control_file = parse_control_file(
            received.text,
            total_columns=task.dataset.control_totals,
            decimal_columns=task.dataset.contract.decimal_columns,
        )
    except UnreadableControlFile as error:
        return None, (Check(name=names[0], passed=False, message=f"{control.key}: {error}."),)
    found = find_disagreements(
        control_file,
        business_date=task.business_date,
        source=task.input.delivery.source,
        sha256=task.input.arrival.sha256,
    )
    message = f"{control.key}: {'; '.join(found)}" if found else "matches this file"
    return control_file, (
        Check(name=names[0], passed=True, message="valid control file"),
        Check(name=names[1], passed=not found, message=message),
    )


def _stage_rows(task: _SourceStaging, received: ReceivedFile, header: Header, staging: Staging) -> Staging:
    text = received.text
    # DuckDB silently drops a line that is longer than its buffer.
    suspicious = text.irregular or text.longest_line > MAX_RECORD_CHARACTERS
    strict = suspicious or ((text.has_quote or text.has_carriage_return) and needs_strict_reading(received.path))
    if strict and (fault := _structure_fault(received, header, staging.key)):
        return _with(staging, fault)
    source = TextSource(path=received.path, header=header, source=staging.source, business_date=staging.business_date)
    if text.ends_with_empty_line and len(header.names) == 1:
        # In a single column, DuckDB would read the last, empty line as a record.
        return _write_rewritten(task, received, source, staging)
    try:
        return _write_parquet(task, received, source, staging)
    except UnparsableText:
        if fault := _structure_fault(received, header, staging.key):
            return _with(staging, fault)
        return _write_rewritten(task, received, source, staging)


def _write_rewritten(task: _SourceStaging, received: ReceivedFile, text: TextSource, staging: Staging) -> Staging:
    """Write the Parquet file from a copy that any CSV reader can split."""
    rewritten = task.platform.workspace / f"plain-{received.path.stem}-{staging.input_hash[:12]}.csv"
    rewritten.parent.mkdir(parents=True, exist_ok=True)
    try:
        rewrite_quoted(received.path, rewritten)
        return _write_parquet(task, received, replace(text, path=rewritten), staging)
    except UnparsableText:
        message = f"{staging.key}: the CSV reader cannot split it into records. Deliver it with shorter records."
        return _with(staging, Check(name="records_well_formed", passed=False, message=message))
    finally:
        rewritten.unlink(missing_ok=True)


def _structure_fault(received: ReceivedFile, header: Header, key: str) -> Check | None:
    """Return the failed check of a strict, slow reading; None if every record is well formed, whatever DuckDB says."""
    count, faults = find_structure_faults(received.path, len(header.names))
    return structure_check(key, count, faults) if count else None


def _write_parquet(task: _SourceStaging, received: ReceivedFile, text: TextSource, staging: Staging) -> Staging:
    """Write the Parquet file, and check the values that became null."""
    with (
        task.platform.staging.draft(staging.dataset, staging.business_date, staging.source) as (draft, final),
        task.platform.lake.cursor() as cursor,
    ):
        with translate_errors(f"Staging {staging.key}", dependency="staging"):
            converted = convert_to_parquet(cursor, text, task.dataset.contract, draft)
            nulls, checks = value_checks(cursor, text, received, task.dataset.contract, converted, staging.key)
        sha256, size = task.platform.staging.finalize(draft, final)
    return replace(
        _with(staging, structure_check(staging.key, 0, ()), *checks),
        path=final,
        sha256=sha256,
        bytes=size,
        rows=converted.rows,
        null_counts=nulls,
        one_line_records=one_line_records(received, converted),
        key_range=_key_range(task.dataset, converted),
    )


def _key_range(dataset: Dataset, converted: ConvertedText) -> tuple[str, ...]:
    """Return the least and greatest key; empty where the statistics truncate it, or could show a card number."""
    kinds = {c.name: c.kind for c in dataset.contract.columns}
    found = converted.ranges.get(dataset.key[0], ())
    exact = all(len(value.encode()) < _EXACT_STATISTIC_BYTES and not holds_card_number(value) for value in found)
    return found if exact and kinds.get(dataset.key[0]) == "text" else ()


def _with(staging: Staging, *checks: Check) -> Staging:
    return replace(staging, observations=(*staging.observations, *checks))
