"""A run of one good date: what it leaves on the instance, and what a replay of it adds."""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import pytest

from settlement_platform.pipeline.validation.check_catalog import dataset_checks
from settlement_platform_tests.deliveries import SOURCES
from settlement_platform_tests.orchestration.dagster_home import (
    FIRST_DATE,
    LANDING,
    PUBLISHED,
    STAGED,
    WATERMARK,
    DagsterHome,
    Run,
)
from settlement_platform_tests.pipeline.installation import CARD_SETTLEMENTS

KEY = FIRST_DATE.isoformat()


@dataclass(frozen=True, kw_only=True)
class Good:
    home: DagsterHome
    run: Run


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Good]:
    """A home in which one good date has been run once."""
    home = DagsterHome(tmp_path_factory.mktemp("good"))
    home.deliver(FIRST_DATE)
    yield Good(home=home, run=home.run(FIRST_DATE))
    home.close()


def test_a_good_date_is_observed_staged_and_published_and_moves_the_watermark(good: Good) -> None:
    """Every asset of the dataset knows the partition; the watermark has its date as data version."""
    observed = good.home.instance.fetch_observations(LANDING, limit=5).records

    assert good.run.success
    assert good.home.materialized(STAGED) == {KEY}
    assert good.home.materialized(PUBLISHED) == {KEY}
    assert [o.partition_key for o in observed] == [KEY]
    assert [m.metadata["watermark"].value for m in good.home.materializations(WATERMARK)] == [KEY]
    assert good.home.materializations(WATERMARK)[0].tags["dagster/data_version"] == KEY


def test_the_observation_and_both_assets_carry_the_content_as_data_version(good: Good) -> None:
    """One identity from delivery to readers, with the version of what each was made from."""
    content = good.home.query("SELECT content_hash FROM lake.published.publications")[0][0]
    observation = good.home.instance.fetch_observations(LANDING, limit=1).records[0].asset_observation
    staged, published = (good.home.materializations(key)[0].tags for key in (STAGED, PUBLISHED))

    assert observation.tags["dagster/data_version"] == content
    assert staged["dagster/data_version"] == content
    assert staged[f"dagster/input_data_version/{LANDING.to_user_string()}"] == content
    assert published["dagster/data_version"] == content
    assert published[f"dagster/input_data_version/{STAGED.to_user_string()}"] == content
    assert staged["dagster/code_version"] == published["dagster/code_version"]


def test_the_staged_asset_shows_rows_totals_checksums_schema_and_a_preview(good: Good) -> None:
    """Everything that an analyst needs is on the materialization."""
    shown = good.home.metadata(STAGED)

    files = {record.data["source"]: record.data for record in shown["files"].records}
    totals = {record.data["currency"]: record.data for record in shown["totals"].records}
    assert shown["dagster/row_count"] == 9
    assert set(files) == set(SOURCES)
    assert all(len(str(f["sha256"])) == len(str(f["staged_sha256"])) == 64 for f in files.values())
    assert {f["rows"] for f in files.values()} == {3}
    assert totals["EUR"] == {"currency": "EUR", "amount_minor": "3,009", "fee_minor": "39"}
    assert set(totals) == {"EUR", "USD", "JPY"}
    assert shown["verdict"] == f"all {len(dataset_checks(CARD_SETTLEMENTS))} checks passed"
    assert shown["preview"].startswith("| transaction_id |")
    assert shown["preview"].count("\n") > 2


def test_the_published_asset_shows_its_record_and_how_to_query_it(good: Good) -> None:
    """Generation, state, sources with checksums, where to look and with which query."""
    shown = good.home.metadata(PUBLISHED)

    sources = {record.data["source"]: record.data for record in shown["sources"].records}
    assert shown["dagster/row_count"] == 9
    assert (shown["generation"], shown["state"], shown["outcome"]) == (1, "final", "publish")
    assert shown["publish_location"] == "published.card_settlements"
    assert f"business_date = '{KEY}'" in shown["query"]
    assert sources["visa"]["key"] == f"{KEY}/visa/cards.csv"
    assert len(str(sources["visa"]["sha256"])) == 64
    assert (shown["actor"], shown["reason"]) == ("tester", "a test")


def test_both_assets_describe_every_column_and_where_it_comes_from(good: Good) -> None:
    """Types, descriptions and rules of columns; lineage from the delivered column to the published one."""
    described = good.home.metadata(PUBLISHED)
    columns = {c.name: c for c in described["dagster/column_schema"].columns}
    staged = good.home.metadata(STAGED)["dagster/column_lineage"].deps_by_column
    published = described["dagster/column_lineage"].deps_by_column

    assert list(columns) == [name for name, _ in CARD_SETTLEMENTS.contract.published_columns]
    assert [c.name for c in columns.values() if not c.description] == []
    assert columns["amount_minor"].type == "BIGINT"
    assert columns["amount_minor"].constraints.nullable is False
    assert any("ISO" in rule or "one of" in rule for rule in columns["currency"].constraints.other)
    assert published["currency"] == [dg.TableColumnDep(asset_key=STAGED, column_name="currency")]
    assert {d.column_name for d in staged["net_minor"]} == {"amount_minor", "fee_minor"}
    assert {d.asset_key for d in staged["net_minor"]} == {LANDING}


def test_every_rule_of_the_verdict_has_a_stored_check_result(good: Good) -> None:
    """Each names the date that it judged, and what was measured against which threshold."""
    checks = {c.check_name: c for c in good.run.checks}

    rows = checks["rows_as_declared"].metadata["dates"].value.records
    assert set(checks) == set(dataset_checks(CARD_SETTLEMENTS))
    assert len(checks) == 20
    assert all(c.passed and c.asset_key == STAGED for c in checks.values())
    assert checks["rows_as_declared"].metadata["measured"].value == 9.0
    assert rows[0].data["business_date"] == KEY
    assert rows[0].data["threshold"] == "9"


def test_a_replay_changes_nothing_that_is_published_and_reports_as_fully(good: Good) -> None:
    """The date stays materialized with its rows, its checks stay passed, and the watermark gets no event."""
    before = good.home.query("SELECT * FROM lake.published.publications")
    watermarks = len(good.home.materializations(WATERMARK))

    replay = good.home.run(FIRST_DATE)

    key = dg.AssetCheckKey(STAGED, "rows_as_declared")
    latest = good.home.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert replay.success
    assert replay.outcomes[FIRST_DATE].decision.action == "already_published"
    assert good.home.query("SELECT * FROM lake.published.publications") == before
    assert good.home.materialized(PUBLISHED) == good.home.materialized(STAGED) == {KEY}
    assert good.home.metadata(STAGED)["dagster/row_count"] == 9
    assert good.home.metadata(PUBLISHED)["generation"] == 1
    assert good.home.metadata(PUBLISHED)["outcome"] == "already_published"
    assert latest.status.value == "SUCCEEDED"
    assert latest.run_id == replay.result.run_id
    assert len(good.home.materializations(WATERMARK)) == watermarks
