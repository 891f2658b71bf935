"""The glossary defines every word of the project that names a module, a folder or an asset."""

import json
import re
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "settlement_platform"
GLOSSARY = PROJECT / "docs" / "glossary.md"
ASSET_GRAPH = Path(__file__).parent / "orchestration" / "asset_graph.json"
MOST_TERMS = 50
WORD = re.compile(r"[a-z0-9]+")

ORDINARY = set((Path(__file__).parent / "ordinary_words.txt").read_text(encoding="utf-8").split())
"""Words that need no definition: plain English, and terms that every engineer knows."""


def rows() -> list[tuple[str, str, str]]:
    """Return word, definition and source of each row of the glossary."""
    lines = [line for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]
    assert all(len(row) == 3 for row in cells), "Each row has a word, its meaning and its source."
    return [(word, meaning, source) for word, meaning, source in cells if word != "word"]


def defined_words() -> set[str]:
    """Return every single word of the first column, other forms included."""
    return {word for name, _, _ in rows() for word in WORD.findall(name.lower())}


def forms_of(word: str) -> set[str]:
    """Return a word and its singular."""
    singular = [word.removesuffix(end) for end in ("s", "es") if word.endswith(end)]
    return {word, *singular}


def words_of_modules() -> dict[str, str]:
    """Return each word in the name of a module or a folder, with one path that has it."""
    paths = [p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py"]
    folders = {p.parent for p in paths}
    return {w: str(p.relative_to(PROJECT)) for p in [*paths, *folders] for w in p.stem.split("_") if p != PACKAGE}


def words_of_assets() -> dict[str, str]:
    """Return each first part of an asset key, with one key that has it."""
    return {key.split("/")[0]: key for key in json.loads(ASSET_GRAPH.read_text(encoding="utf-8"))["assets"]}


def unknown_words(named: dict[str, str]) -> dict[str, str]:
    """Return the words that are neither defined nor ordinary, with one place of each."""
    known = {form for word in defined_words() | ORDINARY for form in forms_of(word)}
    return {word: where for word, where in named.items() if not forms_of(word) & known}


def test_every_word_that_names_a_module_or_an_asset_is_defined_or_ordinary() -> None:
    """A word of our own needs a definition; better, take the field's."""
    assert unknown_words(words_of_modules() | words_of_assets()) == {}, (
        "Define these words in docs/glossary.md, or choose one that is there; plain English goes to ordinary_words.txt."
    )


def test_a_made_up_word_is_unknown() -> None:
    """Its plural is unknown too; a defined and an ordinary word are known in both forms."""
    named = dict.fromkeys(["gizmo", "gizmos", "watermark", "watermarks", "message", "messages"], "a.py")

    assert unknown_words(named) == {"gizmo": "a.py", "gizmos": "a.py"}


def test_the_glossary_can_be_read_in_one_go() -> None:
    """Plain English and terms that every engineer knows stay out of it."""
    assert len(rows()) <= MOST_TERMS


def test_a_word_is_either_defined_or_ordinary_and_is_in_use() -> None:
    """Words that left the code leave the list; a word with a definition is not ordinary."""
    used = {form for word in words_of_modules() for form in forms_of(word)}

    assert sorted(word for word in ORDINARY if not forms_of(word) & used) == [], (
        "Remove these words from ordinary_words.txt."
    )
    assert sorted(ORDINARY & defined_words()) == [], "Remove these words from ordinary_words.txt."


def test_each_term_has_one_definition_of_one_or_two_sentences_and_a_source() -> None:
    """One word per thing: no term stands twice, and no other form of it."""
    terms = [name.split(" (")[0] for name, _, _ in rows()]
    forms = [form for name, _, _ in rows() for form in re.findall(r"[\w-]+", name.partition(" (")[2])]
    sentences = {name: len(re.findall(r"[.](?: |$)", meaning)) for name, meaning, _ in rows()}

    assert sorted({t for t in terms if terms.count(t) > 1}) == []
    assert sorted({f for f in forms if forms.count(f) > 1 or f in terms}) == []
    assert {name: n for name, n in sentences.items() if n not in {1, 2}} == {}
    assert [name for name, _, source in rows() if not source] == []
    assert all(group == sorted(group) for group in groups()), "Sort the words of each table."


def groups() -> list[list[str]]:
    """Return the terms of each table."""
    tables = GLOSSARY.read_text(encoding="utf-8").split("\n## ")[1:]
    return [
        [line.strip("| ").split(" | ")[0].split(" (")[0] for line in table.splitlines() if line.startswith("| ")][1:]
        for table in tables
    ]
