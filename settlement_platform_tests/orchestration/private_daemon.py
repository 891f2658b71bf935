"""Names of Dagster's daemon that are private and more than one test needs; apart, as loading the daemon takes time."""

from dagster._daemon.auto_run_reexecution.auto_run_reexecution import retry_run
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._daemon.types import DaemonHeartbeat

__all__ = [
    "DaemonHeartbeat",
    "QueuedRunCoordinatorDaemon",
    "execute_backfill_iteration",
    "execute_sensor_iteration",
    "retry_run",
]
