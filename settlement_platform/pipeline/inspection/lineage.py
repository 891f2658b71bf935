"""Lineage from a delivered file to all its publications, and from a publication back to its files."""

from dataclasses import dataclass
from datetime import date

from settlement_platform.control.facts import Publication, SourceUsed
from settlement_platform.pipeline.platform import Platform
from settlement_platform.storage.lake.lake import Lake


@dataclass(frozen=True, kw_only=True)
class ReachedPublication:
    """A publication made from a file; `current` says that readers see it, and no later generation."""

    publication: Publication
    current: bool


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """A publication, the files that it was made from, and for a mart the publications that it was built from."""

    publication: Publication
    files: tuple[SourceUsed, ...]
    inputs: tuple["Lineage", ...] = ()


def impact(lake: Lake, sha256: str) -> list[ReachedPublication]:
    """Return every generation made from a file, and those built from these, by dataset or mart and date."""
    found: dict[tuple[str, date, int], Publication] = {}
    wanted = {sha256}
    while wanted:
        made = lake.publications_made_from(wanted)
        new = [p for p in made if (p.dataset, p.business_date, p.generation) not in found]
        found |= {(p.dataset, p.business_date, p.generation): p for p in new}
        wanted = {p.content_hash for p in new if p.content_hash}
    current = lake.current_publications_of(sorted({p.dataset for p in found.values()}))
    return [
        ReachedPublication(publication=p, current=current[p.dataset][p.business_date].generation == p.generation)
        for _, p in sorted(found.items())
    ]


def lineage(platform: Platform, name: str, business_date: date, generation: int | None = None) -> Lineage | None:
    """Return the lineage of a generation of a date, by default the current one; None if it is not published."""
    history = platform.lake.history(name, business_date)
    chosen = [p for p in history if generation in {None, p.generation}]
    if not chosen:
        return None
    publication = chosen[-1]
    files = tuple(s for s in publication.sources if s.generation is None)
    read = [lineage(platform, s.source, business_date, s.generation) for s in publication.sources if s.generation]
    return Lineage(publication=publication, files=files, inputs=tuple(each for each in read if each))
