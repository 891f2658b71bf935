"""One opened installation per module; tests keep apart by their dates."""

from pathlib import Path

import pytest

from settlement_platform_tests.pipeline.installation import Installation, an_installation
from settlement_platform_tests.pipeline.operating import a_staffed_installation


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return an_installation(tmp_path_factory.mktemp("home"))


@pytest.fixture
def own_installation(tmp_path: Path) -> Installation:
    """For a test that counts everything there is."""
    return an_installation(tmp_path / "home")


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """One on which everyone is an operator."""
    return a_staffed_installation(tmp_path_factory.mktemp("home"))


@pytest.fixture
def own_staffed(tmp_path: Path) -> Installation:
    """An installation with operators, for a test that counts everything in it."""
    return a_staffed_installation(tmp_path / "home")
