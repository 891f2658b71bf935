"""After the ledger is lost, what is published speaks for itself: its record in the lake has the verdict."""

import pytest

from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.keys import published_key
from settlement_platform.pipeline.marts.mart_checks import mart_checks
from settlement_platform.pipeline.validation.check_catalog import dataset_checks
from settlement_platform.storage.lake.lake import Lake
from settlement_platform_tests.orchestration.dagster_home import PUBLISHED, STAGED, DagsterHome, Run, day
from settlement_platform_tests.pipeline.installation import CARD_SETTLEMENTS

EVERYTHING = [STAGED, PUBLISHED, *(published_key(mart.name) for mart in MARTS)]


def lose_ledger(home: DagsterHome) -> None:
    """Remove it with what SQLite keeps beside it."""
    for part in home.home.glob("ledger.sqlite*"):
        part.unlink()


def shown(run: Run) -> set[tuple[str, ...]]:
    """The checks that a run stored as passed, each with its asset."""
    return {(*c.asset_key.path, c.check_name) for c in run.checks if c.passed}


def test_an_unchanged_date_is_run_again_with_all_its_checks(home: DagsterHome) -> None:
    """The dataset and its marts; nothing is published a second time."""
    home.deliver(day(0))
    first = home.run(day(0), keys=EVERYTHING)
    before = home.query("SELECT * FROM lake.published.publications ORDER BY ALL")
    lose_ledger(home)

    replay = home.run(day(0), keys=EVERYTHING)

    expected = {(*STAGED.path, name) for name in dataset_checks(CARD_SETTLEMENTS)}
    expected |= {(*published_key(m.name).path, name) for m in MARTS for name in mart_checks(m)}
    assert (first.success, replay.success) == (True, True)
    assert shown(first) == shown(replay) == expected
    assert home.query("SELECT * FROM lake.published.publications ORDER BY ALL") == before


def test_a_check_without_a_verdict_to_show_fails_no_run(home: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publication may be on record without a verdict; then no check is stored."""
    home.deliver(day(0))
    home.run(day(0), keys=EVERYTHING)
    lose_ledger(home)
    monkeypatch.setattr(Lake, "verdict_of", lambda _lake, _publication: {})

    replay = home.run(day(0), keys=EVERYTHING)

    assert replay.success
    assert replay.checks == []
