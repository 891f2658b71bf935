"""Each scenario is wrong in exactly one way, and can be corrected afterwards."""

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from settlement_platform.sample_data.flaws import corrected
from settlement_platform.sample_data.follow_ups import deliver_correction, deliver_late
from settlement_platform.sample_data.generate import GeneratedSummary, Scenario, generate
from settlement_platform.sample_data.series import Series
from settlement_platform_tests.sample_data.landed_files import read_landed

DAY = date(2026, 1, 2)
FOLDER = "2026-01-02/mastercard"


def on(business_date: date, kind: Any, source: str = "mastercard") -> Scenario:  # noqa: ANN401 - may be wrong
    """A scenario."""
    return Scenario(business_date=business_date, kind=kind, source=source)


def generate_day(landing: Path, *scenarios: Scenario, rows: int = 400) -> GeneratedSummary:
    """One date, with what shall be wrong on it."""
    return generate(landing, first=DAY, days=1, rows=rows, scenarios=scenarios)


def test_a_late_source_is_missing_until_it_is_delivered_with_the_bytes_of_a_punctual_one(
    tmp_path: Path,
) -> None:
    """Lateness changes when, never what."""
    late = on(DAY, "late")
    generate_day(tmp_path / "punctual")

    summary = generate_day(tmp_path / "late", late)
    missing = not (tmp_path / "late" / FOLDER).exists()
    deliver_late(tmp_path / "late", business_date=DAY, rows=400)

    assert missing
    assert summary.half_done == (late,)
    for name in ("cards.csv", "cards.control.json"):
        arrived = (tmp_path / "late" / FOLDER / name).read_bytes()
        assert arrived == (tmp_path / "punctual" / FOLDER / name).read_bytes()


def test_a_source_that_was_delivered_cannot_be_late(tmp_path: Path) -> None:
    """An earlier delivery in the folder would make the scenario a lie."""
    generate_day(tmp_path)

    with pytest.raises(ValueError, match="choose another landing folder"):
        generate_day(tmp_path, on(DAY, "late"))


def test_a_corrupt_file_has_unreadable_amounts_and_a_control_file_that_agrees_with_its_bytes(
    tmp_path: Path,
) -> None:
    """Three amounts carry a decimal point; checksum and rows are right, and so is every other row."""
    generate_day(tmp_path / "right")
    generate_day(tmp_path / "wrong", on(DAY, "corrupt"))

    right, wrong = (read_landed(tmp_path / name / FOLDER / "cards.csv") for name in ("right", "wrong"))
    pairs = [(a["amount_minor"], b["amount_minor"]) for a, b in zip(right.rows, wrong.rows, strict=True) if a != b]

    assert [unreadable.replace(".", "").lstrip("-0") for _, unreadable in pairs] == [
        amount.lstrip("-0") for amount, _ in pairs
    ]
    assert [unreadable[-3] for _, unreadable in pairs] == [".", ".", "."]
    assert wrong.control["sha256"] == wrong.sha256
    assert wrong.control["rows"] == len(wrong.rows)
    assert wrong.control["totals"] == right.totals


def test_duplicated_transactions_are_whole_rows_that_the_control_file_counts(tmp_path: Path) -> None:
    """Only a check for duplicates finds them."""
    generate_day(tmp_path, on(DAY, "duplicated"))

    file = read_landed(tmp_path / FOLDER / "cards.csv")
    times = Counter(tuple(row.values()) for row in file.rows)

    assert sorted(times.values())[-4:] == [1, 2, 2, 2]
    assert file.control["rows"] == len(file.rows) == 140 + 3
    assert file.control["totals"] == file.totals
    assert file.control["sha256"] == file.sha256


def test_a_correction_changes_three_amounts_removes_a_row_and_adds_one(tmp_path: Path) -> None:
    """The second version stands beside the first, which stays as it was."""
    generate_day(tmp_path, on(DAY, "corrected"))
    before = (tmp_path / FOLDER / "cards.csv").read_bytes()

    deliver_correction(tmp_path, business_date=DAY, rows=400)

    first, second = (read_landed(tmp_path / FOLDER / name) for name in ("cards.csv", "cards.2.csv"))
    old, new = ({row["transaction_id"]: row for row in file.rows} for file in (first, second))
    changed = [one for one in old.keys() & new.keys() if old[one] != new[one]]
    assert (len(old.keys() - new.keys()), len(new.keys() - old.keys()), len(changed)) == (1, 1, 3)
    assert all(old[one]["amount_minor"] != new[one]["amount_minor"] for one in changed)
    assert second.control["totals"] == second.totals
    assert second.control["sha256"] == second.sha256
    assert (tmp_path / FOLDER / "cards.csv").read_bytes() == before


@pytest.mark.parametrize("rows", range(8, 60))
def test_the_smallest_corrections_are_corrections_too(rows: int) -> None:
    """From 8 rows on, something is changed, one row is removed and none is changed and removed."""
    content = Series(rows=rows, seed=7, seasonal=False).content(DAY, "visa")
    content = replace(content, rows=rows)

    correction = corrected(content)

    assert correction.changed
    assert not set(correction.changed) & set(correction.removed)
    assert max(correction.changed + correction.removed) < rows


@pytest.mark.parametrize("kind", ["late", "corrupt", "duplicated", "corrected"])
def test_a_scenario_leaves_the_other_sources_alone(tmp_path: Path, kind: str) -> None:
    """Visa and American Express deliver what they always do."""
    generate_day(tmp_path / "plain")
    generate_day(tmp_path / "special", on(DAY, kind))

    for source in ("visa", "amex"):
        name = f"2026-01-02/{source}/cards.csv"
        assert (tmp_path / "special" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


@pytest.mark.parametrize(
    ("scenarios", "rows", "remedy"),
    [
        ([Scenario(business_date=date(2026, 1, 3), kind="late")], 400, "choose one of these"),
        (
            [on(DAY, "late"), on(DAY, "corrupt")],
            400,
            "keep one",
        ),
        ([on(DAY, "corrupt")], 0, "generate more rows per date"),
        ([on(DAY, "duplicated")], 0, "generate more rows per date"),
        ([on(DAY, "corrected")], 20, "generate more rows per date"),
        (
            [Scenario(business_date=DAY, kind="late", source="diners")],
            400,
            "choose from visa, mastercard, amex",
        ),
        ([on(DAY, "lost")], 400, "choose from late, corrupt, duplicated, corrected"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused_with_a_remedy_and_nothing_is_written(
    tmp_path: Path, scenarios: list[Scenario], rows: int, remedy: str
) -> None:
    """The check comes before the first file."""
    with pytest.raises(ValueError, match=remedy):
        generate_day(tmp_path / "landing", *scenarios, rows=rows)

    assert not (tmp_path / "landing").exists()


def test_a_correction_of_too_few_rows_is_refused(tmp_path: Path) -> None:
    """The message says what would change it."""
    with pytest.raises(ValueError, match="generate more rows per date"):
        deliver_correction(tmp_path, business_date=DAY, rows=20)
