"""The page on the architecture names modules and functions that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "settlement_platform"
PAGE = PROJECT / "docs" / "architecture.md"
CODE = re.compile(r"`([^`]+)`")
FILE = re.compile(r"[a-z0-9_/]+\.(py|sql|md)")
FOLDER = re.compile(r"[a-z_]+/")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_]\w*)?")
ASKED = (
    "a value cast",
    "the gate's decision",
    "the commit",
    "the watermark advanced",
    "a late file escalated",
    "a write throttled",
    "a restatement measured",
    "a quarantined date released",
)
ADDED = ("a dataset", "a mart", "a check for every dataset", "an alert", "a command", "a metric of tidying")


def rows() -> list[list[str]]:
    """Return the cells of each row of each table."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def named_files() -> set[str]:
    """Return the path of every file in backticks, in tables and in the text."""
    return {code for code in CODE.findall(PAGE.read_text(encoding="utf-8")) if FILE.fullmatch(code)}


def named_folders() -> dict[str, set[str]]:
    """Return per layer the folders that the table of layers names."""
    layers = [row for row in rows() if FOLDER.fullmatch(row[0].strip("`")) and "`" in row[2]]
    return {layer.strip("`/"): {f.rstrip("/") for f in CODE.findall(folders)} for layer, _, folders in layers}


def named_functions() -> Iterator[tuple[str, str]]:
    """Yield module and name of each row that has a column for both."""
    for _, module, names, *_ in (row for row in rows() if len(row) == 3):
        for path in CODE.findall(module):
            if path.endswith(".py") and module == f"`{path}`":
                yield from ((path, name) for name in CODE.findall(names) if NAME.fullmatch(name))


def defined_in(module: Path) -> set[str]:
    """Return the functions, classes and methods that a module defines."""
    found = set()
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name, body=body):
                found |= {name, *(f"{name}.{each.name}" for each in body if isinstance(each, ast.FunctionDef))}
            case _:
                pass
    return found


@pytest.mark.parametrize("path", sorted(named_files()))
def test_every_file_exists(path: str) -> None:
    """Below the package, or from the top of the project."""
    assert any((root / path).exists() for root in (PACKAGE, PROJECT)), f"Correct {path} in docs/architecture.md."


@pytest.mark.parametrize(("module", "name"), sorted(set(named_functions())))
def test_every_function_is_defined_in_the_module_beside_it(module: str, name: str) -> None:
    """Not only imported there."""
    assert name in defined_in(PACKAGE / module), f"Correct {name} beside {module} in docs/architecture.md."


def test_the_table_of_layers_names_every_folder() -> None:
    """Of each layer with folders, all of them and no other."""
    layers = ("control", "storage", "pipeline", "orchestration", "cli")
    folders = {layer: {p.parent.name for p in (PACKAGE / layer).glob("*/__init__.py")} for layer in layers}

    assert named_folders() == folders


def test_the_page_answers_what_newcomers_ask() -> None:
    """Where the eight decisions are, and where six things are added."""
    first = {row[0] for row in rows()}

    assert {*ASKED, *ADDED} <= first
    assert len(set(named_functions())) > 40
