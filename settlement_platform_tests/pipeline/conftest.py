"""One opened installation per module; tests keep apart by their dates."""

from pathlib import Path

import pytest

from settlement_platform_tests.pipeline.installation import Installation, an_installation


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return an_installation(tmp_path_factory.mktemp("home"))


@pytest.fixture
def own_installation(tmp_path: Path) -> Installation:
    """For a test that counts everything there is."""
    return an_installation(tmp_path / "home")
