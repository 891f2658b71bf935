"""Homes, stores and settings that cannot be worked with: one sentence and what to fix, and never a traceback."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from settlement_platform_tests.cli.command import NAME, Shell

MATERIALIZE = f"materialize {NAME} --from 2026-01-01 --to 2026-01-02"
GENERATE = "generate --days 1 --rows 10"
GARBAGE = b"this is no database" * 1000


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home with two published dates; each test works on its own copy of it, put in its place."""
    shell = Shell(home=tmp_path_factory.mktemp("stores") / "home")
    assert shell("generate", "--days", "2", "--rows", "30").code == 0
    assert shell(*MATERIALIZE.split()).code == 0
    shutil.copytree(shell.home, shell.home.with_name("kept"), symlinks=True)
    return shell


@pytest.fixture
def whole(shell: Shell) -> Shell:
    """The home as it was."""
    shutil.rmtree(shell.home)
    shutil.copytree(shell.home.with_name("kept"), shell.home, symlinks=True)
    return shell


def damage(home: Path, name: str) -> None:
    """Put garbage in the place of a database."""
    for part in home.glob(f"{name}-*"):
        part.unlink()
    (home / name).write_bytes(GARBAGE)


def findings(document: dict[str, list[dict[str, str]]]) -> dict[str, dict[str, str]]:
    """The findings of doctor that are not well, by subject."""
    return {f["subject"]: f for f in document["findings"] if not f["well"]}


