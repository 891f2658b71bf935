"""A changed contract alone changes nothing that is published; judging again takes a request, which is on record."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from settlement_platform.control.facts import OperatorActionType, State
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.queue.launch_requests import LaunchAction
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.pipeline.inspection.date_view_at import date_view_at
from settlement_platform.pipeline.inspection.mart_view import mart_views
from settlement_platform.pipeline.landing.scan import preview_scan
from settlement_platform.pipeline.marts.outdated import outdated_dates, redefined_dates
from settlement_platform.pipeline.operators import actions as operator_actions
from settlement_platform.pipeline.operators.actions import request_rejudging
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform_tests.builders import codes
from settlement_platform_tests.pipeline.installation import NAME, Installation
from settlement_platform_tests.pipeline.operating import (
    ANA,
    a_refused_visa,
    a_visa,
    actions,
    history,
    query,
    run,
    states,
    view_of,
)

NEWER = replace(CARD_SETTLEMENTS, minimum_rows=1)
"""Another contract with the same verdict on all that the tests deliver."""

REFUSING = replace(CARD_SETTLEMENTS, minimum_rows=1000)


def _with_other_net() -> Dataset:
    (net,) = CARD_SETTLEMENTS.derived
    doubled = replace(net, sql="amount_minor::DECIMAL(38, 0) - 2 * fee_minor", narrow_sql="")
    return replace(CARD_SETTLEMENTS, derived=(doubled,))


def _launch(installation: Installation, day: date, dataset: Dataset) -> list[str]:
    """The scan's decisions on a date; none where it matches its publication."""
    found = preview_scan(installation.platform, dataset, only=day)
    return [d.action.value for d in found.decisions if d.action is not LaunchAction.NOTHING]


def _forget_control_files(installation: Installation, day: date) -> None:
    """Make the record of a publication as an earlier version of the platform wrote it."""
    with installation.platform.lake.publishing() as lake:
        key = [NAME, day]
        (text,) = lake.cursor.execute(
            "SELECT sources FROM lake.published.publications WHERE dataset = ? AND business_date = ?", key
        ).fetchone() or ("",)
        sources = [{k: v for k, v in s.items() if k != "control_sha256"} for s in json.loads(text)]
        lake.cursor.execute(
            "UPDATE lake.published.publications SET sources = ? WHERE dataset = ? AND business_date = ?",
            [json.dumps(sources), *key],
        )


@pytest.mark.parametrize("recorded", [True, False], ids=["by this version", "by an earlier version"])
def test_a_published_date_stays_published_under_a_new_contract(staffed: Installation, recorded: bool) -> None:
    """Nothing is pending, nothing is launched and a rerun restates nothing, whoever wrote the publication."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    first = run(staffed.platform, day)
    if not recorded:
        _forget_control_files(staffed, day)

    view, launches, again = (
        view_of(staffed, day, NEWER),
        _launch(staffed, day, NEWER),
        run(staffed.platform, day, NEWER),
    )

    assert (view.state.state, view.state.pending, view.decision.action) == (
        State.FINAL,
        None,
        Action.ALREADY_PUBLISHED,
    )
    assert view.older_contract
    assert launches == []
    assert preview_scan(staffed.platform, NEWER, only=day).older_contract == (day,)
    assert (again.decision.action, again.content_hash) == (Action.ALREADY_PUBLISHED, first.content_hash)
    assert states(staffed, day) == ["final"]
    assert not view_of(staffed, day).older_contract


@pytest.mark.parametrize("recorded", [True, False], ids=["by this version", "by an earlier version"])
def test_a_changed_delivery_is_a_correction_under_a_new_contract(staffed: Installation, recorded: bool) -> None:
    """Another control file for the same bytes is one as well."""
    day = staffed.fresh_date()
    staffed.deliver(day, visa=a_visa(day, 3))
    run(staffed.platform, day)
    if not recorded:
        _forget_control_files(staffed, day)
    a_visa(day, 3, declared={"comment": "sent again"}).write(staffed.landing)

    outcome = run(staffed.platform, day, NEWER)

    assert outcome.decision.action is Action.PUBLISH
    assert states(staffed, day) == ["final", "restated"]


def test_what_was_quarantined_is_judged_by_the_new_contract(staffed: Installation) -> None:
    """Content that is not published is judged when its date is next processed."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    assert run(staffed.platform, day, REFUSING).decision.action is Action.REFUSE

    launches, outcome = _launch(staffed, day, NEWER), run(staffed.platform, day, NEWER)

    assert outcome.decision.action is Action.PUBLISH
    assert launches in ([], ["request"])


