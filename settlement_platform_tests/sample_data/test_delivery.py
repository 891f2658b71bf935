"""One delivery appears whole, in the same bytes whatever the engine's threads."""

import os
from datetime import date
from pathlib import Path

import pytest

from settlement_platform.sample_data.delivery import deliver, open_engine
from settlement_platform.sample_data.series import Series

DAY = date(2026, 1, 5)
# More than one row group of DuckDB's, which is what its threads share.
ROWS = 600_000


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_a_byte(tmp_path: Path, threads: int) -> None:
    """The digest is that of a run with two threads."""
    content = Series(rows=ROWS, seed=7, seasonal=False).content(DAY, "visa")
    with open_engine() as engine:
        engine.execute("SET threads = 2")
        expected = deliver(engine, tmp_path, content)

        engine.execute(f"SET threads = {threads}")
        found = deliver(engine, tmp_path, content)

    assert found == expected


def test_a_delivery_that_fails_leaves_neither_a_draft_nor_a_half_file(tmp_path: Path) -> None:
    """An interrupted write is invisible to whoever watches the folder."""
    content = Series(rows=100, seed=7, seasonal=False).content(DAY, "visa")
    folder = tmp_path / "2026-01-05" / "visa"
    folder.mkdir(parents=True)
    (folder / "cards.csv").mkdir()

    with open_engine() as engine, pytest.raises(OSError, match=r"cards\.csv"):
        deliver(engine, tmp_path, content)

    assert os.listdir(folder) == ["cards.csv"]  # noqa: PTH208 - names are what is asked
