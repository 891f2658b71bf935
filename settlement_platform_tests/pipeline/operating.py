"""Operators of an installation: who they are, what a dataset allows, and what they look at."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from settlement_platform.control.facts import AttemptOutcome, OperatorAction, Publication
from settlement_platform.control.policies import BreakerPolicy
from settlement_platform.control.reliability.circuit_breakers import DEPENDENCIES
from settlement_platform.control.roles import ANYONE
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.inspection.date_view import DateView, date_views
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform_tests.builders import an_attempt
from settlement_platform_tests.deliveries import Delivery, some_rows
from settlement_platform_tests.pipeline.installation import (
    NAME,
    REQUEST,
    Installation,
    an_installation,
    plain_reader,
)
from settlement_platform_tests.pipeline.published_rows import PUBLISHED_COLUMNS, expected_rows

ANA = Request(actor="ana", reason="the provider confirmed it", run_id="run-ana")
BEN = Request(actor="ben", reason="checked against the statement", run_id="run-ben")
EVERYONE = {"operator": frozenset({ANYONE})}

Rows = list[tuple[Any, ...]]


def a_staffed_installation(home: Path) -> Installation:
    """A fresh installation on which everyone is an operator."""
    installation = an_installation(home)
    installation.platform = replace(installation.platform, members=EVERYONE)
    return installation


def at(installation: Installation, moment: datetime) -> Platform:
    """The platform at a moment of its own."""
    return replace(installation.platform, clock=lambda: moment)


def run(platform: Platform, day: date, dataset: Dataset = CARD_SETTLEMENTS) -> DateOutcome:
    """Take a date through the pipeline as the dataset declares it."""
    return validate_and_publish(prepare(platform, dataset, day, REQUEST))


def open_breaker(platform: Platform, name: str) -> None:
    """Let a dataset or a mart fail as often in a row as opens its circuit breaker; of a store, the dataset's too."""
    of_a_store = name in DEPENDENCIES
    failed = an_attempt(
        dataset=NAME if of_a_store else name,
        dependency=name if of_a_store else "",
        outcome=AttemptOutcome.FAILED,
        recorded_at=platform.clock(),
        detail="it does not answer",
    )
    platform.ledger.append(*(replace(failed, attempt_id=f"{name}-{n}") for n in range(BreakerPolicy().failures)))


def a_visa(day: date, rows: int = 5, **changes: Any) -> Delivery:  # noqa: ANN401 - any field
    """Another visa delivery of a date."""
    return Delivery(business_date=day, source="visa", rows=some_rows(day, "visa", rows), **changes)


def a_refused_visa(day: date, rows: int = 5) -> Delivery:
    """A visa delivery whose rows are not as many as declared: it can be read, and is held in quarantine."""
    return a_visa(day, rows, declared={"rows": rows + 1})


def view_of(installation: Installation, day: date, dataset: Dataset = CARD_SETTLEMENTS) -> DateView:
    """The view of a date that reading commands show."""
    return date_views(installation.platform, dataset, day, day)[0]


def history(installation: Installation, day: date, name: str = NAME) -> list[Publication]:
    """Every generation of a date."""
    return installation.platform.lake.history(name, day)


def states(installation: Installation, day: date, name: str = NAME) -> list[str]:
    """The state of every generation of a date."""
    return [p.state.value for p in history(installation, day, name)]


def actions(installation: Installation, day: date | None) -> list[OperatorAction]:
    """The operator actions on a date, or on the whole dataset."""
    return [a for a in installation.platform.ledger.actions(NAME) if a.business_date == day]


def query(installation: Installation, sql: str, *values: Any) -> Rows:  # noqa: ANN401 - any SQL value
    """The rows that a plain DuckDB client reads from the lake."""
    reader = plain_reader(installation.home)
    try:
        return reader.execute(sql, list(values)).fetchall()
    finally:
        reader.close()


def recorded_counts(installation: Installation, day: date, generation: int) -> Rows:
    """Previous generation, and rows added, removed and changed, as a plain DuckDB client reads them."""
    return query(
        installation,
        "SELECT previous_generation, rows_added, rows_removed, rows_changed FROM lake.published.restatements "
        f"WHERE dataset = '{NAME}' AND business_date = ? AND generation = ?",
        day,
        generation,
    )


def recorded_effects(installation: Installation, day: date, generation: int) -> Rows:
    """Merchant, currency, sum before, sum after and net effect, as a plain DuckDB client reads them."""
    return query(
        installation,
        "SELECT merchant_id, currency, net_before, net_after, net_effect FROM lake.published.restatement_effects "
        f"WHERE dataset = '{NAME}' AND business_date = ? AND generation = ? ORDER BY ALL",
        day,
        generation,
    )


def expected_counts(old: Iterable[Delivery], new: Iterable[Delivery]) -> tuple[int, int, int]:
    """Rows added, removed and changed, by Python alone; where a row stands in its file is no part of it."""
    before, after = _by_key(old), _by_key(new)
    changed = [key for key in before.keys() & after.keys() if before[key] != after[key]]
    return len(after.keys() - before.keys()), len(before.keys() - after.keys()), len(changed)


def expected_effects(old: Iterable[Delivery], new: Iterable[Delivery]) -> Rows:
    """The effect on every merchant and currency whose sum changes, by Python's unbounded integers alone."""
    before, after = _net(old), _net(new)
    sums = {key: (before.get(key, 0), after.get(key, 0)) for key in sorted(before.keys() | after.keys())}
    return [(*key, Decimal(b), Decimal(a), Decimal(a - b)) for key, (b, a) in sums.items() if a != b]


def _by_key(delivered: Iterable[Delivery]) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row[:-1] for row in expected_rows(delivered)}


def _net(delivered: Iterable[Delivery]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    merchant, currency, net = (PUBLISHED_COLUMNS.index(c) for c in ("merchant_id", "currency", "net_minor"))
    for row in expected_rows(delivered):
        found[row[merchant], row[currency]] = found.get((row[merchant], row[currency]), 0) + row[net]
    return found
