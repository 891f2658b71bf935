"""The run coordinator that `dagster.yaml` names: it gives every submitted run its service class and limits."""

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
    """Dagster's queue, which also tags runs when they enter it.

    Every submitted run passes here: from schedules, sensors, backfills and the web UI. Tags of jobs are not enough,
    since an asset backfill runs none of our jobs.
    """

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Make the coordinator from `dagster.yaml`; in the daemon this is early enough to patch its loops."""
        speed_up_backfill_loop()
        watch_code_servers()
        return super().from_config_value(inst_data, config_value)

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Attach to an instance, once its storages exist."""
        super().register_instance(instance)
        if daemon_controller():
            pool_connections(instance)
            _load_declarations()

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        """Tag a new run, then put it into the queue."""
        # Imported here: declarations load pandera, which is slow, and a process that submits no runs needs none.
        from settlement_platform.orchestration.queue.backfill_records import pause_of  # noqa: PLC0415
        from settlement_platform.orchestration.queue.run_tags import tag_run  # noqa: PLC0415

        run = context.dagster_run
        # A run that is already in the queue keeps its raised priority.
        if run.status is dg.DagsterRunStatus.NOT_STARTED:
            parent = self._instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
            tags = tag_run(run, parent=parent, now=datetime.now(UTC)) | pause_of(self._instance, run)
            self._instance.add_run_tags(run.run_id, tags)
        return super().submit_run(context)


def _load_declarations() -> None:
    """Load the declarations early, so that the first click on a backfill does not wait for them."""
    try:
        import_module("settlement_platform.orchestration.queue.run_tags")
    except Exception:  # noqa: BLE001 - a declaration is code, and may fail in any way
        # Each submission fails with the same error; without the daemon, no web UI would show it.
        _log.exception("The declarations cannot be loaded, so no run can be submitted.")
