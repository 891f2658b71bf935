"""The next action that is shown for a date is the next action of its sensor, and showing it writes nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from settlement_platform.control.facts import AttemptOutcome
from settlement_platform.control.policies import ProvisionalCut
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.reasons.next_steps import (
    BUILD_AFTER_INPUTS,
    FILES_READ_AT_NEXT_TICK,
    INPUT_PUBLISHED,
    INPUT_PUBLISHED_WHOLE,
)
from settlement_platform.control.reasons.timeliness import CLOSED_FOR_CORRECTIONS
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.inspection.date_view import date_views
from settlement_platform.pipeline.inspection.mart_view import mart_views
from settlement_platform.pipeline.inspection.next_actions import NextAction, next_action
from settlement_platform.pipeline.landing.scan import ScanResult, preview_scan, scan_landing_zone
from settlement_platform.pipeline.operators import actions
from settlement_platform.pipeline.platform import Platform
from settlement_platform_tests.builders import an_attempt, codes
from settlement_platform_tests.pipeline.installation import NAME, REQUEST, Installation
from settlement_platform_tests.pipeline.operating import ANA, a_refused_visa, a_visa, at, run
from settlement_platform_tests.shown_reasons import shows

MORNING = timedelta(days=1, hours=5)
"""After the start of a business date: it is due, and open."""
LATER = timedelta(days=30)


def _at(installation: Installation, day: date, after: timedelta = MORNING) -> Platform:
    return at(installation, datetime.combine(day, datetime.min.time(), UTC) + after)


def _tick(platform: Platform) -> ScanResult:
    """The result of a tick of the sensor that has enough time."""
    return scan_landing_zone(platform, (CARD_SETTLEMENTS,), REQUEST, time_left=lambda: 1.0)[NAME]


def _ahead(platform: Platform, day: date) -> NextAction:
    return next_action(platform, CARD_SETTLEMENTS, date_views(platform, CARD_SETTLEMENTS, day, day)[0])


def _materialize(day: date, name: str = NAME) -> str:
    return f"settlement materialize {name} --from {day} --to {day}"


def _backfill(day: date) -> str:
    return f"settlement backfill {NAME} --from {day} --to {day}"


def test_what_nobody_has_read_is_read_by_the_next_tick(own_staffed: Installation) -> None:
    day = own_staffed.fresh_date()
    platform = _at(own_staffed, day)
    own_staffed.deliver(day)

    found = _ahead(platform, day)

    assert (codes([found.description]), found.command) == (["files_read_at_next_tick"], _materialize(day))
    assert platform.ledger.arrivals(NAME, day, day) == []
    assert [a.business_date for a in _tick(platform).requests] == [day]


def test_what_has_been_read_and_not_judged_is_requested_by_the_next_tick(own_staffed: Installation) -> None:
    """It waits for nobody, and is not refused."""
    day = own_staffed.fresh_date()
    platform = _at(own_staffed, day)
    own_staffed.deliver(day)
    requested = _tick(platform).requests

    (outlook,) = date_views(platform, CARD_SETTLEMENTS, day, day)
    found = next_action(platform, CARD_SETTLEMENTS, outlook)

    assert [a.business_date for a in requested] == [day]
    assert outlook.decision.action is Action.REFUSE
    assert codes(outlook.decision.reasons) == ["validation_pending"]
    assert codes([found.description]) == ["run_at_next_tick"]
    assert found == NextAction(description=found.description, command=_materialize(day))


@pytest.mark.parametrize("read", [True, False], ids=["read", "unread"])
def test_a_change_of_what_closed_waits_for_the_backfill_that_is_named(own_staffed: Installation, read: bool) -> None:
    """Unread, it is read first: it may be what is published already."""
    day = own_staffed.fresh_date()
    own_staffed.deliver(day)
    run(_at(own_staffed, day), day)
    a_visa(day).write(own_staffed.landing)
    platform = _at(own_staffed, day, LATER)
    waiting = _tick(platform).waiting if read else ()

    found = _ahead(platform, day)

    closed_at = datetime.combine(day + timedelta(days=3), datetime.min.time(), UTC)
    closed = CLOSED_FOR_CORRECTIONS(business_date=day, closed_at=closed_at, command=_backfill(day))
    assert [a.business_date for a in waiting] == ([day] if read else [])
    assert (found.description, found.command) == (
        closed if read else FILES_READ_AT_NEXT_TICK(reason=closed),
        _backfill(day),
    )


def test_what_closed_unpublished_is_caught_up(own_staffed: Installation) -> None:
    day = own_staffed.fresh_date()
    own_staffed.deliver(day)
    platform = _at(own_staffed, day, LATER)
    _tick(platform)

    found = _ahead(platform, day)

    assert codes([found.description]) == ["run_at_catch_up"]
    assert found.command == _materialize(day)


@pytest.mark.parametrize("why", ["pause", "breaker"])
def test_what_may_not_be_launched_says_until_when(own_staffed: Installation, why: str) -> None:
    day = own_staffed.fresh_date()
    platform = _at(own_staffed, day)
    own_staffed.deliver(day)
    _tick(platform)
    if why == "pause":
        actions.pause(platform, CARD_SETTLEMENTS, ANA)
    else:
        failures = [
            an_attempt(
                attempt_id=f"attempt-{n}", dataset=NAME, outcome=AttemptOutcome.FAILED, recorded_at=platform.clock()
            )
            for n in range(CARD_SETTLEMENTS.breaker.failures)
        ]
        platform.ledger.append(*failures)

    found = _ahead(platform, day)

    assert codes([found.description]) == ["run_when_launches_resume"]
    if why == "pause":
        assert shows(found.stopped[0], "dataset_paused", dataset=NAME, actor="ana")
    else:
        assert shows(found.stopped[0], "breaker_blocks", kind="dataset", name=NAME, state="open")


@pytest.mark.parametrize("what", ["nothing", "incomplete", "refused", "published", "skipped", "not yet due"])
def test_nothing_is_said_to_follow_where_the_next_tick_does_nothing(own_staffed: Installation, what: str) -> None:
    day = own_staffed.fresh_date() if what != "not yet due" else date(2030, 1, 1)
    platform = _at(own_staffed, day if what != "not yet due" else own_staffed.fresh_date())
    if what == "incomplete":
        a_visa(day).write(own_staffed.landing)
    elif what != "nothing":
        own_staffed.deliver(day, **({"visa": a_refused_visa(day)} if what == "refused" else {}))
    if what in {"refused", "published"}:
        run(platform, day)
    requested = _tick(platform).requests
    if what == "skipped":
        actions.skip(platform, CARD_SETTLEMENTS, day, ANA)
        requested = _tick(platform).requests

    found = _ahead(platform, day)

    assert requested == ()
    assert found == NextAction()


def test_a_cut_that_is_due_is_requested(own_staffed: Installation) -> None:
    """Although files are waited for."""
    with_cut = replace(CARD_SETTLEMENTS, provisional=ProvisionalCut(minimum_sources=1))
    day = own_staffed.fresh_date()
    platform = _at(own_staffed, day, MORNING + timedelta(hours=6))
    a_visa(day).write(own_staffed.landing)
    _tick(platform)

    found = next_action(platform, with_cut, date_views(platform, with_cut, day, day)[0])

    assert codes([found.description]) == ["run_at_next_tick"]


def test_a_mart_is_built_by_the_next_tick_once_its_input_is_published(own_staffed: Installation) -> None:
    day, mart = own_staffed.fresh_date(), MARTS[0]
    platform = _at(own_staffed, day)
    own_staffed.deliver(day)
    before = next_action(platform, mart, mart_views(platform, mart, day, day)[0])
    run(platform, day)

    (outlook,) = mart_views(platform, mart, day, day)
    behind = next_action(platform, mart, outlook)
    actions.pause(platform, CARD_SETTLEMENTS, ANA)
    held = next_action(platform, mart, outlook)
    actions.resume(platform, CARD_SETTLEMENTS, ANA)
    own_staffed.build(mart, day)
    built = next_action(platform, mart, mart_views(platform, mart, day, day)[0])

    assert outlook.decision.action is Action.REFUSE
    assert before == NextAction(
        description=BUILD_AFTER_INPUTS(awaited=[INPUT_PUBLISHED(dataset=NAME)]), awaited=(NAME,)
    )
    assert built == NextAction()
    assert codes([behind.description]) == ["build_at_next_tick"]
    assert behind.command == _materialize(day, mart.name)
    assert codes([held.description]) == ["build_when_launches_resume"]
    assert shows(held.stopped[0], "dataset_paused", dataset=NAME, actor="ana")
    assert held.paused == NAME


def test_a_mart_that_waits_for_the_whole_of_a_cut_says_so(own_staffed: Installation) -> None:
    """One that follows cuts and was built from it waits for the rest, too."""
    with_cut = replace(CARD_SETTLEMENTS, provisional=ProvisionalCut(minimum_sources=1))
    day, whole = own_staffed.fresh_date(), MARTS[0]
    cut = replace(whole, provisional=True)
    platform = _at(own_staffed, day, LATER)
    a_visa(day).write(own_staffed.landing)
    run(platform, day, with_cut)
    behind = next_action(platform, cut, mart_views(platform, cut, day, day)[0])
    own_staffed.build(cut, day)

    waiting = [next_action(platform, mart, mart_views(platform, mart, day, day)[0]) for mart in (whole, cut)]

    assert codes([behind.description]) == ["build_at_next_tick"]
    once = BUILD_AFTER_INPUTS(awaited=[INPUT_PUBLISHED_WHOLE(dataset=NAME)])
    assert waiting == [NextAction(description=once, awaited=(NAME,))] * 2


def test_a_scan_that_is_foreseen_is_the_scan_that_is_made(own_staffed: Installation) -> None:
    """Of all dates and of one, once everything is on record."""
    days = [own_staffed.fresh_date() for _ in range(4)]
    for day in days[:3]:
        own_staffed.deliver(day)
        run(_at(own_staffed, day), day)
    a_visa(days[0]).write(own_staffed.landing)
    a_visa(days[2]).write(own_staffed.landing)
    own_staffed.deliver(days[3])
    platform = _at(own_staffed, days[3])
    unread = preview_scan(platform, CARD_SETTLEMENTS)

    made = _tick(platform)
    foreseen = preview_scan(platform, CARD_SETTLEMENTS)
    each = [preview_scan(platform, CARD_SETTLEMENTS, only=day) for day in days]

    assert set(unread.unread) == {days[0], days[2], days[3]}
    assert foreseen.decisions == made.decisions
    assert set(foreseen.needing_backfill) == {days[0], days[2]}
    assert [a for scan in reversed(each) for a in scan.decisions] == list(made.decisions)
