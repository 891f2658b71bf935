"""Assets of faulty declarations, alone because they show what is out of service and run nothing."""

import re
from collections.abc import Collection, Iterable, Iterator

import dagster as dg

from settlement_platform.declarations import OutOfService
from settlement_platform.orchestration.keys import landing_key, published_key, staged_key, watermark_key

GROUP = "out_of_service"


def faulty_specs(faulty: Iterable[OutOfService], *, taken: Collection[str]) -> Iterator[dg.AssetSpec]:
    """Yield the assets of each faulty declaration: they keep their history, say what is wrong, and cannot be run.

    A name that is `taken` by a declaration in service is left to that one.
    """
    shown = set(taken)
    for each in faulty:
        name = re.sub(r"[^A-Za-z0-9_]", "_", each.name)
        if name not in shown:
            shown.add(name)
            yield from _specs(each, name)


def _specs(faulty: OutOfService, name: str) -> Iterator[dg.AssetSpec]:
    chain = [published_key(name), watermark_key(name)]
    if faulty.kind == "dataset":
        chain = [landing_key(name), staged_key(name), *chain]
    listed = "\n".join(f"- {fault}" for fault in faulty.faults)
    for before, key in zip([None, *chain], chain, strict=False):
        yield dg.AssetSpec(
            key,
            deps=[before] if before else [],
            description=(
                f"Out of service: the declaration of this {faulty.kind} is faulty. Nothing runs or publishes it until "
                f"that is corrected; what is published can be read, and may be old.\n\n{listed}"
            ),
            group_name=GROUP,
            metadata={"faults": dg.MetadataValue.md(listed)},
            tags={GROUP: "true"},
        )
