"""The figures of the house: how long functions and modules are, and what breaks the conventions of the tree.

A module is a `.py` file of the package other than `__init__.py`, and its length counts every line. A function is any
`def`, also in a class or in another function. Its length runs from the line of `def` to its last line: signature,
docstring, comments and blank lines count, decorators do not. `make figures` prints all of it.
"""

import ast
import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
from rich.console import Console
from rich.table import Table

PROJECT = Path(__file__).parents[1]
PACKAGE = "settlement_platform"
BESIDE = ("settlement_platform_tests", "benchmarks")
DAGSTER_ROOM = "settlement_platform.orchestration.dagster_internals"

SHORT_MODULE = 40
"""Lines below which a module with a single importer must say why it stands alone."""

REASON_TO_STAND_ALONE = re.compile(r"\b(apart|alone) because\b", re.IGNORECASE)
BAD_OPENING = re.compile(r"(What|The same|That|Whether)\b")
PRIVATE_DAGSTER = re.compile(r"dagster(_\w+)?(\.\w+)*\._")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Module:
    """One file of the package: its dotted name, its path, its number of lines and its syntax tree."""

    name: str
    path: Path
    lines: int
    tree: ast.Module

    @property
    def layer(self) -> str:
        """The folder below the package, or the module's own name where it lies beside the layers."""
        return self.name.split(".")[1]

    @property
    def docstring(self) -> str:
        """The module's docstring, or an empty string."""
        return ast.get_docstring(self.tree) or ""

    @cached_property
    def functions(self) -> dict[str, int]:
        """Lines of each function by its place, `path:line name`."""
        return {
            f"{self.place(node)} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
            for node in ast.walk(self.tree)
            if isinstance(node, FunctionNode)
        }

    def place(self, node: ast.stmt) -> str:
        """Return where the statement stands: `path:line`."""
        return f"{self.path.relative_to(PROJECT)}:{node.lineno}"


def read_modules(folder: str) -> list[Module]:
    """Return every file of a folder of the project in a stable order, `__init__.py` included."""
    found = []
    for path in sorted((PROJECT / folder).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        parts = path.relative_to(PROJECT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name=name, path=path, lines=len(source.splitlines()), tree=ast.parse(source)))
    return found


def percentile(values: Iterable[int], share: float) -> int:
    """Return the smallest value that at least this share of the values does not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0


def median(values: Iterable[int]) -> float:
    """Return the median; 0 without values."""
    return statistics.median(list(values) or [0])


@dataclass(frozen=True)
class House:
    """The package, read once; each figure below is a median, a percentile or a list of places."""

    every_file: list[Module]
    imports: grimp.ImportGraph
    beside: Sequence[Module] = ()
    """Files of the tests and the benchmarks, of which only docstrings are judged."""

    @cached_property
    def modules(self) -> list[Module]:
        """Every module, without the `__init__.py` of folders."""
        return [module for module in self.every_file if module.path.name != "__init__.py"]

    @cached_property
    def layers(self) -> dict[str, list[Module]]:
        """Modules by layer, in the order of their names."""
        layers = defaultdict(list)
        for module in self.modules:
            layers[module.layer].append(module)
        return dict(sorted(layers.items()))

    @cached_property
    def fragments(self) -> list[str]:
        """Short modules with a single importer whose docstring does not say why they stand alone."""
        found = []
        for module in self.modules:
            importers = self.imports.find_modules_that_directly_import(module.name)
            if module.lines < SHORT_MODULE and len(importers) == 1 and not says_why(module):
                found.append(f"{module.path.relative_to(PROJECT)}: {module.lines} lines, only for {min(importers)}")
        return found

    @cached_property
    def folders(self) -> Counter[str]:
        """Number of modules directly in each folder, largest first."""
        return Counter(dict(Counter(folder_of(module) for module in self.modules).most_common()))

    @cached_property
    def circles(self) -> list[str]:
        """Circles of imports between neighbours, modules or packages, one for each folder that has any."""
        found = (circle(self.imports, module.name) for module in self.every_file if is_package(module))
        return [" -> ".join(names) for names in found if names]

    @cached_property
    def shared_names(self) -> list[str]:
        """Public classes that more than one module defines, with the places of each."""
        owners = defaultdict(list)
        for module in self.every_file:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    owners[node.name].append(module.place(node))
        return [f"{name}: {', '.join(places)}" for name, places in sorted(owners.items()) if len(places) > 1]

    @cached_property
    def private_dagster_imports(self) -> list[str]:
        """Imports of Dagster's private modules outside the one package that may have them."""
        return [
            f"{module.place(node)} {imported}"
            for module in self.every_file
            if not f"{module.name}.".startswith(f"{DAGSTER_ROOM}.")
            for node, imported in imported_names(module.tree)
            if PRIVATE_DAGSTER.match(imported)
        ]

    @cached_property
    def badly_opened_docstrings(self) -> list[str]:
        """Docstrings, of attributes too, that begin with a word that says nothing when they are read alone."""
        return [
            f"{module.place(node)} {text.splitlines()[0]}"
            for module in [*self.every_file, *self.beside]
            for node, text in docstrings(module.tree)
            if BAD_OPENING.match(text)
        ]