@pytest.mark.parametrize("command", ["status", MATERIALIZE, GENERATE, "demo"])
@pytest.mark.parametrize("home", ["file", "file/beneath"])
def test_a_home_that_is_a_file_is_named(
    tmp_path: Path, home: str, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not said to be safe to try again."""
    (tmp_path / "file").write_text("no folder")

    finished = Shell(home=tmp_path / home).here(monkeypatch, capsys, *command.split())

    assert (finished.code, finished.out) == (1, "")
    assert finished.err.splitlines() == [
        f"settlement: SETTLEMENT_HOME is {tmp_path / home}, but {tmp_path / 'file'} is a file.",
        "  Move the file, or set SETTLEMENT_HOME to a folder.",
    ]


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder that nobody can write in")
@pytest.mark.parametrize("command", [MATERIALIZE, GENERATE])
def test_a_home_that_cannot_be_written_is_named(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what the operating system says about it."""
    finished = Shell(home=Path("/sys/kernel/settlement")).here(monkeypatch, capsys, *command.split())

    assert finished.code == 1
    assert finished.err.startswith("settlement: SETTLEMENT_HOME is /sys/kernel/settlement, which is not writable")
    assert "set SETTLEMENT_HOME to another folder" in finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize("setting", ["SETTLEMENT_LEDGER_URL", "SETTLEMENT_CATALOG_URL"])
@pytest.mark.parametrize("value", ["nonsense", "postgresql://u:secret@host:port/db"])
@pytest.mark.parametrize("command", ["status", MATERIALIZE, "doctor"])
def test_a_database_url_that_cannot_be_read_is_named_and_not_shown(
    tmp_path: Path,
    setting: str,
    value: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It may hold a password."""
    shell = Shell(home=tmp_path / "home", exported=((setting, value),))

    finished = shell.here(monkeypatch, capsys, *command.split())

    assert finished.code == 1
    assert finished.err.startswith(f"settlement: {setting} is not a database URL.\n")
    assert value not in finished.err


@pytest.mark.parametrize(
    "database",
    [
        "ledger.sqlite",
        "lake/catalog.sqlite",
        "dagster/history/runs.db",
        "dagster/history/runs/index.db",
        "dagster/schedules/schedules.db",
    ],
)
def test_a_damaged_database_is_named_by_materialize_and_by_doctor(
    whole: Shell, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each in a few words; doctor says what to do."""
    damage(whole.home, database)

    materialized = whole.here(monkeypatch, capsys, *MATERIALIZE.split())
    examined = whole.here(monkeypatch, capsys, "doctor", "--json")

    (found,) = findings(examined.json).values()
    assert (materialized.code, examined.code) == (1, 1)
    assert "file is not a database" in materialized.err
    assert len(materialized.err.splitlines()) <= 3
    assert "settlement doctor" in materialized.err
    assert found["seen"].startswith(f"Checking {whole.home / database} failed: file is not a database")
    assert found["remedy"].startswith("Restore a copy")


@pytest.mark.parametrize("text", ["storage: [", "frobnicate: 1", "just words"])
def test_a_dagster_configuration_that_cannot_be_used_is_named(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By materialize and by doctor."""
    shell = Shell(home=tmp_path / "home")
    config = shell.home / "dagster" / "dagster.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(text)

    materialized = shell.here(monkeypatch, capsys, *MATERIALIZE.split())
    examined = shell.here(monkeypatch, capsys, "doctor", "--json")

    assert materialized.err.startswith(f"settlement: Dagster's configuration, {config}, cannot be used: ")
    assert set(findings(examined.json)) == {"Dagster's databases"}


def remove_a_file_of_the_lake(home: Path) -> None:
    next((home / "lake" / "published" / NAME / "business_date=2026-01-02").glob("visa-*")).unlink()


def remove_the_ledger(home: Path) -> None:
    for part in home.glob("ledger.sqlite*"):
        part.unlink()


def empty_the_ledger(home: Path) -> None:
    remove_the_ledger(home)
    (home / "ledger.sqlite").touch()


@pytest.mark.parametrize(
    ("break_it", "subject", "seen", "remedy"),
    [
        (remove_a_file_of_the_lake, "lake", f"are missing (1): {NAME}: 2026-01-02; the first is", "from a copy"),
        (remove_the_ledger, "ledger", "is missing, but the lake exists", "Without one, continue"),
        (empty_the_ledger, "ledger", "is empty, but the lake exists", "Without one, continue"),
        (
            lambda home: (home / "landing").rename(home / "away"),
            "landing zone",
            "it was there before",
            "Mount or restore it",
        ),
        (lambda home: (home / "staging").rename(home / "away"), None, "", ""),
    ],
)
def test_doctor_names_what_is_missing_and_what_to_do(
    whole: Shell,
    break_it: Callable[[Path], None],
    subject: str | None,
    seen: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file of the lake with its date, and the ledger; a folder that is made again when it is needed is none."""
    break_it(whole.home)

    examined = whole.here(monkeypatch, capsys, "doctor", "--json")

    found = findings(examined.json)
    assert set(found) == ({subject} if subject else set())
    assert examined.code == (1 if subject else 0)
    if subject:
        assert seen in found[subject]["seen"]
        assert remedy in found[subject]["remedy"]


def test_doctor_says_that_a_lake_was_moved(
    whole: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A catalog apart from its files speaks of the first home's; one that lies beside them was copied with them."""
    shutil.copytree(whole.home, tmp_path / "copy", symlinks=True)
    copied = Shell(home=tmp_path / "copy")
    apart = Shell(home=copied.home, exported=(("SETTLEMENT_CATALOG_URL", f"sqlite:///{tmp_path}/catalog.sqlite"),))
    shutil.copy(whole.home / "lake" / "catalog.sqlite", tmp_path)

    examined = apart.here(monkeypatch, capsys, "doctor", "--json")

    found = findings(examined.json)
    assert copied.here(monkeypatch, capsys, "doctor", "--json").code == 0
    assert set(found) == {"lake"}
    assert f"keeps its files in {whole.home / 'lake'}" in found["lake"]["seen"]
    assert f"set SETTLEMENT_LAKE_URL to {whole.home / 'lake'}" in found["lake"]["remedy"]


def test_doctor_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no home yet all is well; a landing folder elsewhere is to be fixed, not made."""
    elsewhere = tmp_path / "elsewhere" / "landing"
    shell = Shell(home=tmp_path / "home")

    fresh = shell.here(monkeypatch, capsys, "doctor", "--json")
    unmade = Shell(home=shell.home, exported=(("SETTLEMENT_LANDING_URL", str(elsewhere)),)).here(
        monkeypatch, capsys, "doctor", "--json"
    )

    found = findings(unmade.json)
    assert (fresh.code, unmade.code) == (0, 1)
    assert found["landing zone"]["seen"] == f"SETTLEMENT_LANDING_URL is {elsewhere}, which does not exist."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", ["everything", "Dagster's configuration alone"])
def test_doctor_changes_nothing_and_brings_nothing_forward(
    whole: Shell, kept: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stores that an older program wrote are well, and stay as they are; what is not there is not made."""
    with closing(sqlite3.connect(whole.home / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("DELETE FROM schema_versions WHERE version > 1")
    if kept != "everything":
        for folder in ("history", "schedules"):
            shutil.rmtree(whole.home / "dagster" / folder)
        (whole.home / "dagster" / "opening.lock").unlink(missing_ok=True)
    before = _contents(whole.home)

    examined = whole.here(monkeypatch, capsys, "doctor", "--json")

    seen = {f["subject"]: f["seen"] for f in examined.json["findings"]}
    assert examined.code == 0, examined.out
    assert seen["ledger"].endswith("the next command that writes will update its schema")
    assert seen["Dagster's databases"] == ("3 runs" if kept == "everything" else "0 runs")
    assert _contents(whole.home) == before


def _contents(home: Path) -> dict[str, bytes]:
    """Every file but those that SQLite keeps beside a database while it is read."""
    found = {p: p.read_bytes() for p in home.rglob("*") if p.is_file() and not p.name.endswith(("-wal", "-shm"))}
    return {str(path): content for path, content in found.items()}


def test_doctor_says_who_has_the_roles_and_where_alerts_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A role that an action needs and nobody has is to be fixed; addresses of channels are not shown."""
    channel = "json://token@127.0.0.1:1"
    given = (("SETTLEMENT_ROLES", "approver=carla"), ("SETTLEMENT_ALERT_URLS", channel))

    plain = Shell(home=tmp_path).here(monkeypatch, capsys, "doctor", "--json")
    examined = Shell(home=tmp_path, exported=given).here(monkeypatch, capsys, "doctor", "--json")

    seen = {f["subject"]: f["seen"] for f in plain.json["findings"]}
    assert (seen["roles"], seen["alerts"]) == ("operator: everyone", "alerts go to the log")
    assert set(findings(examined.json)) == {"roles"}
    assert findings(examined.json)["roles"]["seen"] == "nobody has the role operator"
    assert channel not in examined.out


def test_a_lake_that_vanished_is_neither_made_anew_nor_shown_as_empty(whole: Shell) -> None:
    """As when its disk is not mounted: every command names it, and all is as before when it is back."""
    query = f"SELECT count(*) FROM published.{NAME}"
    before = whole.rows_of(query)
    (whole.home / "lake").rename(whole.home / "elsewhere")

    refused = [whole(*c.split()) for c in (MATERIALIZE, "status", f"explain {NAME} 2026-01-01")] + [whole("sql", query)]
    examined = whole("doctor", "--json").json
    sent, shown = whole("alerts", "--send", "--json"), whole("alerts", "--json")
    made = (whole.home / "lake").exists()
    (whole.home / "elsewhere").rename(whole.home / "lake")

    assert [f.code for f in refused] == [1] * 4
    assert {"catalog.sqlite is missing, although the ledger records publications" in f.err for f in refused} == {True}
    assert {"Mount or restore it." in f.err for f in refused} == {True}
    assert "is missing" in findings(examined)["lake"]["seen"]
    assert not made
    assert "Only conditions of the ledger are evaluated" in sent.err
    assert "catalog.sqlite is missing" in sent.err
    assert shown.json["alerts"] == sent.json["alerts"]
    assert whole.rows_of(query) == before


def test_a_file_whose_name_cannot_be_read_is_named_by_doctor_and_stops_nothing(
    whole: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where it lies beside the sources' folders; it stays where it is."""
    day = whole.home / "landing" / "2026-01-01"
    strays = [day / "caf\udce9.csv", day / "visa" / "tab\t.csv"]
    before = whole.here(monkeypatch, capsys, "status", "--json")
    for stray in strays:
        stray.touch()

    examined = whole.here(monkeypatch, capsys, "doctor", "--json")
    after = whole.here(monkeypatch, capsys, "status", "--json")
    again = whole.here(monkeypatch, capsys, *MATERIALIZE.split())

    (found,) = findings(examined.json).values()
    assert (examined.code, found["subject"]) == (1, "landing zone")
    assert "'2026-01-01/caf\\udce9.csv', '2026-01-01/visa/tab\\t.csv'" in found["seen"]
    assert found["remedy"].startswith("Rename or remove them there")
    assert (after.code, again.code) == (before.code, 0)
    assert [d["watermark"] for d in after.json["datasets"]] == [d["watermark"] for d in before.json["datasets"]]
    assert all(stray.exists() for stray in strays)