def test_what_was_discarded_stays_discarded_under_a_new_contract(staffed: Installation) -> None:
    """A release without a finding judges it again, as no finding of the new contract is known yet."""
    day = staffed.fresh_date()
    staffed.deliver(day, visa=a_refused_visa(day))
    run(staffed.platform, day)
    operator_actions.discard(staffed.platform, CARD_SETTLEMENTS, day, ANA)

    outcome, view, launches = (
        run(staffed.platform, day, NEWER),
        view_of(staffed, day, NEWER),
        _launch(staffed, day, NEWER),
    )
    released = operator_actions.release(staffed.platform, NEWER, day, (), ANA)
    named = operator_actions.release(staffed.platform, NEWER, day, ("rows_as_declared",), ANA)

    assert (outcome.decision.action, view.decision.action) == (Action.WITHDRAWN, Action.WITHDRAWN)
    assert codes(view.decision.reasons) == ["content_discarded"]
    assert launches == []
    assert released.decision.action is Action.REFUSE
    assert named.decision.action is Action.PUBLISH


def test_what_was_rolled_back_stays_withdrawn_under_a_new_contract(staffed: Installation) -> None:
    """The delivery from which an operator rolled back is not published again by a new contract."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day)
    a_visa(day, 4).write(staffed.landing)
    run(staffed.platform, day)
    roll_back(staffed.platform, CARD_SETTLEMENTS, day, 1, ANA)

    outcome, view = run(staffed.platform, day, NEWER), view_of(staffed, day, NEWER)

    assert (outcome.decision.action, view.decision.action) == (Action.WITHDRAWN, Action.WITHDRAWN)
    assert codes(view.decision.reasons) == ["content_rolled_back"]
    assert states(staffed, day) == ["final", "restated", "rolled_back"]
    assert _launch(staffed, day, NEWER) == []


def _rejudge(installation: Installation, day: date, dataset: Dataset) -> Any:  # noqa: ANN401 - an outcome
    assert request_rejudging(installation.platform, dataset, day, day, ANA) == [day]
    return run(installation.platform, day, dataset)


def test_judging_again_publishes_nothing_where_the_rows_are_the_same(staffed: Installation) -> None:
    """The new verdict is on record, no generation is made, and the date counts as judged by today's contract."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day)

    outcome = _rejudge(staffed, day, NEWER)

    view = view_of(staffed, day, NEWER)
    requested, confirmed = actions(staffed, day)
    assert codes(outcome.decision.reasons) == ["rejudged_unchanged"]
    assert outcome.content_hash == history(staffed, day)[0].content_hash
    assert states(staffed, day) == ["final"]
    assert (requested.action, requested.actor, requested.reason) == (OperatorActionType.REJUDGE, ANA.actor, ANA.reason)
    assert confirmed.action is OperatorActionType.REJUDGED
    assert staffed.platform.ledger.verdict(str(view.content_under_contract))
    assert (view.older_contract, view.state.pending) == (False, None)
    assert request_rejudging(staffed.platform, NEWER, day, day, ANA) == []


def test_judging_again_publishes_rows_that_differ(staffed: Installation) -> None:
    """Until the run ends, the next run takes the request up."""
    day, dataset = staffed.fresh_date(), _with_other_net()
    staffed.deliver(day)
    run(staffed.platform, day)

    assert request_rejudging(staffed.platform, dataset, day, day, ANA) == [day]
    launches, outcome = _launch(staffed, day, dataset), run(staffed.platform, day, dataset)

    assert len(launches) == 1
    assert outcome.decision.action is Action.PUBLISH
    assert states(staffed, day) == ["final", "restated"]
    assert query(
        staffed,
        f"SELECT bool_and(net_minor = amount_minor - 2 * fee_minor) FROM lake.published.{NAME} WHERE business_date = ?",
        day,
    ) == [(True,)]
    assert not view_of(staffed, day, dataset).older_contract


