"""Deliveries that arrive for the arrivals sensor, in a folder or in a bucket, and what became of them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import obstore

from settlement_platform.control.facts import Arrival
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform_tests.deliveries import SOURCES, Delivery, some_rows
from settlement_platform_tests.orchestration.dagster_home import LANDING, NAME, DagsterHome
from settlement_platform_tests.orchestration.sensor_ticks import Tick

SENSOR = f"arrivals_{NAME}"


OPEN = replace(CARD_SETTLEMENTS, recompute_window=timedelta(days=365_000))
"""The dataset with dates that never close, so that no test depends on the day on which it runs."""


CLOCK_SECONDS = 1.1
"""A bucket stamps its files in whole seconds."""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Whoever delivers, into a folder or a bucket."""

    home: DagsterHome
    store: object = None

    def put(self, *deliveries: Delivery, parts: Iterable[str] = ("data", "control")) -> None:
        """Deliver files; in a bucket later than all before."""
        if self.store:
            time.sleep(CLOCK_SECONDS)
        for delivery in deliveries:
            for part in parts:
                if self.store is None:
                    getattr(delivery, f"write_{part}")(self.home.landing)
                    continue
                content = delivery.data_bytes if part == "data" else delivery.control_bytes
                obstore.put(self.store, _key(delivery, part), content)  # type: ignore[call-overload]

    def remove(self, delivery: Delivery) -> None:
        """Archive a delivery."""
        for part in ("data", "control"):
            if self.store is None:
                (self.home.landing / _key(delivery, part)).unlink()
            else:
                obstore.delete(self.store, _key(delivery, part))  # type: ignore[call-overload]


def _key(delivery: Delivery, part: str) -> str:
    return delivery.data_key if part == "data" else delivery.data_key.replace(".csv", ".control.json")


def visa(business_date: date, count: int = 3, version: int = 1) -> Delivery:
    return Delivery(
        business_date=business_date, source="visa", rows=some_rows(business_date, "visa", count), version=version
    )


def others(business_date: date) -> list[Delivery]:
    return [Delivery(business_date=business_date, source=s, rows=some_rows(business_date, s)) for s in SOURCES[1:]]


def arrivals(home: DagsterHome, business_date: date) -> list[Arrival]:
    return home.without_dagster().platform.ledger.arrivals(NAME, business_date, business_date)


def shown(home: DagsterHome, business_date: date) -> str | None:
    """The data version of a landed date in Dagster."""
    record = home.instance.get_latest_data_version_record(
        LANDING, is_source=True, partition_key=business_date.isoformat()
    )
    return record.asset_observation.data_version if record and record.asset_observation else None


def shown_in(found: Tick) -> str:
    """The data version of the one date that was observed."""
    (observation,) = found.observed
    return str(observation.data_version)
