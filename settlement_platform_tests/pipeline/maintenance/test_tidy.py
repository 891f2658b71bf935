"""Tidying changes how much is stored, and nothing that anybody reads, restores or has on record."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.maintenance.retention import RetentionPolicy
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.maintenance import steps
from settlement_platform.pipeline.maintenance import tidy as pipeline_tidy
from settlement_platform.pipeline.maintenance.tidy import LAKE, authorize_tidy
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform_tests.builders import codes, refused_as
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, MART_BOUNDARIES, happening
from settlement_platform_tests.pipeline.installation import NAME, Installation
from settlement_platform_tests.pipeline.operating import ANA, a_refused_visa, a_visa, at, history, run
from settlement_platform_tests.pipeline.tidying import (
    EAGER,
    amounts,
    as_of_every_snapshot,
    as_of_moments,
    days,
    effective,
    files_of,
    grown_up_stores,
    later,
    live_files,
    local_stores,
    missing,
    opened,
    plan_tidying,
    publish,
    restate,
    snapshots,
    tidy,
)

KEPT_DAYS = EAGER.snapshots


class Crash(Exception):
    """DateEnd for whatever ends a process between two steps."""


def _crash() -> None:
    raise Crash


@pytest.fixture(params=["files and SQLite", pytest.param("a bucket and PostgreSQL", marks=pytest.mark.slow)])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """An empty installation, in both forms of the stores."""
    if request.param == "files and SQLite":
        return opened(local_stores(tmp_path))
    servers = (request.getfixturevalue("postgres"), request.getfixturevalue("s3"))
    return opened(grown_up_stores(tmp_path, *servers))


@pytest.fixture
def local(tmp_path: Path) -> Installation:
    """An empty installation in a folder."""
    return opened(local_stores(tmp_path))


def _after_retention(installation: Installation, number: int) -> Installation:
    """The installation at a later time: its retention begins with that snapshot."""
    begins = next(s.committed_at for s in snapshots(installation) if s.number == number)
    return Installation(home=installation.home, platform=at(installation, begins + KEPT_DAYS + timedelta(seconds=1e-6)))


def test_small_files_are_merged_and_every_snapshot_reads_as_before(stored: Installation) -> None:
    """Every value of every table, as of every snapshot and moment; restated and rolled back dates among them."""
    publish(stored, *days(4))
    restate(stored, days(4)[1], 15)
    roll_back(stored.platform, CARD_SETTLEMENTS, days(4)[1], 1, ANA)
    moments = [s.committed_at for s in snapshots(stored)][1:]
    before, shown = as_of_every_snapshot(stored), as_of_moments(stored, moments)
    files = live_files(stored)

    tidied = tidy(stored.platform, ANA, policy=EAGER)

    after = as_of_every_snapshot(stored)
    assert {step.table for step in effective(tidied.done)} >= {f"published.{NAME}"}
    assert (files, live_files(stored)) == (10, 1)
    assert {key: after[key] for key in before} == before
    assert as_of_moments(stored, moments) == shown
    assert missing(stored) == {}


def test_what_is_published_after_a_merge_leaves_the_past_as_it_was(stored: Installation) -> None:
    """A restatement and a rollback take single dates out of the merged file, and it is merged with others again."""
    publish(stored, *days(3))
    tidy(stored.platform, ANA, policy=EAGER)
    before = as_of_every_snapshot(stored)

    restate(stored, days(3)[0], 15)
    roll_back(stored.platform, CARD_SETTLEMENTS, days(3)[0], 1, ANA)
    publish(stored, days(4)[3])
    tidy(stored.platform, ANA, policy=EAGER)
    tidy(later(stored, days=2), ANA, policy=EAGER)

    after = as_of_every_snapshot(stored)
    assert {key: after[key] for key in before} == before
    assert missing(stored) == {}


def test_a_sqlite_catalog_is_merged_only_while_nobody_reads(local: Installation) -> None:
    """Its readers hold no transaction; everything else is done."""
    publish(local, *days(3))
    files = files_of(local)

    planned = pipeline_tidy.plan_tidy(local.platform, policy=EAGER)
    tidied = pipeline_tidy.tidy(local.platform, ANA, policy=EAGER)

    assert effective(planned) == effective(tidied.done) == []
    assert [step.left[0][:15] for step in tidied.done if step.step == "merge"] == [
        "9 small files: ",
        *["3 small files: "] * 2,
    ]
    assert files_of(local) == files


def test_a_plan_changes_nothing_and_says_what_is_then_done(stored: Installation) -> None:
    """With something for every step to do: what a merge discarded, orphans, drafts, old snapshots and small files."""
    publish(stored, *days(3))
    tidy(stored.platform, ANA, policy=EAGER)
    publish(stored, days(5)[3])
    stored.deliver(days(5)[4])
    with happening(BOUNDARIES["after a file is moved into the lake"], _crash), pytest.raises(Crash):
        run(stored.platform, days(5)[4])
    with happening(BOUNDARIES["after a draft is finalized"], _crash), pytest.raises(Crash):
        run(stored.platform, days(5)[4])
    later_on = later(stored, days=31)
    files, kept = files_of(stored), snapshots(stored)

    planned = plan_tidying(later_on, policy=EAGER)
    untouched = files_of(stored) == files and snapshots(stored) == kept
    tidied = tidy(later_on, ANA, policy=EAGER)

    assert untouched
    assert {step.step for step in effective(planned)} == {"remove", "orphans", "staged", "expire", "merge"}
    assert amounts(tidied.planned) == amounts(planned)
    assert amounts(tidied.done) == amounts(planned)
    assert not tidied.prevented


def test_tidying_twice_does_nothing_the_second_time(stored: Installation) -> None:
    """Discarded files wait for the grace period and are then removed; after that nothing is left to do."""
    publish(stored, *days(3))
    tidy(stored.platform, ANA, policy=EAGER)
    files = files_of(stored)

    again = tidy(stored.platform, ANA, policy=EAGER)
    waited = files_of(stored) == files
    removed = tidy(later(stored, days=2), ANA, policy=EAGER)
    last = tidy(later(stored, days=2), ANA, policy=EAGER)

    assert (effective(again.done), waited) == ([], True)
    assert [step.step for step in effective(removed.done)] == ["remove"]
    assert len(files_of(stored)) == 3
    assert effective(last.done) == []


def test_snapshots_beyond_the_retention_are_forgotten_and_the_others_read_as_before(stored: Installation) -> None:
    """Kept is what every moment of the retention is read from, the first one included; files go after the grace."""
    publish(stored, *days(3))
    restate(stored, days(3)[1], 15)
    first = [s.number for s in snapshots(stored)][-3]
    before = as_of_every_snapshot(stored, first)
    later_on = _after_retention(stored, first).platform

    tidied = tidy(later_on, ANA, policy=EAGER)
    tidy(later(stored, days=2), ANA, policy=RetentionPolicy(snapshots=timedelta(days=3000)))

    after = as_of_every_snapshot(stored, first)
    assert sum(step.snapshots for step in tidied.done) == first
    assert snapshots(stored)[0].number == first
    assert {key: after[key] for key in before} == before
    assert missing(stored) == {}


def test_a_generation_that_readers_saw_within_the_retention_can_be_restored(stored: Installation) -> None:
    """Also where the snapshot that it was published in has expired: it stood longer than that."""
    day = days(3)[0]
    publish(stored, *days(3))
    shown = stored.rows(day)
    last_that_shows_it = snapshots(stored)[-1].number
    restate(stored, day, 15)
    tidy(_after_retention(stored, last_that_shows_it).platform, ANA, policy=EAGER)
    tidy(later(stored, days=2), ANA, policy=RetentionPolicy(snapshots=timedelta(days=3000)))

    roll_back(stored.platform, CARD_SETTLEMENTS, day, 1, ANA)

    assert snapshots(stored)[0].number == last_that_shows_it
    assert stored.rows(day) == shown
    assert history(stored, day)[-1].state == "rolled_back"


def test_a_generation_beyond_the_retention_is_refused_with_a_remedy_and_its_record_stays(stored: Installation) -> None:
    day = days(2)[0]
    publish(stored, *days(2))
    restate(stored, day, 15)
    records = history(stored, day)
    verdicts = [stored.platform.lake.verdict_of(p) for p in records]
    tidy(_after_retention(stored, snapshots(stored)[-1].number).platform, ANA, policy=EAGER)
    files = files_of(stored)

    with pytest.raises(ActionRefused, check=refused_as("generation_expired")) as refused:
        roll_back(stored.platform, CARD_SETTLEMENTS, day, 1, ANA)

    assert "as a correction" in refused.value.remedy
    assert history(stored, day) == records
    assert [stored.platform.lake.verdict_of(p) for p in records] == verdicts
    assert files_of(stored) == files


@pytest.mark.parametrize(
    ("boundary", "step"),
    [
        ("after a draft is finalized", "staged"),
        ("after a file is moved into the lake", "orphans"),
        ("after the publication is recorded", "orphans"),
    ],
)
def test_what_a_killed_publisher_left_is_removed_after_the_grace_and_nothing_else(
    stored: Installation, boundary: str, step: str
) -> None:
    publish(stored, *days(2))
    before, needed = as_of_every_snapshot(stored), files_of(stored)
    stored.deliver(days(3)[2])
    with happening(BOUNDARIES[boundary], _crash), pytest.raises(Crash):
        run(stored.platform, days(3)[2])
    recorded = {s.path for s in stored.platform.ledger.stagings(NAME, days(3)[2], days(3)[2])}
    left = files_of(stored) - needed - recorded

    early = tidy(later(stored, hours=23), ANA, policy=RetentionPolicy())
    stayed = files_of(stored) >= left
    late = tidy(later(stored, hours=25), ANA, policy=RetentionPolicy())

    assert left
    assert (effective(early.done), stayed) == ([], True)
    assert amounts(late.done) == {(step, ""): (len(left), 0, 0)}
    assert files_of(stored) >= needed
    assert not files_of(stored) & left
    assert as_of_every_snapshot(stored) == before
    assert run(stored.platform, days(3)[2]).publication is not None


def test_a_catalog_that_was_lost_and_made_anew_takes_no_file_with_it(local: Installation) -> None:
    """Every file of the lake looks like an orphan then, and all of them are left."""
    publish(local, *days(2))
    files = files_of(local)
    for path in (*(local.home / "lake").glob("catalog.sqlite*"), *local.home.glob("ledger.sqlite*")):
        path.unlink()
    anew = opened(local_stores(local.home))

    tidied = tidy(later(anew, days=2), ANA, policy=EAGER)

    assert any("catalog_suspicious" in codes(step.left) for step in tidied.done)
    assert files_of(anew) == files


def test_what_a_killed_build_of_a_mart_left_is_removed(local: Installation) -> None:
    publish(local, *days(2))
    restate(local, days(2)[0], 15)
    a_visa(days(2)[1], 14).write(local.landing)
    run(local.platform, days(2)[1])
    needed = files_of(local)
    with happening(MART_BOUNDARIES["after the draft is finalized"], _crash), pytest.raises(Crash):
        publish(local, days(2)[1])
    left = files_of(local) - needed

    tidied = tidy(later(local, days=2), ANA, policy=RetentionPolicy())

    assert len(left) == 1
    assert amounts(tidied.done) == {("staged", ""): (1, 0, 0)}
    assert files_of(local) == needed


def test_files_in_quarantine_stay_however_old_they_are(stored: Installation) -> None:
    """They are evidence, also once a correction is published over them."""
    day = days(1)[0]
    stored.deliver(day, visa=a_refused_visa(day))
    run(stored.platform, day)
    held = files_of(stored)
    tidy(later(stored, days=300), ANA, policy=EAGER)
    still_held = files_of(stored)
    a_visa(day).write(stored.landing)
    run(stored.platform, day)
    evidence = files_of(stored) & held

    tidy(later(stored, days=300), ANA, policy=EAGER)

    assert still_held == held
    assert len(evidence) == 1
    assert files_of(stored) >= evidence


def test_a_file_that_is_about_to_be_published_is_no_orphan_however_long_ago_it_was_staged(local: Installation) -> None:
    """It is moved within the lake's lock, before the catalog knows it."""
    publish(local, *days(2))
    local.deliver(days(3)[2])
    other = opened(local_stores(local.home))
    tidied = []

    def meanwhile() -> None:
        tidied.append(tidy(later(other, days=2), ANA, policy=EAGER))

    with (
        pytest.MonkeyPatch.context() as patch,
        happening(BOUNDARIES["after a file is moved into the lake"], meanwhile),
    ):
        patch.setattr(steps, "LOCK_TIMEOUT_SECONDS", 0.0)
        run(local.platform, days(3)[2])

    orphans = [step for each in tidied for step in each.done if step.step == "orphans"]
    assert any(step.busy for step in orphans)
    assert not any(step.files for step in orphans)
    assert missing(local) == {}


