"""Publications become visible whole or not at all, with the catalog in SQLite or in PostgreSQL."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from settlement_platform.control.facts import CurrentPublication, Publication, State
from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.storage.lake import lake as lake_module
from settlement_platform.storage.lake import schema as lake_schema
from settlement_platform.storage.lake.lake import Lake
from settlement_platform.storage.lake.open import attach_lake
from settlement_platform.storage.lake.schema import missing_columns, version_of
from settlement_platform.storage.staging.area import StagingArea
from settlement_platform_tests.builders import DAY, NOW, a_source, a_verdict, day
from settlement_platform_tests.processes import child, hear, run_all
from settlement_platform_tests.servers import S3Server
from settlement_platform_tests.storage.lakes import (
    COLUMNS,
    TABLE,
    TABLES,
    WHAT_READERS_COMPARE,
    a_card_publication,
    change,
    engine,
    hang_before_commit,
    lose_the_catalog,
    open_and_count,
    open_lake,
    publish,
    publish_dates,
    read_lake,
    watch,
    write_rows,
)


@pytest.fixture
def lake(catalog_url: str, data_url: str) -> Iterator[Lake]:
    """An empty lake."""
    with open_lake(catalog_url, data_url) as lake:
        yield lake


def readers_view(lake: Lake) -> tuple[object, ...]:
    """Rows, rows according to the record, watermark and last date."""
    with lake.cursor() as cursor:
        (found,) = cursor.execute(WHAT_READERS_COMPARE).fetchall()
    return tuple(found)


def amounts(lake: Lake) -> list[tuple[object, ...]]:
    """The distinct amounts per date, as readers see them."""
    with lake.cursor() as cursor:
        return cursor.execute(
            f"SELECT DISTINCT business_date, amount_minor FROM lake.published.{TABLE} ORDER BY ALL"
        ).fetchall()


def versions(lake: Lake) -> list[tuple[object, ...]]:
    """The schema versions that a lake went through, and when."""
    with lake.cursor() as cursor:
        return cursor.execute("FROM lake.platform.schema_versions ORDER BY version").fetchall()


def test_rows_record_and_watermark_become_visible_together(lake: Lake) -> None:
    """One commit shows all three."""
    publish(lake, a_card_publication(rows=3))

    assert readers_view(lake) == (3, 3, DAY, DAY)


def test_a_publication_is_read_back_as_it_was_recorded(lake: Lake) -> None:
    """Every field, with its sources and the verdict that opened the gate."""
    mart_input = a_source("card_settlements", key="O'Brien & Söhne “5 %”", generation=3)
    publication = Publication(**{**vars(a_card_publication()), "sources": (a_source(), mart_input)})

    publish(lake, publication)

    assert lake.publications(TABLE, DAY, DAY) == {DAY: publication}
    verdict = lake.verdict_of(publication)
    assert verdict["content_hash"] == publication.content_hash
    assert verdict["checks"][0]["name"] == a_verdict().checks[0].name


def test_a_new_generation_replaces_the_rows_and_keeps_the_record(lake: Lake) -> None:
    """Readers see the last generation, and the history names them all."""
    publish(lake, a_card_publication(rows=3), amount=1)
    publish(lake, a_card_publication(generation=2, rows=5), amount=2)

    assert readers_view(lake) == (5, 5, DAY, DAY)
    assert amounts(lake) == [(DAY, 2)]
    assert [p.generation for p in lake.history(TABLE, DAY)] == [1, 2]
    assert lake.publications(TABLE, DAY, DAY)[DAY].generation == 2


def test_what_is_published_is_the_last_generation_of_each_date(lake: Lake) -> None:
    """As much of the record as decisions need, outside a transaction and within."""
    publish(lake, a_card_publication(day(0)))
    publish(lake, a_card_publication(day(1)))
    publish(lake, a_card_publication(day(0), generation=2, rows=7))

    found = lake.current_publications(TABLE)

    with lake.publishing() as transaction:
        assert transaction.current_publications(TABLE) == found
    assert {when: (standing.generation, standing.rows) for when, standing in found.items()} == {
        day(0): (2, 7),
        day(1): (1, 3),
    }
    assert found[day(1)] == CurrentPublication(
        dataset=TABLE,
        business_date=day(1),
        generation=1,
        state=State.FINAL,
        content_hash=f"content-{day(1)}-1",
        rows=3,
    )


def test_a_date_is_recorded_without_rows(lake: Lake) -> None:
    """A skipped date has a record, and the watermark may pass it."""
    publication = Publication(**{**vars(a_card_publication(rows=0)), "state": State.SKIPPED, "sources": ()})

    with lake.publishing() as transaction:
        transaction.register_files(TABLE, [])
        transaction.record_publication(publication, None)
        transaction.set_watermark(TABLE, DAY, State.SKIPPED, now=NOW)

    assert lake.publications(TABLE, DAY, DAY) == {DAY: publication}
    assert lake.verdict_of(publication) == {}
    assert readers_view(lake) == (0, 0, DAY, DAY)


def test_the_watermark_has_one_row_per_dataset(lake: Lake) -> None:
    """It moves, and says when it last did."""
    later = NOW + timedelta(days=1)

    for moment, watermark in ((NOW, day(0)), (later, day(1))):
        with lake.publishing() as transaction:
            transaction.set_watermark(TABLE, watermark, State.FINAL, now=moment)

    assert lake.watermark(TABLE) == (day(1), later)
    assert lake.watermark("other") == (None, None)


def test_an_error_before_the_commit_leaves_nothing(lake: Lake, data_url: str) -> None:
    """Neither rows nor record nor watermark of what was begun."""
    publish(lake, a_card_publication(rows=3))
    path = write_rows(data_url, DAY, 9)

    def publish_and_fail() -> None:
        with lake.publishing() as transaction:
            change(transaction, a_card_publication(generation=2, rows=9), path)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish_and_fail()

    assert readers_view(lake) == (3, 3, DAY, DAY)
    publish(lake, a_card_publication(day(1)))
    assert readers_view(lake) == (6, 6, day(1), day(1))


def test_an_error_of_the_engine_leaves_nothing(lake: Lake, data_url: str) -> None:
    """It is judged, and the transaction is gone."""
    path = write_rows(data_url, DAY, 3)

    def publish_what_is_missing() -> None:
        with lake.publishing() as transaction:
            change(transaction, a_card_publication(), path)
            transaction.register_files(TABLE, [f"{data_url}/missing.parquet"])

    with pytest.raises((PermanentFailure, TransientFailure), match=r"missing\.parquet"):
        publish_what_is_missing()

    assert readers_view(lake) == (0, 0, None, None)


def test_a_process_that_is_killed_before_the_commit_leaves_nothing(lake: Lake, catalog_url: str, data_url: str) -> None:
    """Its lock is free at once, and the next publication finds the lake as it was."""
    publish(lake, a_card_publication(rows=3))

    with child(hang_before_commit, catalog_url, data_url) as (process, connection):
        hear(connection)
        assert readers_view(lake) == (3, 3, DAY, DAY)
        process.kill()
        process.join()

    assert readers_view(lake) == (3, 3, DAY, DAY)
    publish(lake, a_card_publication(day(1), rows=4))
    assert readers_view(lake) == (7, 7, day(1), day(1))


def test_readers_in_another_process_never_see_a_part(lake: Lake, catalog_url: str) -> None:
    """A plain DuckDB that reads all the while sees rows, record and watermark agree, and is never refused."""
    publish(lake, a_card_publication(day(0), rows=2))

    with child(watch, catalog_url) as (_, connection):
        hear(connection)
        for number in range(1, 7):
            publish(lake, a_card_publication(day(number), rows=number))
        for generation in range(2, 6):
            publish(lake, a_card_publication(day(generation), generation=2, rows=10))
            publish(lake, a_card_publication(day(6), generation=generation, rows=generation))
        time.sleep(0.2)
        connection.send("enough")
        seen = hear(connection)

    assert [moment for moment in seen if moment[0] != moment[1]] == []
    assert [moment for moment in seen if moment[2] != moment[3]] == []
    assert len(seen) > 1


def test_several_processes_that_publish_at_once_lose_nothing(catalog_url: str, data_url: str) -> None:
    """They take turns at the commit."""
    writers, dates = 3, 3

    run_all(publish_dates, [(catalog_url, data_url, writer * dates, dates) for writer in range(writers)])

    with open_lake(catalog_url, data_url) as lake:
        assert set(lake.current_publications(TABLE)) == {day(n) for n in range(writers * dates)}
        assert readers_view(lake)[:2] == (3 * writers * dates, 3 * writers * dates)


def test_several_processes_may_be_the_first_to_open_a_lake(catalog_url: str, data_url: str) -> None:
    """Whoever comes second finds it made."""
    found = run_all(open_and_count, [(catalog_url, data_url)] * 3)

    assert found == [0] * 3
    with open_lake(catalog_url, data_url) as lake:
        assert len(versions(lake)) == len(lake_schema.MIGRATIONS)


def test_the_lake_is_read_as_of_a_past_moment(lake: Lake, catalog_url: str, data_url: str) -> None:
    """Readers see the numbers that were shown then, with record and watermark."""
    publish(lake, a_card_publication(rows=3), amount=1)
    time.sleep(0.05)
    then = datetime.now(UTC)
    time.sleep(0.05)
    publish(lake, a_card_publication(generation=2, rows=5), amount=2)
    publish(lake, a_card_publication(day(1), rows=1))

    with read_lake(catalog_url, data_url, as_of=then) as past:
        assert readers_view(past) == (3, 3, DAY, DAY)
        assert amounts(past) == [(DAY, 1)]
    with read_lake(catalog_url, data_url) as present:
        assert readers_view(present) == (6, 6, day(1), day(1))


def test_a_past_moment_may_be_given_in_any_offset(lake: Lake, catalog_url: str, data_url: str) -> None:
    """A moment is a moment."""
    publish(lake, a_card_publication())
    time.sleep(0.05)
    then = datetime.now(UTC)
    time.sleep(0.05)
    publish(lake, a_card_publication(day(1)))

    with read_lake(catalog_url, data_url, as_of=then.astimezone(timezone(timedelta(hours=9)))) as past:
        assert readers_view(past) == (3, 3, DAY, DAY)


def test_a_reader_cannot_change_the_lake(lake: Lake, catalog_url: str, data_url: str) -> None:
    """Publishing is the only door."""
    publish(lake, a_card_publication())

    with (
        read_lake(catalog_url, data_url) as reader,
        reader.cursor() as cursor,
        pytest.raises(duckdb.Error, match="read-only"),
    ):
        cursor.execute(f"DELETE FROM lake.published.{TABLE}")


def test_a_writer_that_waits_too_long_for_its_turn_gives_up(
    lake: Lake, catalog_url: str, data_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure says that it may be tried again, and nothing was published."""
    monkeypatch.setattr(lake_module, "LOCK_TIMEOUT_SECONDS", 0.2)

    with child(hang_before_commit, catalog_url, data_url) as (_, connection):
        hear(connection)
        with pytest.raises(TransientFailure, match="lock lake"), lake.publishing():
            pytest.fail("two processes were publishing")


