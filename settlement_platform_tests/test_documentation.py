"""The documents name every command, option and setting, and lead nowhere that does not exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from settlement_platform.cli.app import app

PROJECT = Path(__file__).parents[1]
README = PROJECT / "README.md"
DOCUMENTS = [
    README,
    PROJECT / "CONTRIBUTING.md",
    PROJECT / "CHANGELOG.md",
    PROJECT / "data" / "README.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"\"((?:SETTLEMENT|DAGSTER)_[A-Z0-9_]+)\"")


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name, sub-commands too."""

    def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        nested = getattr(command, "commands", None)
        if nested is None:
            yield name, command
            return
        for each, inner in nested.items():
            yield from walk(f"{name} {each}", inner)

    yield from walk("settlement", typer.main.get_command(app))


COMMANDS = dict(commands())


def readme() -> str:
    """The README; a project without one fails every test here."""
    assert README.exists(), "README.md is missing: it has to name every command and every setting."
    return README.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_a_line_in_the_readme(name: str) -> None:
    """So that nobody has to read code to find it."""
    command = COMMANDS[name]

    assert command.help, f"Give {name} a docstring: it is its help."
    assert f"`{name}" in readme(), f"Add `{name}` to the table of commands in README.md."


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    """Arguments too; and every command that prints a result can print it for programs."""
    parameters = COMMANDS[name].params
    options = {option for p in parameters for option in p.opts}

    silent = [p.name for p in parameters if not getattr(p, "help", None)]

    assert silent == [], f"Give these of {name} a help text in cli/app.py."
    assert "--json" in options


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    """What was renamed or removed is gone from there too."""
    named = set(re.findall(r"^\| `(settlement [a-z ]+?)`", readme(), flags=re.MULTILINE))

    assert named <= set(COMMANDS), f"Remove or rename in README.md: {sorted(named - set(COMMANDS))}"


def test_every_setting_is_in_the_readme() -> None:
    """With its default and meaning in the table of settings."""
    source = (PROJECT / "settlement_platform" / "settings.py").read_text(encoding="utf-8")
    variables = set(VARIABLE.findall(source))

    missing = sorted(v for v in variables if f"| `{v}` |" not in readme())

    assert variables
    assert missing == [], "Add a row for each to the table of settings in README.md."


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    """Links to files and folders of the project."""
    assert document.exists(), f"{document.relative_to(PROJECT)} is missing."
    targets = [link.split("#")[0] for link in LINK.findall(document.read_text(encoding="utf-8"))]

    broken = [t for t in targets if t and "://" not in t and not (document.parent / t).exists()]

    assert broken == [], "Mend or remove these links."
