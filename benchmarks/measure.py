"""The cost of a command, as the operating system counts it."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent / "out"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Wall and CPU seconds, and the largest resident set in MiB."""

    wall: float
    cpu: float
    peak_mib: float


def cost_of(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end and return its cost.

    Raises:
        RuntimeError: it did not exit with 0; the message holds what it printed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{' '.join(command)} exited with {process.returncode}:\n{printed.decode(errors='replace')}"
        raise RuntimeError(message)
    return Cost(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak_mib=usage.ru_maxrss / 1024)


def record(name: str, results: Any) -> Path:  # noqa: ANN401 - anything JSON takes
    """Write results together with the versions and the machine."""
    OUT.mkdir(exist_ok=True)
    measured = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "versions": {p: version(p) for p in ("duckdb", "dagster", "pandera", "sqlalchemy")},
        "results": results,
    }
    path = OUT / f"{name}.json"
    path.write_text(json.dumps(measured, indent=2, default=asdict) + "\n", encoding="utf-8")
    return path
