"""A scene of a soak: one home, what was delivered to it, and what readers have to see."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random

from settlement_platform_tests.deliveries import Delivery
from settlement_platform_tests.soak.deliveries_of_dates import Delivered, correction, first_deliveries

FIRST_GENERATION = 1


@dataclass
class BusinessDate:
    """One business date: its deliveries, and what each generation has to contain."""

    day: date
    delivered: Delivered = ()
    generations: list[Delivered] = field(default_factory=list)
    rolled_back: bool = False
    oldest_kept: int = FIRST_GENERATION

    @property
    def visible(self) -> Delivered:
        """The content that readers have to see: nothing before the first publication."""
        return self.generations[-1] if self.generations else ()

    @property
    def due(self) -> bool:
        """Return whether the next run has to publish the last delivery."""
        return self.delivered != self.visible and not self.rolled_back

    def targets_of_rollback(self) -> list[int]:
        """The kept generations whose content is another than the visible one."""
        numbered = enumerate(self.generations, start=FIRST_GENERATION)
        return [n for n, content in numbered if n >= self.oldest_kept and content != self.visible]


@dataclass
class Scene:
    """A home with its business dates, which end yesterday, so that status can call it safe."""

    home: Path
    dates: dict[date, BusinessDate]

    def deliver(self, day: date, random: Random, *, declares_too_many: bool = False) -> None:
        """Deliver a date for the first time, or a correction of it."""
        found = self.dates[day]
        if not found.delivered:
            found.delivered = first_deliveries(day, random)
        else:
            # A file that was rolled back holds the date until it is replaced.
            found.delivered = correction(
                found.delivered, random, every_source=found.rolled_back, declares_too_many=declares_too_many
            )
        found.rolled_back = False
        for delivery in found.delivered:
            if not _is_there(delivery, self.home / "landing"):
                delivery.write(self.home / "landing")

    def published(self) -> list[date]:
        """The dates that have a publication."""
        return [day for day, found in self.dates.items() if found.generations]

    def unpublished(self) -> list[date]:
        """The dates that have none yet."""
        return [day for day, found in self.dates.items() if not found.generations]


def _is_there(delivery: Delivery, landing: Path) -> bool:
    files = {delivery.data_path(landing): delivery.data_bytes, delivery.control_path(landing): delivery.control_bytes}
    return all(path.exists() and path.read_bytes() == content for path, content in files.items())


def settle(scene: Scene, changes: dict[date, Delivered]) -> None:
    """Take down that these contents were published, each as the next generation of its date."""
    for day, content in changes.items():
        found = scene.dates[day]
        if content != found.visible:
            found.generations.append(content)
