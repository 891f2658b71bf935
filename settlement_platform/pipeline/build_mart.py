"""Build a mart's business date from published inputs only, judge it, and publish it through the same door."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from settlement_platform.control.content import mart_content_hash
from settlement_platform.control.facts import Check, Publication, SourceUsed, Standing, Verdict
from settlement_platform.control.publishing import Decision, Move
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.concluded import DATE_LOCK_TIMEOUT_SECONDS, Concluded
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.publish import Candidate, publish
from settlement_platform.storage.engine import identifier, literal
from settlement_platform.storage.errors import judged

_PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2"


@dataclass(frozen=True, kw_only=True)
class _Built:
    path: str
    bytes: int
    verdict: Verdict


def mart_checks(mart: Mart) -> dict[str, str]:
    """Every check that a verdict on the mart holds, with what it demands."""
    checks = {
        "unique_key": f"No {', '.join(mart.key)} occurs twice on the date.",
        "no_nulls": "No column that must have a value lacks one.",
        "reconciles_with_input": f"{', '.join(mart.reconciles)} add up to exactly what the input holds.",
    }
    return checks | {rule.name: f"In every row {rule.description}." for rule in mart.contract.rules}


def build_mart(platform: Platform, mart: Mart, business_date: date, request: Request) -> Concluded:
    """Build and publish one date; does nothing when the published date was built from the same content.

    Raises:
        TransientFailure: another try held the date for too long, or a store did not answer.
    """
    lock = f"{mart.name}-{business_date}"
    with platform.locks.hold(lock, timeout_seconds=DATE_LOCK_TIMEOUT_SECONDS):
        inputs = {
            n: platform.lake.publications(n, business_date, business_date).get(business_date) for n in mart.inputs
        }
        missing = tuple(f"{name}: {business_date} is not published" for name, p in inputs.items() if p is None)
        published = {name: p for name, p in inputs.items() if p}
        content = content_of(mart, business_date, published)
        if missing:
            decision = Decision(move=Move.WAIT, reasons=missing)
            return Concluded(dataset=mart.name, business_date=business_date, decision=decision, content_hash=None)
        current = platform.lake.remembered_standings(mart.name).get(business_date)
        if current and current.content_hash == content:
            reason = f"generation {current.generation} already holds exactly this content"
            return Concluded(
                dataset=mart.name,
                business_date=business_date,
                decision=Decision(move=Move.ALREADY_PUBLISHED, reasons=(reason,)),
                content_hash=content,
            )
        return _build_and_publish(platform, mart, business_date, published, content, request)


def content_of(mart: Mart, business_date: date, inputs: Mapping[str, Standing]) -> str:
    """The identity of a mart's date over these publications of its inputs."""
    contents = {name: f"{p.generation}:{p.content_hash}" for name, p in inputs.items()}
    return mart_content_hash(mart=mart.name, business_date=business_date, inputs=contents, contract=mart.fingerprint)


def _build_and_publish(
    platform: Platform,
    mart: Mart,
    business_date: date,
    inputs: Mapping[str, Publication],
    content: str,
    request: Request,
) -> Concluded:
    built = _build(platform, mart, business_date, content, request)
    candidate = Candidate(
        name=mart.name,
        business_date=business_date,
        content_hash=content,
        files=(built.path,) if built.verdict.rows else (),
        rows=built.verdict.rows,
        sources=tuple(_used(name, p) for name, p in inputs.items()),
        verdict=built.verdict,
    )
    published = publish(platform, candidate, request)
    return Concluded(
        dataset=mart.name,
        business_date=business_date,
        decision=published.decision,
        content_hash=content,
        verdict=built.verdict,
        publication=published.publication,
        watermark=published.watermark,
    )


def _used(name: str, publication: Publication) -> SourceUsed:
    return SourceUsed(
        source=name,
        key=f"published.{name}/{publication.business_date}#{publication.generation}",
        sha256=publication.content_hash,
        bytes=sum(s.bytes for s in publication.sources),
        rows=publication.rows,
        generation=publication.generation,
    )


