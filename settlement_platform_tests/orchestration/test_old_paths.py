"""A dagster.yaml of an earlier release names the coordinator and the launcher by module paths that have changed."""

import sys
from pathlib import Path

import pytest

from settlement_platform.orchestration.dagster_internals.instance import open_instance
from settlement_platform.orchestration.dagster_internals.run_launcher import ProcessRunLauncher
from settlement_platform.orchestration.queue.run_coordinator import SettlementRunCoordinator

CONFIGURATION = Path(__file__).parents[2] / "dagster.yaml"

OLD_PATHS = {
    "settlement_platform.orchestration.queue.run_coordinator": "settlement_platform.orchestration.coordinator",
    "settlement_platform.orchestration.dagster_internals.run_launcher": "settlement_platform.orchestration.launcher",
}


def named_parts(home: Path) -> tuple[object, object]:
    """The coordinator and the launcher of an instance, which makes them when they are first used."""
    with open_instance(home) as instance:
        return instance.run_coordinator, instance.run_launcher


def test_an_instance_that_names_the_old_paths_opens_and_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = CONFIGURATION.read_text(encoding="utf-8")
    for new, old in OLD_PATHS.items():
        assert new in configuration
        configuration = configuration.replace(new, old)
        monkeypatch.delitem(sys.modules, old, raising=False)
    (tmp_path / "dagster.yaml").write_text(configuration, encoding="utf-8")

    with pytest.warns(FutureWarning) as warned:
        coordinator, launcher = named_parts(tmp_path)

    assert type(coordinator) is SettlementRunCoordinator
    assert type(launcher) is ProcessRunLauncher
    messages = [str(warning.message) for warning in warned if warning.category is FutureWarning]
    for new, old in OLD_PATHS.items():
        assert any(old in message and new in message for message in messages)
