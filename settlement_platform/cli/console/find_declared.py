"""Finding the dataset or mart that a command names."""

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import WrongUsage
from settlement_platform.control.reliability.circuit_breakers import DEPENDENCIES
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable


def find_declared(name: str) -> PublishedTable:
    """The dataset or mart of that name.

    Raises:
        WrongUsage: there is none.
    """
    catalog = load_catalog()
    if declared := catalog.find(name):
        return declared
    message = f"No dataset or mart is called {name!r}."
    raise WrongUsage(message, remedy=f"Known: {', '.join(catalog.names)}.")


def find_dataset(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        WrongUsage: there is none, or it is a mart.
    """
    declared, catalog = find_declared(name), load_catalog()
    if dataset := catalog.find_dataset(name):
        return dataset
    message = f"{name} is a mart: it follows {', '.join(declared.inputs)}, and this is done to that."
    raise WrongUsage(message, remedy=f"Name one of {', '.join(d.name for d in catalog.datasets)}.")


def owner_of_breaker(name: str) -> str:
    """The dataset or mart whose roles count for a breaker: its own, or the first dataset's for what all depend on.

    Raises:
        WrongUsage: there is no such breaker.
    """
    catalog = load_catalog()
    if name in catalog.names:
        return name
    if name in DEPENDENCIES:
        return catalog.datasets[0].name
    known = ", ".join([*catalog.names, *DEPENDENCIES])
    message = f"No circuit breaker is called {name!r}."
    raise WrongUsage(message, remedy=f"Known: {known}.")
