"""The ledger keeps every fact and changes none, on SQLite and on PostgreSQL alike."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from settlement_platform.control.facts import AttemptOutcome, AttemptStep, OperatorActionType
from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.storage.ledger import schema as ledger_schema
from settlement_platform.storage.ledger.alert_queries import open_alert_events
from settlement_platform.storage.ledger.ledger import Fact, Ledger
from settlement_platform.storage.ledger.open import open_ledger
from settlement_platform.storage.ledger.schema import FACTS
from settlement_platform_tests.builders import (
    DATASET,
    DAY,
    NOW,
    a_check,
    a_failed_check,
    a_staging,
    a_verdict,
    a_write,
    an_action,
    an_alert,
    an_alert_delivery,
    an_arrival,
    an_attempt,
    day,
)
from settlement_platform_tests.processes import run_all
from settlement_platform_tests.storage.ledger_writers import append_attempts

EVERY_KIND: list[Fact] = [
    an_arrival(),
    a_staging(),
    a_write(),
    a_verdict(),
    an_attempt(),
    an_action(),
    an_alert(),
    an_alert_delivery(),
]
ODD_TEXT = "O'Brien & Söhne — “5 %” \\ {x} :y ?\n€😀"

Reading = Callable[[Ledger], Any]


def versions(ledger: Ledger) -> list[tuple[int, datetime]]:
    """The schema versions that a ledger went through, and when."""
    with ledger.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(ledger_schema.VERSIONS).order_by("version"))]


def count(ledger: Ledger, table: str) -> int:
    """How many facts of a kind are recorded."""
    with ledger.engine.connect() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.parametrize(
    ("fact", "read"),
    [
        (an_arrival(key=ODD_TEXT, bytes=2**62), lambda ledger: ledger.arrivals(DATASET, DAY, DAY)[0]),
        (a_staging(key=ODD_TEXT), lambda ledger: ledger.staging("input-1")),
        (a_staging(declared={}, null_counts={}, observations=()), lambda ledger: ledger.staging("input-1")),
        (a_staging(one_line_records=False), lambda ledger: ledger.staging("input-1")),
        (
            a_verdict(checks=(a_failed_check(message=ODD_TEXT), a_check())),
            lambda ledger: ledger.verdict("content-1"),
        ),
        (
            a_verdict(checks=(), compared_with={}, key_ranges=()),
            lambda ledger: ledger.latest_verdict(DATASET),
        ),
        (
            a_verdict(key_ranges=(("", ODD_TEXT),)),
            lambda ledger: ledger.verdicts(DATASET, DAY, DAY)["content-1"],
        ),
        (an_attempt(detail=ODD_TEXT), lambda ledger: ledger.attempts(DATASET, DAY, DAY)[0]),
        (
            an_action(reason=ODD_TEXT, detail={"names": [ODD_TEXT, None]}),
            lambda ledger: ledger.actions(DATASET)[0],
        ),
        (an_action(business_date=DAY, detail={}), lambda ledger: ledger.actions(DATASET)[0]),
        (an_attempt(step="weigh", outcome="postponed"), lambda ledger: ledger.attempts(DATASET, DAY, DAY)[0]),
        (an_action(action="annotate"), lambda ledger: ledger.actions(DATASET)[0]),
    ],
)
def test_a_fact_is_read_back_as_it_was_appended(ledger: Ledger, fact: Fact, read: Reading) -> None:
    """Every kind of fact keeps every field, whatever text or number it holds, and names of another version."""
    ledger.append(fact)

    assert read(ledger) == fact


def test_a_fact_is_there_when_the_ledger_is_opened_again(ledger: Ledger, ledger_url: str) -> None:
    """Appended facts outlive the process."""
    ledger.append(an_arrival())
    ledger.engine.dispose()

    again = open_ledger(ledger_url, now=NOW)

    assert again.arrivals(DATASET, DAY, DAY) == [an_arrival()]
    assert again.has_arrivals()
    again.engine.dispose()


def test_facts_are_read_oldest_first_within_a_range_that_includes_both_ends(ledger: Ledger) -> None:
    """The order is that of recording, not that of the dates."""
    ledger.append(*[an_attempt(attempt_id=str(n), business_date=day(n)) for n in (3, 0, 2, 1, 4)])

    found = ledger.attempts(DATASET, day(1), day(3))

    assert [attempt.attempt_id for attempt in found] == ["3", "2", "1"]


@pytest.mark.parametrize(
    "read",
    [
        lambda ledger: ledger.arrivals("other", DAY, DAY),
        lambda ledger: ledger.attempts("other", DAY, DAY),
        lambda ledger: ledger.verdicts("other", DAY, DAY),
        lambda ledger: ledger.actions("other"),
        lambda ledger: ledger.latest_verdict("other"),
        lambda ledger: ledger.verdict("other"),
        lambda ledger: ledger.staging("other"),
        lambda ledger: ledger.arrivals(DATASET, day(1), day(2)),
    ],
    ids=[
        "arrivals",
        "attempts",
        "verdicts",
        "actions",
        "latest verdict",
        "verdict",
        "staging",
        "other dates",
    ],
)
def test_what_was_not_recorded_is_not_found(ledger: Ledger, read: Reading) -> None:
    """Facts of one dataset, date or content answer no question about another."""
    ledger.append(*EVERY_KIND)

    assert not read(ledger)


def test_attempts_are_read_since_the_last_one_that_published(ledger: Ledger) -> None:
    """Of the datasets that were requested; a date that is refused or was published before ends nothing."""
    tried = [
        an_attempt(attempt_id="old", outcome=AttemptOutcome.FAILED),
        an_attempt(attempt_id="good", step=AttemptStep.PUBLISH, outcome=AttemptOutcome.SUCCEEDED),
        an_attempt(attempt_id="again", step=AttemptStep.LAND, outcome=AttemptOutcome.SUCCEEDED),
        an_attempt(attempt_id="refused", step=AttemptStep.PUBLISH, outcome=AttemptOutcome.REFUSED),
        an_attempt(attempt_id="other", dataset="other", step=AttemptStep.PUBLISH, outcome=AttemptOutcome.SUCCEEDED),
        an_attempt(attempt_id="last", outcome=AttemptOutcome.FAILED, retry=2, dependency="landing"),
    ]
    ledger.append(*tried)

    assert ledger.attempts_since_publishing([DATASET]) == [tried[2], tried[3], tried[5]]
    assert ledger.attempts_since_publishing([DATASET, "other"]) == [tried[5]]
    assert ledger.attempts_since_publishing(["neither"]) == []


def test_attempts_are_read_after_a_moment(ledger: Ledger) -> None:
    """Over all datasets; the moment itself is not after it."""
    tried = [an_attempt(dataset=f"d{n}", recorded_at=NOW + timedelta(minutes=n)) for n in range(3)]
    ledger.append(*tried)

    assert ledger.attempts_after(NOW) == tried[1:]


@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "read",
    [lambda ledger: ledger.attempts_since_publishing([DATASET]), lambda ledger: ledger.attempts_after(NOW)],
    ids=["since publishing", "after a moment"],
)
def test_what_is_queried_at_every_tick_does_not_walk_through_all_attempts(ledger: Ledger, read: Reading) -> None:
    """SQLite's own plan of each query searches."""
    requested: list[tuple[str, Any]] = []

    @sa.event.listens_for(ledger.engine, "before_cursor_execute")
    def _hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:  # noqa: ANN401
        requested.append((statement, parameters))

    read(ledger)
    sa.event.remove(ledger.engine, "before_cursor_execute", _hear)
    queries = [(s, p) for s, p in requested if s.startswith("SELECT")]
    with ledger.engine.connect() as connection:
        plans = [str(row) for s, p in queries for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {s}", p)]

    assert plans
    assert not [plan for plan in plans if "SCAN" in plan or "attempts_by_date" in plan]


def test_actions_are_found_by_what_was_done(ledger: Ledger) -> None:
    """To any dataset."""
    reset = an_action(action=OperatorActionType.RESET_BREAKER, dataset="other")
    ledger.append(an_action(), reset)

    assert ledger.actions_named(OperatorActionType.RESET_BREAKER) == [reset]


def test_everything_that_was_staged_for_a_date_is_found(ledger: Ledger) -> None:
    """Not only the latest of each input."""
    staged = [a_staging(path="first"), a_staging(path="second")]
    ledger.append(*staged, a_staging(business_date=day(1)))

    assert ledger.stagings(DATASET, DAY, DAY) == staged


def test_the_latest_verdict_and_staging_count(ledger: Ledger) -> None:
    """A content that is judged again is judged by its last verdict, and the first stays on record."""
    later = NOW + timedelta(hours=1)
    refused = a_verdict(decided_at=later, checks=(a_failed_check(),))
    ledger.append(a_verdict(), a_staging(path="first"), refused, a_staging(path="second"), a_verdict("content-9"))

    staged = ledger.staging("input-1")

    assert ledger.verdict("content-1") == refused
    assert ledger.verdicts(DATASET, DAY, DAY)["content-1"] == refused
    assert ledger.latest_verdict(DATASET) == a_verdict("content-9")
    assert staged is not None
    assert staged.path == "second"
    assert count(ledger, "verdicts") == 3


def test_a_time_comes_back_in_utc(ledger: Ledger) -> None:
    """The moment is kept, whatever offset it was given in, to the microsecond."""
    oslo = datetime(2026, 11, 21, 5, 30, 0, 123456, tzinfo=timezone(timedelta(hours=1)))

    ledger.append(an_attempt(recorded_at=oslo))
    (found,) = ledger.attempts(DATASET, DAY, DAY)

    assert found.recorded_at == oslo
    assert found.recorded_at.tzinfo is UTC


@pytest.mark.parametrize(
    "fact",
    [
        an_arrival(observed_at=NOW.replace(tzinfo=None)),
        a_staging(staged_at=NOW.replace(tzinfo=None)),
        a_verdict(decided_at=NOW.replace(tzinfo=None)),
        an_attempt(recorded_at=NOW.replace(tzinfo=None), detail="connection timed out"),
        an_action(recorded_at=NOW.replace(tzinfo=None)),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_time_without_an_offset_is_refused(ledger: Ledger, fact: Fact) -> None:
    """Nobody could say later which moment it was."""
    with pytest.raises(PermanentFailure, match="has no offset"):
        ledger.append(fact)


def test_facts_are_appended_together_or_not_at_all(ledger: Ledger) -> None:
    """One fact that cannot be recorded leaves none of its company behind."""
    unrecordable = an_attempt(recorded_at=NOW.replace(tzinfo=None))

    with pytest.raises(PermanentFailure):
        ledger.append(an_arrival(), an_attempt(), unrecordable)

    assert (count(ledger, "arrivals"), count(ledger, "attempts")) == (0, 0)


@pytest.mark.parametrize("table", FACTS.values())
@pytest.mark.parametrize("change", ["UPDATE {} SET dataset = 'other'", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_a_fact(ledger: Ledger, table: str, change: str) -> None:
    """Whoever has a connection can add to the record, and not rewrite it."""
    ledger.append(*EVERY_KIND)

    with pytest.raises(sa.exc.DBAPIError, match="append-only"), ledger.engine.begin() as connection:
        connection.execute(sa.text(change.format(table)))

    with ledger.engine.connect() as connection:
        kept = connection.execute(sa.text(f"SELECT dataset FROM {table}")).scalars().all()
    assert kept == [DATASET]


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", FACTS.values())
def test_postgresql_refuses_to_empty_a_table(ledger: Ledger, table: str) -> None:
    """TRUNCATE fires no row trigger, so it needs one of its own."""
    ledger.append(*EVERY_KIND)

    with pytest.raises(sa.exc.DBAPIError, match="append-only"), ledger.engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {table}"))

    assert count(ledger, table) == 1


def test_several_processes_that_append_at_once_lose_nothing(ledger_url: str) -> None:
    """They may even be the first, and create the ledger together."""
    writers, facts = 4, 25

    run_all(append_attempts, [(ledger_url, str(writer), facts) for writer in range(writers)])

    ledger = open_ledger(ledger_url, now=NOW)
    found = {attempt.attempt_id for attempt in ledger.attempts(DATASET, DAY, DAY)}
    assert found == {f"{writer}-{number}" for writer in range(writers) for number in range(facts)}
    assert len(versions(ledger)) == len(ledger_schema.MIGRATIONS)
    ledger.engine.dispose()


def test_a_writer_does_not_block_readers(ledger: Ledger) -> None:
    """A reader sees what was committed before, at once."""
    ledger.append(an_attempt(attempt_id="before"))

    with ledger.engine.begin() as writer:
        row = {**vars(an_attempt(attempt_id="after"))}
        writer.execute(ledger_schema.TABLES[type(an_attempt())].insert().values(**row))
        during = ledger.attempts(DATASET, DAY, DAY)

    assert [attempt.attempt_id for attempt in during] == ["before"]
    assert len(ledger.attempts(DATASET, DAY, DAY)) == 2


def test_an_empty_database_becomes_a_current_ledger(ledger: Ledger) -> None:
    """Each step of the way is recorded, with its time."""
    assert versions(ledger) == [(n + 1, NOW) for n in range(len(ledger_schema.MIGRATIONS))]


def test_opening_a_current_ledger_changes_nothing(ledger: Ledger, ledger_url: str) -> None:
    """A migration is applied once."""
    later = open_ledger(ledger_url, now=NOW + timedelta(days=1))

    assert versions(later) == versions(ledger)
    later.engine.dispose()


def a_step(connection: sa.Connection) -> None:
    """A change that a later version of the program might make."""
    connection.execute(sa.text("ALTER TABLE attempts ADD COLUMN host TEXT"))


def a_step_that_fails(connection: sa.Connection) -> None:
    """Half of it works."""
    a_step(connection)
    connection.execute(sa.text("ALTER TABLE no_such_table ADD COLUMN host TEXT"))


def test_an_older_ledger_is_brought_forward_with_its_facts(
    ledger: Ledger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade of the program keeps the record."""
    ledger.append(an_attempt())
    ledger.engine.dispose()
    steps = (*ledger_schema.MIGRATIONS, a_step)
    later = NOW + timedelta(days=1)

    monkeypatch.setattr(ledger_schema, "MIGRATIONS", steps)
    upgraded = open_ledger(ledger_url, now=later)

    assert versions(upgraded)[-1] == (len(steps), later)
    with upgraded.engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT attempt_id, host FROM attempts")).all()
    assert [tuple(row) for row in rows] == [("attempt-1", None)]
    upgraded.engine.dispose()


def test_a_ledger_without_the_indexes_of_attempts_gets_them(ledger: Ledger, ledger_url: str) -> None:
    """Queries of breakers must not slow down with the years that are on record."""
    names = {index.name for index in ledger_schema.ATTEMPT_INDEXES}
    with ledger.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM schema_versions WHERE version >= 3"))
        for index in ledger_schema.ATTEMPT_INDEXES:
            index.drop(connection)
    ledger.engine.dispose()

    upgraded = open_ledger(ledger_url, now=NOW)

    assert names <= {index["name"] for index in sa.inspect(upgraded.engine).get_indexes("attempts")}
    upgraded.engine.dispose()


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(
    ledger: Ledger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steps are one transaction with the version that they lead to."""
    before = versions(ledger)

    monkeypatch.setattr(ledger_schema, "MIGRATIONS", (*ledger_schema.MIGRATIONS, a_step_that_fails))
    with pytest.raises((PermanentFailure, TransientFailure)):
        open_ledger(ledger_url, now=NOW)

    columns = {column["name"] for column in sa.inspect(ledger.engine).get_columns("attempts")}
    assert "host" not in columns
    assert versions(ledger) == before


def test_a_newer_ledger_is_refused(ledger: Ledger, ledger_url: str) -> None:
    """An older program says which version it met and which it knows, and touches nothing."""
    with ledger.engine.begin() as connection:
        connection.execute(ledger_schema.VERSIONS.insert().values(version=99, applied_at=NOW))

    with pytest.raises(PermanentFailure, match=r"schema version 99; .* up to 5\. Upgrade the program"):
        open_ledger(ledger_url, now=NOW)


def test_a_ledger_in_another_kind_of_database_is_refused() -> None:
    """The message names the setting and its forms."""
    with pytest.raises(PermanentFailure, match=r"cannot be in mysql; .* Set SETTLEMENT_LEDGER_URL to sqlite"):
        open_ledger("mysql://localhost/ledger", now=NOW)


def test_a_database_that_cannot_be_reached_is_transient_and_hides_the_password() -> None:
    """The server may come back; the password is in no message."""
    url = "postgresql://settlement:hunter2@127.0.0.1:1/ledger"

    with pytest.raises(TransientFailure) as failure:
        open_ledger(url, now=NOW)

    assert "127.0.0.1" in str(failure.value)
    assert "hunter2" not in str(failure.value)


def test_dates_at_the_ends_of_the_calendar_are_kept(ledger: Ledger) -> None:
    """A provider's slip of the pen is recorded as delivered."""
    for far in (date(1, 1, 1), date(9999, 12, 31)):
        ledger.append(replace(an_attempt(), business_date=far))

        assert [attempt.business_date for attempt in ledger.attempts(DATASET, far, far)] == [far]


def test_alerts_of_a_ledger_without_codes_have_none(ledger: Ledger, ledger_url: str) -> None:
    """Version 5 adds the codes of alerts; what was recorded before stays as it is."""
    ledger.append(an_alert(episode="old"))
    with ledger.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM schema_versions WHERE version >= 5"))
        connection.execute(sa.text("ALTER TABLE alert_events DROP COLUMN codes"))
    ledger.engine.dispose()
    codes = {"summary": {"code": "files_late", "parameters": {"reasons": ["amex is late"]}}, "meaning": None}

    upgraded = open_ledger(ledger_url, now=NOW)
    upgraded.append(an_alert(episode="new", codes=codes))

    assert {event.episode: event.codes for event in open_alert_events(upgraded)} == {"old": None, "new": codes}
    upgraded.engine.dispose()
