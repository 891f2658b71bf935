"""Homes with a Dagster instance of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from settlement_platform_tests.orchestration.dagster_home import DagsterHome


@pytest.fixture
def home(tmp_path: Path) -> Iterator[DagsterHome]:
    """A fresh home."""
    found = DagsterHome(tmp_path / "home")
    yield found
    found.close()
