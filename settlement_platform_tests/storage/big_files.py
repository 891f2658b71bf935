"""Receiving a large file in a process of its own, to see what memory it takes."""

import re
from pathlib import Path

from settlement_platform.control.landing.deliveries import LandedFile
from settlement_platform.storage.landing.zone import LandingZone


def peak_bytes() -> int:
    """The most memory that this process ever had resident."""
    (kilobytes,) = re.findall(r"VmHWM:\s+([0-9]+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) * 1024


def peak_while_receiving(url: str, workspace: str, file: LandedFile) -> tuple[int, int]:
    """By how many bytes the peak grew, and how many bytes of text there were."""
    zone = LandingZone(url, workspace=Path(workspace))
    before = peak_bytes()
    received = zone.receive(file)
    grown = peak_bytes() - before
    received.close()
    return grown, received.text.bytes
