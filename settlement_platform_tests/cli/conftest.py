"""A home of its own for each test, and the command on it."""

from pathlib import Path

import pytest

from settlement_platform_tests.cli.command import Settle, Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A fresh home."""
    return Shell(home=tmp_path / "home")


@pytest.fixture
def settle(shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Settle:
    """The command, run in this process."""
    return lambda *arguments: shell.here(monkeypatch, capsys, *arguments)
