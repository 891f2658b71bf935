"""A home at a moment of its own: what comes in a morning, what is requested, and what readers and owners then see."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from settlement_platform.control.alerts.episodes import AlertEvent
from settlement_platform.control.failures import SettlementError
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.catalog import MARTS
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.alerts.alert_round import run_alert_round
from settlement_platform.pipeline.alerts.platform_conditions import PROVIDERS
from settlement_platform.pipeline.inspection.date_view import DateView, date_views
from settlement_platform.pipeline.landing.scan import scan_landing_zone
from settlement_platform.pipeline.marts.build_mart import build_mart
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform.storage.alert_channels import parse_channels
from settlement_platform_tests.deliveries import SOURCES, Delivery, some_rows
from settlement_platform_tests.pipeline.installation import FIRST_DATE, REQUEST, an_installation, plain_reader
from settlement_platform_tests.pipeline.operating import EVERYONE


def day(number: int) -> date:
    """The date this many days after the first business date."""
    return FIRST_DATE + timedelta(days=number)


def on_the_morning_after(business_date: date, clock: str) -> datetime:
    """A clock time in UTC on the day after a business date."""
    return datetime.combine(business_date + timedelta(days=1), time.fromisoformat(clock), UTC)


class Morning:
    """A home whose clock stands where `at` puts it.

    `notified` collects the alerts of owners, in order; `unjudged` says what the last round could not evaluate.
    """

    def __init__(
        self,
        home: Path,
        *,
        dataset: Dataset = CARD_SETTLEMENTS,
        marts: Sequence[Mart] = MARTS,
        first_date: date = FIRST_DATE,
    ) -> None:
        self.there = an_installation(home)
        self.dataset, self.marts, self.home = dataset, marts, home
        self.now = on_the_morning_after(first_date, "03:00")
        self.notified: list[str] = []
        self.unjudged: tuple[str, ...] = ()
        self.platform = replace(self.there.platform, clock=lambda: self.now, members=EVERYONE, first_date=first_date)
        self.there.platform = self.platform

    def at(self, business_date: date, clock: str) -> None:
        """Let it be this time on the day after a business date."""
        self.now = on_the_morning_after(business_date, clock)

    def deliver(self, business_date: date, *sources: str, rows: int = 3) -> list[Delivery]:
        """Deliver valid files of some sources, of all if none is named."""
        names = sources or SOURCES
        found = [Delivery(business_date=business_date, source=s, rows=some_rows(business_date, s, rows)) for s in names]
        for delivery in found:
            delivery.write(self.there.landing)
        return found

    def requested_dates(self) -> list[date]:
        """The dates that the arrivals' sensor asks to be run now, the latest first."""
        scans = scan_landing_zone(self.platform, [self.dataset], REQUEST, time_left=lambda: 60.0)
        return [ask.business_date for ask in scans[self.dataset.name].requests]

    def run(self, business_date: date, *, retry: int = 0) -> DateOutcome:
        """Take a date through the pipeline."""
        request = replace(REQUEST, retry=retry, run_id=f"run of {business_date} at {self.now:%H:%M}, try {retry}")
        return validate_and_publish(prepare(self.platform, self.dataset, business_date, request))

    def fails(self, business_date: date, *, retry: int = 0) -> SettlementError | None:
        """The error that a try ends with; None when it ends well."""
        try:
            self.run(business_date, retry=retry)
        except SettlementError as failure:
            return failure
        return None

    def build(self, *business_dates: date) -> list[DateOutcome]:
        """Build every mart's dates."""
        return [build_mart(self.platform, mart, day, REQUEST) for mart in self.marts for day in business_dates]

    def settle(self, *business_dates: date) -> None:
        """Deliver and publish dates, with their marts."""
        for business_date in business_dates:
            self.deliver(business_date)
            self.run(business_date)
        self.build(*business_dates)

    def watch(self) -> tuple[AlertEvent, ...]:
        """One round of watching: what begins and what ends."""
        found = run_alert_round(
            self.platform,
            datasets=[self.dataset],
            marts=self.marts,
            channels=parse_channels(""),
            now=self.now,
            providers=PROVIDERS,
        )
        self.unjudged = found.failures
        events = (*found.raised, *found.resolved)
        self.notified += [f"{e.event} {e.kind} {e.business_date or e.dataset}" for e in events]
        return events

    def view(self, business_date: date) -> DateView:
        """The view of a date that operators see."""
        return date_views(self.platform, self.dataset, business_date, business_date)[0]

    def states(self, first: date, last: date) -> list[str]:
        """The state of every date of a range."""
        return [o.state.state.value for o in date_views(self.platform, self.dataset, first, last)]

    def history(self, business_date: date, name: str = "") -> list[str]:
        """The state of every generation of a date."""
        return [p.state.value for p in self.platform.lake.history(name or self.dataset.name, business_date)]

    def watermark(self, name: str = "") -> date | None:
        """How far the dataset, or a mart, is published without a gap."""
        return self.platform.lake.watermark(name or self.dataset.name)[0]

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a plain DuckDB client reads from the lake."""
        reader = plain_reader(self.home)
        try:
            return reader.execute(sql).fetchall()
        finally:
            reader.close()
