"""Lookup of the dataset or mart that a command names."""

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import WrongUsage
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.reliability.circuit_breakers import DEPENDENCIES
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable

_OUT_OF_SERVICE_REMEDY = "Correct its declaration. What is published can be read: settlement sql."


def find_declared(name: str) -> PublishedTable:
    """Return the dataset or mart of that name.

    Raises:
        WrongUsage: nothing has that name.
        ActionRefused: it is out of service.
    """
    catalog = load_catalog()
    if declared := catalog.find(name):
        return declared
    if faulty := catalog.find_out_of_service(name):
        message = f"{name} is {'; '.join(faulty.reasons)}."
        raise ActionRefused(message, remedy=_OUT_OF_SERVICE_REMEDY)
    message = f"There is no dataset or mart {name!r}."
    raise WrongUsage(message, remedy=f"Choose one of {', '.join(catalog.names)}.")


def find_dataset(name: str) -> Dataset:
    """Return the dataset of that name.

    Raises:
        WrongUsage: nothing has that name, or it is a mart.
    """
    declared = find_declared(name)
    if dataset := load_catalog().find_dataset(name):
        return dataset
    message = f"{name} is a mart; this command takes a dataset."
    raise WrongUsage(message, remedy=f"{name} is built from {', '.join(declared.inputs)}: name that instead.")


def owner_of_breaker(name: str) -> str:
    """Return the dataset or mart whose roles decide who may reset a breaker.

    A store that all datasets share uses the roles of the first dataset.

    Raises:
        WrongUsage: there is no such breaker.
    """
    catalog = load_catalog()
    if name in catalog.names:
        return name
    if name in DEPENDENCIES and catalog.datasets:
        return catalog.datasets[0].name
    known = ", ".join([*catalog.names, *DEPENDENCIES])
    message = f"There is no circuit breaker {name!r}."
    raise WrongUsage(message, remedy=f"Choose one of {known}.")