def test_a_date_that_somebody_works_on_keeps_its_table_from_being_merged(stored: Installation) -> None:
    """The others are merged; what was left is said, with the date, and done the next time."""
    publish(stored, *days(3))
    files = live_files(stored)
    with stored.platform.locks.hold(f"{NAME}-{days(3)[1]}", timeout_seconds=0):
        tidied = tidy(stored.platform, ANA, policy=EAGER)
        untouched = live_files(stored)

    again = tidy(stored.platform, ANA, policy=EAGER)

    (busy,) = tidied.prevented
    assert (busy.table, busy.files, busy.left[0]) == (f"published.{NAME}", 0, f"somebody works on {days(3)[1]}")
    assert {s.table for s in effective(tidied.done)} == {
        "published.merchant_daily_net",
        "published.network_fee_summary",
    }
    assert untouched == files
    assert [s.table for s in effective(again.done)] == [f"published.{NAME}"]


def test_staged_files_of_a_date_that_somebody_works_on_stay(stored: Installation) -> None:
    day = days(1)[0]
    stored.deliver(day)
    with happening(BOUNDARIES["after a draft is finalized"], _crash), pytest.raises(Crash):
        run(stored.platform, day)
    files = files_of(stored)

    with stored.platform.locks.hold(f"{NAME}-{day}", timeout_seconds=0):
        tidied = tidy(later(stored, days=2), ANA, policy=EAGER)
        stayed = files_of(stored)
    tidy(later(stored, days=2), ANA, policy=EAGER)

    assert [step.left for step in tidied.prevented] == [(f"somebody works on {NAME} {day}",)]
    assert stayed == files
    assert files_of(stored) == set()


