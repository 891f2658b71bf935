"""Each store in all of its forms, fresh for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform.storage.ledger.open import open_ledger
from settlement_platform_tests.builders import NOW


def _database(request: pytest.FixtureRequest, path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger can be made."""
    return _database(request, tmp_path / "home" / "ledger.sqlite")


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """An empty ledger."""
    ledger = open_ledger(ledger_url, now=NOW)
    yield ledger
    ledger.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a lake's catalog can be made."""
    return _database(request, tmp_path / "lake" / "catalog.sqlite")


@pytest.fixture
def data_url(tmp_path: Path) -> str:
    """Where a lake keeps its Parquet files."""
    return str(tmp_path / "lake")
