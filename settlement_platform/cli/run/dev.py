"""`make dev`: Dagster's web UI and daemon over this project's instance."""

import os
import signal
import sys

from settlement_platform.cli.console.exit_codes import exit_with_code
from settlement_platform.control.failures import ActionRefused
from settlement_platform.orchestration.dagster_internals.daemon_patches import BACKFILL_DAEMON_ENVIRONMENT
from settlement_platform.orchestration.dagster_internals.instance import open_instance, prepare_dagster_home
from settlement_platform.settings import PROJECT, Settings, child_environment, load_settings
from settlement_platform.storage.folders import make_writable
from settlement_platform.storage.locks import hold_until_exit

LOCK_NAME = "dev.lock"


def main() -> None:
    """Replace this process by `dagster dev`; a failure ends as a sentence and an exit code."""
    exit_with_code(_replace_process)


def _replace_process() -> None:
    """Prepare both homes, then become `dagster dev`; exported homes are used as they are."""
    settings = load_settings()
    make_writable(settings.home, setting="SETTLEMENT_HOME")
    make_writable(settings.dagster_home, setting="DAGSTER_HOME")
    prepare_dagster_home(settings.dagster_home, PROJECT, exported=settings.dagster_home_exported)
    claim_homes(settings)
    open_instance(settings.dagster_home).dispose()
    sys.stderr.write(f"SETTLEMENT_HOME={settings.home}\nDAGSTER_HOME={settings.dagster_home}\n")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # In the background of a script SIGINT is ignored; Dagster treats SIGTERM like it, so nothing could stop it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(PROJECT / "workspace.yaml"), *sys.argv[1:]]
    os.execve(sys.executable, command, BACKFILL_DAEMON_ENVIRONMENT | child_environment(settings))  # noqa: S606 - replacing the process is the point


def claim_homes(settings: Settings) -> None:
    """Keep both homes for this process until it ends, however it ends.

    Raises:
        ActionRefused: another one has them; two daemons would launch each date twice.
    """
    for home, setting in {settings.home: "SETTLEMENT_HOME", settings.dagster_home: "DAGSTER_HOME"}.items():
        if not hold_until_exit(home / LOCK_NAME):
            message = f"Another `make dev` is running on {setting}={home}."
            raise ActionRefused(message, remedy="Stop it first, or export another SETTLEMENT_HOME.")


if __name__ == "__main__":
    main()
