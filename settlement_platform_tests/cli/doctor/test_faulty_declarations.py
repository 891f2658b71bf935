"""A faulty declaration beside a sound one, through the commands and the code location."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from settlement_platform.catalog import load_catalog
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.contract import DerivedColumn
from settlement_platform.declarations import FailedImport
from settlement_platform.definitions import load_definitions
from settlement_platform.marts.catalog import MARTS as DECLARED
from settlement_platform.settings import load_settings
from settlement_platform_tests.cli.command import DAYS, MARTS, NAME, Settle, Shell, codes_in, deliver_days
from settlement_platform_tests.test_contributing import deliver_payouts
from settlement_platform_tests.test_declarations import GOOD, schema

FAULTY = replace(GOOD, schema=schema(business_date=None))
TORN = FailedImport(name="torn", module="settlement_platform.datasets.torn", error="NameError: name 'x' is not defined")


def declare(monkeypatch: pytest.MonkeyPatch, *datasets: object) -> None:
    """Let the lists of declarations be these datasets, and the usual marts."""
    monkeypatch.setattr("settlement_platform.catalog.DATASETS", datasets)


def test_all_others_run_and_publish_beside_a_faulty_declaration(
    settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doctor and status name it; status exits 3, since it is not safe to read."""
    declare(monkeypatch, CARD_SETTLEMENTS, FAULTY, TORN)
    deliver_days(settle, 1)

    ran = settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[0])
    doctor = settle("doctor", "--json")
    status = settle("status", "--json")
    one = settle("status", "payouts")
    refused = settle("materialize", "payouts", "--from", DAYS[0], "--to", DAYS[0])

    assert ran.code == 0, ran.err
    assert settle("sql", f"SELECT count(*) FROM published.{NAME}", "--json").json["rows"] == [[30]]
    faults = [f for f in doctor.json["findings"] if f["subject"] == "declarations" and not f["well"]]
    assert doctor.code == 1
    assert ["payouts" in faults[0]["seen"], "torn" in faults[1]["seen"]] == [True, True]
    items = {item["dataset"]: item for item in status.json["datasets"]}
    assert list(items) == [NAME, *MARTS, "payouts", "torn"]
    assert (status.code, one.code) == (3, 3)
    assert [items[n]["safe_to_read"] for n in ("payouts", "torn")] == [False, False]
    assert codes_in(items["payouts"]["reason_codes"]) == ["out_of_service"]
    assert items["payouts"]["reason_codes"][0]["parameters"]["fault"]["code"] == "column_missing"
    assert items["payouts"]["next_step"] == "settlement doctor"
    assert "out of service" in one.out
    assert refused.code == 3
    assert "payouts is out of service: the column business_date is not declared" in refused.err


def test_what_is_published_of_a_faulty_declaration_stays_readable(
    settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also that of the marts which are built from it; commands that write leave it as it is."""
    deliver_days(settle, 1)
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[0])
    declare(monkeypatch, replace(CARD_SETTLEMENTS, key=("nowhere",)), GOOD)

    tidied = settle("tidy", "--reason", "off-peak")
    rows = settle("sql", f"SELECT count(*) FROM published.{NAME}", "--json")
    mart = settle("sql", f"SELECT sum(transactions) FROM published.{MARTS[0]}", "--json")
    status = settle("status", "--json")

    assert tidied.code == 0, tidied.err
    assert (rows.json["rows"], mart.json["rows"]) == ([[30]], [[30]])
    items = {item["dataset"]: item for item in status.json["datasets"]}
    assert list(items) == ["payouts", NAME, *MARTS]
    assert [items[name]["watermark"] for name in (NAME, *MARTS)] == [DAYS[0]] * 3
    assert items[NAME]["last_validation"]["passed"] is True
    assert codes_in(items[MARTS[0]]["reason_codes"]) == ["out_of_service"]


def test_a_declaration_that_what_is_published_does_not_fit_is_out_of_service_alone(
    shell: Shell, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another type of a published column shows only beside the lake; the lake stays as it is, and others publish."""
    deliver_days(settle, 2)
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[0])
    cents = DerivedColumn(name="net_minor", sql_type="DECIMAL(38, 2)", sql="amount_minor::DECIMAL(38, 2)")
    declare(monkeypatch, replace(CARD_SETTLEMENTS, derived=(cents,)), replace(GOOD, schema=schema(rate=None)))
    deliver_payouts(shell.home / "landing")

    other = settle("materialize", "payouts", "--from", DAYS[0], "--to", DAYS[0])
    own = settle("materialize", NAME, "--from", DAYS[1], "--to", DAYS[1], "--json")
    skipped = settle("skip", NAME, DAYS[2], "--reason", "a test")
    status = settle("status", "--json")
    doctor = settle("doctor", "--json")

    assert other.code == 0, other.err
    assert (own.code, own.json["runs"][0]["dates"], skipped.code) == (1, [], 3)
    assert all("does not fit its declaration" in each.err for each in (own, skipped))
    items = {item["dataset"]: item for item in status.json["datasets"]}
    assert list(items) == ["payouts", NAME, *MARTS]
    assert items[NAME]["reason_codes"][0]["parameters"]["fault"]["code"] == "published_otherwise"
    assert [items[name]["safe_to_read"] for name in (NAME, *MARTS)] == [False] * 3
    assert any(NAME in f["seen"] and not f["well"] for f in doctor.json["findings"])
    rows = "SELECT count(*), sum(net_minor) = sum(amount_minor - fee_minor)"
    assert settle("sql", f"{rows} FROM published.{NAME}", "--json").json["rows"] == [[30, True]]


@pytest.mark.parametrize("others", [True, False])
def test_the_code_location_loads_and_shows_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, others: bool
) -> None:
    """With all assets of the sound ones; those of a faulty one cannot be run."""
    declare(monkeypatch, *([CARD_SETTLEMENTS] if others else []), replace(FAULTY, owner="nobody"), TORN)

    definitions = load_definitions(load_settings({"SETTLEMENT_HOME": str(tmp_path / "home")}))
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()

    sound = {key.to_user_string() for key in graph.materializable_asset_keys}
    published = {f"published/{name}" for name in (NAME, *(m.name for m in DECLARED))}
    assert sound == ({*published, f"staged/{NAME}"} if others else set())
    shown = graph.get(dg.AssetKey(["published", "payouts"]))
    assert "add business_date: date" in (shown.description or "")
    assert (shown.group_name, shown.is_external) == ("out_of_service", True)
    assert "cannot be imported" in (graph.get(dg.AssetKey(["staged", "torn"])).description or "")
    assert not (tmp_path / "home").exists()


def test_a_twin_leaves_the_assets_of_its_namesake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, CARD_SETTLEMENTS, replace(GOOD, name=NAME))

    graph = load_definitions(load_settings({"SETTLEMENT_HOME": str(tmp_path)})).resolve_asset_graph()

    assert not graph.get(dg.AssetKey(["published", NAME])).is_external
    assert [each.name for each in load_catalog().out_of_service] == [NAME]


def test_operators_commands_say_that_a_dataset_is_out_of_service(
    shell: Shell, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(monkeypatch, FAULTY)
    why = ("--reason", "a test")

    ended = [
        settle("pause", "payouts", *why),
        settle("skip", "payouts", DAYS[0], *why),
        settle("partitions", "payouts"),
        settle("reset-breaker", "lake", *why),
        settle("status", "nothing"),
    ]

    assert [finished.code for finished in ended] == [3, 3, 3, 2, 2], [finished.err for finished in ended]
    assert all("Traceback" not in finished.err for finished in ended)
    assert shell.home is not None
