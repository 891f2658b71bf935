"""A clock of a test that moves only when somebody sleeps."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from settlement_platform.pipeline.platform import Platform


@dataclass
class Time:
    """The present moment of a test, and every nap that was taken."""

    now: datetime
    naps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let that time pass."""
        self.naps.append(seconds)
        self.now += timedelta(seconds=seconds)

    def govern(self, platform: Platform) -> Platform:
        """The stores under this clock, as another process sees them."""
        return replace(platform, clock=lambda: self.now, sleep=self.sleep, write_budgets={})
