"""Fixtures of all tests: servers that start when first requested, and the settings of Hypothesis."""

import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from settlement_platform_tests.migrations import read_migrations_once
from settlement_platform_tests.servers import PostgresServer, S3Server, postgres_server, s3_server

# No deadline: the first example of a property also pays for imports and caches.
hypothesis.settings.register_profile("house", deadline=None, max_examples=100)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile("house")

read_migrations_once()

LONGEST_FIRST = ("scenarios", "cli", "orchestration", "pipeline", "storage")

for exported in [name for name in os.environ if name.startswith(("SETTLEMENT_", "DAGSTER_"))]:
    # The stores that a caller works on are not those that are tested.
    del os.environ[exported]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a script: Dagster has SIGTERM do what SIGINT does, in what is started after it too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests.

    Its folder is none of pytest's: started by root the server runs as a user of its own, whom another pytest would
    shut out of pytest's folders in the middle of the run.
    """
    with (
        tempfile.TemporaryDirectory(prefix="settlement-postgres-", ignore_cleanup_errors=True) as folder,
        postgres_server(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A database for one test."""
    url = postgres.new_database()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server for all tests."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders whose files take longest first, so that no worker ends long after the others."""
    ranks = {Path(__file__).parent / folder: rank for rank, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: min((ranks[p] for p in item.path.parents if p in ranks), default=len(ranks)))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the session: it took a tenth of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
