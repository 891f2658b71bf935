"""The stores of one installation, opened together, and who asks something of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from settlement_platform.catalog import Catalog
from settlement_platform.control.queue.write_throttle import WriteSlot
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
        """The record of facts."""

    @property
    def locks(self) -> Locks:
        """Locks where the ledger is."""

    @property
    def clock(self) -> Callable[[], datetime]:
        """The present moment, aware and in UTC."""

    @property
    def catalog(self) -> Catalog:
        """Every dataset and mart that is declared."""


@dataclass(frozen=True, kw_only=True)
class LedgerStores:
    """The ledger without the other stores."""

    ledger: Ledger
    locks: Locks
    clock: Callable[[], datetime]
    catalog: Catalog


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What every step works with; `clock` gives the present moment, aware and in UTC; `members` who has which role.

    `sleep` takes seconds; `write_budgets` is when a table's allowance for a class was last found free.
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


@dataclass(frozen=True, kw_only=True)
class Request:
    """Who asks for a step, in which run, and why; it becomes part of the record.

    `retry` counts from 0; `service_class` says whose allowance for writing it uses.
    """

    actor: str
    reason: str
    run_id: str = ""
    retry: int = 0
    service_class: str = "fresh"
