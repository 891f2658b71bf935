"""The old path of the run launcher: a `dagster.yaml` that names it still works, and warns."""

import warnings

from settlement_platform.orchestration.dagster_internals.run_launcher import ProcessRunLauncher

__all__ = ["ProcessRunLauncher"]

warnings.warn(
    "dagster.yaml names settlement_platform.orchestration.launcher, which the next release removes. "
    "Write settlement_platform.orchestration.dagster_internals.run_launcher instead.",
    FutureWarning,
    stacklevel=2,
)
