"""What a materialization tells an analyst: rows, totals, checksums, schema, lineage, a preview, where to look."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from settlement_platform.control.card_numbers import redact_number
from settlement_platform.control.facts import SourceUsed, Staging
from settlement_platform.control.landing.control_files import add_totals
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
    """Name, type, description and rules of every published column."""
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
    """The declared description of every column, and of those that the platform adds."""
    columns = declared.schema.to_schema().columns
    found = {name: column.description or "" for name, column in columns.items()}
    return found | {
        "net_minor": found.get("net_minor") or "Amount less fee, in minor units.",
        "source": "The source that delivered the row.",
        "source_row_number": "The record's number in its file, from 1, header excluded.",
    }


def dataset_lineage(dataset: Dataset, *, published: bool) -> dg.TableColumnLineage:
    """From which delivered columns each column comes."""
    upstream = staged_key(dataset.name) if published else landing_key(dataset.name)
    delivered = [c.name for c in dataset.contract.columns]
    lineage = {name: [_dep(upstream, name)] for name in delivered}
    for derived in dataset.contract.derived:
        used = [derived.name] if published else [name for name in delivered if name in derived.sql]
        lineage[derived.name] = [_dep(upstream, name) for name in used]
    return dg.TableColumnLineage(lineage)


def mart_lineage(mart: Mart) -> dg.TableColumnLineage:
    """From which published columns each column comes: those of its sum, or the one of the same name."""
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


def staged_metadata(concluded: DateOutcome) -> Metadata:
    """What was staged: files with their checksums, rows, totals, the verdict; the rows alone if nothing had to be."""
    stagings = concluded.stagings
    if not stagings:
        rows = {"dagster/row_count": concluded.verdict.rows} if concluded.verdict else {}
        return rows | {
            "content_hash": concluded.content_hash or "",
            "files": "unchanged since they were staged",
            "verdict": _verdict(concluded),
        }
    totals = add_totals(s.declared.get("totals", {}) for s in stagings)
    return {
        "dagster/row_count": sum(s.rows for s in stagings),
        "content_hash": concluded.content_hash or "",
        "files": dg.MetadataValue.table([_file(s) for s in stagings]),
        "totals": _totals(totals) if totals else "none",
        "verdict": _verdict(concluded),
    }


def published_metadata(concluded: DateOutcome, table: str) -> Metadata:
    """What readers see from now on, and how to look at it."""
    publication = concluded.publication
    metadata: Metadata = {
        "outcome": concluded.decision.action.value,
        "reasons": "; ".join(concluded.decision.reasons),
        "content_hash": concluded.content_hash or "",
        "publish_location": f"published.{table}",
        "query": dg.MetadataValue.md(
            f"```sql\nFROM published.{table} WHERE business_date = '{concluded.business_date}'\n```"
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
    if concluded.difference:
        metadata["restatement"] = concluded.difference.summary()
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


def _totals(totals: Mapping[str, Mapping[str, int]]) -> dg.TableMetadataValue:
    # As text: sums may need more than the 53 bits that a browser keeps.
    shown = {c: {k: redact_number(v) for k, v in sums.items()} for c, sums in totals.items()}
    records = [{"currency": c, **sums} for c, sums in sorted(shown.items())]
    return dg.MetadataValue.table([dg.TableRecord(r) for r in records])


def _verdict(concluded: DateOutcome) -> str:
    verdict = concluded.verdict
    if verdict is None:
        return "; ".join(concluded.decision.reasons)
    failed = [f"{c.name}: {c.message}" for c in verdict.failures]
    warned = [f"warning, {c.name}: {c.message}" for c in verdict.warnings]
    return "; ".join([*failed, *warned]) or f"all {len(verdict.checks)} checks passed"