def end_lock_sessions(catalog_url: str) -> None:
    """End idle sessions as an administrator, a failover or a firewall does."""
    engine = sa.create_engine(sa.make_url(catalog_url).set(drivername="postgresql+psycopg2"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        ended = connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON database = pg_database.oid "
                "WHERE locktype = 'advisory' AND datname = current_database()"
            )
        ).fetchall()
    assert ended == [(True,)]


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
def test_a_publisher_that_lost_its_lock_commits_nothing(lake: Lake, catalog_url: str, data_url: str) -> None:
    """Whoever took the lock meanwhile has published the date; twice would double it."""
    late = write_rows(data_url, DAY, 9)

    def publish_too_late() -> None:
        with lake.publishing() as transaction:
            change(transaction, a_card_publication(rows=9), late)
            end_lock_sessions(catalog_url)
            with open_lake(catalog_url, data_url) as other:
                publish(other, a_card_publication(rows=3))

    with pytest.raises(TransientFailure, match="aborted before its commit"):
        publish_too_late()

    assert readers_view(lake) == (3, 3, DAY, DAY)


@pytest.mark.parametrize("within", ["snapshot", "publishing"])
@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
def test_a_process_outlives_a_catalog_that_is_lost_in_a_transaction(
    lake: Lake, catalog_url: str, data_url: str, within: str
) -> None:
    """DuckDB ended it with SIGABRT; the error that came first is the one that is reported."""
    assert run_all(lose_the_catalog, [(catalog_url, data_url, within)]) == ["ArithmeticError"]


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
def test_a_lost_lock_is_noticed_even_if_nobody_took_it(lake: Lake, catalog_url: str, data_url: str) -> None:
    """Somebody may be about to; the next try goes through."""
    path = write_rows(data_url, DAY, 3)

    def publish_without_lock() -> None:
        with lake.publishing() as transaction:
            change(transaction, a_card_publication(), path)
            end_lock_sessions(catalog_url)

    with pytest.raises(TransientFailure, match="the lock was lost"):
        publish_without_lock()

    assert readers_view(lake) == (0, 0, None, None)
    publish(lake, a_card_publication())
    assert readers_view(lake) == (3, 3, DAY, DAY)


