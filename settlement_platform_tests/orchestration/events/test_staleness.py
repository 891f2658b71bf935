"""Data versions: a newly observed delivery makes exactly what was built from the old one stale."""

from collections.abc import Mapping

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from settlement_platform.orchestration.keys import published_key
from settlement_platform_tests.orchestration.dagster_home import (
    BOTH,
    LANDING,
    PUBLISHED,
    STAGED,
    DagsterHome,
    day,
)

MART = published_key("merchant_daily_net")


def statuses(home: DagsterHome, number: int) -> Mapping[dg.AssetKey, StaleStatus]:
    """Dagster's status of a partition of each asset."""
    resolver = CachingStaleStatusResolver(
        home.instance, home.definitions.resolve_asset_graph(), LoadingContextForTest(home.instance)
    )
    return {key: resolver.get_status(key, day(number).isoformat()) for key in (STAGED, PUBLISHED, MART)}


def test_an_observed_correction_makes_its_own_date_stale_until_it_is_run(home: DagsterHome) -> None:
    """Everything downstream of that date is stale, no other date is, and a run of it makes all fresh again."""
    for number in range(2):
        home.deliver(day(number))
    home.run(day(0), day(1), keys=[*BOTH, MART])
    before = [statuses(home, n) for n in range(2)]
    home.correct(day(0))
    correction = dg.AssetObservation(
        LANDING, partition=day(0).isoformat(), tags={"dagster/data_version": "what the corrected delivery hashes to"}
    )

    home.instance.report_runless_asset_event(correction)
    after = [statuses(home, n) for n in range(2)]
    run = home.run(day(0), keys=[*BOTH, MART])

    fresh = dict.fromkeys([STAGED, PUBLISHED, MART], StaleStatus.FRESH)
    assert before == [fresh, fresh]
    assert after[0][STAGED] is StaleStatus.STALE
    assert after[1] == fresh
    assert run.success
    assert [statuses(home, n) for n in range(2)] == [fresh, fresh]
