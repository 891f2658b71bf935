"""Quarantined content is released with every finding named, or discarded for good."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.inspection.date_view import date_views
from settlement_platform.pipeline.operators import actions as operator_actions
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform_tests.builders import codes, refused_as
from settlement_platform_tests.deliveries import Delivery, a_row
from settlement_platform_tests.pipeline.boundaries import ACTION_BOUNDARIES, Boundary, happening
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.operating import (
    ANA,
    BEN,
    a_refused_visa,
    a_visa,
    actions,
    at,
    history,
    query,
    run,
    states,
    view_of,
)
from settlement_platform_tests.pipeline.published_rows import expected_rows
from settlement_platform_tests.shown_reasons import sentence_of

MISCOUNTED = ("rows_as_declared",)


def _held(installation: Installation, day: date, visa: Delivery | None = None) -> list[Delivery]:
    """Deliver a date that is refused, and run it."""
    delivered = installation.deliver(day, visa=visa or a_refused_visa(day))
    assert run(installation.platform, day).decision.action is Action.REFUSE
    return delivered


def test_a_release_publishes_what_was_held_with_its_failing_verdict(staffed: Installation) -> None:
    """Who released what, when and why is on record twice: as an action, and beside the rows."""
    day = staffed.fresh_date()
    delivered = _held(staffed, day)

    concluded = operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, MISCOUNTED, ANA)

    (action,), (publication,) = actions(staffed, day), history(staffed, day)
    ((failed, passed),) = query(
        staffed,
        "SELECT list_filter(checks, c -> NOT c.passed AND c.severity = 'error'), len(checks) FROM ("
        "SELECT from_json(json_extract(verdict, '$.checks'), "
        """'[{"name": "VARCHAR", "passed": "BOOLEAN", "severity": "VARCHAR"}]') AS checks """
        "FROM lake.published.publications WHERE dataset = 'card_settlements' AND business_date = ?)",
        day,
    )
    assert concluded.decision.action is Action.PUBLISH
    assert staffed.rows(day) == expected_rows(delivered)
    assert (action.action, action.actor, action.reason) == ("release", ANA.actor, ANA.reason)
    assert action.detail == {"content_hash": publication.content_hash, "despite": ["rows_as_declared"]}
    assert (publication.actor, publication.reason, publication.run_id) == (ANA.actor, ANA.reason, ANA.run_id)
    assert [c["name"] for c in failed] == ["rows_as_declared"]
    assert passed > 5
    assert view_of(staffed, day).state.pending is None
    assert run(staffed.platform, day).decision.action is Action.ALREADY_PUBLISHED


def test_marts_are_built_from_what_was_released(staffed: Installation) -> None:
    day = staffed.fresh_date()
    _held(staffed, day)
    operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, MISCOUNTED, ANA)

    built = [staffed.build(mart, day) for mart in MARTS]

    assert [b.decision.action for b in built] == [Action.PUBLISH] * len(MARTS)
    assert [b.publication.sources[0].rows for b in built if b.publication] == [11] * len(MARTS)


def test_a_release_has_to_name_every_finding_and_no_other(staffed: Installation) -> None:
    """The refusal spells out the options; nothing is recorded or published."""
    day = staffed.fresh_date()
    rows = [a_row(day, "visa", 1, currency="XXQ"), a_row(day, "visa", 1)]
    held = Delivery(business_date=day, source="visa", rows=rows, declared={"rows": 3})
    _held(staffed, day, held)
    verdict = view_of(staffed, day).verdict
    assert verdict is not None
    findings = sorted(c.name for c in verdict.failures)
    assert len(findings) >= 3

    for despite in ((), tuple(findings[:-1]), (*findings, "minimum_rows"), ("nonsense",)):
        with pytest.raises(ActionRefused) as refused:
            operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, despite, ANA)
        assert all(f"--despite {name}" in refused.value.remedy for name in findings)

    assert (actions(staffed, day), states(staffed, day)) == ([], [])
    released = operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, tuple(findings[::-1]), ANA)
    assert released.decision.action is Action.PUBLISH
    assert len(staffed.rows(day)) == 8


def test_what_could_not_be_read_cannot_be_released(staffed: Installation) -> None:
    """It has no rows; naming the findings does not make any, and the date can be tried again at once."""
    day = staffed.fresh_date()
    _held(staffed, day, a_visa(day, data=b"\x00\x01 this is no CSV"))
    verdict = view_of(staffed, day).verdict
    assert verdict is not None
    findings = tuple(c.name for c in verdict.failures)

    for _ in range(2):
        with pytest.raises(ActionRefused, match=sentence_of("files_unreadable", keys=[f"{day}/visa/cards.csv"])):
            operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, findings, ANA)

    assert (actions(staffed, day), states(staffed, day)) == ([], [])
    assert run(staffed.platform, day).decision.action is Action.REFUSE


def test_a_file_with_values_that_could_not_be_read_cannot_be_released(staffed: Installation) -> None:
    """Sums over the rest would be wrong, and marts would show them."""
    day = staffed.fresh_date()
    visa = a_visa(day)
    _held(staffed, day, Delivery(business_date=day, source="visa", rows=[{**visa.rows[0], "amount_minor": "1.50"}]))
    verdict = view_of(staffed, day).verdict
    assert verdict is not None

    with pytest.raises(ActionRefused, check=refused_as("files_unreadable")):
        operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, tuple(c.name for c in verdict.failures), ANA)

    assert states(staffed, day) == []


def test_a_file_with_card_numbers_cannot_be_released_and_the_reason_is_that(staffed: Installation) -> None:
    """Nothing of it was unreadable: what is withheld from staging can be published by nobody."""
    day = staffed.fresh_date()
    visa = a_visa(day)
    rows = [{**visa.rows[0], "card_token": "4111111111111111"}, *visa.rows[1:]]
    _held(staffed, day, Delivery(business_date=day, source="visa", rows=rows))

    with pytest.raises(ActionRefused) as refused:
        operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, ("no_card_numbers",), ANA)

    key = f"{day}/visa/cards.csv"
    assert refused.value.code == "card_numbers_withheld"
    assert refused.value.message.parameters["keys"] == (key,)
    assert refused.value.remedy == "Have it delivered again without card numbers: no release publishes them."
    assert (actions(staffed, day), states(staffed, day)) == ([], [])


def test_a_release_of_what_has_changed_meanwhile_is_refused(staffed: Installation) -> None:
    """The operator saw other bytes."""
    day = staffed.fresh_date()
    _held(staffed, day)

    def deliver_another() -> None:
        a_refused_visa(day, 7).write(staffed.landing)

    with (
        happening(Boundary(owner=operator_actions, name="prepare", after=False), deliver_another),
        pytest.raises(ActionRefused, check=refused_as("delivered_again")),
    ):
        operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, MISCOUNTED, ANA)

    assert (actions(staffed, day), states(staffed, day)) == ([], [])
    assert run(staffed.platform, day).decision.action is Action.REFUSE


def test_a_refused_or_failed_release_frees_the_date(staffed: Installation) -> None:
    """Whatever ends it, the next try need not wait."""
    day = staffed.fresh_date()
    _held(staffed, day)

    def fail() -> None:
        message = "the ledger is gone"
        raise OSError(message)

    with (
        happening(ACTION_BOUNDARIES["before the action is recorded"], fail),
        pytest.raises(OSError, match="the ledger is gone") as failure,
    ):
        operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, MISCOUNTED, ANA)

    # The error is kept until here, and all that it holds: nothing is freed by the collector alone.
    assert failure.tb
    with staffed.platform.locks.hold(f"{CARD_SETTLEMENTS.name}-{day}", timeout_seconds=0.2):
        pass


@pytest.mark.parametrize("situation", ["nothing delivered", "incomplete", "published"])
@pytest.mark.parametrize("action", ["release", "discard"])
def test_what_is_not_in_quarantine_is_neither_released_nor_discarded(
    staffed: Installation, situation: str, action: str
) -> None:
    day = staffed.fresh_date()
    if situation == "incomplete":
        a_visa(day).write(staffed.landing)
    elif situation == "published":
        staffed.deliver(day)
    run(staffed.platform, day)

    named = (MISCOUNTED,) if action == "release" else ()

    with pytest.raises(ActionRefused, check=refused_as("not_in_quarantine")):
        getattr(operator_actions, action)(staffed.platform, CARD_SETTLEMENTS, day, *named, ANA)

    assert actions(staffed, day) == []


def test_a_released_correction_restates_and_is_itself_corrected(staffed: Installation) -> None:
    """A release is of one content: the provider's next file is judged by itself."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day)
    a_refused_visa(day).write(staffed.landing)
    run(staffed.platform, day)
    operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, MISCOUNTED, ANA)
    a_refused_visa(day, 6).write(staffed.landing)

    refused = run(staffed.platform, day)
    a_visa(day, 6).write(staffed.landing)
    corrected = run(staffed.platform, day)

    assert refused.decision.action is Action.REFUSE
    assert corrected.decision.action is Action.PUBLISH
    assert states(staffed, day) == ["final", "restated", "restated"]