def _build(platform: Platform, mart: Mart, business_date: date, content: str, request: Request) -> _Built:
    draft, final = platform.staging.draft(mart.name, business_date, "mart")
    cursor = platform.lake.cursor()
    with judged(f"Building {mart.name} {business_date}", dependency="lake"):
        try:
            # One snapshot for reading the input and for reconciling with it.
            cursor.execute("BEGIN")
            columns = ", ".join(f"{identifier(n)}::{kind} AS {identifier(n)}" for n, kind in mart.columns)
            inputs = ", ".join(f"{identifier(n)} AS ({_input(n, business_date)})" for n in mart.inputs)
            cursor.execute(
                f"COPY (WITH {inputs} SELECT {columns} FROM ({mart.sql})) TO {literal(str(draft))} ({_PARQUET})"
            )
            rows, checks = _judge(cursor, mart, business_date, str(draft))
            cursor.execute("COMMIT")
        finally:
            cursor.close()
        _, size = platform.staging.settle(draft, final)
    verdict = Verdict(
        dataset=mart.name,
        business_date=business_date,
        content_hash=content,
        checks=checks,
        decided_at=platform.clock(),
        rows=rows,
        run_id=request.run_id,
    )
    platform.ledger.append(verdict)
    return _Built(path=final, bytes=size, verdict=verdict)


def _input(name: str, business_date: date) -> str:
    return f"SELECT * FROM lake.published.{identifier(name)} WHERE business_date = DATE '{business_date}'"


def _judge(
    cursor: duckdb.DuckDBPyConnection, mart: Mart, business_date: date, path: str
) -> tuple[int, tuple[Check, ...]]:
    """Count what breaks a rule, and hold the sums against those of the input."""
    key = ", ".join(identifier(k) for k in mart.key)
    required = [f"{identifier(c.name)} IS NULL" for c in mart.contract.columns if not c.nullable]
    conditions = {"no_nulls": " OR ".join(required)}
    conditions |= {rule.name: rule.violates for rule in mart.contract.rules}
    broken = [f"count(*) FILTER (WHERE {condition})" for condition in conditions.values()]
    sums = [f"coalesce(sum({identifier(column)}), 0)::HUGEINT" for column in mart.reconciles]
    row = cursor.execute(
        f"SELECT count(*), count(*) - count(DISTINCT ({key})), {', '.join([*sums, *broken])} "
        f"FROM read_parquet({literal(path)})"
    ).fetchone()
    expected = cursor.execute(
        f"SELECT {', '.join(f'coalesce(sum({e}), 0)::HUGEINT' for e in mart.reconciles.values())} "
        f"FROM ({_input(mart.inputs[0], business_date)})"
    ).fetchone()
    assert row is not None and expected is not None  # noqa: S101, PT018 - aggregates return a row
    rows, repeated, *rest = row
    measured, counts = rest[: len(sums)], dict(zip(conditions, rest[len(sums) :], strict=True))
    counts["unique_key"] = repeated
    checks = [_counted(name, counts[name], text) for name, text in mart_checks(mart).items() if name in counts]
    return int(rows), (*checks, _reconciled(mart, measured, expected))


def _counted(name: str, count: int, demand: str) -> Check:
    message = f"{count:,} rows break: {demand}" if count else demand
    return Check(name=name, passed=not count, message=message, measured=str(count), threshold="0")


def _reconciled(mart: Mart, measured: list[int], expected: tuple[int, ...]) -> Check:
    off = [
        f"{column}: the mart has {m:,}, the input {e:,}"
        for column, m, e in zip(mart.reconciles, measured, expected, strict=True)
        if m != e
    ]
    return Check(
        name="reconciles_with_input",
        passed=not off,
        message="; ".join(off) or "every sum equals the input's",
        measured=str(len(off)),
        threshold="0",
    )
