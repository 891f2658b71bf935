"""The datasets that this platform receives; alone because a new dataset adds its line here."""

from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset

DATASETS: tuple[Dataset, ...] = (CARD_SETTLEMENTS,)
