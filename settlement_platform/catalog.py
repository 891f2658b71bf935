"""The datasets and marts of an installation, and look-ups among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TypeVar

from settlement_platform.control.reasons.declarations import INPUT_OUT_OF_SERVICE
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.declarations import OutOfService, check_declarations, import_list
from settlement_platform.marts.mart import Mart

DATASETS = import_list("settlement_platform.datasets.catalog", "DATASETS")
MARTS = import_list("settlement_platform.marts.catalog", "MARTS")


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Every dataset that is received and every mart that is served, in the order of their declaration.

    Those with a faulty declaration are in `out_of_service` alone.
    """

    datasets: tuple[Dataset, ...]
    marts: tuple[Mart, ...] = ()
    out_of_service: tuple[OutOfService, ...] = ()

    @cached_property
    def tables(self) -> tuple[PublishedTable, ...]:
        """Everything that is published, datasets first."""
        return (*self.datasets, *self.marts)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of everything that is published, datasets first."""
        return tuple(table.name for table in self.tables)

    @cached_property
    def published_columns(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """Name and SQL type of every column that readers see, in order, by table."""
        return {table.name: table.published_columns for table in self.tables}

    def find(self, name: str) -> PublishedTable | None:
        """Return the dataset or mart of that name, or None."""
        return self._by_name.get(name)

    def find_dataset(self, name: str) -> Dataset | None:
        """Return the dataset of that name, or None."""
        return next((d for d in self.datasets if d.name == name), None)

    def find_out_of_service(self, name: str) -> OutOfService | None:
        """Return the dataset or mart of that name if its declaration is faulty, or None."""
        if self.find(name):
            return None
        return next((each for each in self.out_of_service if each.name == name), None)

    def without(self, unfit: Mapping[str, Reason]) -> "Catalog":
        """Return the catalog with these tables out of service, each for its reason, and the marts over them too."""
        if not unfit:
            return self
        fault = dict(unfit)
        for mart in self.marts:
            if lost := next((name for name in mart.inputs if name in unfit), None):
                fault.setdefault(mart.name, INPUT_OUT_OF_SERVICE(input=lost))
        out = [
            OutOfService(name=t.name, kind=kind_of(t), owner=t.owner, faults=(fault[t.name],))
            for t in self.tables
            if t.name in fault
        ]
        return Catalog(
            datasets=tuple(d for d in self.datasets if d.name not in fault),
            marts=tuple(m for m in self.marts if m.name not in fault),
            out_of_service=(*self.out_of_service, *out),
        )

    def marts_of(self, dataset: str) -> tuple[Mart, ...]:
        """Return the marts that read a dataset."""
        return tuple(m for m in self.marts if dataset in m.inputs)

    def first_date_of(self, name: str, earliest: date) -> date:
        """Return the first business date of a dataset or a mart; `earliest` is that of the installation.

        A mart starts with the latest of its inputs, as each of its dates is built from all of them.
        """
        found = self.find(name)
        names = (name, *found.inputs) if found else (name,)
        declared = [d.first_date for d in map(self.find_dataset, names) if d and d.first_date]
        return max([earliest, *declared])

    @cached_property
    def _by_name(self) -> dict[str, PublishedTable]:
        return {table.name: table for table in self.tables}


T = TypeVar("T")


def by_kind(table: PublishedTable, *, dataset: Callable[[Dataset], T], mart: Callable[[Mart], T]) -> T:
    """Return what the function for the table's kind returns: the one place where the two kinds part.

    Raises:
        TypeError: it is neither a dataset nor a mart.
    """
    if isinstance(table, Dataset):
        return dataset(table)
    if isinstance(table, Mart):
        return mart(table)
    message = f"{table.name} is neither a dataset nor a mart"
    raise TypeError(message)


def kind_of(table: PublishedTable) -> str:
    """Return `dataset` or `mart`."""
    return by_kind(table, dataset=lambda _: "dataset", mart=lambda _: "mart")


def load_catalog() -> Catalog:
    """Return the catalog of this installation, as its modules declare it; it is checked once per process."""
    key = (id(DATASETS), id(MARTS))
    if key not in _LOADED:
        checked = check_declarations(DATASETS, MARTS)
        found = Catalog(datasets=checked.datasets, marts=checked.marts, out_of_service=checked.out_of_service)
        _LOADED[key] = (DATASETS, MARTS, found)
    return _LOADED[key][-1]


_LOADED: dict[tuple[int, int], tuple[object, object, Catalog]] = {}
"""The catalog of each pair of lists that was loaded; the lists are kept, so that no other has their identity."""
