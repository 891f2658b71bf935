"""Episodes begin once and end once, whatever the order in which conditions come and go."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.alerts.episodes import (
    RAISED,
    RESOLVED,
    AlertEvent,
    AlertKind,
    AlertSeverity,
    Condition,
    EvaluatedScope,
    condition_key,
    episode_changes,
    open_episodes,
)
from settlement_platform_tests.builders import DATASET, DAY, NOW, a_reason

KEY = f"late:{DATASET}:{DAY}"
TICK = timedelta(seconds=30)


def a_condition(**changes: Any) -> Condition:  # noqa: ANN401 - any field
    """A file that is late."""
    usual = {
        "key": KEY,
        "kind": AlertKind.LATE,
        "severity": AlertSeverity.WARNING,
        "dataset": DATASET,
        "business_date": DAY,
        "owner": "finance-data@example.com",
        "summary": "amex has not delivered",
        "meaning": "readers see the day before",
        "first_move": f"settlement explain {DATASET} {DAY}",
    }
    return Condition(**{**usual, **changes})


def rounds(*ticks: list[Condition]) -> list[AlertEvent]:
    """The events on record after one round for each of these lists of conditions."""
    events: list[AlertEvent] = []
    for number, conditions in enumerate(ticks):
        decided = episode_changes(conditions, events, now=NOW + number * TICK)
        events += [*decided.raised, *decided.resolved]
    return events


def moves(events: list[AlertEvent]) -> list[tuple[str, str]]:
    """Each event as its episode and what became of it."""
    return [(e.episode, e.event) for e in events]


def test_an_episode_begins_once_and_ends_once() -> None:
    condition = a_condition()

    events = rounds([condition], [condition], [], [])

    assert moves(events) == [(KEY, RAISED), (KEY, RESOLVED)]
    of_event = {"episode": 0, "event": 0, "recorded_at": 0, "codes": 0}
    assert vars(events[0]) | of_event == {n: v for n, v in vars(condition).items() if n in vars(events[0])} | of_event


def test_an_event_carries_the_codes_of_its_sentences() -> None:
    """A sentence that was read back from a store has no code, and None in its place."""
    coded = a_condition(summary=a_reason("files_late", reasons=[a_reason("no_file_yet", source="amex")]))

    began, ended = rounds([coded], [], [])
    (without, _) = rounds([a_condition()], [])

    assert began.codes == {
        "summary": {
            "code": "files_late",
            "parameters": {"reasons": ({"code": "no_file_yet", "parameters": {"source": "amex"}},)},
        },
        "meaning": None,
    }
    assert ended.codes == {
        "summary": {
            "code": "episode_ended",
            "parameters": {"ending": {"code": "files_arrived", "parameters": {}}, "lasted": 30.0},
        },
        "meaning": {"code": "nothing_to_do", "parameters": {}},
    }
    assert without.codes is None


def test_what_comes_back_after_it_ended_is_another_episode() -> None:
    events = rounds([a_condition()], [], [a_condition()], [], [a_condition()])

    assert [e.episode for e in events] == [KEY, KEY, f"{KEY}#2", f"{KEY}#2", f"{KEY}#3"]
    assert {condition_key(e.episode) for e in events} == {KEY}


def test_a_condition_whose_words_change_stays_one_episode() -> None:
    changed = a_condition(summary="amex and visa have not delivered", severity=AlertSeverity.CRITICAL)

    assert moves(rounds([a_condition()], [changed])) == [(KEY, RAISED)]


def test_a_condition_that_only_lasts_begins_nothing_and_keeps_an_episode_open() -> None:
    lasting = a_condition(begins=False)

    assert moves(rounds([lasting])) == []
    assert moves(rounds([a_condition()], [lasting])) == [(KEY, RAISED)]
    assert moves(rounds([a_condition()], [lasting], [])) == [(KEY, RAISED), (KEY, RESOLVED)]


def test_what_happened_once_is_reported_and_ended_and_never_reported_again() -> None:
    """Even where it was over before anybody looked."""
    once = a_condition(recurs=False, over=True, ending="every mart has followed")

    events = rounds([once], [once], [once], [once])

    assert moves(events) == [(KEY, RAISED), (KEY, RESOLVED)]
    assert events[0].summary == "amex has not delivered"
    assert events[1].summary.parameters["ending"] == "every mart has followed"


def test_what_could_not_be_read_neither_begins_nor_ends() -> None:
    standing = rounds([a_condition()], [a_condition()])

    def ends(judged: EvaluatedScope) -> int:
        return len(episode_changes([], standing, now=NOW, judged=judged).resolved)

    assert ends(EvaluatedScope()) == 0
    assert ends(EvaluatedScope(pairs=frozenset({(AlertKind.LATE, "other"), (AlertKind.QUARANTINED, DATASET)}))) == 0
    assert ends(EvaluatedScope(pairs=frozenset({(AlertKind.LATE, DATASET)}))) == 1
    assert ends(EvaluatedScope(kinds=frozenset({AlertKind.LATE}))) == 1


def test_the_same_condition_twice_in_a_round_is_one_episode() -> None:
    assert moves(rounds([a_condition(), a_condition(summary="again")])) == [(KEY, RAISED)]


@pytest.mark.parametrize(
    ("episode", "key"),
    [(KEY, KEY), (f"{KEY}#2", KEY), (f"{KEY}#17", KEY), ("breaker_open:a#b:1", "breaker_open:a#b:1")],
)
def test_an_episode_knows_its_key(episode: str, key: str) -> None:
    assert condition_key(episode) == key


CONDITIONS = st.builds(
    lambda name, begins, recurs, over: a_condition(
        key=f"{name}:{recurs}", begins=begins, recurs=recurs, over=over and not recurs
    ),
    name=st.sampled_from("abc"),
    begins=st.booleans(),
    recurs=st.booleans(),
    over=st.booleans(),
)


@given(st.lists(st.lists(CONDITIONS, max_size=6), max_size=12))
def test_whatever_comes_and_goes_each_episode_begins_once_ends_at_most_once_and_mirrors_its_condition(
    ticks: list[list[Condition]],
) -> None:
    """After every round exactly those keys are open that hold and have begun."""
    events: list[AlertEvent] = []
    for number, conditions in enumerate(ticks):
        now: datetime = NOW + number * TICK
        decided = episode_changes(conditions, events, now=now)
        events += [*decided.raised, *decided.resolved]
        assert not episode_changes(conditions, events, now=now).raised

        first = {c.key: c for c in reversed(conditions)}
        standing = {condition_key(e.episode) for e in open_episodes(events)}
        assert standing <= set(first)
        assert all(key in standing for key, c in first.items() if c.begins and c.recurs)
    records = moves(events)
    assert len(records) == len(set(records))
    for episode in {e.episode for e in events}:
        assert [event for name, event in records if name == episode] in ([RAISED], [RAISED, RESOLVED])
    assert all(e.episode == condition_key(e.episode) for e in events if e.episode.endswith(":False"))