def test_a_commit_that_took_no_lock_is_noticed(lake: Lake, catalog_url: str, data_url: str) -> None:
    """Two transactions that insert the same date would both be let through."""
    mine, theirs = write_rows(data_url, DAY, 9), write_rows(data_url, DAY, 3)

    def publish_unaware() -> None:
        with lake.publishing() as transaction:
            change(transaction, a_card_publication(rows=9), mine)
            with open_lake(catalog_url, data_url) as other, other.cursor() as cursor:
                cursor.execute(f"INSERT INTO lake.published.{TABLE} FROM read_parquet('{theirs}')")

    with pytest.raises(TransientFailure, match="was committed after"):
        publish_unaware()

    assert readers_view(lake)[:2] == (3, 0)


def test_a_record_without_an_offset_in_its_time_is_refused(lake: Lake) -> None:
    """The engine would take it for a time in its own zone."""
    naive = Publication(**{**vars(a_card_publication()), "published_at": NOW.replace(tzinfo=None)})

    with pytest.raises(ValueError, match="has no offset"), lake.publishing() as transaction:
        transaction.record_publication(naive, None)

    assert readers_view(lake) == (0, 0, None, None)


def test_a_watermark_without_an_offset_in_its_time_is_refused(lake: Lake) -> None:
    """As for a record."""
    with pytest.raises(ValueError, match="has no offset"), lake.publishing() as transaction:
        transaction.set_watermark(TABLE, DAY, State.FINAL, now=NOW.replace(tzinfo=None))

    assert readers_view(lake) == (0, 0, None, None)


