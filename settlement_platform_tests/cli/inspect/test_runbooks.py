"""The runbooks: every alert has one, and every command in them works when it is pasted."""

import re
import shlex
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import click
import pytest
import typer.main

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.app import app
from settlement_platform.control.alerts.episodes import AlertKind
from settlement_platform.marts.mart import Mart
from settlement_platform_tests.cli.command import NAME, Finished, Shell
from settlement_platform_tests.deliveries import Delivery, a_row, deliver_date, some_rows
from settlement_platform_tests.pipeline.installation import Installation, an_installation

RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
DAY = date(2026, 11, 20)
"""The business date that the documents speak of."""

USED = {
    "alerts",
    "approve",
    "backfill",
    "discard",
    "doctor",
    "explain",
    "list",
    "materialize",
    "partitions",
    "pause",
    "release",
    "reset-breaker",
    "resume",
    "rollback",
    "show",
    "skip",
    "status",
}
"""The commands that runbooks may name, sub-commands of `quarantine` by their own names."""
ON_DATASETS = {"approve", "discard", "list", "partitions", "pause", "release", "resume", "rollback", "show", "skip"}
"""Of these, what is done to datasets alone: a mart follows its inputs."""

SECTIONS = ["What it means", "What readers see", "First move", "Then", "How it ends"]


def commands_in(text: str) -> list[str]:
    """Every line that an operator would paste."""
    return [line.strip() for line in text.splitlines() if re.match(r"\s*settlement ", line)]


def fenced(text: str) -> str:
    """The lines inside blocks of commands."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL))


DOCUMENTED = {
    command: path.name for path in sorted(RUNBOOKS.glob("*.md")) for command in commands_in(fenced(path.read_text()))
}


def name_of(command: str) -> str:
    """The name of a command, of its sub-command where it has some."""
    words = shlex.split(command)
    return words[2] if words[1] == "quarantine" else words[1]


def found_command(words: Sequence[str]) -> tuple[click.Command, list[str]] | None:
    """The declared command that these words call, and its arguments; None while there is none."""
    command: click.Command = typer.main.get_command(app)
    rest = list(words)
    while nested := getattr(command, "commands", None):
        if not rest or rest[0] not in nested:
            return None
        command = nested[rest.pop(0)]
    return command, rest


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A home whose date of the documents was restated, and has a correction in quarantine."""
    found = an_installation(tmp_path_factory.mktemp("runbooks") / "home")
    for rows in (3, 5):
        visa = Delivery(business_date=DAY, source="visa", rows=some_rows(DAY, "visa", rows))
        deliver_date(found.landing, DAY, visa=visa)
        found.run(DAY)
    wrong = Delivery(
        business_date=DAY,
        source="visa",
        rows=[a_row(DAY, "visa", 1)],
        declared={"totals": {"USD": {"amount_minor": 1, "fee_minor": 1}}},
    )
    deliver_date(found.landing, DAY, visa=wrong)
    found.run(DAY)
    return found


class Pasted:
    """Commands pasted on the home of this module."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._shell = Shell(home=home, exported=(("SETTLEMENT_FIRST_DATE", (DAY - timedelta(days=2)).isoformat()),))
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, command: str) -> Finished:
        return self._shell.here(self._monkeypatch, self._capsys, *shlex.split(command)[1:])


@pytest.fixture
def paste(there: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pasted:
    return Pasted(there.home, monkeypatch, capsys)


def works(finished: Finished) -> bool:
    """Return whether the command did its work or refused with a reason; one that cannot be parsed prints its usage."""
    return finished.code in {0, 3} or (finished.code == 2 and finished.err.startswith("settlement: "))


def test_every_kind_of_alert_has_a_runbook_with_the_same_sections_and_a_line_in_the_index() -> None:
    index = (RUNBOOKS / "README.md").read_text()

    assert {p.stem for p in RUNBOOKS.glob("*.md")} == {*AlertKind, "README"}
    for kind in AlertKind:
        text = (RUNBOOKS / f"{kind}.md").read_text()
        assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == SECTIONS, kind
        assert f"Alert `{kind}`." in text
        assert commands_in(fenced(text.split("## First move")[1].split("## Then")[0])), f"{kind} has no first move"
        assert f"[{kind}]({kind}.md)" in index


def test_no_command_is_outside_a_block_that_can_be_copied() -> None:
    for path in RUNBOOKS.glob("*.md"):
        text = path.read_text()
        assert commands_in(text) == commands_in(fenced(text)), path.name


def test_the_runbooks_use_only_commands_that_exist() -> None:
    declared = {name_of(f"settlement {name}") for name in _declared()}

    assert {name_of(c) for c in DOCUMENTED} <= USED
    assert declared >= USED, "Correct the runbooks: they name commands that do not exist."


def _declared() -> Iterator[str]:
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for nested in getattr(command, "commands", {"": None}):
            yield f"{name} {nested}".strip()


@pytest.mark.parametrize("command", DOCUMENTED)
def test_every_command_of_the_runbooks_works_when_it_is_pasted(command: str, paste: Pasted) -> None:
    finished = paste(command)

    assert works(finished), f"{DOCUMENTED[command]}: {finished.out}{finished.err}"


@pytest.mark.parametrize("declared", load_catalog().tables, ids=lambda d: d.name)
def test_every_command_of_a_generated_runbook_can_be_parsed(declared: object, paste: Pasted) -> None:
    """Names, order and options of the arguments; the documents' commands show that they do what they say."""
    name = declared.name  # type: ignore[attr-defined]
    document = paste(f"settlement runbook {name} --json").json["runbooks"][0]
    printed = paste(f"settlement runbook {name}").out

    commands = [c for step in document["steps"] for c in step["commands"]]
    assert commands_in(printed) == commands
    assert {name_of(c) for c in commands} <= USED
    assert {name_of(c) for c in commands} == USED - (ON_DATASETS if isinstance(declared, Mart) else set()) - {"doctor"}
    for command in commands:
        known = found_command(shlex.split(command)[1:])
        assert known, command
        known[0].make_context(command, known[1])


def test_a_generated_runbook_answers_for_a_dataset(paste: Pasted) -> None:
    (document,) = paste(f"settlement runbook {NAME} --json").json["runbooks"]

    assert document["owner"] == "finance-data@example.com"
    assert document["criticality"] == "critical"
    assert document["freshness_target"] == "06:00 UTC, 1 day after"
    assert (document["expected_by"], document["escalation"], document["deadline"]) == (
        "03:45 UTC",
        "04:45 UTC",
        "06:00 UTC",
    )
    assert document["calendar"] == "every day"
    assert document["publish_location"].startswith(f"published.{NAME}, Parquet in /")
    assert document["known_lateness"] == []
    assert document["roles"][0].startswith("operator (pause, ")
    assert document["roles"][0].endswith("): *")
    assert set(document["alerts"]) == set(AlertKind)
    assert all(Path(path).exists() for path in document["alerts"].values())


def test_the_runbook_of_everything_has_every_dataset_and_mart_and_no_password(
    paste: Pasted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    exported = (("SETTLEMENT_CATALOG_URL", "postgresql://me:hunter2@127.0.0.1:1/lake"),)
    shown = Shell(home=tmp_path, exported=exported).here(monkeypatch, capsys, "runbook", "--json")

    assert [r["dataset"] for r in shown.json["runbooks"]] == [d.name for d in load_catalog().tables]
    assert "hunter2" not in shown.out
    assert paste("settlement runbook nothing").code == 2