def test_what_was_discarded_is_not_published_and_no_longer_held(staffed: Installation) -> None:
    """Beside a published date nothing is pending any more; readers keep what they have."""
    day = staffed.fresh_date()
    delivered = staffed.deliver(day)
    run(staffed.platform, day)
    a_refused_visa(day).write(staffed.landing)
    run(staffed.platform, day)
    before = view_of(staffed, day).state

    action = operator_actions.discard(staffed.platform, CARD_SETTLEMENTS, day, BEN)
    after, again = view_of(staffed, day).state, run(staffed.platform, day)

    assert before.pending is not None
    assert before.pending.state == "quarantined"
    assert (after.state, after.pending) == ("final", None)
    assert again.decision.action is Action.WITHDRAWN
    discarded = after.reasons[codes(after.reasons).index("content_discarded")]
    assert discarded.parameters.items() >= {"actor": "ben", "note": BEN.reason}.items()
    assert action.detail["content_hash"] == again.content_hash
    assert staffed.rows(day) == expected_rows(delivered)
    with pytest.raises(ActionRefused, check=refused_as("not_in_quarantine")):
        operator_actions.discard(staffed.platform, CARD_SETTLEMENTS, day, ANA)


@pytest.mark.parametrize("delivered_again", [False, True])
def test_a_discard_is_undone_by_a_release_and_by_nothing_else(staffed: Installation, delivered_again: bool) -> None:
    """Delivering the bytes once more changes nothing, and the reason names the command."""
    day = staffed.fresh_date()
    delivered = _held(staffed, day)
    operator_actions.discard(staffed.platform, CARD_SETTLEMENTS, day, BEN)
    if delivered_again:
        a_refused_visa(day).write(staffed.landing)

    again = run(staffed.platform, day)
    with pytest.raises(ActionRefused, match="not named: rows_as_declared"):
        operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, (), ANA)
    released = operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, MISCOUNTED, ANA)

    assert again.decision.action is Action.WITHDRAWN
    assert codes(again.decision.reasons) == ["content_discarded"]
    assert released.decision.action is Action.PUBLISH
    assert staffed.rows(day) == expected_rows(delivered)
    assert [a.action for a in actions(staffed, day)] == ["discard", "release"]
    assert view_of(staffed, day).state.pending is None


