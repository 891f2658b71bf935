"""The documents name every command, option and setting, and lead nowhere that does not exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from settlement_platform.cli.app import app
from settlement_platform_tests.readme_screen import commands_of, comparable, documented_screen, run_screen

PROJECT = Path(__file__).parents[1]
README = PROJECT / "README.md"
COMMANDS_PAGE = PROJECT / "docs" / "commands.md"
SETTINGS_PAGE = PROJECT / "docs" / "settings.md"
MAX_README_LINES = 120
DOCUMENTS = [
    README,
    PROJECT / "CONTRIBUTING.md",
    PROJECT / "CHANGELOG.md",
    PROJECT / "data" / "README.md",
    PROJECT / "benchmarks" / "README.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
]
INSTEAD = {
    r"mend(s|ed|ing)?": "fix",
    r"told|tells? (of|that|to)": "notify, notified",
    r"goes on": "continue, resume",
    r"at work": "running",
    r"ask(s|ed|ing)? for": "request",
    r"h(o|e)lds? back|held back": "quarantine, wait",
    r"rulings?": "operator override",
    r"what is (published|staged|delivered) is": "a sentence with its verb early",
}
"""Private words and turns that readers stumble over, and the project's word for each."""
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


def text_of(page: Path) -> str:
    """Return the text of a page; a page that is missing fails the test that asks for it."""
    assert page.exists(), f"{page.relative_to(PROJECT)} is missing."
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_a_line_in_the_docs(name: str) -> None:
    """So that nobody has to read code to find it."""
    command = COMMANDS[name]

    assert command.help, f"Give {name} a docstring: it is its help."
    assert f"`{name}" in text_of(COMMANDS_PAGE), f"Add `{name}` to a table in docs/commands.md."


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    """Arguments too; and every command that prints a result can print it for programs."""
    parameters = COMMANDS[name].params
    options = {option for p in parameters for option in p.opts}

    silent = [p.name for p in parameters if not getattr(p, "help", None)]

    assert silent == [], f"Give these of {name} a help text in cli/app.py."
    assert "--json" in options


def test_the_docs_name_no_command_that_does_not_exist() -> None:
    """A command that was renamed or removed leaves the tables too."""
    rows = [line for line in text_of(COMMANDS_PAGE).splitlines() if line.startswith("| `settlement ")]
    named = {name for row in rows for name in re.findall(r"`(settlement [a-z -]+?)`", row.split(" | ")[0])}

    assert named <= set(COMMANDS), f"Remove or rename in docs/commands.md: {sorted(named - set(COMMANDS))}"


def test_every_setting_is_in_the_docs() -> None:
    """With its default and meaning in the table of settings."""
    source = (PROJECT / "settlement_platform" / "settings.py").read_text(encoding="utf-8")
    variables = set(VARIABLE.findall(source))

    missing = sorted(v for v in variables if f"| `{v}` |" not in text_of(SETTINGS_PAGE))

    assert variables
    assert missing == [], "Add a row for each to the table in docs/settings.md."


def test_the_readme_is_a_front_door() -> None:
    """Long tables have pages of their own, and every page can be reached from it."""
    text = text_of(README)
    pages = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "docs").glob("*.md")}

    unreachable = sorted(page for page in pages if f"]({page}" not in text)

    assert len(text.splitlines()) <= MAX_README_LINES, "Move what is long to a page in docs/."
    assert unreachable == [], 'Name these pages in the table "Where to go on".'


@pytest.mark.slow
def test_the_screen_in_the_readme_is_what_its_commands_print(tmp_path: Path) -> None:
    """The commands are run in a new home; only times may differ."""
    documented = documented_screen(text_of(README))

    printed = run_screen(commands_of(documented), tmp_path / "home")

    assert comparable(printed) == comparable(documented), (
        "Renew it: .venv/bin/python -m settlement_platform_tests.readme_screen"
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    """Links to files and folders of the project."""
    assert document.exists(), f"{document.relative_to(PROJECT)} is missing."
    targets = [link.split("#")[0] for link in LINK.findall(document.read_text(encoding="utf-8"))]

    broken = [t for t in targets if t and "://" not in t and not (document.parent / t).exists()]

    assert broken == [], "Fix or remove these links."


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_the_documents_use_the_words_of_the_glossary(document: Path) -> None:
    """One word per thing, and none that only its authors understand."""
    text = text_of(document)

    found = {word: better for word, better in INSTEAD.items() if re.search(rf"\b({word})\b", text, re.IGNORECASE)}

    assert found == {}, "Write the words on the right instead."
