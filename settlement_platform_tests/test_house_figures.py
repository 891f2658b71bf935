"""Targets for the figures of the house; `make figures` prints them."""

import ast
from dataclasses import replace
from pathlib import Path

import grimp
import pytest

from settlement_platform_tests import house_figures
from settlement_platform_tests.house_figures import PROJECT, House, Module

LARGEST_FOLDER = 14


@pytest.fixture(scope="module")
def house() -> House:
    return house_figures.read_house()


def report(found: list[str], what_to_do: str) -> str:
    """Return the message of a missed target: what to do, then where."""
    return "\n  ".join([what_to_do, *found])


def test_half_of_the_functions_have_at_most_10_lines(house: House) -> None:
    assert house_figures.median(house_figures.function_lengths(house.modules)) <= 10


def test_nine_functions_in_ten_have_at_most_25_lines(house: House) -> None:
    assert house_figures.percentile(house_figures.function_lengths(house.modules), 0.9) <= 25


def test_the_median_module_has_100_to_130_lines(house: House) -> None:
    assert 100 <= house_figures.median(house_figures.module_lengths(house.modules)) <= 130


def test_no_folder_holds_more_modules_than_one_can_survey(house: House) -> None:
    found = [f"{folder}: {size} modules" for folder, size in house.folders.items() if size > LARGEST_FOLDER]

    assert not found, report(found, f"Give the parts of a folder with over {LARGEST_FOLDER} modules their own folders.")


def test_a_short_module_with_one_importer_says_why_it_stands_alone(house: House) -> None:
    assert not house.fragments, report(
        house.fragments, 'Merge the module with its importer, or write "Alone because ..." in its docstring.'
    )


def test_neighbours_do_not_import_each_other_in_a_circle(house: House) -> None:
    assert not house.circles, report(house.circles, "Move what both need into a module below them.")


def test_no_two_public_classes_share_a_name(house: House) -> None:
    assert not house.shared_names, report(house.shared_names, "One word for one thing: rename all but one.")


def test_docstrings_begin_with_a_verb_or_a_noun(house: House) -> None:
    assert not house.badly_opened_docstrings, report(
        house.badly_opened_docstrings, 'Begin with what it does or is, such as "Return the ..." or "The gate\'s ...".'
    )


def a_module(name: str, source: str) -> Module:
    """A file of the package that exists only in memory."""
    path = PROJECT.joinpath(*name.split(".")).with_suffix(".py")
    return Module(name=name, path=path, lines=len(source.splitlines()), tree=ast.parse(source))


def a_house(*imports: tuple[str, str], **sources: str) -> House:
    """A package with these modules and imports."""
    graph = grimp.ImportGraph()
    graph.add_module("settlement_platform")
    modules = [a_module(f"settlement_platform.{name}", source) for name, source in sources.items()]
    for module in modules:
        graph.add_module(module.name)
    for importer, imported in imports:
        graph.add_import(importer=f"settlement_platform.{importer}", imported=f"settlement_platform.{imported}")
    package = a_module("settlement_platform.__init__", "")
    return House([Module(name="settlement_platform", path=package.path, lines=0, tree=package.tree), *modules], graph)


def test_a_function_is_counted_from_def_to_its_last_line_without_decorators() -> None:
    source = (
        '@decorated\n@twice\ndef outer():\n    """Do it."""\n\n    def inner():\n        pass\n\n    return inner\n'
    )

    assert a_module("settlement_platform.one", source).functions == {
        "settlement_platform/one.py:3 outer": 7,
        "settlement_platform/one.py:6 inner": 2,
    }


def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed() -> None:
    assert house_figures.percentile(range(1, 11), 0.9) == 9
    assert house_figures.percentile([7], 0.9) == 7


@pytest.mark.parametrize(
    ("docstring", "fragments"),
    [
        ('"""Names."""', ["settlement_platform/one.py: 1 lines, only for settlement_platform.two"]),
        ('"""Names, alone because tests replace them."""', []),
        ('"""Names.\n\nApart because it is slow to import.\n"""', []),
    ],
)
def test_a_fragment_is_short_and_has_one_importer_and_no_reason(docstring: str, fragments: list[str]) -> None:
    assert a_house(("two", "one"), one=docstring, two="").fragments == fragments


def test_a_module_with_two_importers_is_no_fragment() -> None:
    assert not a_house(("two", "one"), ("three", "one"), one="", two="", three="").fragments


def test_a_circle_is_found_between_neighbours() -> None:
    assert a_house(("one", "two"), ("two", "three"), ("three", "one"), one="", two="", three="").circles
    assert not a_house(("one", "two"), ("two", "three"), ("one", "three"), one="", two="", three="").circles


def test_packages_that_import_each_other_are_a_circle_without_a_circle_of_modules() -> None:
    graph = grimp.ImportGraph()
    for name in ("top", "top.red", "top.red.one", "top.red.two", "top.blue", "top.blue.three", "top.blue.four"):
        graph.add_module(name)
    graph.add_import(importer="top.red.one", imported="top.blue.three")
    graph.add_import(importer="top.blue.four", imported="top.red.two")

    assert sorted(set(house_figures.circle(graph, "top"))) == ["top.blue", "top.red"]


def test_a_class_with_two_owners_is_found_and_a_private_one_is_not() -> None:
    source = "class Turn: ...\nclass _Own: ..."

    assert a_house(one=source, two=source).shared_names == [
        "Turn: settlement_platform/one.py:1, settlement_platform/two.py:1"
    ]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from dagster._core.errors import DagsterError", 1),
        ("import dagster_postgres._impl", 1),
        ("def f():\n    from dagster import _core", 1),
        ("from dagster import DagsterInstance", 0),
        ("import dagster_postgres", 0),
    ],
)
def test_private_imports_of_dagster_are_found(source: str, found: int) -> None:
    assert len(a_house(one=source).private_dagster_imports) == found


@pytest.mark.parametrize("text", ["What it is.", "The same, later.", "That of a date.", "Whether it is."])
@pytest.mark.parametrize("source", ['"""{}"""', 'def f():\n    """{}"""', 'class C:\n    x: int\n    """{}"""'])
def test_docstrings_that_need_what_stands_before_them_are_found(source: str, text: str) -> None:
    assert len(a_house(one=source.format(text)).badly_opened_docstrings) == 1


@pytest.mark.parametrize("text", ["Whatever has arrived.", "Return what it is.", "The samples of a date."])
def test_docstrings_that_can_be_read_alone_are_not_found(text: str) -> None:
    assert not a_house(one=f'"""{text}"""').badly_opened_docstrings


def test_docstrings_of_files_beside_the_package_are_judged_too() -> None:
    test = a_module("settlement_platform_tests.test_one", '"""What it tests."""')

    assert len(replace(a_house(), beside=[test]).badly_opened_docstrings) == 1


def test_every_file_of_the_package_is_read(house: House) -> None:
    assert {module.path for module in house.every_file} == set(Path(PROJECT / "settlement_platform").rglob("*.py"))
    assert {Path(__file__), PROJECT / "benchmarks" / "commits.py"} <= {module.path for module in house.beside}
