"""Context and findings of a round of alerts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import product

from settlement_platform.control.alerts.data_conditions import AlertSubject
from settlement_platform.control.alerts.episodes import AlertEvent, AlertKind, Condition
from settlement_platform.control.facts import Attempt
from settlement_platform.control.failures import SettlementError
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.platform import Platform


@dataclass(kw_only=True)
class RoundFindings:
    """Conditions, the pairs of kind and dataset that could be evaluated, and why others could not."""

    conditions: list[Condition] = field(default_factory=list)
    evaluated: set[tuple[str, str]] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    def evaluate(
        self, kinds: Iterable[AlertKind], names: Sequence[str], find: Callable[[], Iterable[Condition]]
    ) -> None:
        """Add the conditions that are found; if a store does not answer, no episode of these kinds begins or ends."""
        try:
            self.conditions += find()
        except SettlementError as failure:
            self.failures.append(f"{', '.join(names)}: {failure}")
        else:
            self.evaluated |= {(kind, name) for kind in kinds for name in names}


@dataclass(frozen=True, kw_only=True)
class RoundContext:
    """The open episodes and the last attempts of recent dates, with which every condition is evaluated.

    With `only_open`, only the conditions of open episodes are evaluated.
    """

    platform: Platform
    datasets: Sequence[Dataset]
    marts: Sequence[Mart]
    open_episodes: Sequence[AlertEvent]
    attempts: Sequence[Attempt]
    now: datetime
    only_open: bool = False

    def subject(self, declared: PublishedTable) -> AlertSubject:
        """Return a dataset or mart as the subject of an alert."""
        readers = tuple(m.name for m in self.marts if declared.name in m.inputs)
        return AlertSubject(name=declared.name, owner=declared.owner, criticality=declared.criticality, readers=readers)

    def evaluates(self, kinds: Iterable[str], names: Iterable[str]) -> bool:
        """Return whether these kinds are to be evaluated for these datasets and marts."""
        wanted = set(product(kinds, names))
        return not self.only_open or any((e.kind, e.dataset) in wanted for e in self.open_episodes)

    def open_dates(self, name: str, kinds: Iterable[AlertKind]) -> set[date]:
        """Return the dates of a dataset that have an open episode of these kinds."""
        wanted = set(kinds)
        return {
            e.business_date for e in self.open_episodes if e.dataset == name and e.kind in wanted and e.business_date
        }
