"""How often Dagster's daemon looks for what backfills have to do next, and how long it bears with what is not there.

Dagster fixes the interval at 30 seconds in its code: a backfill that is through in 20 would wait longer than it works.
"""

import sys
from types import ModuleType

DAEMONS_COMMAND = "dagster._daemon.cli"
BACKFILL_TICK_SECONDS = 2
PATIENT_BACKFILLS = {
    # While no code server answers its assets are unknown: a backfill of them waits, where it would fail for good.
    "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1",
    # As long as Dagster's own 5 tries at its own pace.
    "DAGSTER_MAX_BACKFILL_RETRIES": str(5 * 30 // BACKFILL_TICK_SECONDS),
}
"""What the daemon's environment has to say for that, as far as it does not say otherwise."""


def quicken_backfills() -> None:
    """In the daemon's process, have the loop of backfills tick every 2 seconds; in any other, do nothing.

    There is no setting for it. The loop takes its interval from this module's constant when it begins, which is after
    the daemon has opened the instance.
    """
    controller = daemon_controller()
    if controller:
        controller.DEFAULT_DAEMON_INTERVAL_SECONDS = BACKFILL_TICK_SECONDS  # type: ignore[attr-defined]


def daemon_controller() -> ModuleType | None:
    """The module that runs the daemon's loops; None in any process but the daemon's.

    Others, the web server among them, load that module too: only the daemon loads its command.
    """
    return sys.modules.get("dagster._daemon.controller") if DAEMONS_COMMAND in sys.modules else None
