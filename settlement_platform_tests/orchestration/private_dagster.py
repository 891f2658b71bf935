"""Names that Dagster keeps private and more than one test needs, so that an upgrade meets them in one place.

Those that the platform needs too are in `settlement_platform.orchestration.dagster_internals`.
"""

from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget, create_run_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget

__all__ = [
    "EmptyWorkspaceTarget",
    "InMemoryJob",
    "InProcessCodeLocationOrigin",
    "InProcessTestWorkspaceLoadTarget",
    "LoadableTargetOrigin",
    "ScheduleExecutionData",
    "SensorExecutionData",
    "WorkspaceProcessContext",
    "create_run_for_test",
    "execute_run",
]