def test_an_empty_catalog_becomes_a_current_lake(lake: Lake) -> None:
    """Each step of the way is recorded, with its time."""
    assert versions(lake) == [(n + 1, NOW) for n in range(len(lake_schema.MIGRATIONS))]


def test_opening_a_current_lake_changes_nothing(lake: Lake) -> None:
    """No snapshot is made where nothing is missing."""
    with lake.cursor() as cursor:
        before = cursor.execute("SELECT count(*) FROM ducklake_snapshots('lake')").fetchall()

        lake.ensure_schema(TABLES, now=NOW + timedelta(days=1))

        assert cursor.execute("SELECT count(*) FROM ducklake_snapshots('lake')").fetchall() == before


def test_a_table_that_is_declared_later_is_added(lake: Lake) -> None:
    """A new dataset or mart needs no migration."""
    more = {**TABLES, "fees": (("business_date", "DATE"), ("fee_minor", "BIGINT"))}

    lake.ensure_schema(more, now=NOW)

    with lake.cursor() as cursor:
        assert missing_columns(cursor, more) == {}
        assert cursor.execute("FROM lake.published.fees").fetchall() == []


def test_a_column_that_is_declared_later_is_added_with_what_is_published(
    lake: Lake, catalog_url: str, data_url: str
) -> None:
    """Dates that were published without it have none; the final view shows it too, to every client."""
    publish(lake, a_card_publication(rows=3))
    more = {TABLE: (COLUMNS[0], ("fee_minor", "DECIMAL(38, 0)"), *COLUMNS[1:], ("seen_at", "TIMESTAMPTZ"))}

    lake.ensure_schema(more, now=NOW)
    lake.ensure_schema(more, now=NOW)

    with read_lake(catalog_url, data_url) as reader, reader.cursor() as cursor:
        assert missing_columns(cursor, more) == {}
        for schema in ("published", "final"):
            query = f"SELECT DISTINCT amount_minor, fee_minor, seen_at FROM lake.{schema}.{TABLE}"
            assert cursor.execute(query).fetchall() == [(1, None, None)]
    with lake.cursor() as cursor:
        columns = [name for name, *_ in cursor.execute(f"DESCRIBE lake.final.{TABLE}").fetchall()]
    assert columns == [*(name for name, _ in COLUMNS), "fee_minor", "seen_at"]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (COLUMNS[:2], r'"business_date" of published\.cards is published, but no longer declared\. Declare it again'),
        ((*COLUMNS[:1], ("amount", "BIGINT"), COLUMNS[2]), r'"amount_minor" .* no longer declared'),
        (
            (*COLUMNS[:1], ("amount_minor", "DECIMAL(38, 0)"), COLUMNS[2]),
            r"published as BIGINT, but declared as DECIMAL\(38,0\)\. Declare the published type",
        ),
    ],
)
def test_a_published_column_cannot_be_taken_away_or_retyped(
    lake: Lake, declared: tuple[tuple[str, str], ...], said: str
) -> None:
    """Readers rely on it; the failure says what to do, and nothing changes."""
    publish(lake, a_card_publication(rows=3))

    with pytest.raises(PermanentFailure, match=said):
        lake.ensure_schema({TABLE: declared}, now=NOW)

    assert readers_view(lake) == (3, 3, DAY, DAY)
    with lake.cursor() as cursor:
        assert missing_columns(cursor, TABLES) == {}


