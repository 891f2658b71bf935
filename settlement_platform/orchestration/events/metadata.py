"""Metadata of materializations: rows, totals, checksums, schema, lineage, a preview and a query."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from settlement_platform.control.card_numbers import redact_number
from settlement_platform.control.facts import SourceUsed, Staging
from settlement_platform.control.landing.control_files import Totals, add_totals, totals_on_record
from settlement_platform.datasets.contract import Contract
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.keys import landing_key, published_key, staged_key
from settlement_platform.pipeline.outcome import DateOutcome

Metadata = dict[str, Any]


def column_schema(
    contract: Contract, descriptions: Mapping[str, str], columns: tuple[tuple[str, str], ...]
) -> dg.TableSchema:
    """Return name, type, description and rules of every published column."""
    rules: dict[str, list[str]] = {}
    for rule in contract.rules:
        if rule.column:
            rules.setdefault(rule.column, []).append(rule.description)
    required = {c.name for c in contract.columns if not c.nullable}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=kind,
                description=descriptions.get(name),
                constraints=dg.TableColumnConstraints(nullable=name not in required, other=rules.get(name, [])),
            )
            for name, kind in columns
        ]
    )


def descriptions_of(declared: PublishedTable) -> dict[str, str]:
    """Return the description of every declared column, and of those that the platform adds."""
    columns = declared.schema.to_schema().columns
    found = {name: column.description or "" for name, column in columns.items()}
    return found | {
        "net_minor": found.get("net_minor") or "Amount less fee, in minor units.",
        "source": "The source that delivered the row.",
        "source_row_number": "The record's number in its file, from 1, header excluded.",
    }


def dataset_lineage(dataset: Dataset, *, published: bool) -> dg.TableColumnLineage:
    """Return the delivered columns that each column comes from."""
    upstream = staged_key(dataset.name) if published else landing_key(dataset.name)
    delivered = [c.name for c in dataset.contract.columns]
    lineage = {name: [_dep(upstream, name)] for name in delivered}
    for derived in dataset.contract.derived:
        used = [derived.name] if published else [name for name in delivered if name in derived.sql]
        lineage[derived.name] = [_dep(upstream, name) for name in used]
    return dg.TableColumnLineage(lineage)


def mart_lineage(mart: Mart) -> dg.TableColumnLineage:
    """Return the published columns that each column comes from: those of its sum, or the one of the same name."""
    upstream = published_key(mart.inputs[0])
    lineage = {}
    for name, _ in mart.published_columns:
        source = mart.reconciles.get(name, name)
        if name == "effective_bps":
            lineage[name] = [_dep(upstream, "fee_minor"), _dep(upstream, "amount_minor")]
        elif source.isidentifier():
            lineage[name] = [_dep(upstream, source)]
    return dg.TableColumnLineage(lineage)


def _dep(key: dg.AssetKey, column: str) -> dg.TableColumnDep:
    return dg.TableColumnDep(asset_key=key, column_name=column)


def staged_metadata(outcome: DateOutcome) -> Metadata:
    """Return files with checksums, rows, totals and verdict of a staged date; fewer if its files are unchanged."""
    stagings = outcome.stagings
    if not stagings:
        rows = {"dagster/row_count": outcome.verdict.rows} if outcome.verdict else {}
        return rows | {
            "content_hash": outcome.content_hash or "",
            "files": "unchanged since they were staged",
            "verdict": _verdict(outcome),
        }
    totals = add_totals(totals_on_record(s.declared.get("totals", {})) for s in stagings)
    return {
        "dagster/row_count": sum(s.rows for s in stagings),
        "content_hash": outcome.content_hash or "",
        "files": dg.MetadataValue.table([_file(s) for s in stagings]),
        "totals": _totals(totals) if totals else "none",
        "verdict": _verdict(outcome),
    }


def published_metadata(outcome: DateOutcome, table: str) -> Metadata:
    """Return the publication's outcome, content and record, and a query for its rows."""
    publication = outcome.publication
    metadata: Metadata = {
        "outcome": outcome.decision.action.value,
        "reasons": "; ".join(outcome.decision.reasons),
        "content_hash": outcome.content_hash or "",
        "publish_location": f"published.{table}",
        "query": dg.MetadataValue.md(
            f"```sql\nFROM published.{table} WHERE business_date = '{outcome.business_date}'\n```"
        ),
    }
    if publication is None:
        return metadata
    metadata |= {
        "dagster/row_count": publication.rows,
        "generation": publication.generation,
        "state": publication.state.value,
        "published_at": dg.MetadataValue.timestamp(publication.published_at),
        "code_version": publication.code_version,
        "actor": publication.actor,
        "reason": publication.reason,
    }
    if publication.sources:
        metadata["sources"] = dg.MetadataValue.table([_source(s) for s in publication.sources])
    if publication.missing:
        metadata |= {"missing": ", ".join(publication.missing), "completeness": publication.completeness}
    if outcome.difference:
        metadata["restatement"] = str(outcome.difference.summary())
    return metadata


def _source(source: SourceUsed) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "source": source.source,
            "key": source.key,
            "rows": source.rows,
            "bytes": source.bytes,
            "sha256": source.sha256,
        }
    )


def _file(staging: Staging) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "source": staging.source,
            "delivered": staging.key,
            "rows": staging.rows,
            "bytes": staging.data_bytes,
            "sha256": staging.data_sha256,
            "staged_sha256": staging.sha256,
        }
    )


def _totals(totals: Totals) -> dg.TableMetadataValue:
    # As text, since a browser rounds integers beyond 53 bits.
    redacted = {c: {k: redact_number(v) for k, v in sums.items()} for c, sums in totals.items()}
    records = [{"currency": c, **sums} for c, sums in sorted(redacted.items())]
    return dg.MetadataValue.table([dg.TableRecord(r) for r in records])


def _verdict(outcome: DateOutcome) -> str:
    verdict = outcome.verdict
    if verdict is None:
        return "; ".join(outcome.decision.reasons)
    failed = [f"{c.name}: {c.message}" for c in verdict.failures]
    warned = [f"warning, {c.name}: {c.message}" for c in verdict.warnings]
    return "; ".join([*failed, *warned]) or f"all {len(verdict.checks)} checks passed"
