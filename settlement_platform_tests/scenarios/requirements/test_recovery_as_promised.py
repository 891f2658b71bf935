"""Requirements for quarantine and recovery: evidence first, then a replay of only the wrong date."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.operators import actions
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform_tests.builders import refused_as
from settlement_platform_tests.orchestration.dagster_home import PUBLISHED, DagsterHome
from settlement_platform_tests.pipeline.installation import NAME
from settlement_platform_tests.pipeline.operating import ANA, BEN, a_refused_visa, a_visa
from settlement_platform_tests.pipeline.published_rows import expected_rows
from settlement_platform_tests.scenarios.mornings import Morning, day
from settlement_platform_tests.shown_reasons import sentence_of

MISCOUNTED = ("rows_as_declared",)


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    return Morning(tmp_path / "home")


def _refuse(morning: Morning, business_date: date) -> None:
    """A delivery of visa that declares a row too many is run."""
    a_refused_visa(business_date).write(morning.there.landing)
    assert morning.run(business_date).decision.action is Action.REFUSE


def test_a_failing_check_quarantines_the_interval_and_notifies_its_owner(morning: Morning) -> None:
    """Held with its evidence, reported with the owner's name and the first move; readers see nothing of it."""
    morning.deliver(day(0))
    _refuse(morning, day(0))
    morning.at(day(0), "04:10")

    (alert,) = [e for e in morning.watch() if e.kind == "quarantined"]

    state = morning.view(day(0)).state
    assert (state.state, alert.owner) == ("quarantined", CARD_SETTLEMENTS.owner)
    assert any("rows_as_declared" in reason for reason in state.reasons)
    assert alert.first_move == f"settlement quarantine show {NAME} {day(0)}"
    assert morning.there.rows(day(0)) == []
    assert morning.requested_dates() == []


