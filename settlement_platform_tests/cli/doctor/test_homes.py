"""Homes as they are found: with odd names, missing, empty, or where nothing may be written."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.settings import load_settings
from settlement_platform_tests.cli.command import NAME, Shell

DAY = "2026-01-01"
READING = (
    ("status", "--json"),
    ("partitions", NAME, "--to", DAY, "--json"),
    ("partitions", "merchant_daily_net", "--to", DAY, "--json"),
    ("explain", NAME, DAY, "--json"),
    ("explain", NAME, DAY, "--at", "2026-01-02T00:00:00Z", "--json"),
    ("quarantine", "list", "--json"),
    ("sql", f"SELECT count(*) FROM published.{NAME}", "--json"),
)


def everything(root: Path) -> dict[str, int]:
    """Every path beneath a folder, with when it last changed."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(root.rglob("*"))}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home with one published date and its marts."""
    shell = Shell(home=tmp_path_factory.mktemp("homes") / "home")
    shell("generate", "--days", "1", "--rows", "60")
    assert shell.materialize(DAY, DAY).code == 0
    return shell


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder on a file system that refuses to be written to, even by the administrator."""
    steps = (["mount", "--bind", folder, folder], ["mount", "-o", "remount,ro,bind", folder])
    for step in steps:
        if subprocess.run(step, check=False, capture_output=True).returncode:
            pytest.skip("this user may not mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("name", ["with space", 'Zoë\'s "bücher"', "a;b", "c#d", "100%", "e[1]*"])
def test_a_home_may_have_an_odd_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of it lies within, and is read from there."""
    shell = Shell(home=tmp_path / name)
    shell.here(monkeypatch, capsys, "generate", "--days", "1", "--rows", "30")

    done = shell.here(monkeypatch, capsys, "materialize", NAME, "--from", DAY, "--to", DAY, "--no-marts", "--json")
    read = shell.here(monkeypatch, capsys, "sql", f"SELECT count(*) FROM published.{NAME}", "--json")

    assert (done.code, read.code) == (0, 0), done.err + read.err
    assert read.json["rows"] == [[30]]
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("setting", ["SETTLEMENT_HOME", "SETTLEMENT_LAKE_URL"])
def test_a_lake_below_a_folder_with_a_backslash_is_refused(tmp_path: Path, setting: str) -> None:
    """DuckLake would look for its files in folders that nobody made, and that would be called transient."""
    with pytest.raises(PermanentFailure) as refused:
        load_settings({"SETTLEMENT_HOME": str(tmp_path), setting: str(tmp_path / "a\\b")})

    assert refused.value.message.startswith(f"{setting} puts the lake into {tmp_path / 'a'}")
    assert refused.value.remedy == "Choose a folder without a backslash in its path."


@pytest.mark.parametrize("variable", ["SETTLEMENT_HOME", "DAGSTER_HOME"])
@pytest.mark.parametrize(("name", "character"), [("what?", "'?'"), ("a%41b", "'%41'")])
def test_a_home_that_no_address_of_a_database_can_name_is_refused(
    tmp_path: Path,
    variable: str,
    name: str,
    character: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The message names the character, and nothing is written anywhere."""
    shell = Shell(home=tmp_path / "home", exported=((variable, str(tmp_path / name)),))

    for command in (("generate", "--days", "1", "--rows", "30"), ("status",), ("doctor",)):
        refused = shell.here(monkeypatch, capsys, *command)

        assert (refused.code, refused.out) == (1, "")
        assert variable in refused.err
        assert character in refused.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_reading_a_home_that_is_not_there_exits_1_and_makes_nothing(
    tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt folder does not look like an installation where nothing came yet."""
    finished = Shell(home=tmp_path / "hoem").here(monkeypatch, capsys, *command)

    assert (finished.code, finished.out) == (1, "")
    assert f"{tmp_path / 'hoem'} does not exist." in finished.err
    assert "SETTLEMENT_HOME" in finished.err
    assert list(tmp_path.iterdir()) == []


def test_a_home_with_nothing_but_deliveries_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Deliveries that have not run yet are shown, and nothing is created."""
    shell = Shell(home=tmp_path)
    shell.here(monkeypatch, capsys, "generate", "--days", "1", "--rows", "30")
    before = everything(tmp_path)

    found = {command: shell.here(monkeypatch, capsys, *command) for command in READING}
    too_early = shell.here(monkeypatch, capsys, "sql", "FROM published.watermarks", "--as-of", "2026-01-01")

    assert [f.code for f in found.values()] == [3, 0, 0, 0, 0, 0, 0], [f.err for f in found.values()]
    assert found[READING[3]].json["decision"] == "refuse"
    assert found[READING[6]].json["rows"] == [[0]]
    assert too_early.code == 2
    assert everything(tmp_path) == before


def test_reading_changes_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beyond the files that SQLite keeps beside a database while it is read."""
    before = everything(shell.home)

    codes = [shell.here(monkeypatch, capsys, *command).code for command in READING]

    def kept(found: dict[str, int]) -> dict[str, int]:
        return {path: when for path, when in found.items() if "sqlite" not in path and Path(path).is_file()}

    assert codes == [3, 0, 0, 0, 0, 0, 0]
    assert kept(everything(shell.home)) == kept(before)


def test_a_home_that_may_not_be_written_to_can_be_read(shell: Shell) -> None:
    """An auditor's copy, or a snapshot of the file system."""
    expected = {command: shell(*command) for command in READING}
    for left in ("-wal", "-shm"):
        for database in ("ledger.sqlite", "lake/catalog.sqlite"):
            Path(f"{shell.home / database}{left}").unlink(missing_ok=True)

    with read_only(shell.home):
        assert not os.access(shell.home, os.W_OK)
        found = {command: shell(*command) for command in READING}

    assert {c: f.err for c, f in found.items() if f.code not in (0, 3)} == {}
    for command in READING[1:]:
        assert found[command].out == expected[command].out


def test_doctor_says_that_a_home_may_not_be_written_to(shell: Shell) -> None:
    """It is for whoever means to work in it; reading continues."""
    with read_only(shell.home):
        examined = shell("doctor", "--json")

    (home,) = [f for f in examined.json["findings"] if f["subject"] == "SETTLEMENT_HOME"]
    assert examined.code == 1
    assert not home["well"]
    assert "which is not writable" in home["seen"]
    assert "Fix its permissions" in home["remedy"]
