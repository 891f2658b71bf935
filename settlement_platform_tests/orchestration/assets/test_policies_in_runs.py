"""Runs of datasets with other policies: closed days, and cuts at the deadline."""

from dataclasses import replace

import pytest

from settlement_platform.control.policies import ProvisionalCut
from settlement_platform.datasets.calendars import WEEKDAYS
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.definitions import platform_resource
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.assembly import assemble
from settlement_platform.orchestration.keys import published_key, watermark_key
from settlement_platform_tests.orchestration.dagster_home import (
    NAME,
    PUBLISHED,
    STAGED,
    WATERMARK,
    DagsterHome,
    day,
)

MART_KEYS = [published_key(mart.name) for mart in MARTS]
SATURDAY = day(2)
"""2026-01-01 is a Thursday."""


def _declared(home: DagsterHome, dataset: Dataset) -> None:
    """Let the home's code location hold this dataset in place of the declared one."""
    home.definitions = assemble(
        datasets=[dataset], marts=MARTS, platform=platform_resource(home.settings), first_date=day(0)
    )


def _states(home: DagsterHome, name: str = NAME) -> list[tuple[int, str]]:
    return home.query(
        f"SELECT day(business_date)::INT, state FROM lake.published.publications WHERE dataset = '{name}' ORDER BY ALL"
    )


def test_a_closed_day_is_materialized_as_not_expected_and_its_marts_with_it(home: DagsterHome) -> None:
    """The run is a success, each of them too when it is run again, and the watermarks go on."""
    _declared(home, replace(CARD_SETTLEMENTS, calendar=WEEKDAYS))
    for number in (0, 1):
        home.deliver(day(number))

    run = home.run(day(0), SATURDAY, keys=[STAGED, PUBLISHED])
    marts = home.run(day(0), day(1), keys=MART_KEYS), home.run(SATURDAY, keys=MART_KEYS)
    again = home.run(SATURDAY, keys=[STAGED, PUBLISHED, *MART_KEYS])

    assert [r.success for r in (run, *marts, again)] == [True] * 4
    assert _states(home) == [(1, "final"), (2, "final"), (3, "not_expected")]
    assert home.materialized(PUBLISHED) == {day(n).isoformat() for n in range(3)}
    for mart in MARTS:
        assert _states(home, mart.name)[-1] == (3, "not_expected")
        assert home.materializations(watermark_key(mart.name))[0].metadata["watermark"].value == SATURDAY.isoformat()
    assert home.materializations(WATERMARK)[0].metadata["watermark"].value == SATURDAY.isoformat()


def test_a_provisional_cut_is_materialized_with_what_it_lacks_and_moves_no_watermark(home: DagsterHome) -> None:
    """The marts, which wait for whole dates, are not built of it."""
    _declared(home, replace(CARD_SETTLEMENTS, provisional=ProvisionalCut(minimum_sources=2)))
    home.deliver_incomplete(day(0))

    run, marts = home.run(day(0)), home.run(day(0), keys=MART_KEYS)

    shown = home.metadata(PUBLISHED)
    assert (run.success, marts.success) == (True, False)
    assert (shown["state"], shown["missing"]) == ("provisional", "amex")
    assert shown["completeness"] == pytest.approx(2 / 3)
    assert home.materializations(WATERMARK) == []
    assert home.query(f"SELECT count(*) FROM lake.final.{NAME}") == [(0,)]
