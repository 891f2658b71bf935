"""The datasets that this platform receives; a new one is a line here."""

from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset

DATASETS: tuple[Dataset, ...] = (CARD_SETTLEMENTS,)