def read_house() -> House:
    """Return the package, and what lies beside it, as the files are now."""
    beside = [module for folder in BESIDE for module in read_modules(folder)]
    return House(read_modules(PACKAGE), grimp.build_graph(PACKAGE, cache_dir=None), beside)


def function_lengths(modules: Iterable[Module]) -> list[int]:
    """Return the lines of each function of these modules."""
    return [length for module in modules for length in module.functions.values()]


def module_lengths(modules: Iterable[Module]) -> list[int]:
    """Return the lines of each of these modules."""
    return [module.lines for module in modules]


def says_why(module: Module) -> bool:
    """Return whether the docstring gives the reason to stand alone: "apart because" or "alone because"."""
    return bool(REASON_TO_STAND_ALONE.search(module.docstring))


def folder_of(module: Module) -> str:
    """Return the module's folder, from the project's."""
    return module.path.parent.relative_to(PROJECT).as_posix()


def is_package(module: Module) -> bool:
    """Return whether the file opens a folder."""
    return module.path.name == "__init__.py"


def circle(imports: grimp.ImportGraph, package: str) -> list[str]:
    """Return the children of a package that import each other in a circle, the first again at the end; else nothing."""
    try:
        TopologicalSorter(neighbours(imports, package)).prepare()
    except CycleError as error:
        return list(error.args[1])[::-1]
    return []


def neighbours(imports: grimp.ImportGraph, package: str) -> Mapping[str, set[str]]:
    """Return which other children of the package each child imports, from anywhere below it."""
    depth = package.count(".") + 2
    found = defaultdict(set)
    for importer in imports.find_descendants(package):
        for imported in imports.find_modules_directly_imported_by(importer):
            child, other = (".".join(name.split(".")[:depth]) for name in (importer, imported))
            if imported.startswith(f"{package}.") and child != other:
                found[child].add(other)
    return found


def imported_names(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Yield each imported name in full, with its statement."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node, alias.name) for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from ((node, f"{module}.{alias.name}") for alias in names)


def docstrings(tree: ast.Module) -> Iterator[tuple[ast.Expr, str]]:
    """Yield the string of each statement that is only a string: docstrings, of attributes too."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node, text.strip()


def table_of_layers(house: House) -> Table:
    """Return one row for each layer and one for all of them."""
    columns = ("layer", "modules", "lines", "median module", "functions", "median function", "nine in ten up to")
    table = Table(*columns)
    for name, modules in [*house.layers.items(), ("total", house.modules)]:
        lengths, functions = module_lengths(modules), function_lengths(modules)
        figures = (len(modules), sum(lengths), median(lengths), len(functions), median(functions))
        table.add_row(name, *(f"{figure:,g}" for figure in figures), str(percentile(functions, 0.9)))
    return table


def print_house(house: House, console: Console) -> None:
    """Print the table of layers, then each list with its number and its places."""
    console.print(table_of_layers(house))
    folder, size = house.folders.most_common(1)[0]
    console.print(f"largest flat folder: {folder}, {size} modules")
    lists = {
        "short modules with a single importer and no reason to stand alone": house.fragments,
        "circles of packages or modules": house.circles,
        "public classes with more than one owner": house.shared_names,
        "private Dagster imports outside their package": house.private_dagster_imports,
        "docstrings that begin with What, The same, That or Whether": house.badly_opened_docstrings,
    }
    for title, places in lists.items():
        console.print("\n  ".join([f"{title}: {len(places)}", *places]), markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    print_house(read_house(), Console())
