"""Temporary files go with the process that made them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from settlement_platform.storage.workspaces import process_workspace

PROGRAM = """
import sys
from pathlib import Path
from settlement_platform.storage.workspaces import process_workspace

own = process_workspace(Path(sys.argv[1]))
(own / "received-1.csv").write_text("4111111111111111")
print(own, flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(root: Path, *prefix: str) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A process that has put delivered text into its workspace, and that workspace."""
    command = [*prefix, sys.executable, "-c", PROGRAM, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    """Delivered text that a killed process had copied does not stay."""
    with another_process(tmp_path) as (process, theirs):
        process.kill()
        process.wait()
        assert (theirs / "received-1.csv").exists()

        own = process_workspace(tmp_path)

    assert own.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [own.name, f"{own.name}.lock"]


def test_what_a_living_process_uses_is_kept(tmp_path: Path) -> None:
    """A second process on the same home does not touch the first one's files."""
    with another_process(tmp_path) as (_, theirs):
        assert process_workspace(tmp_path) != theirs

        assert (theirs / "received-1.csv").exists()


def test_a_process_in_another_container_is_known_to_live(tmp_path: Path) -> None:
    """Its number means nothing here, even if the name of its machine is the same."""
    container = ("unshare", "--pid", "--fork", "--mount-proc")
    if subprocess.run([*container, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not make a namespace of process numbers")

    with another_process(tmp_path, *container) as (_, theirs):
        process_workspace(tmp_path)

        assert (theirs / "received-1.csv").exists()


def test_a_process_has_one_workspace_beneath_a_root(tmp_path: Path) -> None:
    """However often it asks, and again after somebody has emptied the root."""
    first, second = process_workspace(tmp_path), process_workspace(tmp_path)
    first.rmdir()

    assert process_workspace(tmp_path) == first == second
    assert process_workspace(tmp_path / "other") != first
    assert first.is_dir()


def test_what_is_no_workspace_is_left_alone(tmp_path: Path) -> None:
    """Whatever else lies there is somebody else's."""
    other = tmp_path / "elsewhere-1"
    other.mkdir()

    process_workspace(tmp_path)

    assert other.is_dir()
