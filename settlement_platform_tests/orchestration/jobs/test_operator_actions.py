"""Operator actions outside of a run reach the instance: the UI shows the same as readers see."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from settlement_platform.cli.operators.execute import run_command
from settlement_platform.control.facts import OperatorActionType
from settlement_platform.control.failures import ActionRefused, TransientFailure
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.jobs import operator_actions
from settlement_platform.orchestration.jobs.operator_actions import OperatorCommand, execute
from settlement_platform.orchestration.keys import published_key, watermark_key
from settlement_platform_tests.orchestration.dagster_home import (
    LANDING,
    NAME,
    PUBLISHED,
    STAGED,
    WATERMARK,
    DagsterHome,
    day,
)
from settlement_platform_tests.pipeline.boundaries import Boundary, happening
from settlement_platform_tests.pipeline.operating import ANA, EVERYONE
from settlement_platform_tests.shown_reasons import shows

MART_KEYS = [published_key(m.name) for m in MARTS]
EVERYTHING = [STAGED, PUBLISHED, *MART_KEYS]
MARK = "dagster/data_version"


def _restated(home: DagsterHome, business_date: date) -> None:
    """A date with two generations, and marts of both."""
    home.deliver(business_date)
    assert home.run(business_date, keys=EVERYTHING).success
    home.correct(business_date)
    assert home.run(business_date, keys=EVERYTHING).success


def _do(home: DagsterHome, order: OperatorCommand) -> None:
    platform = replace(home.without_dagster().platform, members=EVERYONE)
    execute(platform, home.instance, CARD_SETTLEMENTS, order, ANA)


def _order(home: DagsterHome, monkeypatch: pytest.MonkeyPatch, order: OperatorCommand) -> int:
    """As the command line does it."""
    monkeypatch.setenv("SETTLEMENT_HOME", str(home.home))
    return run_command(NAME, order, reason="wrong file", actor="ana", json=True)


def _standing(home: DagsterHome, name: str, business_date: date) -> tuple[str, int]:
    """Content and generation of what readers see."""
    return home.query(
        "SELECT content_hash, generation FROM lake.published.publications "
        f"WHERE dataset = '{name}' AND business_date = DATE '{business_date}' ORDER BY generation DESC LIMIT 1"
    )[0]


def test_after_a_rollback_on_the_command_line_the_instance_shows_what_readers_see(
    home: DagsterHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the dataset and of its marts: partition, content, generation, state, reason and the restatement."""
    _restated(home, day(0))
    before = _standing(home, NAME, day(0))

    code = _order(
        home, monkeypatch, OperatorCommand(action=OperatorActionType.ROLLBACK, business_date=day(0), generation=1)
    )

    content, generation = _standing(home, NAME, day(0))
    latest, shown = home.materializations(PUBLISHED)[0], home.metadata(PUBLISHED)
    assert code == 0
    assert (generation, content != before[0]) == (3, True)
    assert latest.partition == day(0).isoformat()
    assert latest.tags[MARK] == shown["content_hash"] == content
    assert latest.tags[f"dagster/input_data_version/{STAGED.to_user_string()}"] == content
    assert (shown["generation"], shown["state"], shown["reason"]) == (3, "rolled_back", "wrong file")
    assert shown["dagster/row_count"] == 9
    assert "2 removed" in shown["restatement"]
    for mart in MARTS:
        built = home.materializations(published_key(mart.name))[0]
        assert (built.tags[MARK], built.metadata["generation"].value) == _standing(home, mart.name, day(0))
        assert built.tags[f"dagster/input_data_version/{PUBLISHED.to_user_string()}"] == content


def test_a_rollback_leaves_the_watermark_and_the_other_partitions_as_they_were(home: DagsterHome) -> None:
    """No freshness without progress, and no event of a date that was not touched."""
    home.deliver(day(1))
    home.run(day(1), keys=EVERYTHING)
    _restated(home, day(0))
    marks = len(home.materializations(WATERMARK))
    others = [m for m in home.materializations(PUBLISHED) if m.partition != day(0).isoformat()]

    _do(home, OperatorCommand(action=OperatorActionType.ROLLBACK, business_date=day(0), generation=1))

    assert len(home.materializations(WATERMARK)) == marks
    assert [m for m in home.materializations(PUBLISHED) if m.partition != day(0).isoformat()] == others


