"""Temporary files go with the process that made them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from settlement_platform.storage.workspaces import own_workspace


def _folder_of(root: Path, pid: int) -> Path:
    return root / f"{socket.gethostname().replace('-', '_')}-{pid}"


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    """Delivered text that a killed process had copied does not stay."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = _folder_of(tmp_path, dead.pid)
    left.mkdir()
    (left / "received-1.csv").write_text("4111111111111111")

    own = own_workspace(tmp_path)

    assert own == _folder_of(tmp_path, os.getpid())
    assert own.is_dir()
    assert not left.exists()


def test_what_a_living_process_uses_is_kept(tmp_path: Path) -> None:
    """A second process on the same home does not touch the first one's files."""
    theirs = _folder_of(tmp_path, os.getppid())
    theirs.mkdir()
    (theirs / "received-1.csv").write_text("a")

    own_workspace(tmp_path)

    assert (theirs / "received-1.csv").exists()


def test_folders_of_other_machines_are_kept(tmp_path: Path) -> None:
    """On a shared home, a process number means nothing to another machine."""
    other = tmp_path / "elsewhere-1"
    other.mkdir()

    own_workspace(tmp_path)

    assert other.is_dir()
