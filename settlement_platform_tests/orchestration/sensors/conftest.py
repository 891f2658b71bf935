"""Providers that deliver into a folder or a bucket, for a dataset whose dates never close."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from settlement_platform.storage.engines.object_store import open_store
from settlement_platform_tests.orchestration.dagster_home import DagsterHome
from settlement_platform_tests.orchestration.sensors.arriving_files import OPEN, Provider

if TYPE_CHECKING:
    from settlement_platform_tests.servers import S3Server


@pytest.fixture
def never_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every home has the dataset whose dates stay open."""
    monkeypatch.setattr("settlement_platform.catalog.DATASETS", (OPEN,))


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def provider(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, never_closing: None
) -> Iterator[Provider]:
    """A fresh installation and its provider."""
    if request.param == "folder":
        home = DagsterHome(tmp_path / "home")
        yield Provider(home=home)
    else:
        server: S3Server = request.getfixturevalue("s3")
        url = server.new_prefix()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access.key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.access.secret)
        endpoint = str(server.access.endpoint_url)
        home = DagsterHome(tmp_path / "home", SETTLEMENT_LANDING_URL=url, SETTLEMENT_S3_ENDPOINT_URL=endpoint)
        yield Provider(home=home, store=open_store(url, server.access))
    home.close()