def test_a_skip_that_closes_a_gap_materializes_the_watermarks(home: DagsterHome) -> None:
    """The dataset's and the marts'; the skipped partition says that it is skipped."""
    for number in (0, 2):
        home.deliver(day(number))
        home.run(day(number), keys=EVERYTHING)

    _do(home, OperatorCommand(action=OperatorActionType.SKIP, business_date=day(1)))

    shown = home.metadata(PUBLISHED)
    assert [m.metadata["watermark"].value for m in home.materializations(WATERMARK)] == [
        day(2).isoformat(),
        day(0).isoformat(),
    ]
    for mart in MARTS:
        assert home.materializations(watermark_key(mart.name))[0].metadata["watermark"].value == day(2).isoformat()
        assert home.materialized(published_key(mart.name)) == {day(n).isoformat() for n in range(3)}
    assert (shown["state"], shown["dagster/row_count"], shown["reason"]) == ("skipped", 0, ANA.reason)
    assert home.materializations(PUBLISHED)[0].partition == day(1).isoformat()


def test_a_release_updates_staged_and_published_and_the_marts_follow(home: DagsterHome) -> None:
    """A date beside it that is refused stays where it is."""
    home.deliver_corrupt(day(0))
    home.deliver(day(1))
    path = home.landing / str(day(1)) / "visa" / "cards.control.json"
    path.write_text(path.read_text().replace('"rows": 3', '"rows": 4'))
    home.run(day(1))
    assert home.materialized(PUBLISHED) == set()

    _do(home, OperatorCommand(action=OperatorActionType.RELEASE, business_date=day(1), despite=("rows_as_declared",)))

    content, _ = _standing(home, NAME, day(1))
    assert home.materialized(STAGED) == home.materialized(PUBLISHED) == {day(1).isoformat()}
    assert home.materializations(PUBLISHED)[0].tags[MARK] == content
    assert shows(home.metadata(PUBLISHED)["reasons"], "released", checks=["rows_as_declared"])
    assert all(home.materialized(key) == {day(1).isoformat()} for key in MART_KEYS)
    assert home.instance.fetch_observations(LANDING, limit=5).records


def test_a_run_over_a_released_date_succeeds_and_shows_what_failed(home: DagsterHome) -> None:
    """The check warns: an operator has let it through, and marts must not be kept from following."""
    home.deliver(day(0))
    path = home.landing / str(day(0)) / "visa" / "cards.control.json"
    path.write_text(path.read_text().replace('"rows": 3', '"rows": 4'))
    refused = home.run(day(0), keys=EVERYTHING)
    _do(home, OperatorCommand(action=OperatorActionType.RELEASE, business_date=day(0), despite=("rows_as_declared",)))

    again = home.run(day(0), keys=EVERYTHING)

    (check,) = [c for c in again.checks if c.check_name == "rows_as_declared"]
    assert (refused.success, again.success) == (False, True)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert [c.severity for c in refused.checks if c.check_name == "rows_as_declared"] == [dg.AssetCheckSeverity.ERROR]


def test_what_is_refused_leaves_no_event(home: DagsterHome) -> None:
    _restated(home, day(0))
    before = [len(home.materializations(key)) for key in EVERYTHING]

    for order in (
        OperatorCommand(action=OperatorActionType.ROLLBACK, business_date=day(0), generation=9),
        OperatorCommand(action=OperatorActionType.SKIP, business_date=day(0)),
        OperatorCommand(action=OperatorActionType.DISCARD, business_date=day(0)),
    ):
        with pytest.raises(ActionRefused):
            _do(home, order)

    assert [len(home.materializations(key)) for key in EVERYTHING] == before


def test_the_instance_knows_of_a_rollback_whose_marts_failed(home: DagsterHome) -> None:
    """The dataset's date has changed all the same; the error is not swallowed, and marts follow on the next tick."""
    _restated(home, day(0))

    def fail() -> None:
        raise TransientFailure("the lake does not answer")

    with (
        happening(Boundary(owner=operator_actions, name="build_mart", after=False), fail),
        pytest.raises(TransientFailure, match="does not answer"),
    ):
        _do(home, OperatorCommand(action=OperatorActionType.ROLLBACK, business_date=day(0), generation=1))

    content, generation = _standing(home, NAME, day(0))
    assert generation == 3
    assert home.materializations(PUBLISHED)[0].tags[MARK] == content


def test_a_replay_after_files_were_archived_reports_the_current_content(home: DagsterHome) -> None:
    """The data version of the partition does not change with what still lies in the landing zone."""
    home.deliver(day(0))
    home.run(day(0))
    content, _ = _standing(home, NAME, day(0))
    for path in Path(home.landing / str(day(0)) / "amex").iterdir():
        path.unlink()

    run = home.run(day(0))

    assert run.success
    assert {m.tags[MARK] for m in home.materializations(PUBLISHED)} == {content}
    assert {m.tags[MARK] for m in home.materializations(STAGED)} == {content}