def test_a_lake_that_somebody_publishes_to_is_left_alone(stored: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step gives way by itself, and says so."""
    monkeypatch.setattr(steps, "LOCK_TIMEOUT_SECONDS", 0.0)
    publish(stored, *days(2))
    tidy(stored.platform, ANA, policy=EAGER)
    publish(stored, days(3)[2])
    before, files = as_of_every_snapshot(stored), files_of(stored)

    with stored.platform.lake.publishing():
        tidied = tidy(later(stored, days=31), ANA, policy=EAGER)

    assert {step.step for step in tidied.prevented} == {"remove", "expire", "merge"}
    assert all("gave way" in step.left[0] for step in tidied.prevented)
    assert (as_of_every_snapshot(stored), files_of(stored)) == (before, files)


def test_only_one_tidies_at_a_time(stored: Installation) -> None:
    with (
        stored.platform.locks.hold("tidy", timeout_seconds=0),
        pytest.raises(ActionRefused, check=refused_as("tidying_running")),
    ):
        tidy(stored.platform, ANA)

    assert stored.platform.ledger.actions(LAKE) == []


def test_each_tidying_is_on_record_before_and_after_it_is_done(stored: Installation) -> None:
    """In the ledger with who, why and what; and each merge in the lake's own list of snapshots."""
    publish(stored, *days(3))

    tidied = tidy(stored.platform, ANA, policy=EAGER)

    begun, ended = stored.platform.ledger.actions(LAKE)
    with stored.platform.lake.cursor() as cursor:
        labels = cursor.execute(
            "SELECT author, commit_message FROM ducklake_snapshots('lake') "
            "WHERE commit_message LIKE 'tidy:%' ORDER BY commit_message"
        ).fetchall()
    assert (begun.action, ended.action) == ("tidy", "tidied")
    assert {(a.actor, a.reason, a.detail["run_id"]) for a in (begun, ended)} == {(ANA.actor, ANA.reason, ANA.run_id)}
    assert [s["files"] for s in ended.detail["steps"]] == [s.files for s in effective(tidied.done)]
    assert labels[0] == (ANA.actor, "tidy: 3 files of published.merchant_daily_net merged")
    assert len(labels) == 3


@pytest.mark.parametrize(("actor", "reason", "code"), [("ana", " ", "note_missing"), ("eve", "why", "role_missing")])
def test_tidying_needs_a_reason_and_the_role_of_an_operator(
    local: Installation, actor: str, reason: str, code: str
) -> None:
    """As other things that an operator does."""
    platform = replace(local.platform, members={"operator": frozenset({"ana"})})

    with pytest.raises(ActionRefused, check=refused_as(code)):
        authorize_tidy(platform.members, replace(ANA, actor=actor, reason=reason))
