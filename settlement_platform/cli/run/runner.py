"""Runs of business dates through Dagster in this process, with a progress bar."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from settlement_platform.cli.console.output import err
from settlement_platform.cli.console.stores import first_business_date, require_partitions
from settlement_platform.control.policies import date_range, date_spans
from settlement_platform.control.publishing.gate import VISIBLE_ACTIONS
from settlement_platform.definitions import load_definitions
from settlement_platform.marts.mart import Mart
from settlement_platform.orchestration.dagster_internals.instance import open_instance, prepare_dagster_home
from settlement_platform.orchestration.jobs.run_in_process import failure_text, run_in_process, was_interrupted
from settlement_platform.orchestration.keys import dataset_keys, mart_keys
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Request
from settlement_platform.pipeline.processing.process_dates import FailedDate
from settlement_platform.settings import PROJECT, Settings
from settlement_platform.storage.folders import make_writable


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """The result of a run: the outcome of each date, each failed date, and an error of the run itself."""

    name: str
    run_id: str
    dates: int
    outcomes: list[DateOutcome] = field(default_factory=list)
    failed: list[FailedDate] = field(default_factory=list)
    error: str | None = None

    @property
    def visible(self) -> list[DateOutcome]:
        """Return the dates whose delivered content is published."""
        return [c for c in self.outcomes if c.decision.action in VISIBLE_ACTIONS]


class Runner:
    """The project's instance and definitions, loaded once for all runs of a command."""

    def __init__(self, settings: Settings) -> None:
        make_writable(settings.home, setting="SETTLEMENT_HOME")
        make_writable(settings.dagster_home, setting="DAGSTER_HOME")
        prepare_dagster_home(settings.dagster_home, PROJECT, exported=settings.dagster_home_exported)
        self._settings = settings
        self.definitions = load_definitions(settings)
        self.instance = open_instance(settings.dagster_home)
        gc.freeze()
        gc.enable()

    def close(self) -> None:
        """Close the instance."""
        self.instance.dispose()

    def run(self, name: str, first: date, last: date, request: Request, *, mart: bool = False) -> RunResult:
        """Run a range of business dates of a dataset or a mart.

        Raises:
            WrongUsage: a date of the range cannot be run.
        KeyboardInterrupt: the run was interrupted; dates published before stay published.
        """
        require_partitions(self._settings, name, first, last)
        dates = date_range(first, last)
        seen: dict[date, DateOutcome | FailedDate] = {}
        with _progress() as progress:
            task = progress.add_task(name, total=len(dates))

            def listen(outcome: DateOutcome | FailedDate) -> None:
                seen[outcome.business_date] = outcome
                progress.update(task, completed=len(seen))

            result = run_in_process(
                self.definitions,
                self.instance,
                keys=mart_keys(name) if mart else dataset_keys(name),
                first=first,
                last=last,
                request=request,
                listener=listen,
            )
        if was_interrupted(result):
            err.print("Interrupted. What is published stays; run the command again to continue.")
            raise KeyboardInterrupt
        error = failure_text(result) if not result.success else None
        return RunResult(
            name=name,
            run_id=result.run_id,
            dates=len(dates),
            outcomes=[o for o in seen.values() if isinstance(o, DateOutcome)],
            failed=[o for o in seen.values() if isinstance(o, FailedDate)],
            error=error,
        )

    def run_mart(self, mart: Mart, days: Sequence[date], request: Request) -> list[RunResult]:
        """Run a mart over dates, with one run per unbroken range, and none before its first date."""
        begin = first_business_date(self._settings, mart.name)
        ranges = date_spans(day for day in days if day >= begin)
        return [self.run(mart.name, first, last, request, mart=True) for first, last in ranges]


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("dates"),
        TimeElapsedColumn(),
        console=err,
        transient=not err.is_terminal,
        disable=not err.is_terminal,
    )
