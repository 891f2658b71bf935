"""One `make dev` at a time uses a home, and the next one starts however the first one ended."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from settlement_platform.cli.run.dev import LOCK_NAME, claim_homes
from settlement_platform.control.failures import ActionRefused
from settlement_platform.settings import Settings, load_settings

HOLDER = (
    "import os, sys; from pathlib import Path; from settlement_platform.storage.locks import hold_until_exit; "
    "assert hold_until_exit(Path(sys.argv[1])); "
    "os.execv(sys.executable, [sys.executable, '-c', \"import subprocess, sys; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], stdout=subprocess.DEVNULL); "
    'print(child.pid, flush=True); child.wait()"])'
)


def settings_of(home: Path) -> Settings:
    home.mkdir(exist_ok=True)
    (home / "dagster").mkdir(exist_ok=True)
    return load_settings({"SETTLEMENT_HOME": str(home)})


def test_a_second_one_is_refused_until_the_first_one_has_died(tmp_path: Path) -> None:
    """The first becomes another program meanwhile, and leaves a child when it is killed."""
    settings = settings_of(tmp_path / "home")
    command = [sys.executable, "-c", HOLDER, str(settings.home / LOCK_NAME)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        child = int(first.stdout.readline())

        with pytest.raises(ActionRefused, match="Another `make dev` is running on SETTLEMENT_HOME"):
            claim_homes(settings)
        first.kill()
        first.wait()
        claim_homes(settings)

    os.kill(child, 9)


def test_homes_that_share_one_dagster_home_exclude_each_other(tmp_path: Path) -> None:
    one, other = settings_of(tmp_path / "one"), settings_of(tmp_path / "other")
    shared = {"DAGSTER_HOME": str(one.dagster_home)}
    claim_homes(load_settings({"SETTLEMENT_HOME": str(one.home), **shared}))

    with pytest.raises(ActionRefused, match="DAGSTER_HOME"):
        claim_homes(load_settings({"SETTLEMENT_HOME": str(other.home), **shared}))
