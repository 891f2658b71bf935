"""The old path of the run coordinator: a `dagster.yaml` that names it still works, and warns."""

import warnings

from settlement_platform.orchestration.queue.run_coordinator import SettlementRunCoordinator

__all__ = ["SettlementRunCoordinator"]

warnings.warn(
    "dagster.yaml names settlement_platform.orchestration.coordinator, which the next release removes. "
    "Write settlement_platform.orchestration.queue.run_coordinator instead.",
    FutureWarning,
    stacklevel=2,
)
