"""A mart whose input has a newer generation is not safe to read until it is rebuilt."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from settlement_platform.control.facts import State
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.marts.network_fee_summary import NETWORK_FEE_SUMMARY
from settlement_platform.pipeline.inspection.freshness import freshness_of
from settlement_platform.pipeline.inspection.mart_view import mart_views
from settlement_platform.pipeline.maintenance.tidy import tidy
from settlement_platform.pipeline.marts.outdated import outdated_dates, overtaken_dates
from settlement_platform.pipeline.operators import actions
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform_tests.builders import codes
from settlement_platform_tests.pipeline.installation import NAME, Installation
from settlement_platform_tests.pipeline.operating import ANA, a_refused_visa, a_visa, run

CARDS = {mart.name: mart for mart in MARTS}


def published(installation: Installation) -> date:
    """Publish the first date with its marts."""
    day = installation.fresh_date()
    installation.deliver(day)
    installation.run(day)
    build(installation, day)
    return day


def build(installation: Installation, day: date) -> list[Action]:
    return [installation.build(mart, day).decision.action for mart in MARTS]


def restate(installation: Installation, day: date) -> None:
    """Publish a correction."""
    a_visa(day, 9).write(installation.landing)
    assert installation.run(day).decision.action is Action.PUBLISH


def release(installation: Installation, day: date) -> None:
    """Publish a refused correction by an operator's release."""
    a_refused_visa(day, 8).write(installation.landing)
    installation.run(day)
    actions.release(installation.platform, CARD_SETTLEMENTS, day, ("rows_as_declared",), ANA)


def roll_back_restatement(installation: Installation, day: date) -> None:
    """Restate the date with its marts, then publish its first generation again."""
    restate(installation, day)
    build(installation, day)
    roll_back(installation.platform, CARD_SETTLEMENTS, day, 1, ANA)


CHANGES = [restate, release, roll_back_restatement]


def outdated(installation: Installation) -> dict[str, tuple[date, ...]]:
    now = datetime.now(UTC)
    return {mart.name: freshness_of(installation.platform, mart, now).outdated for mart in MARTS}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_mart_of_a_changed_input_is_outdated_until_it_is_rebuilt(
    own_staffed: Installation, change: Callable[[Installation, date], None]
) -> None:
    day = published(own_staffed)
    before = outdated(own_staffed)

    change(own_staffed, day)
    changed = outdated(own_staffed)
    build(own_staffed, day)
    rebuilt = outdated(own_staffed)

    assert before == rebuilt == dict.fromkeys(CARDS, ())
    assert changed == dict.fromkeys(CARDS, (day,))


def test_an_outdated_mart_says_so_and_keeps_no_promise(own_installation: Installation) -> None:
    """Its watermark meets the target all the same: only the generation of its input tells."""
    platform, day = own_installation.platform, published(own_installation)
    now = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1)
    restate(own_installation, day)

    fresh = freshness_of(platform, MERCHANT_DAILY_NET, now)

    assert fresh.on_time
    assert not fresh.is_kept
    assert codes(fresh.reasons)[-1] == "mart_outdated"


def test_a_quarantined_correction_leaves_the_marts_as_they_are(own_installation: Installation) -> None:
    """Readers still see the generation from which they were built."""
    day = published(own_installation)
    a_refused_visa(day).write(own_installation.landing)
    own_installation.run(day)

    assert outdated(own_installation) == dict.fromkeys(CARDS, ())


def test_a_correction_stays_to_be_built_beside_a_later_one_in_quarantine(own_installation: Installation) -> None:
    day = published(own_installation)
    restate(own_installation, day)
    a_refused_visa(day).write(own_installation.landing)
    own_installation.run(day)

    assert outdated(own_installation) == dict.fromkeys(CARDS, (day,))


def test_a_skipped_date_outdates_no_mart_that_was_never_built(own_staffed: Installation) -> None:
    """A date without rows has marts without rows; then a late delivery replaces both."""
    day = own_staffed.fresh_date()
    actions.skip(own_staffed.platform, CARD_SETTLEMENTS, day, ANA)
    unbuilt = outdated(own_staffed)
    build(own_staffed, day)
    own_staffed.deliver(day)
    own_staffed.run(day)

    assert unbuilt == dict.fromkeys(CARDS, ())
    assert outdated(own_staffed) == dict.fromkeys(CARDS, (day,))


def test_tidying_outdates_no_mart(own_installation: Installation) -> None:
    published(own_installation)

    tidy(own_installation.platform, ANA, nobody_reads=True)

    assert outdated(own_installation) == dict.fromkeys(CARDS, ())


def test_a_changed_declaration_outdates_nothing(own_installation: Installation) -> None:
    """Its figures were right when it was built, and its input has not moved."""
    lake, _ = own_installation.platform.lake, published(own_installation)
    changed = replace(MERCHANT_DAILY_NET, reconciles={"gross_minor": "amount_minor"})

    assert outdated_dates(lake, changed) == {}
    assert overtaken_dates(lake, changed) == ()


def test_a_mart_over_two_inputs_is_outdated_when_either_moves(own_installation: Installation) -> None:
    day, lake = own_installation.fresh_date(), own_installation.platform.lake
    both = replace(MERCHANT_DAILY_NET, inputs=(NAME, NETWORK_FEE_SUMMARY.name))
    own_installation.deliver(day)
    own_installation.run(day)
    own_installation.build(NETWORK_FEE_SUMMARY, day)
    own_installation.build(both, day)
    before = overtaken_dates(lake, both)

    restate(own_installation, day)
    one_moved = overtaken_dates(lake, both)
    own_installation.build(both, day)
    built = overtaken_dates(lake, both)
    own_installation.build(NETWORK_FEE_SUMMARY, day)

    assert before == built == ()
    assert one_moved == overtaken_dates(lake, both) == (day,)


def test_a_mart_is_rolled_back_with_its_input(own_staffed: Installation) -> None:
    """A later correction restates both."""
    day = published(own_staffed)
    roll_back_restatement(own_staffed, day)
    announced = mart_views(own_staffed.platform, MERCHANT_DAILY_NET, day, day)[0].decision.reasons
    build(own_staffed, day)
    a_visa(day, 7).write(own_staffed.landing)
    assert run(own_staffed.platform, day).decision.action is Action.PUBLISH
    build(own_staffed, day)

    history = own_staffed.platform.lake.history
    expected = [State.FINAL, State.RESTATED, State.ROLLED_BACK, State.RESTATED]
    assert {name: [p.state for p in history(name, day)] for name in (NAME, *CARDS)} == dict.fromkeys(
        (NAME, *CARDS), expected
    )
    assert codes(announced) == ["build_pending"]


def test_a_mart_with_one_input_rolled_back_and_another_corrected_is_restated(own_staffed: Installation) -> None:
    both = replace(MERCHANT_DAILY_NET, inputs=(NAME, NETWORK_FEE_SUMMARY.name))
    day = own_staffed.fresh_date()
    own_staffed.deliver(day)
    own_staffed.run(day)
    own_staffed.build(NETWORK_FEE_SUMMARY, day)
    own_staffed.build(both, day)
    restate(own_staffed, day)
    own_staffed.build(NETWORK_FEE_SUMMARY, day)
    roll_back(own_staffed.platform, CARD_SETTLEMENTS, day, 1, ANA)

    own_staffed.build(both, day)

    assert own_staffed.platform.lake.history(both.name, day)[-1].state is State.RESTATED