Way = Callable[[Morning, date], object]
WAYS_OUT: dict[str, tuple[Way, list[str]]] = {
    "a corrected delivery": (lambda m, d: (a_visa(d).write(m.there.landing), m.run(d)), ["final"]),
    "a release": (lambda m, d: actions.release(m.platform, CARD_SETTLEMENTS, d, MISCOUNTED, ANA), ["final"]),
    "a discard": (lambda m, d: actions.discard(m.platform, CARD_SETTLEMENTS, d, ANA), []),
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_quarantine_ends_by_a_replay_or_a_decision_on_record(morning: Morning, way: str) -> None:
    """Each way leaves nothing held; whoever decided is named, and a correction needs nobody."""
    go, states = WAYS_OUT[way]
    morning.deliver(day(0))
    _refuse(morning, day(0))

    go(morning, day(0))

    pending = morning.view(day(0)).state.pending
    actors = [a.actor for a in morning.platform.ledger.actions(NAME)]
    assert morning.history(day(0)) == states
    assert pending is None or pending.state != "quarantined"
    assert actors == ([] if way == "a corrected delivery" else [ANA.actor])


def test_one_bad_interval_blocks_no_other(tmp_path: Path) -> None:
    """In one run over three dates the good ones are published, and the run ends with the name of the bad one."""
    home = DagsterHome(tmp_path / "home")
    for number in (0, 2):
        home.deliver(day(number))
    home.deliver_corrupt(day(1))

    run = home.run(day(0), day(2))
    published = home.materialized(PUBLISHED)
    home.close()

    assert not run.success
    assert published == {str(day(0)), str(day(2))}
    assert run.failure.startswith(f"1 of 3 dates are not published.\n{day(1)}: refused")


def test_a_partial_rerun_never_overwrites_a_good_interval(morning: Morning) -> None:
    """Two of three files are gone when a correction of the third comes: readers keep the whole date."""
    delivered = morning.deliver(day(0))
    morning.run(day(0))
    for source in ("mastercard", "amex"):
        for path in (morning.there.landing / str(day(0)) / source).iterdir():
            path.unlink()
    a_visa(day(0)).write(morning.there.landing)

    rerun = morning.run(day(0))

    assert rerun.decision.action is Action.WAIT
    assert morning.there.rows(day(0)) == expected_rows(delivered)
    assert morning.history(day(0)) == ["final"]


def test_a_correction_after_publishing_replaces_its_interval_and_no_other(morning: Morning) -> None:
    """Late in the day: staged afresh, a new generation of that date alone, and what changed is on record."""
    days = [day(0), day(1), day(2)]
    delivered = {each: morning.deliver(each) for each in days}
    for each in days:
        morning.run(each)
    morning.at(day(2), "15:00")
    corrected = a_visa(day(1))
    corrected.write(morning.there.landing)

    requested = morning.requested_dates()
    morning.run(day(1))

    assert requested == [day(1)]
    assert [morning.history(each) for each in days] == [["final"], ["final", "restated"], ["final"]]
    assert morning.there.rows(day(1)) == expected_rows([corrected, *delivered[day(1)][1:]])
    for each in (day(0), day(2)):
        assert morning.there.rows(each) == expected_rows(delivered[each])
    assert morning.read("SELECT rows_added, rows_removed FROM lake.published.restatements") == [(2, 0)]


def test_a_replay_of_history_leaves_todays_interval_as_it_is(morning: Morning) -> None:
    """While the past is worked on again, today's rows and generation do not move, nor does the watermark."""
    days = [day(n) for n in range(4)]
    for each in days:
        morning.deliver(each)
        morning.run(each)
    today = morning.there.rows(days[-1])
    for each in days[:-1]:
        a_visa(each).write(morning.there.landing)

    for each in days:
        morning.run(each)

    assert morning.there.rows(days[-1]) == today
    assert [len(morning.history(each)) for each in days] == [2, 2, 2, 1]
    assert morning.watermark() == days[-1]


def test_a_partition_with_growing_counts_is_mended_by_a_rerun_from_clean_staging(morning: Morning) -> None:
    """A staged file that somebody changed is not published: it is staged again from what was delivered."""
    delivered = morning.deliver(day(0))
    _refuse(morning, day(0))
    staged = {s.source: Path(s.path) for s in morning.platform.ledger.stagings(NAME, day(0), day(0))}
    staged["amex"].write_bytes(staged["mastercard"].read_bytes())
    corrected = a_visa(day(0))
    corrected.write(morning.there.landing)

    rerun = morning.run(day(0))

    assert rerun.decision.action is Action.PUBLISH
    assert str(staged["amex"]) not in {s.path for s in rerun.stagings}
    assert morning.there.rows(day(0)) == expected_rows([corrected, *delivered[1:]])


def test_a_wrong_publication_is_taken_back_by_an_older_generation(morning: Morning) -> None:
    """As a new generation that names who did it; running the date again does not bring the wrong one back."""
    delivered = morning.deliver(day(0))
    morning.run(day(0))
    a_visa(day(0)).write(morning.there.landing)
    morning.run(day(0))

    roll_back(morning.platform, CARD_SETTLEMENTS, day(0), 1, ANA)
    again = morning.run(day(0))

    (action,) = morning.platform.ledger.actions(NAME)
    assert again.decision.action is Action.WITHDRAWN
    assert morning.history(day(0)) == ["final", "restated", "rolled_back"]
    assert morning.there.rows(day(0)) == expected_rows(delivered)
    assert (action.action, action.actor, action.reason) == ("rollback", ANA.actor, ANA.reason)


def test_who_may_pause_or_skip_is_declared_and_on_record(morning: Morning) -> None:
    """Who lacks the role is refused and leaves no trace; who has it gives a reason, which stays."""
    platform = replace(morning.platform, members={"operator": frozenset({ANA.actor})})

    with pytest.raises(ActionRefused, match=sentence_of("role_missing", role="operator")):
        actions.pause(platform, CARD_SETTLEMENTS, BEN)
    with pytest.raises(ActionRefused, check=refused_as("note_missing")):
        actions.skip(platform, CARD_SETTLEMENTS, day(0), replace(ANA, reason=" "))
    actions.pause(platform, CARD_SETTLEMENTS, ANA)
    morning.deliver(day(0))
    held = morning.run(day(0))

    assert held.decision.action is Action.AWAITING_OPERATOR
    assert [(a.action, a.actor, a.reason) for a in platform.ledger.actions(NAME)] == [("pause", ANA.actor, ANA.reason)]
