"""The cost of the processes below this one: CPU seconds and peak memory, shared pages counted once."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import psutil

from benchmarks.peers.processes import descendants

PERIOD_SECONDS = 0.25
_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Usage:
    """CPU seconds; the highest sum of proportional set sizes in MiB; the number of cores that others kept busy."""

    cpu: float
    peak_mib: float
    busy_elsewhere: float


class Sampler:
    """Sample the processes every quarter of a second inside a `with` block."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._peak = 0

    def __enter__(self) -> Self:
        self._began, self._cpu, self._machine = time.monotonic(), _cpu_seconds(), _busy_seconds()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        cpu, wall = _cpu_seconds() - self._cpu, time.monotonic() - self._began
        elsewhere = (_busy_seconds() - self._machine - cpu) / wall
        self._ended.set()
        self._thread.join()
        self.usage = Usage(cpu=cpu, peak_mib=self._peak / _MIB, busy_elsewhere=max(0.0, elsewhere))

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, _memory())
            if self._ended.wait(PERIOD_SECONDS):
                return


def wait_until_calm(*, seconds: float, share: float = 0.25, still: float = 3.0) -> None:
    """Return when the processes have used less than `share` of a core for `still` seconds, or after `seconds`."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        before = _cpu_seconds()
        time.sleep(still)
        if _cpu_seconds() - before < share * still:
            return


def _memory() -> int:
    total = 0
    for process in descendants():
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total


def _cpu_seconds() -> float:
    """Return CPU seconds; those of ended children are in the times of the process that waited for them."""
    own = psutil.Process().cpu_times()
    total = own.children_user + own.children_system
    for process in descendants():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq
