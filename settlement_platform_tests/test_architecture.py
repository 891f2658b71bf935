"""The conventions of this project that a machine can check."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from importlinter import api
from importlinter.cli import lint_imports

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "settlement_platform"
LONGEST_MODULE = 300

SHELLS = ("cli/", "orchestration/", "definitions.py")

READERS_OF_THE_ENVIRONMENT = ("settings.py",)

# Importing any of these costs between half a second and three, which `settlement --help` need not pay.
SLOW_IMPORTS = ("dagster", "ibis", "pandera")

CLOCKS = {
    "date": {"today"},
    "datetime": {"now", "today", "utcnow"},
    "time": {"gmtime", "localtime", "time", "time_ns"},
}

THE_ROOM = "orchestration/dagster_internals/"

PRIVATE_DAGSTER = re.compile(r"dagster(_\w+)?(\.\w+)*\._\w[\w.]*")

SENTENCE_END = re.compile(r"[.!?](?=\s+[A-Z])")

Rule = Callable[[ast.Module], Iterator[ast.AST]]


def modules() -> list[Path]:
    """Every module of the package, in a stable order."""
    return sorted(PACKAGE.rglob("*.py"))


def name_of(module: Path) -> str:
    """The path of a module within the package, as the allow-lists write it."""
    return module.relative_to(PACKAGE).as_posix()


def tree_of(module: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def places(rule: Rule, *, within: str = "", allowed: tuple[str, ...] = ()) -> list[str]:
    """Where modules that begin with `within`, and not with any of `allowed`, break the rule: `path:line`."""
    return [
        f"{module.relative_to(PROJECT)}:{node.lineno}"
        for module in modules()
        if name_of(module).startswith(within) and not name_of(module).startswith(allowed)
        for node in rule(tree_of(module))
    ]


def report(found: list[str], what_to_do: str) -> str:
    """The message of a failed convention: what to do, then where."""
    return "\n  ".join([what_to_do, *found])


def relative_imports(tree: ast.Module) -> Iterator[ast.AST]:
    """Imports that begin with a dot."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level)


def environment_reads(tree: ast.Module) -> Iterator[ast.AST]:
    """Uses of `os.environ` and `os.getenv`, however they are imported."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv"):
                yield node
            case ast.ImportFrom(module="os", names=names):
                if {alias.name for alias in names} & {"environ", "environb", "getenv"}:
                    yield node


def clock_reads(tree: ast.Module) -> Iterator[ast.AST]:
    """Uses of the wall clock, called or handed on; `time.monotonic` only measures, and is free to all."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=attribute):
                if attribute in CLOCKS.get(owner, ()):
                    yield node
            case ast.ImportFrom(module="time", names=names):
                if {alias.name for alias in names} & CLOCKS["time"]:
                    yield node


def foreign_imports(tree: ast.Module) -> Iterator[ast.AST]:
    """Imports from outside the standard library and `settlement_platform.control`."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                imported = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), level=0):
                imported = [module]
            case _:
                continue
        if any(
            name.split(".")[0] not in sys.stdlib_module_names
            and not f"{name}.".startswith("settlement_platform.control.")
            for name in imported
        ):
            yield node


def private_dagster_imports(tree: ast.Module) -> Iterator[ast.stmt]:
    """Imports of names that Dagster, or a library of its, keeps private."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                imported = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), names=names):
                imported = [f"{module}.{alias.name}" for alias in names]
            case _:
                continue
        if any(PRIVATE_DAGSTER.fullmatch(name) for name in imported):
            yield node


def private_dagster_names(tree: ast.Module) -> Iterator[ast.AST]:
    """Those imports, and strings that name such a module, as `sys.modules` and `import_module` take them."""
    yield from private_dagster_imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and PRIVATE_DAGSTER.fullmatch(node.value):
            yield node


def reason_above(lines: list[str], statement: ast.stmt) -> str:
    """The comment above a block of imports that no blank line parts; empty where there is none."""
    first = statement.lineno - 1
    while first and lines[first - 1].strip() and not lines[first - 1].startswith("#"):
        first -= 1
    begin = first
    while begin and lines[begin - 1].startswith("#"):
        begin -= 1
    return "\n".join(lines[begin:first])


CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in api.read_configuration(str(PROJECT / "pyproject.toml"))["contracts_options"]
}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_imports_keep_the_contracts(
    contract: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)

    exit_code = lint_imports(limit_to_contracts=(contract,), cache_dir=str(tmp_path), no_logo=True)

    assert exit_code == 0, (
        f"{CONTRACTS[contract]}. Move what is imported down a layer, or pass it in as an argument; the "
        f"contract is in pyproject.toml under [tool.importlinter].\n{capfd.readouterr().out}"
    )


def test_control_imports_the_standard_library_only() -> None:
    found = places(foreign_imports, within="control/")

    assert not found, report(found, "Control decides from values: take what a library gives as an argument.")


