"""Delivery hashes: the identity of delivered files, whatever contract judged them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import product
from math import prod

from settlement_platform.control.facts import SourceUsed
from settlement_platform.control.landing.content_hash import canonical_sha256, content_hash, input_hash
from settlement_platform.control.landing.deliveries import both_forms_problem

_COMBINATIONS = 4096


@dataclass(frozen=True, kw_only=True)
class StagedInput:
    """As much of a staging as identifies its delivery; `refusal` says why the file could not be read, if it could not.

    `input_hash` is the one under the contract of that time.
    """

    business_date: date
    source: str
    key: str
    input_hash: str
    data_sha256: str
    control_sha256: str
    staged_at: datetime
    refusal: str = ""

    @property
    def problem(self) -> str:
        """Return the problem of the delivery that is part of its identity; empty where it had none."""
        both = both_forms_problem(self.key, f"{self.key}.gz")
        return both if both.removesuffix(".") in self.refusal else ""

    @property
    def files(self) -> "DeliveredFiles":
        """Return the files that were staged."""
        return DeliveredFiles(
            source=self.source,
            data_sha256=self.data_sha256,
            control_sha256=self.control_sha256,
            problem=self.problem,
        )


@dataclass(frozen=True, kw_only=True)
class DeliveredFiles:
    """The data file and the control file of one source, and the problem of their delivery, if any."""

    source: str
    data_sha256: str
    control_sha256: str
    problem: str = ""


def delivery_hash(dataset: str, business_date: date, delivered: Iterable[DeliveredFiles]) -> str:
    """Return the identity of the delivered files of a date, without a contract."""
    inputs = [
        input_hash(
            dataset=dataset,
            business_date=business_date,
            source=files.source,
            data_sha256=files.data_sha256,
            control_sha256=files.control_sha256,
            contract=canonical_sha256(["", files.problem]) if files.problem else "",
        )
        for files in delivered
    ]
    return content_hash(dataset=dataset, business_date=business_date, inputs=inputs)


def recorded_delivery_hash(dataset: str, business_date: date, sources: Iterable[SourceUsed]) -> str | None:
    """Return the delivery hash of a publication from its sources; None where they do not tell the control files."""
    used = list(sources)
    if not used or any(not s.control_sha256 for s in used):
        return None
    files = (DeliveredFiles(source=s.source, data_sha256=s.sha256, control_sha256=s.control_sha256) for s in used)
    return delivery_hash(dataset, business_date, files)


def derive_delivery_hash(content: str, dataset: str, staged: Sequence[StagedInput], moment: datetime) -> str | None:
    """Return the delivery hash of a content that was judged by `moment`; None if these inputs do not make it.

    `staged` are the staged inputs of its business date, oldest first.
    """
    before = [s for s in staged if s.staged_at <= moment]
    if not before:
        return None
    day = before[0].business_date
    for chosen in _combinations(before):
        inputs = [s.input_hash for s in chosen]
        if content_hash(dataset=dataset, business_date=day, inputs=inputs) == content:
            return delivery_hash(dataset, day, (s.files for s in chosen))
    return None


def _combinations(staged: Sequence[StagedInput]) -> Iterator[Sequence[StagedInput]]:
    """Yield the latest input of every source, then, where they are not too many, all combinations of one or none."""
    yield tuple({s.source: s for s in staged}.values())
    distinct: dict[str, dict[str, StagedInput]] = {}
    for each in staged:
        distinct.setdefault(each.source, {})[each.input_hash] = each
    choices = [[*found.values(), None] for found in distinct.values()]
    if prod(len(choice) for choice in choices) <= _COMBINATIONS:
        yield from (tuple(s for s in chosen if s) for chosen in product(*choices))
