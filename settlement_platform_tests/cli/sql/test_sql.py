"""`settlement sql`: reads what is published, then and now, and does nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from settlement_platform_tests.cli.command import NAME, Shell

DAY = "2026-01-01"
TOTAL = f"SELECT count(*), sum(amount_minor) FROM published.{NAME}"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home with one published date."""
    shell = Shell(home=tmp_path_factory.mktemp("sql"))
    shell("generate", "--days", "1", "--rows", "60")
    assert shell.materialize(DAY, DAY, "--no-marts").code == 0
    return shell


def lake_files(home: Path) -> set[str]:
    """Every file beneath the lake but the catalog's own, which SQLite makes and removes."""
    return {
        str(path)
        for path in (home / "lake").rglob("*")
        if path.is_file() and not path.name.startswith("catalog.sqlite")
    }


@pytest.mark.parametrize(
    "query",
    [
        f"INSERT INTO published.{NAME} SELECT * FROM published.{NAME}",
        f"DELETE FROM published.{NAME}",
        "CREATE TABLE published.mine AS SELECT 1",
        "CREATE TEMP TABLE mine AS SELECT 1",
        "ATTACH '{home}/mine.duckdb'",
        "COPY (SELECT 1) TO '{home}/lake/mine.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{home}/lake/mine.csv'",
        "SELECT 1; COPY (SELECT 1) TO '{home}/lake/mine.csv'",
        "FROM read_csv('/etc/passwd')",
        "FROM read_text('{home}/ledger.sqlite')",
        "INSTALL spatial",
        "SET enable_external_access = true",
        "CALL ducklake_expire_snapshots('lake', older_than => now())",
        "FROM ducklake_delete_orphaned_files('lake', cleanup_all => true)",
        "SELECT * FROM published.no_such_table",
        "SELECT 1; SELECT 2",
        "FROM postgres_execute('__ducklake_metadata_lake', 'COMMIT; DELETE FROM ducklake_snapshot; BEGIN')",
        "FROM POSTGRES_query('__ducklake_metadata_lake', 'SELECT 1')",
        "WITH a AS (FROM sqlite_query('__ducklake_metadata_lake', 'SELECT 1')) FROM a",
        "SELECT (SELECT count(*) FROM postgres_query('a', 'b'))",
        "EXPLAIN ANALYZE FROM postgres_execute('__ducklake_metadata_lake', 'SELECT 1')",
        "DESCRIBE FROM postgres_query('__ducklake_metadata_lake', 'SELECT 1')",
        "PIVOT (FROM postgres_query('a', 'b')) ON a IN (1) USING count(*)",
        "PIVOT (FROM postgres_query('a', 'b')) ON a USING count(*)",
        "FROM ducklake_snapshots('lake')",
        "FROM query('DELETE FROM published.publications')",
        "FROM query_table('published.publications')",
        "FROM json_execute_serialized_sql('{{}}')",
        "PRAGMA database_list",
        "FROM pragma_database_list",
        "FROM duckdb_secrets()",
        "FROM glob('/etc/*')",
        "SELECT getenv('HOME')",
        "SELECT current_setting('home_directory')",
        "FROM __ducklake_metadata_lake.ducklake_snapshot",
        "FROM '{home}/lake/x.parquet'",
        "FROM 'x.parquet'",
        "FROM rows",
        "SELEC 1",
        "",
    ],
)
def test_sql_refuses_whatever_does_not_read_what_is_published(
    shell: Shell, query: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is wrong usage, said in a sentence, and leaves no trace in the lake."""
    before = lake_files(shell.home)

    refused = shell.here(monkeypatch, capsys, "sql", query.format(home=shell.home), "--json")

    assert refused.code == 2
    assert refused.out == ""
    assert refused.err.startswith("settlement: ")
    assert "Traceback" not in refused.err
    assert lake_files(shell.home) == before
    assert not (shell.home / "mine.duckdb").exists()


def test_sql_gives_columns_and_rows_as_programs_can_keep_them(shell: Shell) -> None:
    """Integers beyond 2^53 are strings, as are numbers that JSON does not know; dates and times are text."""
    query = (
        "SELECT 9007199254740992 AS exact, 9007199254740993 AS beyond, -9007199254740993 AS below, "
        "170141183460469231731687303715884105727::HUGEINT AS huge, 1.50::DECIMAL(9, 2) AS money, 'nan'::DOUBLE AS nan, "
        "NULL AS nothing, DATE '2026-01-01' AS day, TIMESTAMPTZ '2026-01-01 01:00:00+01' AS moment, [1, 2] AS list"
    )

    document = shell("sql", query, "--json").json

    row = dict(zip(document["columns"], document["rows"][0], strict=True))
    assert set(document) == {"columns", "rows"}
    assert row == {
        "exact": 9007199254740992,
        "beyond": "9007199254740993",
        "below": "-9007199254740993",
        "huge": "170141183460469231731687303715884105727",
        "money": "1.50",
        "nan": "nan",
        "nothing": None,
        "day": "2026-01-01",
        "moment": "2026-01-01T00:00:00Z",
        "list": [1, 2],
    }


def test_sql_reads_in_every_way_that_only_reads(shell: Shell) -> None:
    """A pivot, an explanation, a series of numbers and a recursion are queries too."""
    queries = {
        f"PIVOT published.{NAME} ON network IN ('visa') USING count(*) GROUP BY currency": "visa",
        f"EXPLAIN FROM published.{NAME}": "explain",
        "SHOW ALL TABLES;": "publications",
        f"DESCRIBE published.{NAME}": "amount_minor",
        f"SUMMARIZE published.{NAME}": "merchant_id",
        "SELECT unnest(generate_series(1, 3)) AS n": "n",
        f"SELECT count(*) AS n FROM range(2) r(i) JOIN published.{NAME} ON i = 1": "60",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) FROM t": "n",
        "SELECT state, count(*) FILTER (WHERE rows > 0) OVER () AS f FROM lake.published.publications": "final",
        f"SELECT list_transform([1], lambda x: x + 1), date_trunc('month', business_date) FROM final.{NAME}": "2026",
    }

    found = {query: shell("sql", query) for query in queries}

    assert {query: f.err for query, f in found.items() if f.code} == {}
    assert [query for query, f in found.items() if queries[query] not in f.out] == []


def test_sql_reads_what_is_final_under_a_schema_of_its_own(shell: Shell) -> None:
    """Every table of a dataset or mart is there, without the dates that stand provisional."""
    published = shell.rows_of(f"SELECT count(*), sum(amount_minor) FROM published.{NAME}")
    final = shell.rows_of(f"SELECT count(*), sum(amount_minor) FROM final.{NAME}")
    mart = shell("sql", "FROM final.merchant_daily_net", "--json")

    assert final == published
    assert mart.code == 0
    assert mart.json["rows"] == []


def test_sql_shows_people_no_more_than_they_can_read(shell: Shell) -> None:
    """It fetches no more either, and says how to get all."""
    endless = shell("sql", "SELECT i AS wide FROM range(2000000000000) r(i)")
    all_of_501 = shell("sql", "SELECT i FROM range(501) r(i)", "--json")
    exactly = shell("sql", "SELECT i FROM range(500) r(i)")

    assert endless.code == 0
    assert "Only the first 500 rows are shown; --json prints all." in endless.err
    assert len(endless.out.splitlines()) == 501
    assert len(all_of_501.json["rows"]) == 501
    assert exactly.err == ""


def test_sql_prints_no_control_characters_of_what_was_delivered(shell: Shell) -> None:
    """They could clear a terminal or colour a line; programs get them as they are."""
    query = "SELECT chr(27) || '[2J' || chr(7) || 'é' || chr(8238) AS evil, 1 AS \"[red]a\x1b[31m\""

    people, programs = shell("sql", query), shell("sql", query, "--json")

    assert people.code == 0
    assert "\\x1b[2J\\x07é\\u202e" in people.out
    assert "[red]a\\x1b[31m" in people.out
    assert not {"\x1b", "\x07", "\u202e"} & set(people.out)
    assert programs.json["rows"][0][0] == "\x1b[2J\x07é\u202e"


def test_infinite_times_are_called_so(shell: Shell) -> None:
    """No last day of Python's calendar, which would be a time without an offset."""
    query = "SELECT TIMESTAMPTZ 'infinity', TIMESTAMPTZ '-infinity', TIMESTAMPTZ '2026-01-01 00:00:00+00'"

    assert shell.rows_of(query) == [["infinity", "-infinity", "2026-01-01T00:00:00Z"]]


def test_a_function_that_a_lake_cannot_answer_is_wrong_usage(shell: Shell) -> None:
    """DuckDB calls it an internal error, with a trace of its own functions."""
    finished = shell("sql", "SELECT txid_current()")

    assert finished.code == 2
    assert finished.err.startswith("settlement: The query failed: INTERNAL Error: ")
    assert "Stack Trace" not in finished.err


def test_a_fault_of_the_store_is_no_wrong_usage(tmp_path: Path) -> None:
    """A file of the lake that is gone is named, and the command exits 1."""
    shell = Shell(home=tmp_path)
    shell("generate", "--days", "1", "--rows", "60")
    assert shell.materialize(DAY, DAY, "--no-marts").code == 0
    for path in (tmp_path / "lake" / "published" / NAME).rglob("*.parquet"):
        path.unlink()

    finished = shell("sql", f"SELECT sum(amount_minor) FROM published.{NAME}", "--json")

    assert (finished.code, finished.out) == (1, "")
    assert finished.err.startswith("settlement: Running the query failed: IO Error")
    assert ".parquet" in finished.err


def test_sql_and_explain_tell_what_stood_before_a_correction(shell: Shell) -> None:
    """The old numbers stay readable as of their time, and before the lake there is nothing to read."""
    old = shell.rows_of(TOTAL)
    before = datetime.now(UTC).isoformat()
    assert shell("generate", "--days", "1", "--rows", "60", "--seed", "8").code == 0
    assert shell.materialize(DAY, DAY, "--no-marts").code == 0

    new = shell.rows_of(TOTAL)
    then = shell.rows_of(TOTAL, "--as-of", before)
    explained_then = shell("explain", NAME, DAY, "--at", before, "--json").json
    explained_now = shell("explain", NAME, DAY, "--json").json
    too_early = shell("sql", TOTAL, "--as-of", "2020-01-01")

    assert new != old
    assert then == old
    assert (explained_then["generation"], explained_then["state"]) == (1, "final")
    assert (explained_now["generation"], explained_now["state"]) == (2, "restated")
    assert too_early.code == 2
    assert "did not exist" in too_early.err
