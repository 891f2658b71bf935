"""Dagster's web UI as a person sees it: a date that is materialized there, its checks and its state."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from settlement_platform.pipeline.validation.validate import dataset_checks
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, STAGED, DagsterHome, day
from settlement_platform_tests.pipeline.installation import CARD_SETTLEMENTS

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
START_SECONDS, RUN_SECONDS, STOP_SECONDS, PAGE_MILLISECONDS = 90, 90, 20, 60_000

LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
LATEST = "query { runsOrError(limit: 1) { ... on Runs { results { runId } } } }"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: apt-get install chromium"),
]


@dataclass(frozen=True, kw_only=True)
class WebUI:
    """A running `make dev`."""

    url: str

    def ask(self, query: str, **variables: Any) -> Any:  # noqa: ANN401 - JSON
        """The answer to a GraphQL query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}/graphql", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            document = json.load(answer)
        assert "errors" not in document, document
        return document["data"]

    def launch(self, partition: str) -> str:
        """Ask for a run of one partition of the dataset, as the button in the UI does."""
        parameters = {
            "selector": {
                "repositoryLocationName": "settlement_platform",
                "repositoryName": "__repository__",
                "jobName": "__ASSET_JOB",
                "assetSelection": [{"path": list(STAGED.path)}, {"path": list(PUBLISHED.path)}],
            },
            "runConfigData": "{}",
            "mode": "default",
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
        }
        launched = self.ask(LAUNCH, p=parameters)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def latest_run(self) -> str:
        """The run that was launched last."""
        return str(self.ask(LATEST)["runsOrError"]["results"][0]["runId"])

    def wait_for(self, run_id: str) -> str:
        """The status in which a run ended."""
        deadline = time.monotonic() + RUN_SECONDS
        status = ""
        while time.monotonic() < deadline and status not in ("SUCCESS", "FAILURE", "CANCELED"):
            time.sleep(1)
            status = self.ask(STATUS, id=run_id)["runOrError"]["status"]
        return status


@contextmanager
def web_ui(home: Path, log: Path) -> Iterator[WebUI]:
    """The project's `make dev` on a free port, in a process group of its own that is stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "settlement_platform.cli.run.dev", "-h", "127.0.0.1", "-p", str(port)],
            env=os.environ | {"SETTLEMENT_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # As in the background of a script.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}", log)
        yield WebUI(url=f"http://127.0.0.1:{port}")
    finally:
        _stop(process)


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{url}/server_info", timeout=2):  # noqa: S310 - our own server
            return
        time.sleep(0.5)
    pytest.fail(f"The web UI did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, as `kill` does; kill what is left of its group."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page in Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 1100})
        page.set_default_timeout(PAGE_MILLISECONDS)
        yield page
        browser.close()


def materialize_by_hand(page: Page, url: str, key: dg.AssetKey, partition: str) -> None:
    """Click through the dialog behind the asset's button, for one partition."""
    page.goto(f"{url}/assets/{key.to_user_string()}")
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    # The dialog shows the last 90 days, and the first business date lies before them.
    dialog.get_by_role("button", name="Show all partitions").click()
    chosen = dialog.get_by_role("textbox").first
    chosen.fill(partition)
    chosen.press("Enter")
    dialog.get_by_role("button", name="Launch 1 run").click()
    expect(page.get_by_text("Launched run").first).to_be_visible(timeout=PAGE_MILLISECONDS)


def test_a_date_is_staged_and_published_by_clicking_through_the_dialogs_of_its_assets(tmp_path: Path) -> None:
    """Both runs succeed, and the page of the published date shows its state and its rows."""
    home = DagsterHome(tmp_path / "home")
    home.deliver(day(0))
    home.close()
    partition, statuses = day(0).isoformat(), []

    with web_ui(tmp_path / "home", tmp_path / "dev.log") as ui, browser_page() as page:
        for key in (STAGED, PUBLISHED):
            materialize_by_hand(page, ui.url, key, partition)
            statuses.append(ui.wait_for(ui.latest_run()))
        page.goto(f"{ui.url}/assets/{PUBLISHED.to_user_string()}?view=partitions&partition={partition}")
        expect(page.get_by_text("content_hash").first).to_be_visible(timeout=PAGE_MILLISECONDS)
        shown = page.inner_text("body")
        page.screenshot(path=tmp_path / "published.png")

    assert statuses == ["SUCCESS", "SUCCESS"]
    assert "Materialized (1)" in shown
    assert "Failed (0)" in shown


def test_a_date_launched_from_the_ui_is_shown_with_its_state_and_its_checks(tmp_path: Path) -> None:
    """One of two dates is run through the queue; the browser shows it materialized, and every rule that it passed."""
    home = DagsterHome(tmp_path / "home")
    for number in range(2):
        home.deliver(day(number))
    home.close()
    partition, expect_options = day(0).isoformat(), {"timeout": PAGE_MILLISECONDS}

    with web_ui(tmp_path / "home", tmp_path / "dev.log") as ui, browser_page() as page:
        status = ui.wait_for(ui.launch(partition))
        page.goto(f"{ui.url}/assets/{PUBLISHED.to_user_string()}?view=partitions&partition={partition}")
        expect(page.get_by_text("Materialized", exact=False).first).to_be_visible(**expect_options)
        expect(page.get_by_text(f"published.{NAME}").first).to_be_visible(**expect_options)
        page.screenshot(path=tmp_path / "partition.png")
        page.goto(f"{ui.url}/assets/{STAGED.to_user_string()}?view=checks")
        expect(page.get_by_text("rows_as_declared").first).to_be_visible(**expect_options)
        shown = page.inner_text("body")
        page.screenshot(path=tmp_path / "checks.png")

    assert status == "SUCCESS"
    assert [name for name in dataset_checks(CARD_SETTLEMENTS) if name not in shown] == []
    assert (tmp_path / "partition.png").stat().st_size > 10_000
