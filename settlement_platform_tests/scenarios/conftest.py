"""Stories: a home, a clock, a webhook and a command line for each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
import time_machine

from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform_tests.cli.command import Finished, Shell
from settlement_platform_tests.http_channel import http_channel
from settlement_platform_tests.orchestration.dagster_home import FIRST_DATE, DagsterHome
from settlement_platform_tests.scenarios.story import Story

pytest.register_assert_rewrite("settlement_platform_tests.scenarios.ending")

Tell = Callable[..., Story]
EVENING = time(20, 0)


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Tell]:
    """Begin a story in the evening of the first business date, with the dataset as declared and with settings."""
    with ExitStack() as stack:

        def begin(dataset: Dataset = CARD_SETTLEMENTS, **environment: str) -> Story:
            channel = stack.enter_context(http_channel())
            # Time does not pass between two moments of a story, however long the machine takes for what happens then.
            clock = stack.enter_context(time_machine.travel(datetime.combine(FIRST_DATE, EVENING, UTC), tick=False))
            monkeypatch.setattr("settlement_platform.catalog.DATASETS", (dataset,))
            home = DagsterHome(tmp_path / "home", SETTLEMENT_ALERT_URLS=channel.url, **environment)
            stack.callback(home.close)
            shell = Shell(home=home.home, exported=tuple(environment.items()))

            def command(*arguments: str) -> Finished:
                return shell.here(monkeypatch, capsys, *arguments)

            return Story(home, dataset, clock, channel, command)

        yield begin


@pytest.fixture
def story(tell: Tell) -> Story:
    """A story on stores of their own, with the dataset as it is declared."""
    return tell()
