"""The run coordinator that `dagster.yaml` names: every run that is submitted gets its service class and its limits."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Self

import dagster as dg

from settlement_platform.orchestration.dagster_internals.daemon_patches import (
    daemon_controller,
    speed_up_backfill_loop,
    watch_code_servers,
)
from settlement_platform.orchestration.dagster_internals.event_log import pool_connections
from settlement_platform.orchestration.dagster_internals.instance_config import ConfigurableClassData

_log = logging.getLogger(__name__)


class SettlementRunCoordinator(dg.QueuedRunCoordinator[Any]):
    """Dagster's queue; what differs is the tags that runs carry when they enter it.

    Whatever submits a run comes through here: schedules, sensors, backfills and clicks in the web UI. A job's tags
    would not do, as an asset backfill runs no job of ours.
    """

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """What `dagster.yaml` configures; of the daemon's own parts, the one that is made before its loops begin."""
        speed_up_backfill_loop()
        watch_code_servers()
        return super().from_config_value(inst_data, config_value)

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Belong to an instance, as soon as that has its storages."""
        super().register_instance(instance)
        if daemon_controller():
            pool_connections(instance)
            _load_declarations()

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        """Write the tags of a run that is new, then put it into the queue."""
        # Imported here: declarations load pandera, which a process that submits nothing need not pay for.
        from settlement_platform.orchestration.queue.backfill_records import pause_of  # noqa: PLC0415
        from settlement_platform.orchestration.queue.run_tags import tag_run  # noqa: PLC0415

        run = context.dagster_run
        # One that is in the queue keeps the priority to which it has risen.
        if run.status is dg.DagsterRunStatus.NOT_STARTED:
            parent = self._instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
            tags = tag_run(run, parent=parent, now=datetime.now(UTC)) | pause_of(self._instance, run)
            self._instance.add_run_tags(run.run_id, tags)
        return super().submit_run(context)


def _load_declarations() -> None:
    """Before anybody waits for them, as the first click on a backfill would."""
    try:
        import_module("settlement_platform.orchestration.queue.run_tags")
    except Exception:  # noqa: BLE001 - a declaration is code, and may fail in any way
        # Whoever submits a run is told again; without the daemon there would be no web UI that shows the same error.
        _log.exception("The declarations cannot be loaded: no run can be submitted.")