def test_judging_again_quarantines_what_the_new_contract_refuses(staffed: Installation) -> None:
    """The published rows stay, and a discard ends the matter."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day)

    outcome = _rejudge(staffed, day, REFUSING)
    held = view_of(staffed, day, REFUSING)
    operator_actions.discard(staffed.platform, REFUSING, day, ANA)

    after = view_of(staffed, day, REFUSING)
    assert outcome.decision.action is Action.REFUSE
    assert held.state.quarantined
    assert held.state.state is State.FINAL
    assert (after.state.state, after.state.pending) == (State.FINAL, None)
    assert states(staffed, day) == ["final"]


def test_judging_again_needs_a_reason(staffed: Installation) -> None:
    day = staffed.fresh_date()

    with pytest.raises(ActionRefused):
        request_rejudging(staffed.platform, NEWER, day, day, replace(ANA, reason=" "))


def test_a_past_moment_is_explained_by_the_verdict_of_its_contract(staffed: Installation) -> None:
    """The view at a moment shows the checks that ran then."""
    day = staffed.fresh_date()
    staffed.deliver(day, visa=a_refused_visa(day))
    run(staffed.platform, day)

    view = date_view_at(staffed.platform, NEWER, day, datetime.now(UTC))

    assert view.decision.action is Action.REFUSE
    assert view.verdict
    assert [c.name for c in view.verdict.failures] == ["rows_as_declared"]


def _redefined(mart: Mart) -> Mart:
    """A mart of another definition that gives the same rows."""
    changed = replace(mart)
    changed.__dict__["sql"] = f"-- another definition\n{mart.sql}"
    return changed


def test_a_redefined_mart_is_not_outdated_and_is_built_again_on_request(staffed: Installation) -> None:
    """Only an input's new generation makes it outdated; the same rows make no new generation."""
    day, mart = staffed.fresh_date(), _redefined(MERCHANT_DAILY_NET)
    staffed.deliver(day)
    run(staffed.platform, day)
    built = staffed.build(MERCHANT_DAILY_NET, day)

    (before,) = mart_views(staffed.platform, mart, day, day)
    again = staffed.build(mart, day)
    lake, ledger = staffed.platform.lake, staffed.platform.ledger
    outdated, redefined = outdated_dates(lake, mart), redefined_dates(lake, ledger, mart)
    requested = request_rejudging(staffed.platform, mart, day, day, ANA)
    rebuilt = staffed.build(mart, day)
    (after,) = mart_views(staffed.platform, mart, day, day)

    assert built.decision.action is Action.PUBLISH
    assert (before.older_contract, before.state.pending) == (True, None)
    assert again.decision.action is Action.ALREADY_PUBLISHED
    assert day not in outdated
    assert day in redefined
    assert requested == [day]
    assert codes(rebuilt.decision.reasons) == ["rejudged_unchanged"]
    assert (after.older_contract, after.state.pending) == (False, None)
    assert states(staffed, day, mart.name) == ["final"]
    assert day not in redefined_dates(lake, ledger, mart)


def test_a_mart_follows_a_new_generation_under_any_definition(staffed: Installation) -> None:
    """A correction of the input makes it outdated, as before."""
    day, mart = staffed.fresh_date(), _redefined(MERCHANT_DAILY_NET)
    staffed.deliver(day)
    run(staffed.platform, day)
    staffed.build(MERCHANT_DAILY_NET, day)
    a_visa(day, 4).write(staffed.landing)
    run(staffed.platform, day)

    outdated = outdated_dates(staffed.platform.lake, mart)
    rebuilt = staffed.build(mart, day)

    assert day in outdated
    assert rebuilt.decision.action is Action.PUBLISH
