"""`settlement impact` and `settlement lineage`: from a file to its publications, and from a date to its files."""

import re
from datetime import date
from typing import Any

from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DONE, REFUSED, WrongUsage
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import err, out, print_json, state_text, table
from settlement_platform.cli.console.stores import open_stores
from settlement_platform.control.facts import Publication, SourceUsed
from settlement_platform.pipeline.inspection.lineage import Lineage, ReachedPublication, impact, lineage
from settlement_platform.settings import load_settings

_SHA256 = re.compile("[0-9a-f]{64}")


def parse_sha256(text: str) -> str:
    """Return a sha256 in lower case.

    Raises:
        WrongUsage: the text is not a sha256.
    """
    if not _SHA256.fullmatch(text.lower()):
        message = f"--sha256 {text!r} is not a sha256."
        raise WrongUsage(message, remedy="Give 64 hexadecimal digits, as settlement lineage shows them.")
    return text.lower()


def run_impact(sha256: str, *, json: bool) -> int:
    """Show every publication that was made from a file."""
    wanted = parse_sha256(sha256)
    with open_stores(load_settings(), reading=True) as platform:
        found = impact(platform.lake, wanted)
    replays = replay_commands(found, wanted)
    if json:
        print_json({"sha256": wanted, "reached": [_reached_document(r) for r in found], "replay": replays})
        return DONE
    if not found:
        out.print(f"No publication was made from a file with the sha256 {wanted}.", markup=False)
        return DONE
    for dataset in dict.fromkeys(r.publication.dataset for r in found):
        _print_reached(dataset, [r for r in found if r.publication.dataset == dataset])
    for command in replays:
        out.print(f"replay: {command}", markup=False)
    return DONE


def _print_reached(dataset: str, reached: list[ReachedPublication]) -> None:
    columns = ("business date", "generation", "state", "current", "published at (UTC)")
    rows = [
        (str(p.business_date), p.generation, state_text(p.state), r.current, p.published_at)
        for r in reached
        for p in (r.publication,)
    ]
    out.print(Text(dataset, style="bold"))
    out.print(table(columns, rows))
    out.print()


def replay_commands(found: list[ReachedPublication], sha256: str) -> list[str]:
    """Return a command per dataset that replays its current publications and their marts."""
    current = {r.publication.dataset for r in found if r.current}
    names = [d.name for d in load_catalog().datasets if d.name in current]
    return [f"settlement backfill {name} --sha256 {sha256} --reason '…'" for name in names]


def _reached_document(reached: ReachedPublication) -> dict[str, Any]:
    publication = reached.publication
    return _identity(publication) | {
        "current": reached.current,
        "published_at": publication.published_at,
        "run_id": publication.run_id,
    }


def _identity(publication: Publication) -> dict[str, Any]:
    return {
        "dataset": publication.dataset,
        "business_date": publication.business_date,
        "generation": publication.generation,
        "state": publication.state,
        "content_hash": publication.content_hash,
    }


def run_lineage(name: str, day: date, *, json: bool) -> int:
    """Show what a published date was made from."""
    find_declared(name)
    with open_stores(load_settings(), reading=True) as platform:
        found = lineage(platform, name, day)
    if found is None:
        err.print(f"{name} {day} is not published. settlement explain {name} {day} shows why.", markup=False)
        if json:
            print_json({"dataset": name, "business_date": day, "generation": None, "sources": [], "inputs": []})
        return REFUSED
    if json:
        print_json(_lineage_document(found))
    else:
        _print(found, indent="")
    return DONE


def _lineage_document(found: Lineage) -> dict[str, Any]:
    publication = found.publication
    return _identity(publication) | {
        "rows": publication.rows,
        "run_id": publication.run_id,
        "code_version": publication.code_version,
        "published_at": publication.published_at,
        "actor": publication.actor,
        "reason": publication.reason,
        "sources": [_source_document(s) for s in found.files],
        "inputs": [_lineage_document(each) for each in found.inputs],
    }


def _source_document(source: SourceUsed) -> dict[str, Any]:
    return {
        "source": source.source,
        "key": source.key,
        "sha256": source.sha256,
        "bytes": source.bytes,
        "rows": source.rows,
    }


def _print(found: Lineage, *, indent: str) -> None:
    p = found.publication
    head = f"{p.dataset} {p.business_date}: generation {p.generation} ({p.state}), {p.rows:,} rows"
    out.print(f"{indent}{head}, by {p.actor}: {p.reason}", markup=False)
    for source in found.files:
        out.print(f"{indent}  {source.key}  {source.rows:,} rows", markup=False)
        out.print(f"{indent}    sha256 {source.sha256}", markup=False)
    for each in found.inputs:
        _print(each, indent=f"{indent}  ")
