"""Requirements of operators: the published dates, the validated dates, and the next command to type."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine

from settlement_platform.catalog import load_catalog
from settlement_platform.datasets.dataset import Dataset
from settlement_platform_tests.cli.command import Shell
from settlement_platform_tests.pipeline.installation import NAME
from settlement_platform_tests.pipeline.operating import a_refused_visa
from settlement_platform_tests.scenarios.mornings import Morning, day

Settle = Callable[..., dict[str, Any]]


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    return Morning(tmp_path / "home")


@pytest.fixture
def settlement(morning: Morning, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Settle:
    """A command on the home at its moment, and the document that it prints."""

    def answer(*arguments: str) -> dict[str, Any]:
        with time_machine.travel(morning.now, tick=True):
            return dict(Shell(home=morning.home).here(monkeypatch, capsys, *arguments, "--json").json)

    return answer


def test_a_dashboard_that_is_a_day_behind_says_which_interval_it_holds(morning: Morning, settlement: Settle) -> None:
    """The dataset is there and its marts are not: the next step is to build them, and not to run anything before."""
    morning.settle(day(0))
    morning.deliver(day(1))
    morning.at(day(1), "06:30")
    morning.run(day(1))

    dataset, *marts = settlement("status")["datasets"]

    assert (dataset["watermark"], dataset["safe_to_read"]) == (str(day(1)), True)
    for mart in marts:
        assert (mart["watermark"], mart["safe_to_read"], mart["freshness_lag_seconds"]) == (str(day(0)), False, 1800)
        build = f"settlement materialize {mart['dataset']} --from {day(1)} --to {day(1)}"
        assert mart["next_step"] == build


def test_operators_find_the_latest_published_interval_the_last_validation_and_the_rerun_procedure(
    morning: Morning, settlement: Settle
) -> None:
    """By two commands, on a morning on which the newest date was refused."""
    morning.settle(day(0))
    morning.deliver(day(1))
    a_refused_visa(day(1)).write(morning.there.landing)
    morning.at(day(1), "06:30")
    morning.run(day(1))

    (status,) = settlement("status", NAME)["datasets"]
    (runbook,) = settlement("runbook", NAME)["runbooks"]

    steps = {step["name"]: step["commands"] for step in runbook["steps"]}
    assert status["watermark"] == str(day(0))
    assert status["last_validation"] == {
        "business_date": str(day(1)),
        "passed": False,
        "decided_at": "2026-01-03T06:30:00Z",
    }
    assert status["safe_to_read"] is False
    assert all(c.startswith(f"settlement materialize {NAME} --from ") for c in steps["rerun"])
    assert steps["backfill"][0].startswith(f"settlement backfill launch {NAME} --from ")


@pytest.mark.parametrize("declared", load_catalog().tables, ids=lambda d: d.name)
def test_every_dataset_has_a_runbook_of_its_own_with_owner_target_location_and_replay_plan(
    settlement: Settle, declared: Dataset
) -> None:
    """Marts too; nothing in it is of another dataset."""
    (runbook,) = settlement("runbook", declared.name)["runbooks"]

    steps = {step["name"]: " ".join(step["commands"]) for step in runbook["steps"]}
    assert "@" in runbook["owner"]
    assert runbook["freshness_target"].startswith("06:00 UTC")
    assert runbook["publish_location"].startswith(f"published.{declared.name}")
    promised = {"rerun", "backfill", "roll back"} if isinstance(declared, Dataset) else {"rerun", "backfill"}
    assert promised <= set(steps)
    assert all(declared.name in steps[name] for name in promised)
