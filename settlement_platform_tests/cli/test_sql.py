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
    """Several statements, a pivot and an explanation are queries too."""
    pivot = f"PIVOT published.{NAME} ON currency USING count(*) GROUP BY source"

    found = [
        shell("sql", q) for q in ("SELECT 1; SELECT 2", pivot, f"EXPLAIN FROM published.{NAME}", "SHOW ALL TABLES")
    ]

    assert [f.code for f in found] == [0, 0, 0, 0], [f.err for f in found]
    assert "visa" in found[1].out
    assert "publications" in found[3].out


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
