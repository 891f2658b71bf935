"""What is recorded about alerts: when an episode began and ended, and whether its owner was told."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, kw_only=True)
class AlertEvent:
    """An episode began or ended: `event` is `raised` or `resolved`, once each per `episode`.

    `meaning` tells what it means for readers, `first_move` what to do first.
    """

    episode: str
    event: str
    kind: str
    severity: str
    dataset: str
    business_date: date | None
    owner: str
    summary: str
    meaning: str
    first_move: str
    recorded_at: datetime

    @property
    def about(self) -> str:
        """The dataset or store, and the business date if it speaks of one."""
        return f"{self.dataset} {self.business_date}" if self.business_date else self.dataset


@dataclass(frozen=True, kw_only=True)
class AlertDelivery:
    """One try to tell the owner of an episode's beginning or end."""

    episode: str
    event: str
    dataset: str
    business_date: date | None
    delivered: bool
    detail: str
    recorded_at: datetime
