"""A home with its own Dagster instance, and what a test asks of both."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.definitions import load_definitions, platform_resource
from settlement_platform.orchestration.dagster_internals.instance import open_instance, prepare_dagster_home
from settlement_platform.orchestration.jobs.run_in_process import run_in_process
from settlement_platform.orchestration.keys import landing_key, published_key, staged_key, watermark_key
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Request
from settlement_platform.pipeline.processing.process_dates import FailedDate
from settlement_platform.settings import PROJECT, Settings, load_settings
from settlement_platform_tests.deliveries import SOURCES, Delivery, a_row, deliver_date, some_rows
from settlement_platform_tests.orchestration.private_dagster import ScheduleExecutionData
from settlement_platform_tests.pipeline.installation import Installation, an_installation, plain_reader

NAME = CARD_SETTLEMENTS.name
FIRST_DATE = date(2026, 1, 1)
LANDING, STAGED, PUBLISHED, WATERMARK = landing_key(NAME), staged_key(NAME), published_key(NAME), watermark_key(NAME)
BOTH = (STAGED, PUBLISHED)
SCHEDULE = f"daily_{NAME}"


def day(number: int) -> date:
    """The date this many days after the first business date."""
    return FIRST_DATE + timedelta(days=number)


def evaluate_schedule(definitions: dg.Definitions, settings: Settings, when: datetime) -> ScheduleExecutionData:
    """The requests of the daily schedule at a tick."""
    repository = definitions.get_repository_def()
    with dg.build_schedule_context(
        scheduled_execution_time=when,
        repository_def=repository,
        resources={"platform": platform_resource(settings)},
    ) as context:
        return repository.get_schedule_def(SCHEDULE).evaluate_tick(context)


@dataclass(frozen=True, kw_only=True)
class Run:
    """The outcome of a run, as the instance records it."""

    result: dg.ExecuteInProcessResult
    outcomes: Mapping[date, DateOutcome | FailedDate]

    @property
    def success(self) -> bool:
        """True if the run succeeded."""
        return self.result.success

    def count(self, event: str) -> int:
        """How many events of a type the run has."""
        return sum(e.event_type_value == event for e in self.result.all_events)

    @property
    def failure(self) -> str:
        """The description that the failed step ended with."""
        found = [e.step_failure_data.user_failure_data for e in self.result.all_events if e.is_step_failure]
        assert len(found) == 1, f"{len(found)} steps failed"
        assert found[0] is not None, "the step failed with an exception that is no dagster.Failure"
        return str(found[0].description)

    @property
    def checks(self) -> list[dg.AssetCheckEvaluation]:
        """The check results that were stored."""
        return self.result.get_asset_check_evaluations()


class DagsterHome:
    """An installation and its instance; `run` works as the command line does."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.settings = load_settings({"SETTLEMENT_HOME": str(home), **environment})
        prepare_dagster_home(self.settings.dagster_home, PROJECT, exported=False)
        self.definitions = load_definitions(self.settings)
        self.instance = open_instance(self.settings.dagster_home)

    @property
    def landing(self) -> Path:
        """The folder of the landing zone."""
        return self.home / "landing"

    def deliver(self, business_date: date, **sources: Delivery) -> None:
        """Deliver all sources of a date, valid ones unless given."""
        deliver_date(self.landing, business_date, **sources)

    def deliver_corrupt(self, business_date: date) -> None:
        """Deliver a date whose visa file has an amount that is no whole number."""
        rows = [a_row(business_date, "visa", 1, amount_minor="12.50")]
        self.deliver(business_date, visa=Delivery(business_date=business_date, source="visa", rows=rows))

    def deliver_incomplete(self, business_date: date) -> None:
        """Deliver a date without amex."""
        for source in SOURCES[:-1]:
            rows = some_rows(business_date, source)
            Delivery(business_date=business_date, source=source, rows=rows).write(self.landing)

    def correct(self, business_date: date, rows: int = 5) -> None:
        """Deliver another visa file of a date."""
        found = some_rows(business_date, "visa", rows)
        Delivery(business_date=business_date, source="visa", rows=found).write(self.landing)

    def run(
        self,
        first: date,
        last: date | None = None,
        *,
        keys: Iterable[dg.AssetKey] = BOTH,
        listener: Callable[[DateOutcome | FailedDate], None] = lambda _: None,
    ) -> Run:
        """Materialize assets for one date or a range of dates in one run."""
        outcomes: dict[date, DateOutcome | FailedDate] = {}

        def hear(outcome: DateOutcome | FailedDate) -> None:
            outcomes[outcome.business_date] = outcome
            listener(outcome)

        result = run_in_process(
            self.definitions,
            self.instance,
            keys=list(keys),
            first=first,
            last=last or first,
            request=Request(actor="tester", reason="a test"),
            listener=hear,
        )
        return Run(result=result, outcomes=outcomes)

    def materialized(self, key: dg.AssetKey) -> set[str]:
        """The partitions that the instance shows as materialized."""
        return self.instance.get_materialized_partitions(key)

    def materializations(self, key: dg.AssetKey) -> list[dg.AssetMaterialization]:
        """Every materialization of an asset, the latest first."""
        records = self.instance.fetch_materializations(key, limit=100).records
        return [r.asset_materialization for r in records if r.asset_materialization]

    def metadata(self, key: dg.AssetKey) -> Mapping[str, Any]:
        """The values of the latest materialization's metadata."""
        return {name: value.value for name, value in self.materializations(key)[0].metadata.items()}

    def query(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """The rows that a plain DuckDB client reads from the lake."""
        connection = plain_reader(self.home)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def without_dagster(self) -> Installation:
        """The stores of this home, used without Dagster."""
        return an_installation(self.home)

    def close(self) -> None:
        """Close the instance."""
        self.instance.dispose()