def a_step(cursor: duckdb.DuckDBPyConnection) -> None:
    """A change that a later version of the program might make."""
    cursor.execute("ALTER TABLE lake.published.publications ADD COLUMN approved_by VARCHAR")


def a_step_that_fails(cursor: duckdb.DuckDBPyConnection) -> None:
    """Half of it works."""
    a_step(cursor)
    cursor.execute("ALTER TABLE lake.published.no_such_table ADD COLUMN approved_by VARCHAR")


def test_an_older_lake_is_brought_forward_with_what_is_published(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade of the program keeps rows and records."""
    publish(lake, a_card_publication())
    later = NOW + timedelta(days=1)

    monkeypatch.setattr(lake_schema, "MIGRATIONS", (*lake_schema.MIGRATIONS, a_step))
    lake.ensure_schema(TABLES, now=later)

    assert versions(lake)[-1] == (len(lake_schema.MIGRATIONS), later)
    assert readers_view(lake) == (3, 3, DAY, DAY)
    with lake.cursor() as cursor:
        found = cursor.execute("SELECT generation, approved_by FROM lake.published.publications").fetchall()
    assert found == [(1, None)]


def test_a_migration_that_fails_leaves_the_lake_as_it_was(
    lake: Lake, catalog_url: str, data_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steps are one transaction with the version that they lead to."""
    before = versions(lake)

    with monkeypatch.context() as newer:
        newer.setattr(lake_schema, "MIGRATIONS", (*lake_schema.MIGRATIONS, a_step_that_fails))
        with pytest.raises(PermanentFailure):
            lake.ensure_schema(TABLES, now=NOW)

    with open_lake(catalog_url, data_url) as again:
        assert versions(again) == before
        publish(again, a_card_publication())
        assert readers_view(again) == (3, 3, DAY, DAY)


def test_a_newer_lake_is_refused(lake: Lake) -> None:
    """An older program says which version it met and which it knows, and touches nothing."""
    with lake.publishing() as transaction:
        transaction.cursor.execute("INSERT INTO lake.platform.schema_versions VALUES (99, ?)", [NOW])

    with pytest.raises(PermanentFailure, match=r"schema version 99; .* up to 2\. Upgrade the program"):
        lake.ensure_schema(TABLES, now=NOW)
    with lake.cursor() as cursor, pytest.raises(PermanentFailure, match="99"):
        version_of(cursor)


def test_a_catalog_that_processes_cannot_share_is_refused(tmp_path: Path) -> None:
    """The message names the setting and its forms."""
    with engine("sqlite://") as connection, pytest.raises(PermanentFailure, match="SETTLEMENT_CATALOG_URL"):
        attach_lake(connection, catalog_url="duckdb:///catalog.duckdb", data_url=str(tmp_path))


def test_a_catalog_that_cannot_be_reached_is_transient_and_hides_the_password(tmp_path: Path) -> None:
    """The server may come back; the password is in no message."""
    url = "postgresql://settlement:hunter2@127.0.0.1:1/lake"

    with engine(url) as connection, pytest.raises(TransientFailure) as failure:
        attach_lake(connection, catalog_url=url, data_url=str(tmp_path))

    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("read_only", [False, True])
def test_options_of_the_catalogs_address_reach_both_connections(
    catalog_url: str, data_url: str, read_only: bool
) -> None:
    """Connection options in the URL hold for the locks' connection and for DuckDB's own."""
    with open_lake(catalog_url, data_url):
        pass
    url = sa.make_url(catalog_url).update_query_dict({"application_name": "a reader", "sslmode": "disable"})
    query = "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'a reader' AND pid = pg_backend_pid()"
    settings = "SELECT current_setting('default_transaction_read_only') AS refuses"

    address = url.render_as_string(hide_password=False)
    with engine(address) as connection:
        attach_lake(connection, catalog_url=address, data_url=data_url, read_only=read_only)
        found = connection.execute("FROM postgres_query('__ducklake_metadata_lake', ?)", [query]).fetchall()
        refuses = connection.execute("FROM postgres_query('__ducklake_metadata_lake', ?)", [settings]).fetchall()

    assert found == [(1,)]
    assert refuses == [("on" if read_only else "off",)]


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("read_only", [False, True])
def test_an_option_that_cannot_be_meant_is_refused(catalog_url: str, data_url: str, read_only: bool) -> None:
    """It is named, and not silently left out: it may have been what makes the connection safe."""
    url = sa.make_url(catalog_url).set(password="hunter2")
    with open_lake(catalog_url, data_url):
        pass

    for options in ({"sslmod": "require"}, {"sslmode": ("require", "disable")}, {"sslmode": "sometimes"}):
        address = url.update_query_dict(options).render_as_string(hide_password=False)
        with (
            engine(address) as connection,
            pytest.raises((PermanentFailure, TransientFailure), match="sslmod") as found,
        ):
            attach_lake(connection, catalog_url=address, data_url=data_url, read_only=read_only)
        assert "hunter2" not in str(found.value)


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("asked", ["duckdb_databases()", "duckdb_secrets()", "duckdb_settings()"])
def test_the_password_of_the_catalog_is_shown_by_no_query(catalog_url: str, data_url: str, asked: str) -> None:
    """Whoever may query the lake may not learn how to write to it."""
    url = sa.make_url(catalog_url).set(password="hunter2").render_as_string(hide_password=False)

    with open_lake(url, data_url) as lake, lake.cursor() as cursor:
        shown = cursor.execute(f"FROM {asked}").fetchall()

    assert "hunter2" not in str(shown)


def stage_rows(staging: StagingArea, folder: Path, rows: int, *, amount: int = 1) -> tuple[str, str]:
    """Rows of `DAY` as a staged file; where it is, and its sha256."""
    draft, final = staging.draft(TABLE, DAY, "visa")
    Path(write_rows(str(folder), DAY, rows, amount=amount)).rename(draft)
    return final, staging.finalize(draft, final)[0]


@pytest.mark.parametrize("staged", ["folder", "s3"])
def test_a_correction_that_comes_back_survives_the_cleanup_of_a_lake_in_a_bucket(
    s3: S3Server, tmp_path: Path, staged: str
) -> None:
    """A, B, then A again: no path is registered twice, so removing what the past needed takes nothing that lives."""
    catalog_url, data_url = f"sqlite:///{tmp_path}/catalog.sqlite", s3.new_prefix()
    url = s3.new_prefix() if staged == "s3" else str(tmp_path / "staging")
    staging = StagingArea(url, workspace=tmp_path / "tmp", s3=s3.access)
    paths, known = [], {}

    with open_lake(catalog_url, data_url, s3=s3.access) as lake:
        for generation, amount in enumerate((1, 2, 1), start=1):
            location, sha256 = known.get(amount, ("not yet staged", ""))
            if not staging.is_intact(location, sha256):
                known[amount] = location, sha256 = stage_rows(staging, tmp_path, 500, amount=amount)
            paths.append(staging.move_to_lake(location, lake_url=data_url, table=TABLE, business_date=DAY))
            with lake.publishing() as transaction:
                change(transaction, a_card_publication(generation=generation, rows=500), paths[-1])
        with lake.cursor() as cursor:
            cursor.execute("CALL ducklake_expire_snapshots('lake', older_than => now())")
            removed = cursor.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)").fetchall()

    assert len(set(paths)) == 3
    assert all(path.startswith(f"{data_url}/published/") for path in paths)
    assert {path for (path,) in removed} & set(paths) == set(paths[:2])
    with open_lake(catalog_url, data_url, s3=s3.access) as reader:
        assert amounts(reader) == [(DAY, 1)]
        assert readers_view(reader)[:2] == (500, 500)


def test_no_folder_of_a_path_replaces_a_column(lake: Lake, data_url: str) -> None:
    """The rows of a file are what it holds, also below a folder that looks like a partition of another value."""
    folder = f"{data_url}/business_date=2021-01-07/amount_minor=5"
    path = write_rows(folder, DAY, 2, amount=1)

    with lake.publishing() as transaction:
        transaction.register_files(TABLE, [path])

    assert amounts(lake) == [(DAY, 1)]
