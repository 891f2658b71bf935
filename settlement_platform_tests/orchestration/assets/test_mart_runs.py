"""Marts in Dagster: built from published dates only, and behind when these change."""

import json

from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.keys import published_key, watermark_key
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, STAGED, DagsterHome, day
from settlement_platform_tests.shown_reasons import shows

MART = "merchant_daily_net"
MART_KEY = published_key(MART)
ALL_MARTS = [published_key(mart.name) for mart in MARTS]


def test_a_mart_is_built_from_published_dates_and_waits_for_the_others(home: DagsterHome) -> None:
    """The date that its input lacks is named; the other is published with its sums, generations and checks."""
    home.deliver(day(0))
    home.run(day(0))

    run = home.run(day(0), day(1), keys=[MART_KEY])

    net = "SELECT sum(amount_minor)::INT, sum(fee_minor)::INT FROM lake.published.card_settlements"
    sources = home.query(f"SELECT sources FROM lake.published.publications WHERE dataset = '{MART}'")
    assert not run.success
    assert run.failure.splitlines()[1].startswith(f"{day(1)}: waiting: ")
    assert shows(run.failure, "input_not_published", dataset=NAME, business_date=day(1))
    assert run.count("STEP_START") == 1
    assert home.materialized(MART_KEY) == {day(0).isoformat()}
    assert home.query(f"SELECT sum(gross_minor)::INT, sum(fee_minor)::INT FROM lake.published.{MART}") == home.query(
        net
    )
    assert [(s["source"], s["generation"]) for s in json.loads(sources[0][0])] == [(NAME, 1)]
    assert {c.check_name for c in run.checks} >= {"unique_key", "no_nulls", "reconciles_with_input"}
    assert all(c.passed for c in run.checks)
    assert home.metadata(MART_KEY)["dagster/row_count"] == 3
    assert home.materializations(watermark_key(MART))[0].metadata["watermark"].value == day(0).isoformat()


def test_a_whole_day_goes_from_delivery_to_marts_and_follows_a_correction(home: DagsterHome) -> None:
    """One run of the daily selection; after a correction the marts are built from the new generation."""
    selection = [STAGED, PUBLISHED, *ALL_MARTS]
    home.deliver(day(0))
    first = home.run(day(0), keys=selection)
    replay = home.run(day(0), keys=selection)
    home.correct(day(0))

    second = home.run(day(0), keys=selection)

    history = home.query(
        "SELECT dataset, generation, state FROM lake.published.publications ORDER BY generation, dataset"
    )
    names = sorted([NAME, *(m.name for m in MARTS)])
    input_version = f"dagster/input_data_version/{PUBLISHED.to_user_string()}"
    assert (first.success, replay.success, second.success) == (True, True, True)
    assert history == [*((n, 1, "final") for n in names), *((n, 2, "restated") for n in names)]
    assert home.query(f"SELECT sum(transactions)::INT FROM lake.published.{MART}") == [(11,)]
    latest, replayed, _ = home.materializations(MART_KEY)
    assert latest.tags[input_version] != replayed.tags[input_version]


def test_a_mart_does_not_build_on_a_date_that_the_same_run_refuses(home: DagsterHome) -> None:
    """A blocked date stops the run before the marts; nothing of them is published."""
    home.deliver_corrupt(day(0))

    run = home.run(day(0), keys=[STAGED, PUBLISHED, *ALL_MARTS])

    assert not run.success
    assert f"{day(0)}: refused" in run.failure
    assert home.materialized(MART_KEY) == set()
    assert home.query("SELECT count(*) FROM lake.published.publications") == [(0,)]
