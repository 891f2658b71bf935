"""A date that is skipped, or on which no file is expected, is on record, and the dates after it are published."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.calendars import WEEKDAYS
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.inspection.date_view_at import date_view_at
from settlement_platform.pipeline.landing.land import land
from settlement_platform.pipeline.marts.outdated import outdated_dates
from settlement_platform.pipeline.operators import actions as operator_actions
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform_tests.builders import refused_as
from settlement_platform_tests.deliveries import SOURCES, Delivery
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, Installation, open_home
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
from settlement_platform_tests.shown_reasons import sentence_of, shows

ON_WEEKDAYS = replace(CARD_SETTLEMENTS, calendar=WEEKDAYS)
THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY = (FIRST_DATE + timedelta(days=n) for n in range(5))
"""2026-01-01 is a Thursday."""


_SATURDAYS: Iterator[date] = (SATURDAY + timedelta(weeks=n) for n in range(22, 44))
"""Beyond the dates that are used of every installation."""


def _watermark(installation: Installation, name: str = NAME) -> date | None:
    found = query(installation, "SELECT watermark FROM lake.published.watermarks WHERE dataset = ?", name)
    return found[0][0] if found else None


def test_a_skipped_date_is_on_record_and_the_watermark_passes_it(own_staffed: Installation) -> None:
    """With who skipped it and why; the marts follow, and theirs pass it too."""
    for day in (THURSDAY, SATURDAY):
        own_staffed.deliver(day)
        run(own_staffed.platform, day)
    before = _watermark(own_staffed)

    concluded = operator_actions.skip(own_staffed.platform, CARD_SETTLEMENTS, FRIDAY, ANA)
    for mart in MARTS:
        for day in (THURSDAY, FRIDAY, SATURDAY):
            own_staffed.build(mart, day)

    (publication,), (action,) = history(own_staffed, FRIDAY), actions(own_staffed, FRIDAY)
    assert (before, concluded.watermark, _watermark(own_staffed)) == (THURSDAY, SATURDAY, SATURDAY)
    assert (publication.state, publication.rows, publication.sources) == ("skipped", 0, ())
    assert (publication.actor, publication.reason) == (ANA.actor, ANA.reason)
    assert (action.action, action.actor, action.reason) == ("skip", ANA.actor, ANA.reason)
    assert own_staffed.rows(FRIDAY) == []
    for mart in MARTS:
        assert states(own_staffed, FRIDAY, mart.name) == ["skipped"]
        assert _watermark(own_staffed, mart.name) == SATURDAY
        assert outdated_dates(own_staffed.platform.lake, mart) == {}


@pytest.mark.parametrize("situation", ["final", "final without rows", "restated", "rolled back", "skipped"])
def test_a_date_that_is_published_is_not_skipped(staffed: Installation, situation: str) -> None:
    """Over rows, or over the answer that there were none; the refusal leaves nothing behind."""
    day = staffed.fresh_date()
    if situation == "skipped":
        operator_actions.skip(staffed.platform, CARD_SETTLEMENTS, day, BEN)
    elif situation == "final without rows":
        staffed.deliver(day, **{s: Delivery(business_date=day, source=s) for s in SOURCES})
    else:
        staffed.deliver(day)
    run(staffed.platform, day)
    if situation in {"restated", "rolled back"}:
        a_visa(day).write(staffed.landing)
        run(staffed.platform, day)
    if situation == "rolled back":
        roll_back(staffed.platform, CARD_SETTLEMENTS, day, 1, BEN)
    before, recorded = history(staffed, day), actions(staffed, day)

    with pytest.raises(ActionRefused, check=refused_as("not_skipped")):
        operator_actions.skip(staffed.platform, CARD_SETTLEMENTS, day, ANA)

    assert history(staffed, day) == before
    assert actions(staffed, day) == recorded


@pytest.mark.parametrize("off", ["before", "after"])
def test_only_business_dates_are_skipped(staffed: Installation, off: str) -> None:
    """Dates before the first one and future dates are neither complete nor incomplete."""
    platform = staffed.platform
    days = {"before": platform.first_date - timedelta(days=1), "after": platform.clock().date() + timedelta(days=1)}

    with pytest.raises(ActionRefused, check=refused_as("not_a_business_date")):
        operator_actions.skip(platform, CARD_SETTLEMENTS, days[off], ANA)

    assert actions(staffed, days[off]) == []


def test_a_file_that_arrives_after_a_skip_is_published_as_final(staffed: Installation) -> None:
    """A first publication of rows: nothing is restated, and the marts follow."""
    day = staffed.fresh_date()
    operator_actions.skip(staffed.platform, CARD_SETTLEMENTS, day, ANA)
    for mart in MARTS:
        staffed.build(mart, day)
    incomplete = a_visa(day)
    incomplete.write(staffed.landing)
    waiting = run(staffed.platform, day)
    delivered = staffed.deliver(day, visa=incomplete)

    concluded = run(staffed.platform, day)

    assert waiting.decision.action is Action.WAIT
    assert concluded.decision.action is Action.PUBLISH
    assert concluded.difference is None
    assert states(staffed, day) == ["skipped", "final"]
    assert staffed.rows(day) == expected_rows(delivered)
    for mart in MARTS:
        assert staffed.build(mart, day).decision.action is Action.PUBLISH
        assert states(staffed, day, mart.name) == ["skipped", "final"]


def test_a_skipped_date_stays_skipped_when_it_is_run_again(staffed: Installation) -> None:
    day = staffed.fresh_date()
    operator_actions.skip(staffed.platform, CARD_SETTLEMENTS, day, ANA)

    concluded = run(staffed.platform, day)

    assert concluded.decision.action is Action.ALREADY_PUBLISHED
    assert states(staffed, day) == ["skipped"]
    assert view_of(staffed, day).state.state == "skipped"
    assert view_of(staffed, day).state.pending is None


def _delivered_and_skipped(installation: Installation, what: str) -> date:
    """A date of which this much was delivered and run before it was skipped."""
    day = installation.fresh_date()
    if what == "held":
        installation.deliver(day, visa=a_refused_visa(day))
        run(installation.platform, day)
    elif what == "incomplete":
        a_visa(day).write(installation.landing)
        run(installation.platform, day)
    else:
        installation.deliver(day)
        land(installation.platform, CARD_SETTLEMENTS, day, ANA).close()
    operator_actions.skip(installation.platform, CARD_SETTLEMENTS, day, ANA)
    return day


@pytest.mark.parametrize("what", ["held", "incomplete", "complete"])
def test_a_run_leaves_a_date_skipped_that_was_skipped_with_its_files_on_record(
    staffed: Installation, what: str
) -> None:
    """A sensor's or a backfill's run that was requested before the skip decides what `explain` says."""
    day = _delivered_and_skipped(staffed, what)
    staged, seen = staffed.platform.ledger.stagings(NAME, day, day), view_of(staffed, day)

    concluded = run(staffed.platform, day)

    assert concluded.decision == seen.decision
    assert concluded.decision.action is Action.ALREADY_PUBLISHED
    assert concluded.decision.reasons[0].startswith("skipped by ana at ")
    assert concluded.content_hash is None
    assert states(staffed, day) == ["skipped"]
    assert staffed.platform.ledger.stagings(NAME, day, day) == staged
    assert (seen.state.state, seen.state.pending) == ("skipped", None)
    assert view_of(staffed, day) == seen


def test_a_run_of_another_process_sees_a_skip_that_it_did_not_make(own_staffed: Installation) -> None:
    """Each process caches the current publications; a skip on record makes it read them again."""
    day = own_staffed.fresh_date()
    there = open_home(own_staffed.home)
    own_staffed.deliver(day)
    land(own_staffed.platform, CARD_SETTLEMENTS, day, ANA).close()
    assert there.lake.current_publications(NAME) == {}
    operator_actions.skip(own_staffed.platform, CARD_SETTLEMENTS, day, ANA)

    concluded = run(there, day)

    assert concluded.decision.action is Action.ALREADY_PUBLISHED
    assert states(own_staffed, day) == ["skipped"]


def test_the_watermark_passes_a_date_that_was_held_and_then_skipped(own_staffed: Installation) -> None:
    own_staffed.deliver(THURSDAY, visa=a_refused_visa(THURSDAY))
    own_staffed.deliver(FRIDAY)
    for day in (THURSDAY, FRIDAY):
        run(own_staffed.platform, day)
    before = _watermark(own_staffed)

    operator_actions.skip(own_staffed.platform, CARD_SETTLEMENTS, THURSDAY, ANA)

    assert (before, _watermark(own_staffed)) == (None, FRIDAY)
    assert [view_of(own_staffed, day).state.state for day in (THURSDAY, FRIDAY)] == ["skipped", "final"]
    assert view_of(own_staffed, THURSDAY).state.quarantined is None


@pytest.mark.parametrize("action", ["release", "discard"])
def test_what_was_held_before_a_skip_is_neither_released_nor_discarded(staffed: Installation, action: str) -> None:
    """Nothing is held any more; the refusal says what undoes the skip."""
    day = _delivered_and_skipped(staffed, "held")
    named = (("rows_as_declared",),) if action == "release" else ()

    with pytest.raises(ActionRefused, check=refused_as("not_in_quarantine")) as refused:
        getattr(operator_actions, action)(staffed.platform, CARD_SETTLEMENTS, day, *named, BEN)

    assert "delivered once more" in refused.value.remedy
    assert [a.action for a in actions(staffed, day)] == ["skip"]


@pytest.mark.parametrize(("what", "move"), [("complete", Action.PUBLISH), ("held", Action.REFUSE)])
def test_the_same_files_delivered_once_more_count_after_a_skip(staffed: Installation, what: str, move: Action) -> None:
    """Held content is held again, beside the skip, and may be released."""
    day = _delivered_and_skipped(staffed, what)
    again = a_refused_visa(day) if what == "held" else a_visa(day, 3)
    again.write(staffed.landing)

    concluded = run(staffed.platform, day)

    assert concluded.decision.action is move
    held = view_of(staffed, day).state.quarantined
    assert bool(held) is (what == "held")
    if held:
        operator_actions.release(staffed.platform, CARD_SETTLEMENTS, day, ("rows_as_declared",), BEN)
    assert states(staffed, day) == ["skipped", "final"]


def test_the_past_shows_a_date_as_held_before_a_skip_and_as_skipped_after_it(staffed: Installation) -> None:
    day = _delivered_and_skipped(staffed, "held")
    (skipped,) = history(staffed, day)

    before, after = (
        date_view_at(staffed.platform, CARD_SETTLEMENTS, day, skipped.published_at + n * timedelta(microseconds=1))
        for n in (-1, 0)
    )

    assert (before.state.state, before.decision.action) == ("quarantined", Action.REFUSE)
    assert (after.state.state, after.state.pending, after.decision.action) == (
        "skipped",
        None,
        Action.ALREADY_PUBLISHED,
    )


def test_a_date_cannot_be_rolled_back_to_a_skip(staffed: Installation) -> None:
    """Generation 1 holds no rows; a roll back would be no restoration of any."""
    day = staffed.fresh_date()
    operator_actions.skip(staffed.platform, CARD_SETTLEMENTS, day, ANA)
    staffed.deliver(day)
    run(staffed.platform, day)

    with pytest.raises(ActionRefused, match=sentence_of("rollback_target_empty", wanted=1)):
        roll_back(staffed.platform, CARD_SETTLEMENTS, day, 1, BEN)


def test_a_weekend_is_recorded_as_not_expected_and_the_watermark_passes_it(own_staffed: Installation) -> None:
    """Friday to Monday without a gap; the marts have the weekend too, each day is recorded once."""
    platform = own_staffed.platform
    for day in (THURSDAY, FRIDAY, MONDAY):
        own_staffed.deliver(day)
    found = [run(platform, day, ON_WEEKDAYS) for day in (THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY)]
    again = run(platform, SATURDAY, ON_WEEKDAYS)
    for mart in MARTS:
        for day in (THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY):
            own_staffed.build(mart, day)

    (publication,) = history(own_staffed, SATURDAY)
    assert [c.decision.action for c in found] == [Action.PUBLISH] * 5
    assert found[2].decision.reasons == ("weekdays: 2026-01-03 is a Saturday",)
    assert (publication.state, publication.rows, publication.generation) == ("not_expected", 0, 1)
    assert again.decision.action is Action.ALREADY_PUBLISHED
    assert _watermark(own_staffed) == MONDAY
    for mart in MARTS:
        assert states(own_staffed, SUNDAY, mart.name) == ["not_expected"]
        assert _watermark(own_staffed, mart.name) == MONDAY


def test_a_file_that_arrives_on_a_closed_day_is_processed_like_any_other(staffed: Installation) -> None:
    """Before the day is recorded as empty, or after."""
    before, after = next(_SATURDAYS), next(_SATURDAYS)
    early = staffed.deliver(before)
    run(staffed.platform, after, ON_WEEKDAYS)
    late = staffed.deliver(after)

    found = [run(staffed.platform, day, ON_WEEKDAYS).decision.action for day in (before, after)]

    assert found == [Action.PUBLISH, Action.PUBLISH]
    assert (states(staffed, before), states(staffed, after)) == (["final"], ["not_expected", "final"])
    assert staffed.rows(before) == expected_rows(early)
    assert staffed.rows(after) == expected_rows(late)


@pytest.mark.parametrize("delivered", ["one source", "a file without its control file", "a corrupt source"])
def test_a_closed_day_on_which_something_came_is_not_recorded_as_empty(staffed: Installation, delivered: str) -> None:
    """The date waits until its files are complete, or is refused, as on any other day."""
    day = next(_SATURDAYS)
    if delivered == "a file without its control file":
        a_visa(day).write_data(staffed.landing)
    else:
        a_visa(day, declared={"rows": 99} if delivered == "a corrupt source" else {}).write(staffed.landing)

    concluded = run(staffed.platform, day, ON_WEEKDAYS)

    wanted = Action.REFUSE if delivered == "a corrupt source" else Action.WAIT
    assert concluded.decision.action is wanted
    assert states(staffed, day) == []


def test_a_closed_day_is_not_recorded_while_a_file_may_still_come(staffed: Installation) -> None:
    """Until the hour at which it would be there."""
    day = next(_SATURDAYS)
    expected = datetime.combine(day + timedelta(days=1), CARD_SETTLEMENTS.timeliness.expected_by, UTC)

    before = run(at(staffed, expected - timedelta(seconds=1)), day, ON_WEEKDAYS)
    after = run(at(staffed, expected), day, ON_WEEKDAYS)

    assert (before.decision.action, after.decision.action) == (Action.WAIT, Action.PUBLISH)
    assert states(staffed, day) == ["not_expected"]


def test_while_paused_a_closed_day_is_not_recorded(own_staffed: Installation) -> None:
    operator_actions.pause(own_staffed.platform, ON_WEEKDAYS, ANA)

    assert run(own_staffed.platform, SATURDAY, ON_WEEKDAYS).decision.action is Action.AWAITING_OPERATOR
    assert states(own_staffed, SATURDAY) == []


def test_an_open_day_without_files_is_late_and_a_closed_one_is_not(staffed: Installation) -> None:
    """2026-01-02 is a Friday."""
    friday, saturday = next(_SATURDAYS) - timedelta(days=1), next(_SATURDAYS)

    assert view_of(staffed, friday, ON_WEEKDAYS).state.state == "late"
    assert view_of(staffed, saturday, ON_WEEKDAYS).state.state == "waiting"
    assert shows(view_of(staffed, saturday, ON_WEEKDAYS).state.reasons[0], "no_file_expected")


def test_a_closed_day_can_be_skipped_once_and_is_then_not_recorded_as_anything_else(staffed: Installation) -> None:
    day = next(_SATURDAYS)
    operator_actions.skip(staffed.platform, ON_WEEKDAYS, day, ANA)

    run(staffed.platform, day, ON_WEEKDAYS)

    assert states(staffed, day) == ["skipped"]
