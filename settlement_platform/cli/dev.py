"""`make dev`: Dagster's web UI and daemon over this project's instance."""

import os
import sys

from settlement_platform.orchestration.instance import prepare_dagster_home
from settlement_platform.settings import PROJECT, load_settings


def main() -> None:
    """Replace this process by `dagster dev`; exported homes are used as they are."""
    settings = load_settings()
    prepare_dagster_home(settings.dagster_home, PROJECT, exported=settings.dagster_home_exported)
    homes = {"SETTLEMENT_HOME": str(settings.home), "DAGSTER_HOME": str(settings.dagster_home)}
    sys.stderr.write("".join(f"{name}={value}\n" for name, value in homes.items()))
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(PROJECT / "workspace.yaml"), *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, **homes})  # noqa: S606 - to become it is the point


if __name__ == "__main__":
    main()
