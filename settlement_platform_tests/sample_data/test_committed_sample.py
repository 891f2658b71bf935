"""The sample in the repository is what the generator makes of it."""

from datetime import date
from pathlib import Path

from settlement_platform.sample_data.generate import generate
from settlement_platform_tests.sample_data.landed_files import digests

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def test_the_committed_sample_is_what_the_generator_writes_today(tmp_path: Path) -> None:
    """After a change of the generator: write it again, with 3 days from 2026-01-01 and 60 rows a date."""
    generate(tmp_path, first=date(2026, 1, 1), days=3, rows=60)

    assert digests(SAMPLE) == digests(tmp_path)
