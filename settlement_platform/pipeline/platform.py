"""The platform: the opened stores of one installation, and the request on whose behalf a step runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from settlement_platform.catalog import Catalog
from settlement_platform.control.queue.write_budget import WriteSlot
from settlement_platform.control.roles import Members
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.lake.lake import Lake
from settlement_platform.storage.landing.zone import LandingZone
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform.storage.locks import Locks
from settlement_platform.storage.staging.area import StagingArea


class LedgerAccess(Protocol):
    """The ledger with its locks, the clock and the catalog: enough to decide about launches in an outage.

    A whole platform gives it, and so does the ledger alone.
    """

    @property
    def ledger(self) -> Ledger:
        """Return the record of facts."""

    @property
    def locks(self) -> Locks:
        """Return the locks where the ledger is."""

    @property
    def clock(self) -> Callable[[], datetime]:
        """Return the present moment, aware and in UTC."""

    @property
    def catalog(self) -> Catalog:
        """Return every declared dataset and mart."""


@dataclass(frozen=True, kw_only=True)
class LedgerStores:
    """The ledger without the other stores."""

    ledger: Ledger
    locks: Locks
    clock: Callable[[], datetime]
    catalog: Catalog


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The opened stores and what every step needs: a `clock` (aware, UTC), the `members` of each role, the catalog.

    `first_date` is that of the installation; a dataset may have a later one. `sleep` takes seconds; `write_budgets`
    remembers when a table's budget for a class was last found free.
    """

    landing: LandingZone
    staging: StagingArea
    lake: Lake
    ledger: Ledger
    locks: Locks
    clock: Callable[[], datetime]
    catalog: Catalog
    first_date: date
    code_version: str
    workspace: Path
    s3: S3Credentials | None = field(default=None, repr=False)
    members: Members = field(default_factory=dict)
    sleep: Callable[[float], None] = time.sleep
    write_budgets: dict[tuple[str, str], WriteSlot] = field(default_factory=dict, repr=False)

    def first_date_of(self, name: str) -> date:
        """Return the first business date of a dataset or a mart."""
        return self.catalog.first_date_of(name, self.first_date)


@dataclass(frozen=True, kw_only=True)
class Request:
    """The request for a step: who made it, in which run, and why; it becomes part of the record.

    `retry` counts from 0; `service_class` is the class whose write budget the step uses.
    """

    actor: str
    reason: str
    run_id: str = ""
    retry: int = 0
    service_class: str = "fresh"
