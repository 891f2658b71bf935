"""The environments of the other contenders, each with its pinned packages, apart from that of the project."""

import re
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import OUT

UV = Path(sys.executable).with_name("uv")
HERE = Path(__file__).parent
VENVS = OUT / "peers" / "venvs"


def python_of(name: str) -> Path:
    """Return the interpreter of an environment, installed as `requirements-{name}.txt` pins it.

    Raises:
        subprocess.CalledProcessError: uv could not make or fill it.
    """
    folder, pinned = VENVS / name, HERE / f"requirements-{name}.txt"
    python, stamp = folder / "bin" / "python", folder / ".pinned"
    if not (stamp.exists() and stamp.read_bytes() == pinned.read_bytes()):
        print(f"installing {name} into {folder.relative_to(OUT.parents[1])}", flush=True)
        subprocess.run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        # Without bytecode every process would pay for compiling what it imports.
        command = [UV, "pip", "sync", "--quiet", "--compile-bytecode", "--python", python, pinned]
        subprocess.run(command, check=True)
        stamp.write_bytes(pinned.read_bytes())
    return python


def pinned_version(name: str, package: str) -> str:
    """Return the version of a package in the requirements of an environment."""
    pinned = (HERE / f"requirements-{name}.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(package)}(?:\[[^]]*])?==(\S+)", pinned, flags=re.MULTILINE)
    assert found, f"requirements-{name}.txt pins {package}"
    return found[1]