def test_what_was_rolled_back_from_is_not_released(staffed: Installation) -> None:
    """Another rollback publishes it again."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day)
    a_refused_visa(day).write(staffed.landing)
    run(staffed.platform, day)
    operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, MISCOUNTED, ANA)
    roll_back(staffed.platform, CARD_SETTLEMENTS, day, 1, ANA)

    with pytest.raises(ActionRefused, check=refused_as("not_in_quarantine")):
        operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, MISCOUNTED, ANA)


@pytest.mark.parametrize(("hours", "state"), [(27, "waiting"), (28, "late")])
def test_with_nothing_published_a_discarded_date_waits_for_another_delivery(
    staffed: Installation, hours: int, state: str
) -> None:
    """It is late once files were due, at 03:45; another delivery is then published like any first one."""
    day = staffed.fresh_date()
    _held(staffed, day)
    operator_actions.discard(staffed.platform, CARD_SETTLEMENTS, day, ANA)
    platform = at(staffed, datetime.combine(day, time(), UTC) + timedelta(hours=hours))
    waiting = date_views(platform, CARD_SETTLEMENTS, day, day)[0].state
    a_visa(day, 4).write(staffed.landing)

    concluded = run(staffed.platform, day)

    assert waiting.state == state
    discarded = waiting.reasons[codes(waiting.reasons).index("content_discarded")]
    assert discarded.parameters["actor"] == "ana"
    assert concluded.decision.action is Action.PUBLISH
    assert states(staffed, day) == ["final"]


def test_a_release_that_died_before_it_published_is_published_by_the_next_run(staffed: Installation) -> None:
    """Released once more, the refusal says so."""
    day = staffed.fresh_date()
    delivered = _held(staffed, day)

    def die() -> None:
        message = "no memory is left"
        raise MemoryError(message)

    with (
        happening(Boundary(owner=operator_actions, name="validate_and_publish", after=False), die),
        pytest.raises(MemoryError),
    ):
        operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, MISCOUNTED, ANA)
    with pytest.raises(ActionRefused, check=refused_as("not_in_quarantine")) as refused:
        operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, MISCOUNTED, ANA)
    concluded = run(staffed.platform, day)

    assert f"settlement materialize card_settlements --from {day} --to {day}" in refused.value.remedy
    assert concluded.decision.action is Action.PUBLISH
    assert staffed.rows(day) == expected_rows(delivered)
