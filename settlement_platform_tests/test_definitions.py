"""The code location loads anywhere, does nothing on import, and holds exactly the graph that is committed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from settlement_platform.datasets.catalog import DATASETS
from settlement_platform.definitions import load_definitions, platform_resource
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.keys import published_key, staged_key
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.pipeline.marts.mart_checks import mart_checks
from settlement_platform.pipeline.validation.validate import dataset_checks
from settlement_platform.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

PROJECT = Path(__file__).parents[1]
COMMITTED = Path(__file__).parent / "orchestration" / "asset_graph.json"
REMAKE = "python -m settlement_platform_tests.test_definitions"
NO_HOME = {"SETTLEMENT_HOME": "/nonexistent/settlement"}


def definitions() -> dg.Definitions:
    """The definitions of an installation that does not exist."""
    return load_definitions(load_settings(NO_HOME))


def asset_graph(found: dg.Definitions) -> dict[str, Any]:
    """The facts of the graph that a reader has to know, in a stable order."""
    repository = found.get_repository_def()
    graph = found.resolve_asset_graph()
    return {
        "assets": {key.to_user_string(): _asset(graph.get(key)) for key in sorted(graph.get_all_asset_keys())},
        "checks": {
            f"{key.asset_key.to_user_string()}:{key.name}": _check(graph.get_check_spec(key))
            for key in sorted(graph.asset_check_keys, key=str)
        },
        "jobs": {
            job.name: sorted(k.to_user_string() for k in job.asset_layer.selected_asset_keys)
            for job in repository.get_all_jobs()
            if not job.name.startswith("__")
        },
        "schedules": {
            s.name: [s.cron_schedule, s.execution_timezone, s.default_status.value] for s in repository.schedule_defs
        },
        "sensors": {s.name: [s.minimum_interval_seconds, s.default_status.value] for s in repository.sensor_defs},
    }


def _asset(node: Any) -> dict[str, Any]:  # noqa: ANN401 - Dagster's asset node
    shown = {
        "deps": sorted(k.to_user_string() for k in node.parent_keys),
        "partitions": type(node.partitions_def).__name__ if node.partitions_def else None,
        "external": node.is_external,
        "group": node.group_name,
        "kinds": sorted(node.kinds),
        "owners": list(node.owners),
    }
    if node.freshness_policy:
        shown["freshness"] = f"{node.freshness_policy.deadline_cron} {node.freshness_policy.timezone}"
    return shown


def _check(spec: dg.AssetCheckSpec) -> str:
    return "blocking" if spec.blocking else "warns"


def in_a_fresh_interpreter(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program with nothing exported but what is given."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_definitions_load_in_a_fresh_interpreter_and_touch_nothing(tmp_path: Path) -> None:
    """The way of `workspace.yaml`, with SETTLEMENT_HOME alone exported; no folder appears."""
    home = tmp_path / "home"
    program = (
        "import settlement_platform.definitions as location\n"
        "from dagster._core.workspace.load import location_origins_from_yaml_paths\n"
        "(origin,) = location_origins_from_yaml_paths(['workspace.yaml'])\n"
        "print(origin.location_name, origin.loadable_target_origin.module_name == location.__name__)\n"
        "location.defs().get_repository_def()\n"
    )

    loaded = in_a_fresh_interpreter(program, SETTLEMENT_HOME=str(home))

    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split() == ["settlement_platform", "True"]
    assert not home.exists()


def test_dagster_itself_finds_the_definitions_valid(tmp_path: Path) -> None:
    """`dagster definitions validate`, as its own tools load them."""
    validated = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "SETTLEMENT_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert validated.returncode == 0, validated.stdout + validated.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "shown"), [("check", "All definitions loaded"), ("list", "published/card_settlements")]
)
def test_dg_finds_the_definitions(tmp_path: Path, command: str, shown: str) -> None:
    """`dg check defs` and `dg list defs`, as CONTRIBUTING.md names them."""
    done = subprocess.run(
        [Path(sys.executable).with_name("dg"), command, "defs"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "SETTLEMENT_HOME": str(tmp_path / "home"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert shown in done.stdout
    assert "virtual environment" not in done.stderr


def test_the_asset_graph_is_the_committed_one() -> None:
    """A change of keys, dependencies, owners, checks, jobs or policies is seen in review."""
    found = json.loads(json.dumps(asset_graph(definitions())))

    committed = json.loads(COMMITTED.read_text(encoding="utf-8")) if COMMITTED.exists() else None

    assert found == committed, f"The graph has changed. If that is meant, remake {COMMITTED.name}: {REMAKE}"


def test_every_asset_and_every_check_is_described() -> None:
    """Whoever opens one in the UI reads what it is."""
    graph = definitions().resolve_asset_graph()
    checks: Iterable[dg.AssetCheckSpec] = [graph.get_check_spec(key) for key in graph.asset_check_keys]

    undescribed = [key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).description]
    unexplained = [str(spec.key) for spec in checks if not spec.description]

    assert (undescribed, unexplained) == ([], []), "Give each a description, where it is declared."


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda d: d.name)
def test_every_check_of_a_dataset_verdict_is_an_asset_check(dataset: Any) -> None:  # noqa: ANN401 - a dataset
    """None is judged without being shown, and none is shown that nobody judges."""
    shown = {
        k.name for k in definitions().resolve_asset_graph().asset_check_keys if k.asset_key == staged_key(dataset.name)
    }

    assert shown == set(dataset_checks(dataset))


@pytest.mark.parametrize("mart", MARTS, ids=lambda m: m.name)
def test_every_check_of_a_mart_verdict_is_an_asset_check(mart: Any) -> None:  # noqa: ANN401 - a mart
    """As for datasets."""
    shown = {
        k.name for k in definitions().resolve_asset_graph().asset_check_keys if k.asset_key == published_key(mart.name)
    }

    assert shown == set(mart_checks(mart))


def test_only_watermarks_have_a_freshness_policy_and_are_not_partitioned() -> None:
    """A replay of an old date must not turn a stale dataset fresh."""
    graph = definitions().resolve_asset_graph()
    keys = graph.get_all_asset_keys()

    with_policy = {key for key in keys if graph.get(key).freshness_policy}
    unpartitioned = {key for key in keys if not graph.get(key).is_partitioned}

    assert with_policy == unpartitioned == {key for key in keys if key.path[0] == "watermark"}


def test_the_launchpad_shows_no_password_of_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exported address stands in the configuration by the name of its variable, and is found when it is needed."""
    address = f"sqlite:///{tmp_path / 'secret.sqlite'}"
    monkeypatch.setenv("SETTLEMENT_HOME", str(tmp_path))
    monkeypatch.setenv("SETTLEMENT_LEDGER_URL", address)

    @dg.op
    def look(platform: PlatformResource) -> str:
        return platform.ledger_url

    @dg.job(resource_defs={"platform": platform_resource(load_settings())})
    def job() -> None:
        look()

    shown = json.dumps(job.run_config_schema.config_type.fields["resources"].default_value, default=str)
    assert "secret.sqlite" not in shown
    assert "SETTLEMENT_LEDGER_URL" in shown
    assert job.execute_in_process().output_for_node("look") == address


if __name__ == "__main__":
    COMMITTED.write_text(json.dumps(asset_graph(definitions()), indent=2) + "\n", encoding="utf-8")
