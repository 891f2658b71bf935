"""The runs that arrive at the queue in a simulated day, with arrival time, class and service time."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
    PARTITION_NAME_TAG,
    SENSOR_NAME_TAG,
)

from settlement_platform.control.queue.service_classes import ServiceClass
from settlement_platform.orchestration.tags import MAINTENANCE_TAG, RESTATES_TAG

FRESH, CORRECTION, BACKFILL, MAINTENANCE = ServiceClass
SHARES = {FRESH: 0.30, CORRECTION: 0.08, BACKFILL: 0.60, MAINTENANCE: 0.02}
SERVICE_SECONDS = {FRESH: 60.0, CORRECTION: 60.0, BACKFILL: 240.0, MAINTENANCE: 120.0}
WAVES, HOUR = 5, 3_600.0


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One run of the day; times in seconds, `arrives` since midnight."""

    service_class: ServiceClass
    dataset: str
    arrives: float
    takes: float
    tags: dict[str, str]


def draw(runs: int, datasets: list[str], rng: random.Random) -> Iterator[Drawn]:
    """Draw a day: fresh runs crowd around 04:00, backfills come in waves, the others all day."""
    for service_class, share in SHARES.items():
        for number in range(round(runs * share)):
            wave = number % WAVES
            yield Drawn(
                service_class=service_class,
                dataset=rng.choice(datasets),
                arrives=_arrival(service_class, wave, rng),
                takes=rng.expovariate(1 / SERVICE_SECONDS[service_class]),
                tags=_tags(service_class, number, wave),
            )


def _arrival(service_class: ServiceClass, wave: int, rng: random.Random) -> float:
    if service_class is FRESH and rng.random() < 0.5:
        return rng.gauss(4.0, 0.5) * HOUR
    if service_class is BACKFILL:
        return (1 + 4 * wave) * HOUR
    return rng.uniform(0, 24) * HOUR


def _tags(service_class: ServiceClass, number: int, wave: int) -> dict[str, str]:
    """Return the tags of a submitted run; today and yesterday stay open, even if midnight passes meanwhile."""
    today = datetime.now(UTC).date()
    if service_class is FRESH:
        return {SENSOR_NAME_TAG: "arrivals", PARTITION_NAME_TAG: _key(today, number % 2)}
    if service_class is CORRECTION:
        return {SENSOR_NAME_TAG: "arrivals", PARTITION_NAME_TAG: _key(today, 10 + number), RESTATES_TAG: "true"}
    if service_class is BACKFILL:
        days = {ASSET_PARTITION_RANGE_START_TAG: 9, ASSET_PARTITION_RANGE_END_TAG: 0}
        return {BACKFILL_ID_TAG: f"wave{wave}"} | {t: _key(today, 10 * (1 + number % 300) + n) for t, n in days.items()}
    return {MAINTENANCE_TAG: "true"}


def _key(today: date, days_ago: int) -> str:
    return (today - timedelta(days=days_ago)).isoformat()
