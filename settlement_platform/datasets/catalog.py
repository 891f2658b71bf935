"""The datasets that this platform receives; a new one is a line here."""

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset

DATASETS: tuple[Dataset, ...] = (CARD_SETTLEMENTS,)


def find_dataset(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        PermanentFailure: no dataset has it.
    """
    for dataset in DATASETS:
        if dataset.name == name:
            return dataset
    known = ", ".join(d.name for d in DATASETS)
    message = f"No dataset is called {name!r}."
    raise PermanentFailure(message, remedy=f"Known datasets: {known}.")
