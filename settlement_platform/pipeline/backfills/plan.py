"""The plan of a backfill: its dates and their sizes, and how far its runs are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa

from settlement_platform.control.failures import SettlementError
from settlement_platform.control.policies import date_range
from settlement_platform.control.queue.backfill_progress import (
    BackfillProgress,
    BackfillRun,
    BytesWritten,
    DateFilter,
    DateRecord,
    DateSelection,
    fold_progress,
    select_dates,
)
from settlement_platform.control.queue.run_sizing import typical_date_bytes
from settlement_platform.control.reliability.attempts import NOT_ATTEMPTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.inspection.lineage import impact
from settlement_platform.pipeline.landing.land import list_deliveries
from settlement_platform.pipeline.marts.outdated import outdated_dates
from settlement_platform.pipeline.platform import Platform
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform.storage.ledger.open import read_ledger


@dataclass(frozen=True, kw_only=True)
class BackfillSelection:
    """The selection of a backfill: dates from `first` to `last`, filtered by `only`.

    `DateFilter.REACHED` takes the dates that were made from the file with `sha256`.
    """

    first: date
    last: date
    only: DateFilter = DateFilter.EVERY
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class BackfillPlan:
    """The dates of a dataset or a mart that a backfill takes, and those of the marts that follow.

    `sizes` gives the delivered bytes of each date; `lacking` lists dates without a required file; `typical_bytes` is
    the usual size of a date.
    """

    name: str
    choice: DateSelection
    marts: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    sizes: Mapping[date, int] = field(default_factory=dict)
    lacking: tuple[date, ...] = ()
    typical_bytes: int | None = None

    @property
    def empty(self) -> bool:
        """Return whether there is nothing to do."""
        return not self.choice.dates and not any(self.marts.values())


def plan_dataset(
    platform: Platform, dataset: Dataset, selection: BackfillSelection, marts: Sequence[Mart]
) -> BackfillPlan:
    """Plan a backfill of a dataset, with the marts that read it."""
    current = platform.lake.current_publications(dataset.name)
    choice = _choose(platform, dataset.name, selection, published=current.keys())
    inputs = {day: list_deliveries(platform.landing, dataset, day) for day in choice.dates}
    return BackfillPlan(
        name=dataset.name,
        choice=choice,
        marts={m.name: _mart_dates(platform, m, choice.dates, selection) for m in marts},
        sizes={day: sum(d.data.bytes for d in found.deliveries) for day, found in inputs.items()},
        lacking=tuple(day for day, found in inputs.items() if found.waiting and dataset.calendar.expects(day)),
        typical_bytes=recent_date_bytes(platform.ledger, dataset.name, platform.clock().date()),
    )


def plan_mart(platform: Platform, mart: Mart, selection: BackfillSelection) -> BackfillPlan:
    """Plan a backfill of a mart; a date that was built from older inputs counts as not published."""
    built = platform.lake.current_publications(mart.name).keys() - outdated_dates(platform.lake, mart).keys()
    return BackfillPlan(name=mart.name, choice=_choose(platform, mart.name, selection, published=built))


def _choose(
    platform: Platform, name: str, selection: BackfillSelection, *, published: Collection[date]
) -> DateSelection:
    first, last = selection.first, selection.last
    attempts = platform.ledger.attempts(name, first, last) if selection.only is DateFilter.FAILED else []
    outcomes = {a.business_date: a.outcome for a in attempts if a.step not in NOT_ATTEMPTS}
    reached: set[date] = set()
    if selection.only is DateFilter.REACHED:
        found = impact(platform.lake, selection.sha256)
        reached = {r.publication.business_date for r in found if r.current and r.publication.dataset == name}
    return select_dates(
        (
            DateRecord(
                business_date=day,
                published=day in published,
                last_outcome=outcomes.get(day),
                reached=day in reached,
            )
            for day in date_range(first, last)
        ),
        selection.only,
    )


def _mart_dates(
    platform: Platform, mart: Mart, dates: Sequence[date], selection: BackfillSelection
) -> tuple[date, ...]:
    """Return the mart's dates: those of the dataset, from the mart's first date on.

    A backfill of missing dates also takes those that only the mart lacks.
    """
    first = max(selection.first, platform.first_date_of(mart.name))
    behind = outdated_dates(platform.lake, mart) if selection.only is DateFilter.MISSING else {}
    return tuple(sorted(d for d in {*dates, *behind} if first <= d <= selection.last))


def backfill_progress(
    platform: Platform,
    targets: Mapping[str, Collection[date]],
    runs: Sequence[BackfillRun],
    now: datetime,
) -> list[BackfillProgress]:
    """Return the progress of a backfill's runs with each dataset and mart, datasets before the marts that read them."""
    inputs = {mart.name: mart.inputs for mart in platform.catalog.marts}
    found: dict[str, BackfillProgress] = {}
    ids = {run.run_id for run in runs}
    for name in sorted(targets, key=lambda each: (each in inputs, each)):
        dates = set(targets[name])
        first, last = min(dates), max(dates)
        stagings = () if name in inputs else platform.ledger.stagings(name, first, last)
        found[name] = fold_progress(
            name,
            dates,
            attempts=platform.ledger.attempts(name, first, last),
            runs=runs,
            written=[BytesWritten(bytes=s.bytes, at=s.staged_at) for s in stagings if s.run_id in ids],
            inputs=[found[each] for each in inputs.get(name, ()) if each in found],
            now=now,
        )
    return list(found.values())


LATEST_DATES = 30
"""The dates whose size counts: enough for weekdays and weekends, few enough to follow a growing business."""

_CONNECT_SECONDS = "2"


def recent_date_bytes(ledger: Ledger, dataset: str, last: date) -> int | None:
    """Return the median bytes delivered for one of the latest business dates up to `last`, over all sources.

    None where nothing is on record.
    """
    delivered = sorted(ledger.arrival_counts(dataset, date.min, last))[-LATEST_DATES:]
    return typical_date_bytes(ledger.arrivals(dataset, delivered[0], delivered[-1])) if delivered else None


def recorded_date_bytes(ledger_url: str, datasets: Iterable[Dataset], now: datetime) -> dict[str, int | None]:
    """Return the median bytes per date of every dataset; a missing or silent ledger gives None, and nothing is made."""
    url = sa.make_url(ledger_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return {}
    if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": _CONNECT_SECONDS})
    try:
        ledger = read_ledger(url.render_as_string(hide_password=False), now=now)
        try:
            return {d.name: recent_date_bytes(ledger, d.name, now.date()) for d in datasets}
        finally:
            ledger.engine.dispose()
    except SettlementError:
        # What it would say only sizes runs; whoever needs the ledger says that it does not answer.
        return {}