def test_every_module_opens_with_one_sentence() -> None:
    found = []
    for module in modules():
        opening = (ast.get_docstring(tree_of(module)) or "").split("\n\n")[0]
        if not opening.endswith((".", "?")) or SENTENCE_END.search(opening):
            found.append(f"{module.relative_to(PROJECT)}: {opening or 'no docstring'}")

    assert not found, report(
        found,
        "Open the module with a docstring whose first paragraph is one sentence, or one question, that says "
        "what lives there; if it takes two, split the module.",
    )


def test_no_module_is_long() -> None:
    lengths = {module: len(module.read_text(encoding="utf-8").splitlines()) for module in modules()}

    found = [
        f"{module.relative_to(PROJECT)}: {length} lines"
        for module, length in lengths.items()
        if length > LONGEST_MODULE
    ]

    assert not found, report(
        found, f"Split what is over {LONGEST_MODULE} lines by the questions that its parts answer."
    )


def test_no_module_is_named_for_leftovers() -> None:
    leftovers = {"common", "helpers", "misc", "shared", "util", "utils"}

    found = [name_of(module) for module in modules() if leftovers & set(module.with_suffix("").parts[-2:])]

    assert not found, report(found, "Name the module after the question that it answers.")


def test_imports_are_absolute() -> None:
    found = places(relative_imports)

    assert not found, report(found, "Write `from settlement_platform.… import …`: one path for each name.")


def test_only_settings_read_the_environment() -> None:
    found = places(environment_reads, allowed=READERS_OF_THE_ENVIRONMENT)

    assert not found, report(
        found, "Read the variable in settlement_platform/settings.py, and take its value as an argument here."
    )


def test_only_the_shells_read_the_clock() -> None:
    found = places(clock_reads, allowed=SHELLS)

    assert not found, report(
        found, "Take `now` as an argument: only cli/, orchestration/ and definitions.py look at the clock."
    )


def test_only_one_folder_uses_what_dagster_keeps_private() -> None:
    found = places(private_dagster_names, allowed=(THE_ROOM,))

    assert not found, report(
        found,
        "Import the public name from `dagster`; where there is none, re-export the private one from a module in "
        f"settlement_platform/{THE_ROOM}.",
    )


def test_each_private_import_says_why_and_what_would_replace_it() -> None:
    found = [
        f"{module.relative_to(PROJECT)}:{statement.lineno}"
        for module in sorted((PACKAGE / THE_ROOM).glob("*.py"))
        for statement in private_dagster_imports(tree_of(module))
        if "eplaced by " not in reason_above(module.read_text(encoding="utf-8").splitlines(), statement)
    ]

    assert not found, report(
        found, "Say in a comment above the import why it is needed, and then: Replaced by, and what would replace it."
    )


def test_the_command_line_starts_without_what_is_slow_to_import() -> None:
    program = f"import sys, settlement_platform.cli.app; print(*sorted(set({SLOW_IMPORTS!r}) & set(sys.modules)))"

    started = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)

    assert started.returncode == 0, started.stderr
    assert not started.stdout.split(), report(
        started.stdout.split(), "Import these inside the command that needs them: --help must answer at once."
    )


def rule_finds(rule: Rule, source: str) -> bool:
    """Return whether the rule finds anything in the source."""
    return any(True for _ in rule(ast.parse(source)))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (relative_imports, "from . import facts"),
        (relative_imports, "from ..control import facts"),
        (environment_reads, "import os; os.environ['HOME']"),
        (environment_reads, "import os; os.getenv('HOME')"),
        (environment_reads, "from os import environ"),
        (clock_reads, "datetime.now(UTC)"),
        (clock_reads, "import datetime as dt; dt.datetime.now(dt.UTC)"),
        (clock_reads, "clock = datetime.now"),
        (clock_reads, "date.today()"),
        (clock_reads, "import time; time.time()"),
        (clock_reads, "from time import time"),
        (private_dagster_names, "from dagster._core.storage.tags import USER_TAG"),
        (private_dagster_names, "import dagster._core"),
        (private_dagster_names, "from dagster import _core"),
        (private_dagster_names, "from dagster_postgres._x import y"),
        (private_dagster_names, "sys.modules['dagster._daemon.controller']"),
        (foreign_imports, "import pandera.ibis as pa"),
        (foreign_imports, "from settlement_platform.controls import facts"),
        (foreign_imports, "from settlement_platform.storage.ledger.ledger import Ledger"),
    ],
)
def test_a_rule_sees_what_it_forbids(rule: Rule, source: str) -> None:
    assert rule_finds(rule, source)


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (relative_imports, "from settlement_platform.control import facts"),
        (environment_reads, "import os; os.fsync(3)"),
        (clock_reads, "import time; time.monotonic()"),
        (clock_reads, "from datetime import date, datetime, time; date.fromisoformat('2026-11-20')"),
        (private_dagster_names, "from dagster import DagsterInstance"),
        (private_dagster_names, "from dagster_aws.s3 import S3Resource"),
        (foreign_imports, "from settlement_platform.control.facts import Arrival"),
        (foreign_imports, "from collections.abc import Mapping"),
    ],
)
def test_a_rule_lets_the_rest_be(rule: Rule, source: str) -> None:
    assert not rule_finds(rule, source)
